//! Which certificate a handshake gets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use ship_base::clock::Moment;
use tracing::{debug, warn};

use super::ACME;
use super::bundle::Bundle;
use super::local_ca::LocalCa;
use super::validity::Validity;

/// Certificates of the local CA that are kept; more names than this a laptop does not have.
const MOST_ISSUED: usize = 1000;

/// How long one of them is used before another is made. They are valid for far longer.
const FRESH: Duration = Duration::from_hours(24 * 7);

/// A certificate that may be chosen.
#[derive(Debug, Clone)]
struct Held {
    key: Arc<CertifiedKey>,
    validity: Validity,
}

/// Certificates by name; of one name, the last comes first.
type Names = HashMap<String, Vec<Held>>;

/// Shared by all cores; changed by the door's main thread.
#[derive(Debug, Default)]
pub(crate) struct Store {
    own: RwLock<Names>,
    authority: RwLock<Names>,
    challenges: RwLock<HashMap<String, Arc<CertifiedKey>>>,
    tokens: RwLock<HashMap<String, (String, String)>>,
    local: RwLock<Option<LocalCa>>,
    issued: RwLock<HashMap<String, (Moment, Arc<CertifiedKey>)>>,
}

impl Store {
    /// The author's own certificates from now on.
    pub(crate) fn set_own<'b>(&self, bundles: impl Iterator<Item = &'b Bundle>) {
        *write(&self.own) = by_name(bundles);
    }

    /// An authority's certificates from now on.
    pub(crate) fn set_authority<'b>(&self, bundles: impl Iterator<Item = &'b Bundle>) {
        *write(&self.authority) = by_name(bundles);
    }

    /// Whether a file of the author's that is valid now covers `name`.
    pub(crate) fn is_own(&self, name: &str) -> bool {
        find_valid(&read(&self.own), name, Moment::now()).is_some()
    }

    /// What an authority that asks for `name` is shown; `None` ends it.
    pub(crate) fn set_challenge(&self, name: &str, key: Option<Arc<CertifiedKey>>) {
        let mut challenges = write(&self.challenges);
        match key {
            Some(key) => drop(challenges.insert(name.to_owned(), key)),
            None => drop(challenges.remove(name)),
        }
    }

    /// What an authority that asks for a token by HTTP is told: the name that it may ask by, and the
    /// proof. `None` ends it.
    pub(crate) fn set_token(&self, token: &str, proof: Option<(String, String)>) {
        let mut tokens = write(&self.tokens);
        match proof {
            Some(proof) => drop(tokens.insert(token.to_owned(), proof)),
            None => drop(tokens.remove(token)),
        }
    }

    /// The proof for a token, asked for by `host`.
    pub(crate) fn proof(&self, host: &str, token: &str) -> Option<String> {
        let tokens = read(&self.tokens);
        let (name, proof) = tokens.get(token)?;
        (name == host).then(|| proof.clone())
    }

    /// Names of this machine get certificates of its own CA.
    pub(crate) fn set_local(&self, ca: Option<LocalCa>) {
        *write(&self.local) = ca;
        write(&self.issued).clear();
    }

    /// Whether there is a local CA already.
    pub(crate) fn has_local(&self) -> bool {
        read(&self.local).is_some()
    }

    /// The certificate for a name; `None` where a visitor asked for none, by its address.
    pub(crate) fn choose(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        self.choose_at(name, Moment::now())
    }

    /// The same by a clock that says `now`. One whose time is over, or has not begun, is better than
    /// none: a visitor may look away from that, and the clock may be wrong.
    fn choose_at(&self, name: Option<&str>, now: Moment) -> Option<Arc<CertifiedKey>> {
        let Some(name) = name else {
            return self.issued("localhost", now);
        };
        let name = &*name.to_ascii_lowercase();
        find_valid(&read(&self.own), name, now)
            .or_else(|| find_valid(&read(&self.authority), name, now))
            .or_else(|| self.issued(name, now))
            .or_else(|| find_any(&read(&self.own), name))
            .or_else(|| find_any(&read(&self.authority), name))
    }

    /// One of the local CA, made when it is first asked for.
    fn issued(&self, name: &str, now: Moment) -> Option<Arc<CertifiedKey>> {
        if !is_of_this_machine(name) {
            return None;
        }
        // One of the future was made by a clock that has been set right since.
        if let Some((since, key)) = read(&self.issued).get(name)
            && (*since..since.after(FRESH)).contains(&now)
        {
            return Some(key.clone());
        }
        let made = read(&self.local).as_ref()?.issue(name);
        let made = made
            .inspect_err(|error| warn!(%error, name, "cannot make a certificate"))
            .ok()?;
        let mut issued = write(&self.issued);
        if issued.len() >= MOST_ISSUED {
            issued.clear();
        }
        issued.insert(name.to_owned(), (now, made.key.clone()));
        Some(made.key)
    }
}

