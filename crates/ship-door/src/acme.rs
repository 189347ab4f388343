//! Certificates from an authority (RFC 8555), asked for before anybody misses them.
//!
//! The protocol is `instant-acme`'s; when to ask, for what, and what to do when it fails is ours. The
//! door's main thread does it, one name after the other, and beside that one wildcard after the other:
//! those wait for the servers of their zones. Whatever goes wrong, the last good certificate is served
//! until it is replaced.

mod authority;
mod client;
mod dns01;
mod error;
mod hook;
mod memory;
mod name_server;
mod order;
mod renewal;
mod schedule;
mod shown;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ship_base::clock::Moment;
use ship_base::file;
use ship_base::hint;
use tokio::sync::Notify;
use tracing::{debug, info, warn};

use crate::table::{self, Authority, CertificateState};
use crate::tls::{Bundle, Store};
use authority::host;
use client::Client;
pub(crate) use error::AcmeError;
use memory::{Memory, Past};
use order::Ask;
use renewal::Renewal;
use schedule::{Fault, Tries};

/// The longest pause between two looks at what is due: clocks jump, and an authority comes back.
const LONGEST_REST: Duration = Duration::from_mins(10);

/// What is asked for, and what there is.
pub(crate) struct Acme {
    folder: PathBuf,
    store: Arc<Store>,
    wanted: RefCell<Wanted>,
    held: RefCell<BTreeMap<String, Held>>,
    /// Authorities, by directory, that have answered nobody since then.
    silent: RefCell<BTreeMap<String, Moment>>,
    /// Something is asked for that was not before: names, wildcards.
    changed: [Notify; 2],
    /// One account is made at a time.
    accounts: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Wanted {
    policy: Option<table::Acme>,
    names: Vec<String>,
}

/// A name, its certificate, and how asking went.
#[derive(Debug, Default)]
struct Held {
    bundle: Option<Bundle>,
    past: Past,
    trouble: Option<String>,
}

impl Held {
    /// When a new certificate is wanted, in milliseconds since 1970, and why.
    fn renewal(&self) -> (i64, String) {
        let Some(bundle) = &self.bundle else {
            return (0, "there was none".to_owned());
        };
        let told = self.past.renewal.as_ref().zip(bundle.identity.as_ref());
        let told = told.and_then(|(renewal, identity)| renewal.moment(identity));
        let at = schedule::renewal(bundle.validity, told.map(|(at, _)| at));
        let why = match told {
            Some((told, Some(page))) if told == at => {
                format!("its authority wanted it renewed: {page}")
            }
            Some((told, None)) if told == at => "its authority wanted it renewed".to_owned(),
            _ => "a third of its life was left".to_owned(),
        };
        (at, why)
    }

    fn tries(&self, authority: &Authority) -> Tries {
        let known = self.past.tries.get(&authority.directory);
        known.copied().unwrap_or_default()
    }

    /// Who is to be asked next, and how long until then.
    fn due<'p>(&self, policy: &'p table::Acme, now: Moment) -> (&'p Authority, Duration) {
        let authorities: Vec<&Authority> = policy.authorities().collect();
        let tries: Vec<Tries> = authorities.iter().map(|it| self.tries(it)).collect();
        let until = self.bundle.as_ref().map(|bundle| bundle.validity.until);
        let (place, wait) = schedule::next(self.renewal().0, until, &tries, now);
        (authorities[place], wait)
    }

    /// Who signed what serves, where that is one of those who are asked.
    fn signer<'p>(&self, policy: &'p table::Acme) -> Option<&'p Authority> {
        let from = self.past.from.as_ref();
        let is_signer = |it: &&Authority| from.is_none_or(|from| *from == it.directory);
        policy.authorities().find(is_signer)
    }
}

impl Acme {
    pub(crate) fn new(door: &Path, store: Arc<Store>) -> Self {
        Self {
            folder: door.join("acme"),
            store,
            wanted: RefCell::default(),
            held: RefCell::default(),
            silent: RefCell::default(),
            changed: [Notify::new(), Notify::new()],
            accounts: tokio::sync::Mutex::default(),
        }
    }

