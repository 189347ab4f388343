//! `/etc/ship/server.toml`: how the server of a machine is set up. Its being there is what makes a
//! machine a server: root's commands then mean `/var/lib/ship`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use ship_base::fault::FaultKind;
use ship_base::file;

use crate::error::{CommandError, Result};

/// Where it lies.
pub(crate) const PATH: &str = "/etc/ship/server.toml";

/// The directory of Let's Encrypt: <https://letsencrypt.org/docs/acme-protocol-updates/>.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

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
    /// Who is asked for certificates.
    #[serde(default)]
    pub(crate) acme: Acme,
    /// What may take how much of the disk.
    #[serde(default)]
    pub(crate) room: Room,
}

/// `[room]`: caps on what grows by itself, and what is kept free.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Room {
    /// The most lines of the audit log; 200,000 by default, 1,000 at least.
    audit_lines: Option<u64>,
    /// The most that the caches of builds take, those of all apps together: `"5G"` by default.
    build_caches: Option<Size>,
    /// What no deploy may begin to use: `"512M"` by default.
    reserve: Option<Size>,
}

/// A size as people write it: `"512M"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Size(u64);

impl TryFrom<String> for Size {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let size = ship_project::size(&text);
        size.map(Self)
            .ok_or_else(|| format!("`{text}` is no size such as `512M` or `5G`"))
    }
}

/// Fewer would not hold what a busy day has.
const LEAST_AUDIT_LINES: u64 = 1000;

impl Room {
    /// For control.
    pub(crate) fn caps(&self) -> ship_server::Room {
        let default = ship_server::Room::default();
        let or = |size: Option<Size>, default: u64| size.map_or(default, |size| size.0);
        ship_server::Room {
            audit_lines: self.audit_lines.unwrap_or(default.audit_lines),
            build_caches: or(self.build_caches, default.build_caches),
            reserve: or(self.reserve, default.reserve),
        }
    }

    fn check(&self) -> Result<(), String> {
        match self.audit_lines {
            Some(lines) if lines < LEAST_AUDIT_LINES => Err(format!(
                "`room.audit-lines` is {LEAST_AUDIT_LINES} at least, not {lines}"
            )),
            _ => Ok(()),
        }
    }
}

/// `[acme]`: the authority that signs certificates for the domains of apps (RFC 8555).
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Acme {
    /// False asks nobody: there are certificates in files, or TLS ends before this machine.
    enabled: bool,
    /// Its directory.
    directory: String,
    /// Addresses to which it may write about the account: `you@example.com`.
    contact: Vec<String>,
    /// A file with the only roots to trust when talking to it, for an authority of one's own.
    root: Option<PathBuf>,
    /// Look a name up before asking for it.
    check_dns: bool,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            enabled: true,
            directory: LETS_ENCRYPT.to_owned(),
            contact: Vec::new(),
            root: None,
            check_dns: true,
        }
    }
}

impl Acme {
    /// For the door.
    pub(crate) fn authority(self) -> Option<ship_server::Acme> {
        let contact = self.contact.into_iter();
        self.enabled.then(|| ship_server::Acme {
            directory: self.directory,
            contact: contact.map(|address| format!("mailto:{address}")).collect(),
            root: self.root,
            check_dns: self.check_dns,
        })
    }

    fn check(&self) -> Result<(), String> {
        if !self.directory.starts_with("https://") {
            let directory = &self.directory;
            return Err(format!(
                "`acme.directory` is an address with `https://`, not `{directory}`"
            ));
        }
        match self.contact.iter().find(|address| !is_mail(address)) {
            Some(wrong) => Err(format!(
                "`acme.contact` holds mail addresses, not `{wrong}`"
            )),
            None => Ok(()),
        }
    }
}

fn is_mail(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !text.contains([' ', ':'])
    })
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
        let cannot = |why: &str| {
            CommandError::new(FaultKind::User, format!("cannot understand `{PATH}`")).cause(why)
        };
        let config: Self =
            toml::from_str(text).map_err(|error| cannot(error.to_string().trim_end()))?;
        config.acme.check().map_err(|why| cannot(&why))?;
        config.room.check().map_err(|why| cannot(&why))?;
        Ok(config)
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
                index: None,
                acme: Acme::default(),
                room: Room::default(),
            }
        );
        let whole = text.replace("# index", "index");
        let index = Config::parse(&whole).unwrap().index;
        assert_eq!(index.as_deref(), Some("https://pypi.example/simple"));
    }

    #[test]
    fn an_authority_can_be_chosen_or_left_out() {
        let acme = |text: &str| Config::parse(text).unwrap().acme.authority();
        assert_eq!(acme("[acme]\nenabled = false"), None);
        let own = "[acme]\ndirectory = \"https://ca.example/dir\"\ncontact = [\"you@blog.example\"]\nroot = \"/etc/ca.pem\"\ncheck-dns = false";
        let own = acme(own).unwrap();
        assert_eq!(own.directory, "https://ca.example/dir");
        assert_eq!(own.contact, ["mailto:you@blog.example"]);
        assert_eq!(own.root.as_deref(), Some(Path::new("/etc/ca.pem")));
        assert!(!own.check_dns);
        assert_eq!(acme("").unwrap().directory, LETS_ENCRYPT);
    }

    #[test]
    fn what_the_authority_would_refuse_is_refused_here() {
        assert!(Config::parse("[acme]\ncontact = [\"you\"]").is_err());
        assert!(Config::parse("[acme]\ncontact = [\"mailto:you@a.example\"]").is_err());
        assert!(Config::parse("[acme]\ndirectory = \"ca.example\"").is_err());
    }

    #[test]
    fn room_is_given_in_sizes_as_people_write_them() {
        let caps = |text: &str| Config::parse(text).map(|config| config.room.caps());
        assert_eq!(caps("").unwrap(), ship_server::Room::default());
        let said = "[room]\naudit-lines = 1000\nbuild-caches = \"1G\"\nreserve = \"0\"";
        let own = ship_server::Room {
            audit_lines: 1000,
            build_caches: 1 << 30,
            reserve: 0,
        };
        assert_eq!(caps(said).unwrap(), own);
        assert!(caps("[room]\naudit-lines = 10").is_err());
        assert!(caps("[room]\nreserve = \"much\"").is_err());
    }

    #[test]
    fn a_misspelled_key_is_an_error() {
        assert!(Config::parse("htpp = 80").is_err());
        assert!(Config::parse("[acme]\ncontacts = []").is_err());
    }
}
