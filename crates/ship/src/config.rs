//! `/etc/ship/server.toml`: how the server of a machine is set up. Its being there is what makes a
//! machine a server: root's commands then mean `/var/lib/ship`.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use ship_base::fault::FaultKind;
use ship_base::file;
use ship_base::secret::Secret;
use ship_server::{Authority, DnsProvider, Eab};
use tracing::warn;

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
    /// Whether HTTP/3 is spoken, at the UDP port of the same number.
    #[serde(default = "yes")]
    pub(crate) http3: bool,
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
    /// The account that one has there already, where it asks for one.
    eab_kid: Option<String>,
    eab_key: Option<Secret<String>>,
    /// Look a name up before asking for it.
    check_dns: bool,
    /// Another one, for when the first does not sign for long.
    fallback: Option<Fallback>,
    /// Who can change the zones of the domains.
    dns: Option<Dns>,
}

/// `[acme.fallback]`: the second authority.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Fallback {
    directory: String,
    root: Option<PathBuf>,
    eab_kid: Option<String>,
    eab_key: Option<Secret<String>>,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            enabled: true,
            directory: LETS_ENCRYPT.to_owned(),
            contact: Vec::new(),
            root: None,
            eab_kid: None,
            eab_key: None,
            check_dns: true,
            fallback: None,
            dns: None,
        }
    }
}

/// `[acme.dns]`: how a record gets into the zone of a domain, for wildcards (`dns-01`, RFC 8555, 8.4).
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Dns {
    /// A program, called with `set|remove NAME VALUE`.
    hook: Option<PathBuf>,
    /// A DNS server that takes changes (RFC 2136): `ns1.example.com`, with its port where that is not
    /// 53.
    server: Option<String>,
    /// A file with the key that it shares, as `tsig-keygen` writes it.
    key: Option<PathBuf>,
    /// The address of the resolver that is asked about zones, in place of the machine's own.
    resolver: Option<String>,
    /// Seconds: the time of the hook, and after that of the zone's servers until each has the record.
    #[serde(default = "wait")]
    wait: u64,
}

fn wait() -> u64 {
    120
}

/// The port of DNS.
const DNS: u16 = 53;

impl Dns {
    fn provider(&self) -> Result<DnsProvider, String> {
        let is_absolute = |path: &PathBuf| path.is_absolute();
        match (&self.hook, &self.server) {
            (Some(hook), None) if self.key.is_none() && is_absolute(hook) => {
                Ok(DnsProvider::Hook(hook.clone()))
            }
            (Some(_), None) if self.key.is_none() => {
                Err("`acme.dns.hook` is a whole path: `/etc/ship/dns-hook`".to_owned())
            }
            (None, Some(server)) if self.key.as_ref().is_none_or(is_absolute) => {
                Ok(DnsProvider::Server {
                    address: with_port(server),
                    key: self.key.clone(),
                })
            }
            (None, Some(_)) => {
                Err("`acme.dns.key` is a whole path: `/etc/ship/dns.key`".to_owned())
            }
            (Some(_), None) => {
                Err("`acme.dns.key` belongs to a `server`, not to a `hook`".to_owned())
            }
            _ => Err("`acme.dns` has either `server` or `hook`".to_owned()),
        }
    }

    fn resolver(&self) -> Result<Option<SocketAddr>, String> {
        let Some(text) = &self.resolver else {
            return Ok(None);
        };
        match with_port(text).parse() {
            Ok(address) => Ok(Some(address)),
            Err(_) => Err(format!("`acme.dns.resolver` is an address, not `{text}`")),
        }
    }

    /// For the door.
    fn read(&self) -> Result<ship_server::Dns, String> {
        if !(1..=3600).contains(&self.wait) {
            return Err("`acme.dns.wait` is between 1 and 3600 seconds".to_owned());
        }
        Ok(ship_server::Dns {
            provider: self.provider()?,
            resolver: self.resolver()?,
            port: DNS,
            wait: self.wait,
        })
    }
}

/// A host with its port, or with that of DNS.
fn with_port(text: &str) -> String {
    match text.parse::<std::net::IpAddr>() {
        Ok(address) => SocketAddr::from((address, DNS)).to_string(),
        Err(_) if text.contains(':') => text.to_owned(),
        Err(_) => format!("{text}:{DNS}"),
    }
}

