//! Where a machine keeps the authorities that its programs trust.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ship_base::file;
use ship_door::local_ca;

use crate::world::World;

/// Folders of systems' stores, with the ending that their program looks for, and that program.
const SYSTEMS: [(&str, &str, &[&str]); 4] = [
    // Debian and its children, Alpine.
    (
        "usr/local/share/ca-certificates",
        "crt",
        &["update-ca-certificates"],
    ),
    // Fedora and its relatives.
    (
        "etc/pki/ca-trust/source/anchors",
        "pem",
        &["update-ca-trust"],
    ),
    // Arch.
    (
        "etc/ca-certificates/trust-source/anchors",
        "crt",
        &["trust", "extract-compat"],
    ),
    // SUSE.
    ("etc/pki/trust/anchors", "pem", &["update-ca-certificates"]),
];

/// Folders below a home in which browsers keep a store, or folders of stores.
const BROWSERS: [(&str, &str); 4] = [
    ("Chromium", ".pki/nssdb"),
    ("Firefox", ".mozilla/firefox/*"),
    ("Firefox", "snap/firefox/common/.mozilla/firefox/*"),
    ("Chromium", "snap/chromium/current/.pki/nssdb"),
];

/// One store.
#[derive(Debug)]
pub(super) enum Store {
    /// A folder of files, and a program that reads them.
    System {
        file: PathBuf,
        update: &'static [&'static str],
    },
    /// A database of NSS.
    Nss {
        browser: &'static str,
        folder: PathBuf,
    },
}

/// What became of a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    NotPossible { why: String, instead: String },
}

/// The system's store and those of this user's browsers.
pub(super) fn of_this_machine(world: &World) -> Vec<Store> {
    let home = world.variable("HOME").map(PathBuf::from);
    let mut stores: Vec<Store> = system(Path::new("/")).into_iter().collect();
    stores.extend(home.iter().flat_map(|home| browsers(home)));
    stores
}

fn system(root: &Path) -> Option<Store> {
    let there = |(folder, _, _): &&(&str, &str, &[&str])| root.join(folder).is_dir();
    let (folder, ending, update) = SYSTEMS.iter().find(there)?;
    let file = root
        .join(folder)
        .join(format!("shipsmith-local-ca.{ending}"));
    Some(Store::System { file, update })
}

fn browsers(home: &Path) -> Vec<Store> {
    let folders = BROWSERS.iter().flat_map(|(browser, place)| {
        let folders = match place.strip_suffix("/*") {
            None => vec![home.join(place)],
            Some(parent) => file::entries_if_there(&home.join(parent))
                .unwrap_or_default()
                .iter()
                .map(std::fs::DirEntry::path)
                .collect(),
        };
        folders.into_iter().map(move |folder| (*browser, folder))
    });
    let stores = folders.filter(|(_, folder)| folder.join("cert9.db").exists());
    stores
        .map(|(browser, folder)| Store::Nss { browser, folder })
        .collect()
}

impl Store {
    /// As people know it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::System { .. } => "the system's store".to_owned(),
            Self::Nss { browser, folder } => format!("{browser} (`{}`)", folder.display()),
        }
    }

    /// Puts the CA in; again is as good as once.
    pub(super) fn add(&self, certificate: &Path) -> Outcome {
        match self {
            Self::System { file, update } => {
                let copied = file::copy(certificate, file).map_err(|error| error.to_string());
                let done = copied.and_then(|()| call(update[0], &update[1..]));
                judge(done, || {
                    let (from, to) = (certificate.display(), file.display());
                    format!("`sudo cp {from} {to} && sudo {}`", update.join(" "))
                })
            }
            Self::Nss { folder, .. } => nss(folder, &["-A", "-t", "C,,", "-i"], Some(certificate)),
        }
    }

    /// Takes the CA out.
    pub(super) fn remove(&self) -> Outcome {
        match self {
            Self::System { file, .. } if !file.exists() => Outcome::Done,
            Self::System { file, update } => {
                let removed = file::remove(file).map_err(|error| error.to_string());
                let done = removed.and_then(|()| call(update[0], &update[1..]));
                judge(done, || {
                    format!("`sudo rm {} && sudo {}`", file.display(), update.join(" "))
                })
            }
            Self::Nss { folder, .. } => nss(folder, &["-D"], None),
        }
    }
}

fn nss(folder: &Path, does: &[&str], certificate: Option<&Path>) -> Outcome {
    let database = format!("sql:{}", folder.display());
    let mut words = vec!["-d", &database, "-n", local_ca::NAME];
    words.extend(does);
    let path = certificate.map(|path| path.display().to_string());
    words.extend(path.as_deref());
    judge(call("certutil", &words), || {
        "`certutil` writes such stores: `sudo apt install libnss3-tools` (Fedora: `nss-tools`), then again".to_owned()
    })
}

fn judge(done: Result<(), String>, instead: impl FnOnce() -> String) -> Outcome {
    match done {
        Ok(()) => Outcome::Done,
        Err(why) => Outcome::NotPossible {
            why,
            instead: instead(),
        },
    }
}

/// Calls a program of the system; its last words where it fails.
fn call(program: &str, words: &[&str]) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null());
    let output = command
        .output()
        .map_err(|error| format!("cannot run `{program}`: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.trim().lines().last().unwrap_or("it said nothing");
    Err(format!("`{program}` failed: {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_is_known_by_its_folder() {
        let root = tempfile::tempdir().unwrap();
        assert!(system(root.path()).is_none());
        for (folder, ending, _) in SYSTEMS {
            let root = tempfile::tempdir().unwrap();
            file::create_folder(&root.path().join(folder)).unwrap();
            let Some(Store::System { file, .. }) = system(root.path()) else {
                panic!("{folder} is not known");
            };
            assert_eq!(file.extension().unwrap(), ending);
        }
    }

    #[test]
    fn a_browsers_store_takes_the_ca_and_gives_it_back() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".mozilla/firefox/abc.default");
        file::create_folder(&folder).unwrap();
        assert!(browsers(home.path()).is_empty());
        let database = format!("sql:{}", folder.display());
        if let Err(why) = call("certutil", &["-N", "-d", &database, "--empty-password"]) {
            let mut stderr = anstream::stderr();
            let _ = std::io::Write::write_all(&mut stderr, format!("skipped: {why}\n").as_bytes());
            return;
        }
        let ca = local_ca::LocalCa::open(home.path()).unwrap();
        let certificate = home.path().join("ca.crt");
        file::write_whole(&certificate, ca.pem().as_bytes()).unwrap();
        let stores = browsers(home.path());
        let [store] = stores.as_slice() else {
            panic!("{stores:?}");
        };
        let knows = || call("certutil", &["-L", "-d", &database, "-n", local_ca::NAME]).is_ok();
        assert_eq!(store.add(&certificate), Outcome::Done);
        assert_eq!(store.add(&certificate), Outcome::Done);
        assert!(knows());
        assert_eq!(store.remove(), Outcome::Done);
        assert!(!knows());
    }

    #[test]
    fn what_this_user_may_not_is_said_with_what_to_do() {
        let store = Store::System {
            file: PathBuf::from("/nowhere/shipsmith-local-ca.crt"),
            update: &["update-ca-certificates"],
        };
        let Outcome::NotPossible { instead, .. } = store.add(Path::new("/a/local-ca.crt")) else {
            panic!("nowhere was written to");
        };
        insta::assert_snapshot!(instead, @"`sudo cp /a/local-ca.crt /nowhere/shipsmith-local-ca.crt && sudo update-ca-certificates`");
    }
}
