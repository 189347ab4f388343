//! What outlives the door: how asking went for each name, so that a door that starts often asks no
//! more often, and who signed what there is.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use ship_base::file::{self, FileError};

use super::renewal::Renewal;
use super::schedule::Tries;

/// Of the format; the first one had no number.
const VERSION: u32 = 2;

/// Its file.
const NAME: &str = "tries.json";

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    #[serde(default)]
    version: u32,
    #[serde(default)]
    names: BTreeMap<String, Past>,
    /// Of the first version, which knew one authority.
    #[serde(default, skip_serializing)]
    tries: BTreeMap<String, Tries>,
}

/// What was with one name.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Past {
    /// By the directory of the authority.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) tries: BTreeMap<String, Tries>,
    /// The directory of the authority that signed what serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    /// When that wants it renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) renewal: Option<Renewal>,
}

impl Memory {
    /// What was written last. What cannot be read is forgotten: it only saves an authority work.
    pub(super) fn read(folder: &Path) -> Self {
        let text = file::read_text_if_there(&folder.join(NAME));
        let text = text.ok().flatten();
        text.and_then(|text| serde_json::from_str(&text).ok())
            .filter(|memory: &Self| memory.version <= VERSION)
            .unwrap_or_default()
    }

    /// What was with a name. `first`: the directory of the authority that was meant when there was
    /// only one.
    pub(super) fn take(&mut self, name: &str, first: &str) -> Past {
        let mut past = self.names.remove(name).unwrap_or_default();
        if let Some(tries) = self.tries.remove(name) {
            past.tries.entry(first.to_owned()).or_insert(tries);
        }
        past
    }

    pub(super) fn write(
        folder: &Path,
        names: impl Iterator<Item = (String, Past)>,
    ) -> Result<(), FileError> {
        let memory = Self {
            version: VERSION,
            names: names.collect(),
            tries: BTreeMap::new(),
        };
        let text = serde_json::to_vec(&memory).unwrap_or_default();
        file::create_private_folder(folder)?;
        file::write_whole_with_mode(&folder.join(NAME), &text, 0o600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ship_base::clock::Moment;

    const CA: &str = "https://ca.example/dir";

    fn folder_with(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        file::write_whole(&folder.path().join(NAME), text.as_bytes()).unwrap();
        folder
    }

    #[test]
    fn what_the_first_version_wrote_is_of_the_first_authority() {
        let text = include_str!("tries-1.json");
        let mut memory = Memory::read(folder_with(text).path());
        let past = memory.take("blog.example", CA);
        let tries = past.tries.get(CA).unwrap();
        let text = serde_json::to_value(tries).unwrap();
        assert_eq!(
            text,
            serde_json::json!({"refusals": 3, "next": 1_700_000_000_000_i64})
        );
        assert_eq!(memory.take("new.example", CA), Past::default());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut tries = Tries::default();
        let fault = super::super::schedule::Fault::Outage;
        tries.failed(fault, None, None, Moment::from_millis(5));
        let past = Past {
            tries: [(CA.to_owned(), tries)].into(),
            from: Some(CA.to_owned()),
            renewal: None,
        };
        let one = [("blog.example".to_owned(), past.clone())];
        Memory::write(folder.path(), one.into_iter()).unwrap();
        assert_eq!(Memory::read(folder.path()).take("blog.example", CA), past);
    }

    #[test]
    fn what_cannot_be_understood_is_forgotten() {
        for text in ["", "{", r#"{"version": 3, "names": {"blog.example": {}}}"#] {
            assert!(Memory::read(folder_with(text).path()).names.is_empty());
        }
    }
}
