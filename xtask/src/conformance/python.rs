//! Environments for what suites are written in: `target/conformance/<name>`.

use std::path::{Path, PathBuf};
use std::process::Command;

use ship_base::file;

use crate::machine::{self, Need};
use crate::{Result, workspace};

const PYTHON: Need = Need {
    program: "python3",
    package: "python3 python3-venv",
    without: None,
};

/// The Python of an environment that has these packages of PyPI; made once.
pub(super) fn with(name: &str, packages: &[&str]) -> Result<PathBuf> {
    machine::bring(&[PYTHON])?;
    let environment = workspace::target().join("conformance").join(name);
    let (python, ready) = (environment.join("bin/python"), environment.join("ready"));
    let wanted = packages.join("\n");
    if file::read_text_if_there(&ready)?.as_deref() != Some(&*wanted) {
        make(&environment, &python, packages)?;
        file::write_whole(&ready, wanted.as_bytes())?;
    }
    Ok(python)
}

fn make(environment: &Path, python: &Path, packages: &[&str]) -> Result<()> {
    file::create_folder(environment)?;
    let made = Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(environment)
        .status()?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet"]).args(packages);
    if !made.success() || !pip.status()?.success() {
        return Err(format!("pip did not install {}", packages.join(" and ")).into());
    }
    Ok(())
}
