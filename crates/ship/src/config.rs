//! `/etc/ship/server.toml`: how the server of a machine is set up. Its being there is what makes a
//! machine a server: root's commands then mean `/var/lib/ship`.

use std::path::Path;

use serde::Deserialize;
use ship_base::fault::FaultKind;
use ship_base::file;

use crate::error::{CommandError, Result};

/// Where it lies.
pub(crate) const PATH: &str = "/etc/ship/server.toml";

/// What it says.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The port of plain HTTP on every address of the machine.
    #[serde(default = "http")]
    pub(crate) http: u16,
    /// The port of TLS on every address of the machine.
    #[serde(default = "https")]
    pub(crate) https: u16,
    /// The package index of builds, in place of PyPI.
    pub(crate) index: Option<String>,
}

fn http() -> u16 {
    80
}

fn https() -> u16 {
    443
}

impl Config {
    /// The one of this machine, where there is one.
    pub(crate) fn read() -> Result<Option<Self>> {
        let text = file::read_text_if_there(Path::new(PATH))?;
        text.map(|text| Self::parse(&text)).transpose()
    }

    fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            CommandError::new(FaultKind::User, format!("cannot understand `{PATH}`"))
                .cause(error.to_string().trim_end())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_install_writes_is_understood() {
        let text = include_str!("commands/server/server.toml");
        let config = Config::parse(text).unwrap();
        assert_eq!(
            config,
            Config {
                http: 80,
                https: 443,
                index: None
            }
        );
        let whole = text.replace("# index", "index");
        let index = Config::parse(&whole).unwrap().index;
        assert_eq!(index.as_deref(), Some("https://pypi.example/simple"));
    }

    #[test]
    fn a_misspelled_key_is_an_error() {
        assert!(Config::parse("htpp = 80").is_err());
    }
}
