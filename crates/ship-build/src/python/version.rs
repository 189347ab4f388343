//! Versions of Python: three numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `3.12.4`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version([u32; 3]);

impl Version {
    /// Its first two numbers: what packages are built for.
    pub fn minor(self) -> (u32, u32) {
        (self.0[0], self.0[1])
    }

    /// `[3, 12, 4]`
    pub fn numbers(self) -> [u32; 3] {
        self.0
    }

    /// `312`
    pub(super) fn digits(self) -> String {
        format!("{}{}", self.0[0], self.0[1])
    }

    pub(super) fn of(numbers: &[u32]) -> Option<Self> {
        Some(Self(numbers.try_into().ok()?))
    }

    pub(super) fn starts_with(self, numbers: &[u32]) -> bool {
        self.0.starts_with(numbers)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// Not a version of one to three numbers.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a version of Python")]
pub struct VersionError(String);

impl FromStr for Version {
    type Err = VersionError;
    /// Numbers that are left out are 0.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let numbers = numbers(text).filter(|numbers| numbers.len() <= 3);
        let mut numbers = numbers.ok_or_else(|| VersionError(text.to_owned()))?;
        numbers.resize(3, 0);
        Ok(Self([numbers[0], numbers[1], numbers[2]]))
    }
}

/// `3.12` as its numbers.
pub(super) fn numbers(text: &str) -> Option<Vec<u32>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

impl TryFrom<String> for Version {
    type Error = VersionError;
    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> String {
        version.to_string()
    }
}
