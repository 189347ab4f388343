//! Certificates from an authority (RFC 8555), asked for before anybody misses them.
//!
//! The protocol is `instant-acme`'s; when to ask, for what, and what to do when it fails is ours. One
//! task of the door's main thread does it, one name after the other. Whatever goes wrong, the last
//! good certificate is served until it is replaced.

mod client;
mod order;
mod schedule;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use instant_acme::{Account, AccountCredentials, NewAccount};
use serde::{Deserialize, Serialize};
use ship_base::clock::Moment;
use ship_base::file::{self, FileError};
use ship_base::hint;
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::table::{self, CertificateState};
use crate::tls::{Bundle, BundleError, Store};
use client::Client;
use schedule::Tries;

/// The longest pause between two looks at what is due: clocks jump, and an authority comes back.
const LONGEST_REST: Duration = Duration::from_mins(10);

/// Why a name has no new certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AcmeError {
    /// The name leads nowhere: asking would only use up the authority's patience.
    #[error("`{name}` has no address: its DNS does not know it")]
    NoAddress {
        /// The name.
        name: String,
    },
    /// The authority looked and did not find us.
    #[error("the authority could not verify `{name}`: {why}")]
    NotVerified {
        /// The name.
        name: String,
        /// In the authority's words.
        why: String,
    },
    /// The authority offers no way to show that the name is ours.
    #[error("the authority offers neither http-01 nor tls-alpn-01")]
    NoChallenge,
    /// The authority refused, or could not be reached.
    #[error("the authority did not answer as hoped")]
    Authority(#[from] instant_acme::Error),
    /// The file of its root cannot be used.
    #[error("the root certificate of the authority cannot be used")]
    Root(#[source] rustls::Error),
    /// A key or request could not be made.
    #[error("cannot make a key or request")]
    Make(#[from] rcgen::Error),
    /// What came is no certificate that we can serve.
    #[error("the authority's certificate cannot be served")]
    Bundle(#[from] BundleError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The account's file holds something else.
    #[error("`{}` holds no account", path.display())]
    NoAccount {
        /// The file.
        path: PathBuf,
    },
}

impl AcmeError {
    /// It is the authority's outage and not an answer: asking again costs nobody anything.
    fn is_outage(&self) -> bool {
        match self {
            Self::Authority(instant_acme::Error::Api(problem)) => {
                problem.status.is_some_and(|status| status >= 500)
            }
            Self::Authority(_) => true,
            _ => false,
        }
    }
}

/// What is asked for, and what there is.
pub(crate) struct Acme {
    folder: PathBuf,
    store: Arc<Store>,
    wanted: RefCell<Wanted>,
    held: RefCell<BTreeMap<String, Held>>,
    /// Something is asked for that was not before.
    changed: Notify,
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
    tries: Tries,
    trouble: Option<String>,
}

/// What outlives the door of [`Held`], so that a door that starts often asks no more often.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    tries: BTreeMap<String, Tries>,
}

impl Acme {
    pub(crate) fn new(door: &Path, store: Arc<Store>) -> Self {
        Self {
            folder: door.join("acme"),
            store,
            wanted: RefCell::default(),
            held: RefCell::default(),
            changed: Notify::new(),
        }
    }

    /// Asks for these names from now on. What is on disk serves at once.
    pub(crate) fn want(&self, policy: Option<&table::Acme>, hosts: impl Iterator<Item = String>) {
        let names = match policy {
            Some(_) => hosts
                .filter(|host| schedule::can_be_asked_for(host))
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
        self.remember(&wanted.names);
        self.wanted.replace(wanted);
        self.serve();
        self.changed.notify_one();
    }

    /// Takes up what was obtained before for names that are new.
    fn remember(&self, names: &[String]) {
        let mut held = self.held.borrow_mut();
        held.retain(|name, _| names.contains(name));
        let mut memory = self.memory();
        for name in names {
            held.entry(name.clone()).or_insert_with(|| Held {
                bundle: Bundle::load(&self.file(name)).ok(),
                tries: memory.tries.remove(name).unwrap_or_default(),
                trouble: None,
            });
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pem"))
    }

    fn memory(&self) -> Memory {
        let text = file::read_text_if_there(&self.folder.join("tries.json"));
        let text = text.ok().flatten();
        text.and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }

    fn serve(&self) {
        let held = self.held.borrow();
        let bundles = held.values().filter_map(|held| held.bundle.as_ref());
        self.store.set_authority(bundles);
    }

    /// Asks for what is due, for ever.
    pub(crate) async fn run(&self) {
        loop {
            let rest = self.step().await.min(LONGEST_REST);
            let _ = tokio::time::timeout(rest, self.changed.notified()).await;
        }
    }

    /// Asks for what is due now, and says how long there is nothing more to do.
    async fn step(&self) -> Duration {
        let Wanted { policy, names } = self.wanted.borrow().clone();
        let Some(policy) = policy else {
            return LONGEST_REST;
        };
        let mut rest = LONGEST_REST;
        for name in names {
            if self.store.is_own(&name) {
                continue;
            }
            let wait = self.due_in(&name);
            if wait.is_zero() {
                self.attempt(&policy, &name).await;
                rest = rest.min(self.due_in(&name));
            } else {
                rest = rest.min(wait);
            }
        }
        rest
    }

    fn due_in(&self, name: &str) -> Duration {
        let held = self.held.borrow();
        let Some(held) = held.get(name) else {
            return LONGEST_REST;
        };
        let validity = held.bundle.as_ref().map(|bundle| bundle.validity);
        schedule::due_in(validity, &held.tries, Moment::now())
    }

    async fn attempt(&self, policy: &table::Acme, name: &str) {
        let tries = self
            .held
            .borrow()
            .get(name)
            .map(|held| held.tries)
            .unwrap_or_default();
        let got = self.obtain(policy, name, tries).await;
        let mut all = self.held.borrow_mut();
        // It may have been taken out of the table meanwhile.
        let Some(held) = all.get_mut(name) else {
            return;
        };
        match got {
            Ok(bundle) => {
                info!(name, "obtained a certificate");
                *held = Held {
                    bundle: Some(bundle),
                    ..Held::default()
                };
            }
            Err(error) => {
                held.tries.failed(error.is_outage(), Moment::now());
                let why = hint::chain(&error);
                let then = match held.bundle {
                    Some(_) => "the certificate it has serves on",
                    None => "it has no certificate yet",
                };
                warn!(name, why, "no new certificate; {then}");
                held.trouble = Some(format!("{why}; {then}"));
            }
        }
        let memory = Memory {
            tries: all
                .iter()
                .map(|(name, held)| (name.clone(), held.tries))
                .collect(),
        };
        drop(all);
        if let Err(error) = self.write_memory(&memory) {
            warn!(error = %hint::chain(&error), "how often was asked is not kept");
        }
        self.serve();
    }

    fn write_memory(&self, memory: &Memory) -> Result<(), FileError> {
        let text = serde_json::to_vec(memory).unwrap_or_default();
        file::create_private_folder(&self.folder)?;
        file::write_whole_with_mode(&self.folder.join("tries.json"), &text, 0o600)
    }

    async fn obtain(
        &self,
        policy: &table::Acme,
        name: &str,
        tries: Tries,
    ) -> Result<Bundle, AcmeError> {
        if policy.check_dns && tokio::net::lookup_host((name, 80)).await.is_err() {
            let name = name.to_owned();
            return Err(AcmeError::NoAddress { name });
        }
        let account = self.account(policy).await?;
        let pem = order::obtain(&account, name, &self.store, tries.challenge()).await?;
        let bundle = Bundle::from_pem(pem.as_bytes())?;
        // Key and chain in one file that is there whole or not at all.
        file::create_private_folder(&self.folder)?;
        file::write_whole_with_mode(&self.file(name), pem.as_bytes(), 0o600)?;
        Ok(bundle)
    }

    /// The account at this authority: the one on disk, or a new one that is there from now on.
    async fn account(&self, policy: &table::Acme) -> Result<Account, AcmeError> {
        let host = policy.directory.split('/').nth(2).unwrap_or("authority");
        let host = host.replace(':', "-");
        let path = self.folder.join("accounts").join(format!("{host}.json"));
        let http = Client::new(policy.root.as_deref())?;
        let builder = || Account::builder_with_http(Box::new(http.clone()));
        if let Some(text) = file::read_text_if_there(&path)? {
            let credentials: AccountCredentials =
                serde_json::from_str(&text).map_err(|_| AcmeError::NoAccount { path })?;
            return Ok(builder().from_credentials(credentials).await?);
        }
        let contact: Vec<&str> = policy.contact.iter().map(String::as_str).collect();
        let account = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let create = async || {
            let directory = policy.directory.clone();
            builder().create(&account, directory, None).await
        };
        let (account, credentials) = order::again(create).await?;
        let text = serde_json::to_vec(&credentials).map_err(instant_acme::Error::Json)?;
        file::create_private_folder(&self.folder.join("accounts"))?;
        file::write_whole_with_mode(&path, &text, 0o600)?;
        info!(authority = host, "made an account");
        Ok(account)
    }

    /// What there is, for whoever asks.
    pub(crate) fn states(&self) -> Vec<CertificateState> {
        let from = self
            .wanted
            .borrow()
            .policy
            .as_ref()
            .map(|policy| policy.directory.clone());
        let from = from.unwrap_or_default();
        let held = self.held.borrow();
        let state = |(name, held): (&String, &Held)| CertificateState {
            names: vec![name.clone()],
            serves: held.bundle.is_some(),
            from: from.clone(),
            trouble: held.trouble.clone(),
        };
        held.iter().map(state).collect()
    }
}
