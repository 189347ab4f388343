//! Names: checked where they enter, trusted everywhere after.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text does not match `^[a-z][a-z0-9-]{0,38}$`.
    #[error(
        "`{0}` is not a name: use a lower-case letter, then letters, digits and `-`, 39 at most"
    )]
    Form(String),
    /// The text does not match `r<number>`.
    #[error("`{0}` is not a release: releases are named `r1`, `r2`, …")]
    Release(String),
    /// The text does not match `<app>/<process>.<number>`.
    #[error("`{0}` is not an instance: instances are named like `blog/web.1`")]
    Instance(String),
}

/// Whether `text` matches `^[a-z][a-z0-9-]{0,38}$`, the form of every name that becomes
/// a folder, a socket or a host label (PROMISES, "Durability in code").
fn well_formed(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=39).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks `text`; fails with [`NameError::Form`].
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                if well_formed(&text) { Ok(Self(text)) } else { Err(NameError::Form(text)) }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
    };
}

name! {
    /// The name an app is deployed under; also its host label in `NAME.localhost`.
    AppName
}

name! {
    /// The name of a process of a plan: `web`, `worker`, …
    ProcessName
}

name! {
    /// What a deploy key is called on a server.
    KeyName
}

impl AppName {
    /// The nearest well-formed name to free text such as a folder name: lower case, every run of
    /// other characters becomes one `-`. `None` when no letter is left to start with.
    pub fn from_free_text(text: &str) -> Option<Self> {
        let mut name = String::new();
        for c in text.chars().flat_map(char::to_lowercase) {
            if c.is_ascii_lowercase() || (c.is_ascii_digit() && !name.is_empty()) {
                name.push(c);
            } else if !name.is_empty() && !name.ends_with('-') {
                name.push('-');
            }
        }
        name.truncate(39);
        Self::new(name.trim_end_matches('-')).ok()
    }
}

/// A release within its app: `r1`, `r2`, … Numbers are never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseId(u32);

impl ReleaseId {
    /// Release number `number`, counted from 1.
    pub fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number alone.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("r{}", self.0))
    }
}

impl FromStr for ReleaseId {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let digits = text.strip_prefix('r').unwrap_or(text);
        match digits.parse() {
            Ok(number) if number > 0 && digits.as_bytes()[0].is_ascii_digit() => Ok(Self(number)),
            _ => Err(NameError::Release(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ReleaseId {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<ReleaseId> for String {
    fn from(id: ReleaseId) -> String {
        id.to_string()
    }
}

/// One running copy of a process: `blog/web.1`. The index counts from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId {
    /// The app it belongs to.
    pub app: AppName,
    /// The process it is a copy of.
    pub process: ProcessName,
    /// Which copy, from 1.
    pub index: u32,
}

impl InstanceId {
    /// The copy `index` of `process` of `app`.
    pub fn new(app: AppName, process: ProcessName, index: u32) -> Self {
        Self {
            app,
            process,
            index,
        }
    }

    /// The part after the app: `web.1`.
    pub fn local(&self) -> String {
        format!("{}.{}", self.process, self.index)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}.{}", self.app, self.process, self.index))
    }
}

impl FromStr for InstanceId {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError::Instance(text.to_owned());
        let (app, rest) = text.split_once('/').ok_or_else(wrong)?;
        let (process, index) = rest.rsplit_once('.').ok_or_else(wrong)?;
        let counted = index.starts_with(|c| matches!(c, '1'..='9'));
        let index = index.parse().ok().filter(|_| counted).ok_or_else(wrong)?;
        Ok(Self {
            app: app.parse()?,
            process: process.parse()?,
            index,
        })
    }
}

impl TryFrom<String> for InstanceId {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<InstanceId> for String {
    fn from(id: InstanceId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shell_characters_and_paths_are_refused() {
        for bad in [
            "",
            "A",
            "1a",
            "-a",
            "a b",
            "a;b",
            "../a",
            "a/b",
            "a.b",
            "a_b",
            "ä",
            &"a".repeat(40),
        ] {
            assert_eq!(AppName::new(bad), Err(NameError::Form(bad.to_owned())));
        }
        assert!(AppName::new("a".repeat(39)).is_ok());
    }

    #[test]
    fn releases_are_written_with_an_r() {
        assert_eq!("r7".parse::<ReleaseId>().unwrap(), ReleaseId::new(7));
        assert_eq!("7".parse::<ReleaseId>().unwrap(), ReleaseId::new(7));
        assert_eq!(ReleaseId::new(7).to_string(), "r7");
        for bad in ["r0", "r", "x1", "r+1", "r-1", "rr1"] {
            assert!(bad.parse::<ReleaseId>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn free_text_gives_a_well_formed_name_or_none(text in ".*") {
            if let Some(name) = AppName::from_free_text(&text) {
                prop_assert!(well_formed(name.as_str()));
                prop_assert_eq!(AppName::from_free_text(name.as_str()), Some(name));
            }
        }

        #[test]
        fn instances_read_back_what_they_write(app in "[a-z][a-z0-9-]{0,38}", process in "[a-z][a-z0-9-]{0,38}", index in 1u32..) {
            let id = InstanceId::new(app.parse().unwrap(), process.parse().unwrap(), index);
            prop_assert_eq!(id.to_string().parse::<InstanceId>().unwrap(), id);
        }
    }
}
