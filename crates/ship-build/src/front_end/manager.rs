//! How the package manager of a front end is started: itself where the machine has it, else through
//! npm, which comes with Node and can fetch any of the others.

use std::path::Path;

use serde_json::Value;
use ship_base::file;
use ship_project::plan::{FrontEnd, PackageManager};

use crate::assets::callers_have;
use crate::build::Request;
use crate::runtime::work_path;

const NPM: &str = "npm";

/// The first words of its command line; `None` where the machine can start neither it nor npm.
pub(super) fn words(
    request: &Request<'_>,
    front_end: &FrontEnd,
    source: &Path,
) -> Option<Vec<String>> {
    let program = front_end.manager.program();
    if callers_have(request, program) {
        return Some(vec![program.to_owned()]);
    }
    callers_have(request, NPM).then(|| {
        let package = package(front_end, source);
        let exec = ["exec", "--yes", "--package", &package, "--", program];
        let exec = exec.map(str::to_owned);
        std::iter::once(NPM.to_owned()).chain(exec).collect()
    })
}

/// The npm package that has it, in the version that the project names, else in one that reads the
/// project's lock.
pub(super) fn package(front_end: &FrontEnd, source: &Path) -> String {
    let program = front_end.manager.program();
    let described = source.join(work_path(&front_end.folder, Path::new("package.json")));
    let described = file::read_text(&described).unwrap_or_default();
    if let Some(version) = named(&described, program) {
        return spelled(program, &version);
    }
    let lock = front_end.lock.as_ref();
    let lock = lock.and_then(|lock| file::read_text(&source.join(lock)).ok());
    spelled(
        program,
        of_lock(front_end.manager, &lock.unwrap_or_default()),
    )
}

/// `"packageManager": "yarn@4.5.0+sha224.953c8233"`, see Node's documentation of `package.json`.
fn named(described: &str, program: &str) -> Option<String> {
    let described: Value = serde_json::from_str(described).ok()?;
    let named = described.get("packageManager")?.as_str()?;
    let (name, version) = named.split_once('@')?;
    let version = version.split('+').next().unwrap_or(version);
    (name == program).then(|| version.to_owned())
}

/// The major version that wrote a lock.
fn of_lock(manager: PackageManager, lock: &str) -> &'static str {
    match manager {
        // Yarn 1 writes a comment at the top, its successors a table.
        PackageManager::Yarn if lock.contains("__metadata:") => "4",
        PackageManager::Yarn | PackageManager::Bun => "1",
        PackageManager::Pnpm if lock.starts_with("lockfileVersion: 5") => "7",
        PackageManager::Pnpm if lock.starts_with("lockfileVersion: '6") => "8",
        PackageManager::Pnpm => "10",
        PackageManager::Npm => "latest",
    }
}

/// Yarn from version 2 on is published under another name.
fn spelled(program: &str, version: &str) -> String {
    let major = version.split('.').next().unwrap_or(version);
    if program == "yarn" && major.parse().is_ok_and(|major: u32| major > 1) {
        return format!("@yarnpkg/cli-dist@{version}");
    }
    format!("{program}@{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_projects_own_or_one_that_reads_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let package_of = |manager: PackageManager, described: &str, lock: &str| {
            let write = |name: &str, text: &str| {
                file::write_whole(&folder.path().join(name), text.as_bytes()).unwrap();
            };
            write("package.json", described);
            write("lock", lock);
            let front_end = FrontEnd {
                folder: ".".into(),
                manager,
                lock: Some("lock".into()),
                script: "build".to_owned(),
                output: None,
            };
            package(&front_end, folder.path())
        };
        let (yarn, pnpm) = (PackageManager::Yarn, PackageManager::Pnpm);
        let says = |manager: &str| format!(r#"{{ "packageManager": "{manager}" }}"#);
        for (manager, described, lock, package) in [
            (yarn, says("yarn@1.22.22+sha1.ac34549e"), "", "yarn@1.22.22"),
            (yarn, says("yarn@4.5.0"), "", "@yarnpkg/cli-dist@4.5.0"),
            (yarn, says("pnpm@9.0.0"), "# yarn lockfile v1\n", "yarn@1"),
            (
                yarn,
                "{}".to_owned(),
                "__metadata:\n  version: 8\n",
                "@yarnpkg/cli-dist@4",
            ),
            (pnpm, String::new(), "lockfileVersion: 5.4\n", "pnpm@7"),
            (pnpm, String::new(), "lockfileVersion: '6.0'\n", "pnpm@8"),
            (pnpm, String::new(), "lockfileVersion: '9.0'\n", "pnpm@10"),
            (PackageManager::Bun, String::new(), "", "bun@1"),
        ] {
            assert_eq!(package_of(manager, &described, lock), package);
        }
    }
}