impl Acme {
    /// For the door.
    pub(crate) fn authority(self) -> Option<ship_server::Acme> {
        let contact = self.contact.into_iter();
        let fallback = self.fallback.map(|other| Authority {
            directory: other.directory,
            root: other.root,
            eab: eab(other.eab_kid, other.eab_key),
        });
        self.enabled.then(|| ship_server::Acme {
            authority: Authority {
                directory: self.directory,
                root: self.root,
                eab: eab(self.eab_kid, self.eab_key),
            },
            contact: contact.map(|address| format!("mailto:{address}")).collect(),
            check_dns: self.check_dns,
            fallback,
            // Checked when it was read.
            dns: self.dns.and_then(|dns| dns.read().ok()),
        })
    }

    fn holds_key(&self) -> bool {
        let fallback = self.fallback.as_ref();
        self.eab_key.is_some() || fallback.is_some_and(|other| other.eab_key.is_some())
    }

    fn check(&self) -> Result<(), String> {
        check_directory("acme", &self.directory)?;
        check_eab("acme", self.eab_kid.as_ref(), self.eab_key.as_ref())?;
        if let Some(other) = &self.fallback {
            let table = "acme.fallback";
            check_directory(table, &other.directory)?;
            check_eab(table, other.eab_kid.as_ref(), other.eab_key.as_ref())?;
            if other.directory == self.directory {
                return Err(
                    "`acme.fallback.directory` is another one than `acme.directory`".to_owned(),
                );
            }
        }
        self.dns.as_ref().map(Dns::read).transpose()?;
        match self.contact.iter().find(|address| !is_mail(address)) {
            Some(wrong) => Err(format!(
                "`acme.contact` holds mail addresses, not `{wrong}`"
            )),
            None => Ok(()),
        }
    }
}

fn eab(kid: Option<String>, key: Option<Secret<String>>) -> Option<Eab> {
    let (kid, key) = kid.zip(key)?;
    Some(Eab { kid, key })
}

fn check_directory(table: &str, directory: &str) -> Result<(), String> {
    if directory.starts_with("https://") {
        return Ok(());
    }
    Err(format!(
        "`{table}.directory` is an address with `https://`, not `{directory}`"
    ))
}

