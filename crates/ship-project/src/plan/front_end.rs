//! A JavaScript front end: where it lies, who installs its packages, and what it makes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Who installs the packages of a front end. Its lock decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageManager {
    /// `package-lock.json`, `npm-shrinkwrap.json`, or no lock at all.
    Npm,
    /// `pnpm-lock.yaml`
    Pnpm,
    /// `yarn.lock`
    Yarn,
    /// `bun.lock`, `bun.lockb`
    Bun,
}

impl PackageManager {
    /// The program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pnpm => "pnpm",
            Self::Yarn => "yarn",
            Self::Bun => "bun",
        }
    }

    /// The words that install exactly what the lock says; without a lock, what fits.
    pub fn install(self, locked: bool) -> &'static [&'static str] {
        match (self, locked) {
            (Self::Npm, true) => &["ci", "--no-audit", "--no-fund"],
            (Self::Npm, false) => &["install", "--no-audit", "--no-fund"],
            (_, true) => &["install", "--frozen-lockfile"],
            (_, false) => &["install"],
        }
    }
}

/// A front end and how it is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontEnd {
    /// The folder of its `package.json`, relative to the source.
    pub folder: PathBuf,
    /// Who installs its packages.
    pub manager: PackageManager,
    /// The lock, relative to the source.
    pub lock: Option<PathBuf>,
    /// The script of `package.json` that builds it: `build`.
    pub script: String,
    /// The folder that the build makes, relative to the source, as far as it can be read.
    pub output: Option<PathBuf>,
}

impl FrontEnd {
    /// The command as a plan shows it: `npm ci, npm run build in frontend`.
    pub fn summary(&self) -> String {
        let program = self.manager.program();
        let install = self.manager.install(self.lock.is_some())[0];
        let built = format!("{program} {install}, {program} run {}", self.script);
        match self.folder.iter().next() {
            None => built,
            Some(first) if first == "." => built,
            Some(_) => format!("{built} in {}", self.folder.display()),
        }
    }
}
