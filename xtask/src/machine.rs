//! What is installed here, and Debian packages for what is not.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use crate::workspace;

/// A program that tests use, and the Debian package that brings it.
pub(crate) struct Need {
    /// Looked for on `PATH`.
    pub(crate) program: &'static str,
    /// Installed where that is allowed.
    pub(crate) package: &'static str,
    /// What is skipped without it; `None`: nothing works without it.
    pub(crate) without: Option<&'static str>,
}

/// What the tests use beyond Rust.
const NEEDS: &[Need] = &[
    Need {
        program: "cc",
        package: "gcc libc6-dev",
        without: None,
    },
    Need {
        program: "python3",
        package: "python3",
        without: None,
    },
    Need {
        program: "pebble",
        package: "pebble",
        without: Some("certificates from a real authority"),
    },
    Need {
        program: "named",
        package: "bind9 bind9-dnsutils",
        without: Some("certificates for wildcards"),
    },
    Need {
        program: "certutil",
        package: "libnss3-tools",
        without: Some("the stores of browsers"),
    },
    Need {
        program: "sshd",
        package: "openssh-server openssh-client",
        without: Some("servers that are reached over ssh"),
    },
    Need {
        program: "strace",
        package: "strace",
        without: Some("syncs around renames, and calls that fail"),
    },
    Need {
        program: "ps",
        package: "procps",
        without: Some("what `ps` shows of our processes"),
    },
];

/// Installs what is missing where it may, and tells what is skipped for want of something.
pub(crate) fn prepare() -> Result<Vec<String>, String> {
    bring(NEEDS)
}

/// The same for what some other chore needs.
pub(crate) fn bring(needs: &[Need]) -> Result<Vec<String>, String> {
    let missing: Vec<&Need> = needs
        .iter()
        .filter(|need| find(need.program).is_none())
        .collect();
    if !missing.is_empty() && may_install() {
        install(&missing);
    }
    let mut skipped = Vec::new();
    for need in missing.iter().filter(|need| find(need.program).is_none()) {
        match need.without {
            Some(without) => skipped.push(format!("{without}: `{}` is not here", need.program)),
            None => return Err(instructions(need)),
        }
    }
    Ok(skipped)
}

/// Installs these packages of Debian, where they are not installed.
pub(crate) fn install_all(packages: &[&str]) -> Result<(), String> {
    let is_here = |package: &str| {
        let status = Command::new("dpkg-query")
            .args(["-W", "-f=${Status}", package])
            .output();
        status.is_ok_and(|output| output.stdout == b"install ok installed")
    };
    let missing: Vec<&str> = packages.iter().copied().filter(|it| !is_here(it)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if may_install() {
        apt(&["update", "--quiet"]);
        let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
        apt(&[&install[..], &missing[..]].concat());
    }
    match missing.iter().find(|package| !is_here(package)) {
        None => Ok(()),
        Some(package) => Err(format!(
            "`apt-get install {package}` as root is needed, and did not do here"
        )),
    }
}

/// Where a program lies on `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a chore reads its own environment"
    )]
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// Whether cargo has this subcommand.
pub(crate) fn has_cargo(subcommand: &str) -> bool {
    find(&format!("cargo-{subcommand}")).is_some()
}

/// What tests leave out here, because of who and where we are.
pub(crate) fn limits() -> Vec<String> {
    let disk =
        (!is_root()).then(|| "a full and a read-only disk: mounting one takes root".to_owned());
    let corpus = (!http1_corpus().is_file()).then(|| {
        let path = http1_corpus();
        format!(
            "requests of the suites of others: there is no `{}`; our own cases were tried",
            path.display()
        )
    });
    disk.into_iter().chain(corpus).collect()
}

/// Requests of two public suites; they lie beside the checkout and are no part of it.
pub(crate) fn http1_corpus() -> PathBuf {
    workspace::root().join("../shared/data/http1-corpus.jsonl")
}

fn is_root() -> bool {
    geteuid().is_root()
}

fn may_install() -> bool {
    is_root() && find("apt-get").is_some()
}

fn install(needs: &[&Need]) {
    let packages: Vec<&str> = needs
        .iter()
        .flat_map(|need| need.package.split(' '))
        .collect();
    eprintln!("installing {}", packages.join(", "));
    apt(&["update", "--quiet"]);
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    apt(&[&install[..], &packages[..]].concat());
}

/// Runs apt-get; that it failed shows when the program is still missing.
fn apt(arguments: &[&str]) {
    let _ = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

fn instructions(need: &Need) -> String {
    format!(
        "`{}` is not here and could not be installed: `apt-get install {}` as root brings it",
        need.program, need.package
    )
}