fn check_eab(
    table: &str,
    kid: Option<&String>,
    key: Option<&Secret<String>>,
) -> Result<(), String> {
    match (kid.cloned(), key.cloned()) {
        (None, None) => Ok(()),
        (Some(kid), Some(key)) => match (Eab { kid, key }).bytes() {
            Some(_) => Ok(()),
            None => Err(format!("`{table}.eab-key` is not base64")),
        },
        _ => Err(format!(
            "`{table}.eab-kid` and `{table}.eab-key` go together: the authority gave out both"
        )),
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

fn yes() -> bool {
    true
}

impl Config {
    /// The one of this machine, where there is one.
    pub(crate) fn read() -> Result<Option<Self>> {
        let text = file::read_text_if_there(Path::new(PATH))?;
        text.map(|text| Self::parse(&text)).transpose()
    }

    /// Says so where somebody else may read a key that it holds.
    pub(crate) fn warn_if_open(&self) {
        let open = std::fs::metadata(PATH).is_ok_and(|data| data.mode() & 0o077 != 0);
        if open && self.acme.holds_key() {
            warn!("`{PATH}` holds a key and others may read it: `chmod 600 {PATH}`");
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let cannot = |why: &str| {
            CommandError::new(FaultKind::User, format!("cannot understand `{PATH}`")).cause(why)
        };
        let config: Self = toml::from_str(text).map_err(|error| cannot(&told(text, &error)))?;
        config.acme.check().map_err(|why| cannot(&why))?;
        config.room.check().map_err(|why| cannot(&why))?;
        Ok(config)
    }
}

/// What is wrong, with the line it stands in, unless that may hold a key.
fn told(text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or_default();
    let begin = before.rfind('\n').map_or(0, |end| end + 1);
    let line = text.get(begin..).and_then(|rest| rest.lines().next());
    if line.is_some_and(|line| line.contains("key")) {
        let number = before.matches('\n').count() + 1;
        return format!("line {number}: {}", error.message());
    }
    error.to_string().trim_end().to_owned()
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
                http3: true,
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
    fn http3_is_spoken_unless_it_is_turned_off() {
        assert!(Config::parse("").unwrap().http3);
        assert!(!Config::parse("http3 = false").unwrap().http3);
        assert!(Config::parse("http3 = \"no\"").is_err());
    }

    #[test]
    fn an_authority_can_be_chosen_or_left_out() {
        let acme = |text: &str| Config::parse(text).unwrap().acme.authority();
        assert_eq!(acme("[acme]\nenabled = false"), None);
        let own = "[acme]\ndirectory = \"https://ca.example/dir\"\ncontact = [\"you@blog.example\"]\nroot = \"/etc/ca.pem\"\ncheck-dns = false";
        let own = acme(own).unwrap();
        assert_eq!(own.authority.directory, "https://ca.example/dir");
        assert_eq!(own.contact, ["mailto:you@blog.example"]);
        assert_eq!(
            own.authority.root.as_deref(),
            Some(Path::new("/etc/ca.pem"))
        );
        assert!(!own.check_dns);
        assert_eq!(acme("").unwrap().authority.directory, LETS_ENCRYPT);
    }

    #[test]
    fn what_the_authority_would_refuse_is_refused_here() {
        assert!(Config::parse("[acme]\ncontact = [\"you\"]").is_err());
        assert!(Config::parse("[acme]\ncontact = [\"mailto:you@a.example\"]").is_err());
        assert!(Config::parse("[acme]\ndirectory = \"ca.example\"").is_err());
    }

    #[test]
    fn a_second_authority_may_have_an_account_elsewhere() {
        let text = "[acme.fallback]\ndirectory = \"https://other.example/dir\"\neab-kid = \"k1\"\neab-key = \"-_8\"";
        let config = Config::parse(text).unwrap();
        assert!(!format!("{config:?}").contains("-_8"));
        let acme = config.acme.authority().unwrap();
        assert_eq!(acme.authority.directory, LETS_ENCRYPT);
        let other = acme.fallback.unwrap();
        assert_eq!(other.directory, "https://other.example/dir");
        assert_eq!(other.eab.unwrap().kid, "k1");
    }

    #[test]
    fn half_an_account_and_the_same_authority_twice_are_refused() {
        let why = |text: &str| format!("{:?}", Config::parse(text).unwrap_err());
        let half = "[acme]\neab-kid = \"k1\"";
        assert!(Config::parse(half).is_err());
        for wrong in [
            "[acme]\neab-kid = \"k1\"\neab-key = \"a hidden\"",
            "[acme]\neab_key = \"hidden\"",
            "[acme]\neab-key = [\"hidden\"]",
        ] {
            let why = why(wrong);
            assert!(!why.contains("hidden"), "{why}");
        }
        let twice = format!("[acme.fallback]\ndirectory = \"{LETS_ENCRYPT}\"");
        assert!(Config::parse(&twice).is_err());
        assert!(Config::parse("[acme.fallback]\ndirectory = \"other.example\"").is_err());
    }

    #[test]
    fn who_changes_zones_is_a_server_or_a_program() {
        let dns = |text: &str| {
            let config = Config::parse(&format!("[acme.dns]\n{text}"));
            config.map(|config| config.acme.authority().unwrap().dns.unwrap())
        };
        let server = |text: &str| match dns(text).unwrap().provider {
            DnsProvider::Server { address, .. } => address,
            DnsProvider::Hook(_) => "a hook".to_owned(),
        };
        assert_eq!(server("server = \"ns1.example.com\""), "ns1.example.com:53");
        assert_eq!(
            server("server = \"ns1.example.com:5353\""),
            "ns1.example.com:5353"
        );
        assert_eq!(server("server = \"2001:db8::1\""), "[2001:db8::1]:53");
        let hook = dns("hook = \"/etc/ship/dns-hook\"\nresolver = \"192.0.2.1\"").unwrap();
        assert_eq!(
            hook.provider,
            DnsProvider::Hook("/etc/ship/dns-hook".into())
        );
        assert_eq!(hook.resolver, Some("192.0.2.1:53".parse().unwrap()));
        assert_eq!(hook.wait, 120);
        for wrong in [
            "",
            "hook = \"dns-hook\"",
            "server = \"a.example\"\nkey = \"dns.key\"",
            "server = \"a.example\"\nhook = \"/hook\"",
            "hook = \"/hook\"\nkey = \"/key\"",
            "hook = \"/hook\"\nresolver = \"a.example\"",
            "hook = \"/hook\"\nwait = 0",
        ] {
            assert!(dns(wrong).is_err(), "{wrong}");
        }
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
