//! The list of projects that strangers wrote.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ship_base::file;

use super::given::Given;
use crate::{Result, workspace};

/// One of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stranger {
    /// A public repository, and the folder in it.
    pub(crate) from: String,
    /// What it is meant to be.
    #[serde(default)]
    pub(crate) kind: Kind,
    /// What it cannot do without, and neither its repository nor the machine has.
    pub(crate) lacks: Option<String>,
    /// The same, where it can be set up here.
    pub(crate) given: Option<Given>,
}

/// What an author meant a project to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Something that answers HTTP.
    #[default]
    Web,
    /// A program that does its work, and may end.
    Script,
    /// Notebooks for a reader at a desk.
    Notebook,
}

/// All, by the name of their folder.
pub(crate) fn all() -> Result<BTreeMap<String, Stranger>> {
    let list = file::read_text(&workspace::root().join("xtask/compat.toml"))?;
    Ok(toml::from_str(&list)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_reads_and_every_project_says_where_it_is_from() {
        let all = all().unwrap();
        assert!(all.values().any(|one| one.kind == Kind::Web));
        for (name, stranger) in all {
            let is_told = stranger.given.is_none() || stranger.lacks.is_some();
            assert!(is_told, "{name} is given something, and lacks nothing");
            let repository = stranger.from.split(':').next().unwrap_or_default();
            assert_eq!(
                repository.split('/').count(),
                2,
                "{name}: {}",
                stranger.from
            );
        }
    }
}