impl ResolvesServerCert for Store {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        if hello.alpn().is_some_and(|protocols| protocols.eq([ACME])) {
            return read(&self.challenges).get(name?).cloned();
        }
        let chosen = self.choose(name);
        if chosen.is_none() {
            debug!(name, "no certificate for this name");
        }
        chosen
    }
}

/// `blog.localhost` and the machine itself (RFC 6761, 6.3).
pub(crate) fn is_of_this_machine(name: &str) -> bool {
    name == "localhost"
        || name.ends_with(".localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn by_name<'b>(bundles: impl Iterator<Item = &'b Bundle>) -> Names {
    let mut names = Names::new();
    for bundle in bundles {
        for name in &bundle.names {
            let held = Held {
                key: bundle.key.clone(),
                validity: bundle.validity,
            };
            names.entry(name.clone()).or_default().insert(0, held);
        }
    }
    names
}

/// Of the name itself, then of a wildcard for its first label (RFC 9525, 6.3).
fn find(names: &Names, name: &str, suits: impl Fn(&Held) -> bool) -> Option<Arc<CertifiedKey>> {
    let find = |name: &str| names.get(name)?.iter().find(|held| suits(held));
    let wildcard = || find(&format!("*.{}", name.split_once('.')?.1));
    Some(find(name).or_else(wildcard)?.key.clone())
}

fn find_valid(names: &Names, name: &str, now: Moment) -> Option<Arc<CertifiedKey>> {
    find(names, name, |held| held.validity.holds_at(now))
}

fn find_any(names: &Names, name: &str) -> Option<Arc<CertifiedKey>> {
    find(names, name, |_| true)
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(names: &[&str]) -> Bundle {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let text = made.cert.pem() + &made.signing_key.serialize_pem();
        Bundle::from_pem(text.as_bytes()).unwrap()
    }

    fn is(chosen: Option<Arc<CertifiedKey>>, bundle: &Bundle) -> bool {
        chosen.is_some_and(|chosen| Arc::ptr_eq(&chosen, &bundle.key))
    }

    #[test]
    fn each_name_gets_its_own_certificate_and_an_unknown_one_none() {
        let (blog, shop) = (
            bundle(&["Blog.example"]),
            bundle(&["shop.example", "*.shop.example"]),
        );
        let store = Store::default();
        store.set_own([&blog, &shop].into_iter());
        assert!(is(store.choose(Some("BLOG.example")), &blog));
        assert!(is(store.choose(Some("shop.example")), &shop));
        assert!(is(store.choose(Some("a.shop.example")), &shop));
        for unknown in [
            "a.b.shop.example",
            "example",
            "other.example",
            "blog.localhost",
        ] {
            assert!(store.choose(Some(unknown)).is_none(), "{unknown}");
        }
        assert!(store.choose(None).is_none());
    }

    #[test]
    fn the_authors_own_file_goes_before_an_authoritys() {
        let (own, authority) = (bundle(&["a.example"]), bundle(&["a.example", "b.example"]));
        let store = Store::default();
        store.set_authority([&authority].into_iter());
        assert!(is(store.choose(Some("a.example")), &authority));
        store.set_own([&own].into_iter());
        assert!(is(store.choose(Some("a.example")), &own));
        assert!(is(store.choose(Some("b.example")), &authority));
    }

    /// Valid for so many days from now on.
    fn valid(name: &str, days: std::ops::Range<i64>) -> Bundle {
        let mut bundle = bundle(&[name]);
        let at = |days: i64| Moment::now().as_millis() + days * 86_400_000;
        bundle.validity = Validity {
            since: at(days.start),
            until: at(days.end),
        };
        bundle
    }

    #[test]
    fn a_file_whose_time_is_not_now_yields_to_a_certificate_whose_time_it_is() {
        let authority = valid("a.example", -1..89);
        for days in [-90..-1, 1..90] {
            let own = valid("a.example", days);
            let store = Store::default();
            store.set_own([&own].into_iter());
            assert!(!store.is_own("a.example"), "an authority is asked");
            assert!(
                is(store.choose(Some("a.example")), &own),
                "better than none"
            );
            store.set_authority([&authority].into_iter());
            assert!(is(store.choose(Some("a.example")), &authority));
            let better = valid("a.example", -1..9);
            store.set_own([&better, &own].into_iter());
            assert!(is(store.choose(Some("a.example")), &better));
            assert!(store.is_own("a.example"));
            let old = valid("a.example", -90..-1);
            store.set_authority([&old].into_iter());
            store.set_own([&own].into_iter());
            assert!(is(store.choose(Some("a.example")), &own));
        }
    }

    /// A door's clock.
    #[derive(Debug)]
    struct At(Arc<Store>, Moment);

    impl ResolvesServerCert for At {
        fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            self.0.choose_at(hello.server_name(), self.1)
        }
    }

    /// Whether a visitor whose clock is right agrees with a door whose clock says `now`.
    fn agrees(store: &Arc<Store>, now: Moment, name: &str, root: &[u8]) -> bool {
        let server = rustls::ServerConfig::builder_with_provider(super::super::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(At(store.clone(), now)));
        let mut roots = rustls::RootCertStore::empty();
        roots.add(root.to_vec().into()).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(super::super::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
        let mut visitor = rustls::ClientConnection::new(Arc::new(client), name).unwrap();
        let mut door = rustls::ServerConnection::new(Arc::new(server)).unwrap();
        while visitor.is_handshaking() || door.is_handshaking() {
            let mut bytes = Vec::new();
            while visitor.wants_write() {
                visitor.write_tls(&mut bytes).unwrap();
            }
            door.read_tls(&mut bytes.as_slice()).unwrap();
            if door.process_new_packets().is_err() {
                return false;
            }
            let mut bytes = Vec::new();
            while door.wants_write() {
                door.write_tls(&mut bytes).unwrap();
            }
            visitor.read_tls(&mut bytes.as_slice()).unwrap();
            if visitor.process_new_packets().is_err() {
                return false;
            }
        }
        true
    }

    #[test]
    fn a_clock_that_is_ten_years_wrong_takes_no_certificate_from_any_visitor() {
        const TEN_YEARS: Duration = Duration::from_hours(24 * 3652);
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::default());
        let ca = LocalCa::open(folder.path()).unwrap();
        let local = ca.issue("localhost").unwrap().key.cert[1].to_vec();
        store.set_local(Some(ca));
        // Their own validity is now; the door takes them by what it knows of it.
        let own = valid("own.example", -30..60);
        let authority = valid("shop.example", -30..60);
        store.set_own([&own].into_iter());
        store.set_authority([&authority].into_iter());
        let now = Moment::now();
        for now in [now, now.after(TEN_YEARS), now.before(TEN_YEARS), now] {
            for (name, root) in [
                ("own.example", &*own.key.cert[0]),
                ("shop.example", &*authority.key.cert[0]),
                ("blog.localhost", &*local),
            ] {
                assert!(agrees(&store, now, name, root), "{name} at {now}");
            }
            assert!(!agrees(&store, now, "other.example", &own.key.cert[0]));
        }
    }

    #[test]
    fn the_local_ca_answers_for_this_machine_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::default();
        store.set_local(Some(LocalCa::open(folder.path()).unwrap()));
        let first = store.choose(Some("blog.localhost")).unwrap();
        let again = store.choose(Some("blog.localhost")).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert!(store.choose(None).is_some());
        assert!(store.choose(Some("blog.example")).is_none());
        assert!(store.choose(Some("localhost.example")).is_none());
    }
}
