//! `pylock.toml` (PEP 751): the lock that any tool may write and uv installs as it is.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What it says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pylock {
    /// Name and version of every package; a folder or a commit has none.
    pub(crate) packages: BTreeMap<String, String>,
    pub(crate) requires_python: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    requires_python: Option<String>,
    #[serde(default)]
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    version: String,
}

/// Reads a lock; the error is the TOML reader's.
pub(crate) fn parse(text: &str) -> Result<Pylock, toml::de::Error> {
    let file: File = toml::from_str(text)?;
    let packages = file.packages.into_iter();
    Ok(Pylock {
        packages: packages
            .map(|package| (package.name, package.version))
            .collect(),
        requires_python: file.requires_python,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn packages_are_read_with_their_versions() {
        let text = "lock-version = \"1.0\"\nrequires-python = \">=3.12\"\n[[packages]]\nname = \"flask\"\nversion = \"3.1.0\"\n[[packages]]\nname = \"own\"\ndirectory = { path = \".\" }\n";
        let lock = parse(text).unwrap();
        assert_eq!(lock.packages["flask"], "3.1.0");
        assert_eq!(lock.packages["own"], "");
        assert_eq!(lock.requires_python.as_deref(), Some(">=3.12"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).*") {
            let _ = parse(&text);
        }
    }
}