    /// Asks for these names from now on. What is on disk serves at once.
    pub(crate) fn want(&self, policy: Option<&table::Acme>, hosts: impl Iterator<Item = String>) {
        let names = match policy {
            // What there is for a wildcard serves to its end, whoever can change its zone.
            Some(policy) => hosts
                .filter(|host| {
                    let dns = policy.dns.is_some() || self.file(host).exists();
                    schedule::can_be_asked_for(host, dns)
                })
                .collect(),
            None => Vec::new(),
        };
        let wanted = Wanted {
            policy: policy.cloned(),
            names,
        };
        if *self.wanted.borrow() == wanted {
            return;
        }
        let first = policy.map_or("", |policy| &policy.authority.directory);
        self.remember(&wanted.names, first);
        self.wanted.replace(wanted);
        self.serve();
        self.changed.iter().for_each(Notify::notify_one);
    }

    /// Takes up what was obtained before for names that are new.
    fn remember(&self, names: &[String], first: &str) {
        let mut held = self.held.borrow_mut();
        held.retain(|name, _| names.contains(name));
        let mut memory = Memory::read(&self.folder);
        for name in names {
            held.entry(name.clone()).or_insert_with(|| Held {
                bundle: Bundle::load(&self.file(name)).ok(),
                past: memory.take(name, first),
                trouble: None,
            });
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        // No host that is asked for begins like this.
        let name = name.replace("*.", "_.");
        self.folder.join(format!("{name}.pem"))
    }

    fn serve(&self) {
        let held = self.held.borrow();
        let bundles = held.values().filter_map(|held| held.bundle.as_ref());
        self.store.set_authority(bundles);
    }

    /// Asks for what is due, for ever.
    pub(crate) async fn run(&self) {
        let [names, wildcards] = &self.changed;
        tokio::join!(self.ask_for(false, names), self.ask_for(true, wildcards));
    }

    async fn ask_for(&self, wildcards: bool, changed: &Notify) {
        loop {
            let rest = self.step(wildcards).await.min(LONGEST_REST);
            let _ = tokio::time::timeout(rest, changed.notified()).await;
        }
    }

    /// Asks for what is due now, and says how long there is nothing more to do.
    async fn step(&self, wildcards: bool) -> Duration {
        let Wanted { policy, mut names } = self.wanted.borrow().clone();
        let Some(policy) = policy else {
            return LONGEST_REST;
        };
        names.retain(|name| schedule::is_wildcard(name) == wildcards);
        let mut rest = LONGEST_REST;
        let mut answers = true;
        for name in names {
            if self.store.is_own(&name) || self.is_covered(&name) {
                continue;
            }
            // One that does not answer is not asked for each name in turn.
            answers = answers && self.look(&policy, &name).await;
            if self.due_in(&policy, &name).is_zero() {
                self.attempt(&policy, &name).await;
                answers = answers && self.look(&policy, &name).await;
            }
            rest = rest.min(self.due_in(&policy, &name));
        }
        rest
    }

    /// Whether a wildcard's certificate serves a name that never had one of its own.
    fn is_covered(&self, name: &str) -> bool {
        let held = self.held.borrow();
        let has_none = held.get(name).is_none_or(|held| held.bundle.is_none());
        has_none && is_covered(&held, name)
    }

    fn due_in(&self, policy: &table::Acme, name: &str) -> Duration {
        let held = self.held.borrow();
        let due = held.get(name).map(|held| held.due(policy, Moment::now()));
        due.map_or(LONGEST_REST, |(_, wait)| wait)
    }

    /// Asks who signed a name's certificate when it wants that renewed, where it is time to. Whether
    /// it may be asked for the next name.
    async fn look(&self, policy: &table::Acme, name: &str) -> bool {
        let asked = self.held.borrow().get(name).and_then(|held| {
            let identity = held.bundle.as_ref()?.identity.clone()?;
            let signer = held.signer(policy)?;
            let known = held.past.renewal.as_ref();
            let is_due = known.is_none_or(|known| known.is_due(&identity, Moment::now()));
            is_due.then_some((identity, signer))
        });
        let Some((identity, signer)) = asked else {
            return true;
        };
        let answer = match Client::new(signer.root.as_deref()) {
            Ok(http) => renewal::ask(&http, &signer.directory, &identity).await,
            Err(error) => Err(error.into()),
        };
        let answer = answer.inspect_err(|error| {
            let error = hint::chain(&**error);
            debug!(name, error, "when to renew is not known anew");
        });
        let answers = answer.is_ok();
        if let Some(held) = self.held.borrow_mut().get_mut(name) {
            let before = held.renewal().0;
            let known = held.past.renewal.as_ref();
            let told = Renewal::new(known, &identity, answer.ok(), Moment::now());
            held.past.renewal = Some(told);
            let (at, _) = held.renewal();
            if at != before {
                let at = Moment::from_millis(at);
                let authority = host(&signer.directory);
                info!(name, authority, %at, "when to renew is decided by the authority");
            }
        }
        self.keep();
        answers
    }

    async fn attempt(&self, policy: &table::Acme, name: &str) {
        let asked = self.held.borrow().get(name).map(|held| {
            let (authority, _) = held.due(policy, Moment::now());
            (
                authority,
                why(held, policy, authority),
                ask(held, policy, name, authority),
            )
        });
        let Some((authority, why, ask)) = asked else {
            return;
        };
        let (got, told) = match Client::new(authority.root.as_deref()) {
            Ok(http) => {
                let got = self.obtain(&http, policy, authority, ask).await;
                (got, http.told())
            }
            Err(error) => (Err(error), None),
        };
        match got {
            Ok(bundle) => self.obtained(authority, name, bundle, &why),
            Err(error) => self.failed(policy, authority, name, &error, told),
        }
        self.keep();
        self.serve();
    }

    fn obtained(&self, authority: &Authority, name: &str, bundle: Bundle, why: &str) {
        let until = Moment::from_millis(bundle.validity.until);
        let directory = &authority.directory;
        info!(name, authority = host(directory), why, %until, "obtained a certificate");
        self.silent.borrow_mut().remove(directory);
        // It may have been taken out of the table meanwhile.
        if let Some(held) = self.held.borrow_mut().get_mut(name) {
            let replaced = held.bundle.as_ref().map(|bundle| bundle.validity);
            let tries = Tries::succeeded(replaced, Moment::now());
            *held = Held {
                bundle: Some(bundle),
                past: Past {
                    tries: tries
                        .map(|tries| (directory.clone(), tries))
                        .into_iter()
                        .collect(),
                    from: Some(directory.clone()),
                    renewal: None,
                },
                trouble: None,
            };
        }
    }

    fn failed(
        &self,
        policy: &table::Acme,
        authority: &Authority,
        name: &str,
        error: &AcmeError,
        told: Option<Duration>,
    ) {
        let now = Moment::now();
        let fault = error.fault();
        let mut silent = self.silent.borrow_mut();
        let silent = if fault == Fault::Outage {
            Some(*silent.entry(authority.directory.clone()).or_insert(now))
        } else {
            silent.remove(&authority.directory);
            None
        };
        if error.kind() == Some("accountDoesNotExist")
            && let Err(error) = authority::forget(&self.folder, authority)
        {
            warn!(error = %hint::chain(&error), "an account that is gone stays on disk");
        }
        let mut all = self.held.borrow_mut();
        let Some(held) = all.get_mut(name) else {
            return;
        };
        let directory = authority.directory.clone();
        let tries = held.past.tries.entry(directory).or_default();
        tries.failed(fault, told, silent, now);
        let why = hint::chain(error);
        let then = match held.bundle {
            Some(_) => "the certificate it has serves on",
            None => "it has no certificate yet",
        };
        let authority = host(&authority.directory);
        warn!(name, authority, why, "no new certificate; {then}");
        held.trouble = Some(match policy.fallback {
            Some(_) => format!("`{authority}`: {why}; {then}"),
            None => format!("{why}; {then}"),
        });
    }

    /// Writes down what is to outlive this door.
    fn keep(&self) {
        let held = self.held.borrow();
        let names = held
            .iter()
            .map(|(name, held)| (name.clone(), held.past.clone()));
        if let Err(error) = Memory::write(&self.folder, names) {
            warn!(error = %hint::chain(&error), "how often was asked is not kept");
        }
    }

    async fn obtain(
        &self,
        http: &Client,
        policy: &table::Acme,
        authority: &Authority,
        ask: Ask<'_>,
    ) -> Result<Bundle, AcmeError> {
        let name = &ask.name;
        if schedule::is_wildcard(name) && ask.dns.is_none() {
            return Err(AcmeError::NoDns);
        }
        // A wildcard has no address, and its zone is asked anyway.
        let looks = policy.check_dns && !schedule::is_wildcard(name);
        if looks && tokio::net::lookup_host((name.as_str(), 80)).await.is_err() {
            let name = name.clone();
            return Err(AcmeError::NoAddress { name });
        }
        let account = {
            let _alone = self.accounts.lock().await;
            authority::account(&self.folder, authority, &policy.contact, http).await?
        };
        let pem = order::obtain(&account, &ask, &self.store).await?;
        let bundle = Bundle::from_pem(pem.as_bytes())?;
        // Key and chain in one file that is there whole or not at all.
        file::create_private_folder(&self.folder)?;
        file::write_whole_with_mode(&self.file(name), pem.as_bytes(), 0o600)?;
        Ok(bundle)
    }

    /// What there is, for whoever asks.
    pub(crate) fn states(&self) -> Vec<CertificateState> {
        let wanted = self.wanted.borrow();
        let asked = wanted
            .policy
            .as_ref()
            .map(|policy| &policy.authority.directory);
        let held = self.held.borrow();
        let state = |(name, held): (&String, &Held)| CertificateState {
            names: vec![name.clone()],
            serves: held.bundle.is_some(),
            from: held
                .past
                .from
                .as_ref()
                .or(asked)
                .cloned()
                .unwrap_or_default(),
            trouble: held.trouble.clone(),
        };
        // What a wildcard covers is told with it.
        let told = held
            .iter()
            .filter(|(name, held_of)| held_of.bundle.is_some() || !is_covered(&held, name));
        told.map(state).collect()
    }
}

/// Whether a certificate for a wildcard that has not ended is for this name as well.
fn is_covered(held: &BTreeMap<String, Held>, name: &str) -> bool {
    let Some((_, above)) = name
        .split_once('.')
        .filter(|_| !schedule::is_wildcard(name))
    else {
        return false;
    };
    let wildcard = held.get(&format!("*.{above}"));
    let bundle = wildcard.and_then(|held| held.bundle.as_ref());
    bundle.is_some_and(|bundle| bundle.validity.until > Moment::now().as_millis())
}

/// Why a certificate is asked for, and why there.
fn why(held: &Held, policy: &table::Acme, authority: &Authority) -> String {
    let (_, why) = held.renewal();
    let since = held.tries(&policy.authority).failing();
    match since.filter(|_| *authority != policy.authority) {
        Some(since) => {
            let first = host(&policy.authority.directory);
            format!("{why}, and {first} has signed nothing since {since}")
        }
        None => why,
    }
}

fn ask<'p>(held: &Held, policy: &'p table::Acme, name: &str, authority: &Authority) -> Ask<'p> {
    let is_signer = held.past.from.as_ref() == Some(&authority.directory);
    let replaced = held.bundle.as_ref().filter(|_| is_signer);
    Ask {
        name: name.to_owned(),
        challenge: held.tries(authority).challenge(policy.dns.is_some()),
        dns: policy.dns.as_ref(),
        replaces: replaced.and_then(|bundle| bundle.identity.clone()),
    }
}
