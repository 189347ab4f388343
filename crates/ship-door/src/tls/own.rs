//! The author's own certificates: `door/certificates/*.pem`, looked at again when they change.
//!
//! A file that cannot be served (half written, or with another's key) changes nothing for visitors:
//! the last good pair is kept, in memory and in a copy on disk, and what is wrong is told.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ship_base::clock::Moment;
use ship_base::file::{self, FileError};
use ship_base::hint;
use tracing::{info, warn};

use super::bundle::{Bundle, BundleError};
use super::store::Store;
use crate::table::CertificateState;

/// The folder, and what was last found in it.
#[derive(Debug)]
pub(crate) struct Own {
    folder: PathBuf,
    /// Copies of what was last good.
    good: PathBuf,
    files: BTreeMap<OsString, Found>,
    store: Arc<Store>,
}

/// A file, and what is served of it.
#[derive(Debug)]
struct Found {
    stamp: Stamp,
    serves: Option<Bundle>,
    /// Why the file cannot be served.
    trouble: Option<String>,
    /// What was logged last about the time of what is served.
    logged: Option<String>,
}

impl Found {
    fn of_its_time(&self) -> Option<String> {
        let bundle = self.serves.as_ref()?;
        bundle.validity.trouble(Moment::now())
    }

    /// All that is wrong.
    fn trouble(&self) -> Option<String> {
        let all = [self.trouble.clone(), self.of_its_time()];
        let all: Vec<String> = all.into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// Changes with the certificate and with the key beside it.
type Stamp = [Option<(u64, i64, i64, u64)>; 2];

impl Own {
    pub(crate) fn new(door: &Path, store: Arc<Store>) -> Self {
        Self {
            folder: super::own_folder(door),
            good: door.join("last-good"),
            files: BTreeMap::new(),
            store,
        }
    }

    /// Looks at the folder, and serves what has changed.
    pub(crate) fn look(&mut self) {
        let names = match self.names() {
            Ok(names) => names,
            Err(error) => {
                warn!(error = %hint::chain(&error), "the folder of certificates cannot be read");
                return;
            }
        };
        let before = self.files.len();
        self.files.retain(|name, _| names.contains(name));
        let mut changed = before != self.files.len();
        for name in names {
            changed |= self.look_at(name);
        }
        self.log_times();
        if changed {
            let serves = self
                .files
                .values()
                .filter_map(|found| found.serves.as_ref());
            self.store.set_own(serves);
        }
    }

    /// Time passes without any change of a file.
    fn log_times(&mut self) {
        for (name, found) in &mut self.files {
            let told = found.of_its_time();
            if let Some(why) = told.as_ref().filter(|_| told != found.logged) {
                warn!(file = %self.folder.join(name).display(), why, "the time of a certificate of yours");
            }
            found.logged = told;
        }
    }

    /// `*.pem` and `*.crt`.
    fn names(&self) -> Result<Vec<OsString>, FileError> {
        let is_certificate = |name: &OsString| {
            let extension = Path::new(name).extension();
            extension.is_some_and(|extension| extension == "pem" || extension == "crt")
        };
        let entries = file::entries_if_there(&self.folder)?;
        let names = entries.iter().map(std::fs::DirEntry::file_name);
        Ok(names.filter(is_certificate).collect())
    }

    /// Whether it has changed.
    fn look_at(&mut self, name: OsString) -> bool {
        let path = self.folder.join(&name);
        let stamp = [stamp(&path), stamp(&path.with_extension("key"))];
        let known = self.files.get(&name);
        if known.is_some_and(|known| known.stamp == stamp) {
            return false;
        }
        let found = match Bundle::load(&path) {
            Ok(bundle) => {
                info!(file = %path.display(), names = ?bundle.names, "serving a certificate of yours");
                self.keep(&name, &path);
                Found {
                    stamp,
                    serves: Some(bundle),
                    trouble: None,
                    logged: None,
                }
            }
            Err(error) => {
                let serves = known.and_then(|known| known.serves.clone());
                let serves = serves.or_else(|| Bundle::load(&self.good.join(&name)).ok());
                Found {
                    stamp,
                    trouble: Some(trouble(&path, &error, serves.is_some())),
                    serves,
                    logged: None,
                }
            }
        };
        self.files.insert(name, found);
        true
    }

    /// Copies a good pair into one file, written whole.
    fn keep(&self, name: &OsString, path: &Path) {
        let key = file::read_text_if_there(&path.with_extension("key"));
        let kept = file::read_text(path).and_then(|certificate| {
            let both = certificate + "\n" + &key?.unwrap_or_default();
            file::create_private_folder(&self.good)?;
            file::write_whole_with_mode(&self.good.join(name), both.as_bytes(), 0o600)
        });
        if let Err(error) = kept {
            warn!(error = %hint::chain(&error), "the last good certificate is not kept on disk");
        }
    }

    /// What there is, for whoever asks.
    pub(crate) fn states(&self) -> Vec<CertificateState> {
        let state = |(name, found): (&OsString, &Found)| CertificateState {
            names: found
                .serves
                .as_ref()
                .map_or_else(Vec::new, |it| it.names.clone()),
            serves: found.serves.is_some(),
            from: format!("file {}", self.folder.join(name).display()),
            trouble: found.trouble(),
        };
        self.files.iter().map(state).collect()
    }
}

fn trouble(path: &Path, error: &BundleError, serves_on: bool) -> String {
    let why = hint::chain(error);
    let then = if serves_on {
        "the last good one serves on"
    } else {
        "there is none before it that could serve"
    };
    warn!(file = %path.display(), why, "a certificate cannot be served; {then}");
    format!("{why}; {then}")
}

fn stamp(path: &Path) -> Option<(u64, i64, i64, u64)> {
    let data = path.metadata().ok()?;
    Some((data.ino(), data.mtime(), data.mtime_nsec(), data.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::CertificateDer;

    /// The leaf that is served for a name.
    fn leaf(store: &Store, name: &str) -> Option<CertificateDer<'static>> {
        Some(store.choose(Some(name))?.cert[0].clone())
    }

    /// A certificate and its key.
    fn pair(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    struct Scene {
        folder: tempfile::TempDir,
        store: Arc<Store>,
        own: Own,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            file::create_folder(&folder.path().join("certificates")).unwrap();
            let store = Arc::new(Store::default());
            let own = Own::new(folder.path(), store.clone());
            Self { folder, store, own }
        }

        fn put(&self, name: &str, content: &str) {
            let path = self.folder.path().join("certificates").join(name);
            file::write_whole(&path, content.as_bytes()).unwrap();
        }

        /// The door starts anew.
        fn restart(&mut self) {
            self.store = Arc::new(Store::default());
            self.own = Own::new(self.folder.path(), self.store.clone());
            self.own.look();
        }
    }

    #[test]
    fn a_bundle_and_a_pair_are_both_served() {
        let mut scene = Scene::new();
        let (certificate, key) = pair("a.example");
        scene.put("a.pem", &(key + &certificate));
        let (certificate, key) = pair("b.example");
        scene.put("b.crt", &certificate);
        scene.put("b.key", &key);
        scene.own.look();
        assert!(leaf(&scene.store, "a.example").is_some());
        assert!(leaf(&scene.store, "b.example").is_some());
    }

    #[test]
    fn a_broken_or_mismatched_file_leaves_the_last_good_pair_serving_and_is_told() {
        let mut scene = Scene::new();
        let (certificate, key) = pair("a.example");
        scene.put("a.pem", &certificate);
        scene.put("a.key", &key);
        scene.own.look();
        let good = leaf(&scene.store, "a.example").unwrap();
        for broken in ["", "no PEM", &pair("a.example").0] {
            scene.put("a.pem", broken);
            scene.own.look();
            assert_eq!(leaf(&scene.store, "a.example").unwrap(), good, "{broken}");
            let states = scene.own.states();
            let trouble = states[0].trouble.as_deref().unwrap();
            assert!(
                trouble.ends_with("the last good one serves on"),
                "{trouble}"
            );
            scene.restart();
            assert_eq!(leaf(&scene.store, "a.example").unwrap(), good, "{broken}");
        }
        scene.put("a.pem", &certificate);
        scene.own.look();
        assert_eq!(scene.own.states()[0].trouble, None);
    }

    #[test]
    fn a_certificate_whose_time_is_over_or_to_come_is_told_and_served() {
        let now = Moment::now();
        let year = |moment: Moment| moment.day()[..4].parse::<i32>().unwrap();
        for (from, until, told) in [
            (-2, -1, "it was valid until"),
            (1, 2, "it is not valid before"),
        ] {
            let mut scene = Scene::new();
            let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
            params.not_before = rcgen::date_time_ymd(year(now) + from, 1, 1);
            params.not_after = rcgen::date_time_ymd(year(now) + until, 1, 1);
            let key = rcgen::KeyPair::generate().unwrap();
            let made = params.self_signed(&key).unwrap();
            scene.put("a.pem", &(made.pem() + &key.serialize_pem()));
            scene.own.look();
            assert!(leaf(&scene.store, "a.example").is_some());
            let state = &scene.own.states()[0];
            assert!(state.serves);
            let trouble = state.trouble.as_deref().unwrap();
            assert!(trouble.starts_with(told), "{trouble}");
        }
    }

    #[test]
    fn a_file_that_is_taken_away_is_served_no_more() {
        let mut scene = Scene::new();
        let (certificate, key) = pair("a.example");
        scene.put("a.pem", &(certificate + &key));
        scene.own.look();
        file::remove(&scene.folder.path().join("certificates/a.pem")).unwrap();
        scene.own.look();
        assert!(leaf(&scene.store, "a.example").is_none());
    }
}
