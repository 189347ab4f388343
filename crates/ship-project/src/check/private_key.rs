//! Private keys among the files of a release.

use std::path::Path;

use super::{Check, Finding, Severity};
use crate::check::subject::{Subject, head};
use crate::plan::Place;
use crate::python::index::is_beside;

pub(super) const CHECK: Check = Check {
    id: "private-key",
    severity: Severity::Error,
    title: "no private key is part of the source",
    why: "A private key in the source is copied into every clone and every release, and can be read by whatever runs there. What is seen: PEM and OpenSSH private keys in files that are named like keys, and Google service accounts (JSON). Keys below `tests/` and `docs/` are taken for examples.",
    remedy: "Take it out of the repository, make a new one, and keep that in the app's data folder or, as text, in a setting: `ship env set --help`.",
    fix: None,
    look,
};

/// Larger files are no keys.
const LARGEST: u64 = 64 << 10;

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let files = subject
        .files
        .iter()
        .filter(|file| file.bytes <= LARGEST && may_be_key(&file.path) && !is_beside(&file.path));
    let keys = files.filter(|file| {
        let text = head(&subject.project().root.join(&file.path), LARGEST);
        String::from_utf8_lossy(&text).contains("PRIVATE KEY-----")
    });
    keys.map(|file| {
        let what = format!("`{}` holds a private key", file.path.display());
        let remedy = "take it out of the source, make a new one, and keep that in a setting or in the data folder";
        Finding::new(&CHECK, Place::file(&file.path), what, remedy)
    })
    .collect()
}

fn may_be_key(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
        .to_lowercase();
    let ending = [".pem", ".key", ".rsa", ".ppk"]
        .iter()
        .any(|ending| name.ends_with(ending));
    let of_ssh = ["id_rsa", "id_ed25519", "id_ecdsa", "id_dsa"].contains(&name.as_str());
    let account = [
        "service",
        "credential",
        "secret",
        "firebase",
        "account",
        "key",
    ];
    ending
        || of_ssh
        || path
            .extension()
            .is_some_and(|extension| extension == "json")
            && account.iter().any(|word| name.contains(word))
}
