//! The route table: who answers which host and path. It is swapped whole.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ship_base::base64;
use ship_base::hash::{ContentHash, Hasher};
use ship_base::name::{AppName, ReleaseId};
use ship_base::secret::Secret;

/// The version of the table's JSON on disk and on the door's socket.
pub const VERSION: u32 = 1;

/// Everything the door serves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// [`VERSION`].
    pub version: u32,
    /// One entry per app; no host stands in two of them.
    pub sites: Vec<Site>,
    /// Where certificates come from.
    #[serde(default)]
    pub certificates: Certificates,
}

impl Table {
    /// Of this version, with nothing in it.
    pub fn empty() -> Self {
        Self {
            version: VERSION,
            ..Self::default()
        }
    }
}

/// Where certificates come from, besides the files in the door's folder `certificates`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificates {
    /// Names of this machine (`*.localhost`) get certificates of a CA of its own.
    #[serde(default)]
    pub local: bool,
    /// Names of the internet get certificates of an authority.
    #[serde(default)]
    pub acme: Option<Box<Acme>>,
}

/// Authorities that speak ACME (RFC 8555). Every host of the table that is a name of the internet
/// is asked for, unless a file of the author's covers it. `http-01` needs a listener on port 80,
/// `tls-alpn-01` one on 443.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acme {
    /// The one that is asked. Whoever sends this has agreed to its terms.
    #[serde(flatten)]
    pub authority: Authority,
    /// `mailto:` addresses for the accounts; may be none.
    #[serde(default)]
    pub contact: Vec<String>,
    /// Look a name up before asking for it. False where the authority sees another DNS than this
    /// machine.
    #[serde(default = "yes")]
    pub check_dns: bool,
    /// The one that is asked where the first has failed for long: for 15 minutes where a name has no
    /// certificate, else for a quarter of what is left of its life, a day at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Authority>,
    /// Who can change the zones of the names, for `dns-01`: without it, wildcards are not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<Dns>,
}

/// How a record gets into the zone of a name, and how it is seen to be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// Who changes the zone.
    pub provider: DnsProvider,
    /// Who is asked which zone has a name and who serves it; the resolvers of this machine where there
    /// is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolver: Option<SocketAddr>,
    /// The port of the servers of zones; another one than 53 is for tests.
    #[serde(default = "dns_port")]
    pub port: u16,
    /// Seconds: so long may the hook take, and after that the servers of the zone until each has the
    /// record.
    pub wait: u64,
}

/// Who changes a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DnsProvider {
    /// A program, called with `set|remove NAME VALUE`.
    Hook(PathBuf),
    /// A server of names that takes changes (RFC 2136).
    Server {
        /// With its port: `ns1.example.com:53`.
        address: String,
        /// A file with the key that it shares, as `tsig-keygen` of BIND writes it; unsigned without.
        #[serde(default)]
        key: Option<PathBuf>,
    },
}

fn dns_port() -> u16 {
    53
}

impl Acme {
    /// In the order in which they are asked.
    pub(crate) fn authorities(&self) -> impl Iterator<Item = &Authority> {
        std::iter::once(&self.authority).chain(&self.fallback)
    }
}

/// One authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Its directory: `https://acme-v02.api.letsencrypt.org/directory`.
    pub directory: String,
    /// A file of the only roots to trust when talking to it; the system's where there is none.
    #[serde(default)]
    pub root: Option<PathBuf>,
    /// The account that one has there already, where it asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eab: Option<Eab>,
}

/// An account that was made elsewhere, for the one of ACME to be bound to (RFC 8555, 7.3.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eab {
    /// What the authority calls it.
    pub kid: String,
    /// The key that it gave out with that: base64url, as authorities show it.
    pub key: Secret<String>,
}

impl Eab {
    /// The key itself; `None` where it is no base64, of either alphabet.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let text = self.key.reveal().trim_end_matches('=');
        let mut text = text.replace('-', "+").replace('_', "/");
        text.extend(std::iter::repeat_n('=', (4 - text.len() % 4) % 4));
        base64::decode(&text)
    }
}

fn yes() -> bool {
    true
}

/// What one app answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The app.
    pub app: AppName,
    /// The release that is live, for error pages and logs; `None` when nothing is.
    pub release: Option<ReleaseId>,
    /// Host names in lower case, without port; `*.blog.example` for every name that is one label
    /// longer and stands nowhere itself.
    pub hosts: Vec<String>,
    /// Prefixes and who answers; the longest that fits wins, on whole path segments.
    pub routes: Vec<Route>,
    /// The largest request body in bytes.
    pub body_limit: u64,
    /// What is asked of visitors about TLS.
    #[serde(default)]
    pub https: Https,
    /// The folder of the log in which each request is written; none where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log: Option<PathBuf>,
    /// What holds for all of its routes.
    #[serde(default, skip_serializing_if = "SiteRules::is_default")]
    pub rules: SiteRules,
}

/// What holds for all routes of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteRules {
    /// `X-Content-Type-Options`, `Referrer-Policy` and `X-Frame-Options`, where an answer does not
    /// say them itself.
    #[serde(default)]
    pub safety: bool,
    /// Pages of other sites may show its pages in a frame: no `X-Frame-Options` is added.
    #[serde(default)]
    pub framed: bool,
    /// The one of the site's hosts to which visitors of its others are sent, by 308; names of this
    /// machine are not. In lower case, without port.
    #[serde(default)]
    pub canonical: Option<String>,
    /// Visitors see a page in its place.
    #[serde(default)]
    pub maintenance: Option<Maintenance>,
    /// Files in place of our own pages.
    #[serde(default, skip_serializing_if = "Pages::is_default")]
    pub pages: Pages,
    /// What its visitors may take in a month; none where there is no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

/// What visitors may take of a site in a calendar month (UTC).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Bytes that may go out to them.
    pub bytes: u64,
    /// What happens beyond.
    pub over: Over,
    /// Paths that are answered while the site is paused, exactly these, besides all below
    /// `/.well-known/acme-challenge/`.
    #[serde(default)]
    pub open: Vec<String>,
}

/// What happens beyond a [`Budget`], until the month ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// It is said in the log.
    Warn,
    /// All answers together go out at one pace (see
    /// [`Limits::slow_pace`](crate::limit::Limits::slow_pace)).
    Slow,
    /// Visitors see a page in its place, with 503; what was under way goes on as with `Slow`.
    Pause,
}

/// How much of a [`Budget`] is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Less than 80 %.
    Within,
    /// 80 % or more.
    Near,
    /// All of it.
    Beyond,
}

impl Budget {
    /// How much of it is used when so many bytes went out.
    pub fn level(&self, sent: u64) -> Level {
        if sent >= self.bytes {
            Level::Beyond
        } else if u128::from(sent) * 100 >= u128::from(self.bytes) * 80 {
            Level::Near
        } else {
            Level::Within
        }
    }
}

/// HTML files in place of our own pages, for browsers. One that cannot be read is told in the log, and
/// ours is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages {
    /// For 404.
    #[serde(default)]
    pub not_found: Option<PathBuf>,
    /// For 502, 503 and 504.
    #[serde(default)]
    pub unavailable: Option<PathBuf>,
    /// For maintenance.
    #[serde(default)]
    pub maintenance: Option<PathBuf>,
}

impl Pages {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A page in the place of a site, with 503.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// What it says; a sentence of ours where there is none.
    #[serde(default)]
    pub message: Option<String>,
    /// Networks and addresses whose visitors see the site all the same.
    #[serde(default)]
    pub allow: Vec<String>,
}

impl SiteRules {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What is asked of a site's visitors about TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Https {
    /// Visitors that come without TLS are sent to this port with TLS, by 308, where there is a
    /// certificate for the name by which they came.
    #[serde(default)]
    pub redirect: Option<u16>,
    /// `Strict-Transport-Security` with this `max-age` in seconds, where the app sends none itself.
    #[serde(default)]
    pub hsts: Option<u64>,
}

/// A path prefix and who answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// `/`, `/static/`, `/media`.
    pub prefix: String,
    /// Who answers.
    pub to: Target,
    /// How long answers of instances are kept where they say nothing about it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// What is asked of its visitors.
    #[serde(default, skip_serializing_if = "RouteRules::is_default")]
    pub rules: RouteRules,
}

/// What a route asks of its visitors before anybody answers them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRules {
    /// The only networks whose visitors are answered: `192.0.2.0/24`, `2001:db8::/32`, or an
    /// address. Others get 403. Where there is none, everybody is.
    #[serde(default)]
    pub allow: Vec<String>,
    /// How often one address (of IPv6: one /64) may ask; 429 beyond.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// Who must sign in first, and as whom; 401 for everybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
}

/// HTTP's own sign-in (RFC 7617).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasicAuth {
    /// What browsers show when they ask: printable ASCII without `"` and `\`.
    pub realm: String,
    /// Whose credentials are taken, by their [`credential`]; nobody's, where it is empty.
    pub users: Vec<ContentHash>,
}

/// What stands in the table for the credentials of a user, `name:password`: no table on any disk has
/// a password. It says nothing to who looks for common passwords in the table of another realm.
pub fn credential(realm: &str, user: &str) -> ContentHash {
    encoded_credential(realm, &base64::encode(user.as_bytes()))
}

/// The same of credentials as they come over the wire.
pub(crate) fn encoded_credential(realm: &str, user: &str) -> ContentHash {
    let mut hasher = Hasher::new();
    hasher.field("basic auth").field(realm).field(user);
    hasher.finish()
}

impl RouteRules {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// So many requests in so many seconds. As many at once are a burst that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Requests; at least one.
    pub requests: u32,
    /// Seconds; at least one.
    pub seconds: u32,
}

/// How long answers are kept, in seconds. What sets a cookie, is asked for with one, or says
/// `no-store`, `no-cache` or `private` is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// A new one is asked for after this time, by one visitor for all.
    pub fresh: u64,
    /// And after this share, in percent, of the time for which an answer was unchanged when it came;
    /// one without `Last-Modified` is not kept.
    #[serde(default)]
    pub share: Option<u32>,
    /// After that, an old answer is sent for this time while a new one is fetched, or where none can
    /// be had.
    #[serde(default)]
    pub stale: u64,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Target {
    /// Running instances; requests go to the one with the fewest in flight, and on to the next
    /// when one cannot be connected to.
    Instances {
        /// The instances; none gives 503.
        upstreams: Vec<Upstream>,
        /// Whether they are asked without the prefix of the route, which is told to them in
        /// `X-Forwarded-Prefix`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        strip: bool,
    },
    /// Files of a folder; the prefix is taken off the path. Where nobody else is asked, the folder's
    /// own `404.html` answers for what is not there.
    Files {
        /// The folder. Nothing outside it is ever opened, links included.
        folder: PathBuf,
        /// Where a file is not there, ask `/`'s target instead of answering 404.
        fall_through: bool,
        /// A file of the folder that answers where there is no file, with 200: the page of a single
        /// page app. Not for paths that end like a file: a missing script must not be a page.
        #[serde(default)]
        fallback: Option<PathBuf>,
        /// A folder with some of the same files, compressed: `css/site.css.br`, `.zst` or `.gz` for
        /// `css/site.css`. They must be of the same content.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        packed: Option<PathBuf>,
    },
    /// A redirect; the rest of the path and the query are appended when `to` ends with `/`.
    Redirect {
        /// An absolute URL or a path.
        to: String,
        /// 301, 302, 307 or 308.
        status: u16,
    },
}

/// A running instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Upstream {
    /// `blog/web.1@r7`: the key under which in-flight requests are counted and drained. An entry
    /// with the same key in the next table keeps its connections.
    pub key: String,
    /// Where it listens.
    pub address: Address,
    /// What it speaks there; HTTP/1.1 by default.
    #[serde(default)]
    pub protocol: Protocol,
}

/// What an instance speaks with the door.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// HTTP/1.1, and 1.0 in answers.
    #[default]
    Http1,
    /// HTTP/2 without TLS, from the first byte on (RFC 9113, 3.3).
    H2c,
}

/// Where an instance listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// A loopback port.
    Tcp(SocketAddr),
}

/// What the door is asked on its socket; each is answered by one [`Reply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Ask {
    /// Serve on the listening sockets that come with this message (SCM_RIGHTS). `names` says which
    /// is which: `http:8000`, `https:8443`. TLS is spoken on those that begin with `https`.
    Listen {
        /// One name per descriptor, in order.
        names: Vec<String>,
    },
    /// Hand out copies of the listening sockets: the answer carries them.
    Listeners,
    /// Swap the table. Answered once every core uses it; it is on disk by then.
    Swap {
        /// The new table.
        table: Table,
    },
    /// Wait until nothing is in flight to these upstreams (which no table names any more), at most
    /// `within`; what is left then is cut: WebSockets with close code 1012.
    Drain {
        /// Keys of upstreams.
        keys: Vec<String>,
        /// At most this long.
        within: Duration,
    },
    /// Forget answers that are kept.
    Purge {
        /// Of this app.
        app: AppName,
        /// To this path with any query; to all that begin with it where it ends with `*`.
        path: String,
    },
    /// Counters.
    Status,
    /// Stop listening, finish what is in flight (at most `within`), end.
    Stop {
        /// At most this long.
        within: Duration,
    },
    /// The same for a door whose place another has: a connection that waits for its next request is
    /// not closed, but told with the answer that it was the last.
    Leave {
        /// At most this long.
        within: Duration,
    },
}

/// What the door answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// Done.
    Done,
    /// The listening sockets come with this message.
    Listeners {
        /// One name per descriptor, in order.
        names: Vec<String>,
    },
    /// Drained; how many requests had to be cut.
    Drained {
        /// Requests and WebSockets that were still open at the deadline.
        cut: u64,
    },
    /// How many answers were forgotten.
    Purged {
        /// How many.
        answers: u64,
    },
    /// Counters since the door's start.
    Status(Status),
    /// Not done, and why.
    Failed {
        /// In our voice.
        why: String,
    },
}

/// Counters of the door.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The process.
    pub pid: i32,
    /// Local addresses it accepts on.
    pub listening: Vec<SocketAddr>,
    /// Open client connections.
    pub connections: u64,
    /// Requests answered, of any status.
    pub requests: u64,
    /// Answers that we made because an app could not: 502, 503, 504.
    pub failures: u64,
    /// Requests in flight by upstream key.
    pub in_flight: Vec<(String, u64)>,
    /// Certificates, and what is wrong with them.
    #[serde(default)]
    pub certificates: Vec<CertificateState>,
}

/// A certificate, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateState {
    /// The names that it is for.
    pub names: Vec<String>,
    /// Whether there is one that visitors get.
    #[serde(default)]
    pub serves: bool,
    /// `file …`, or the authority.
    pub from: String,
    /// In our voice; `None` when all is well.
    pub trouble: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_near_its_end_at_80_percent() {
        let budget = |bytes| Budget {
            bytes,
            over: Over::Warn,
            open: Vec::new(),
        };
        for (sent, level) in [
            (0, Level::Within),
            (79, Level::Within),
            (80, Level::Near),
            (99, Level::Near),
            (100, Level::Beyond),
            (u64::MAX, Level::Beyond),
        ] {
            assert_eq!(budget(100).level(sent), level, "{sent}");
        }
        assert_eq!(budget(u64::MAX).level(u64::MAX / 2), Level::Within);
    }

    #[test]
    fn a_table_of_before_the_second_authority_is_read() {
        let text = r#"{"directory": "https://ca.example/dir", "contact": [], "root": null}"#;
        let acme: Acme = serde_json::from_str(text).unwrap();
        assert_eq!(acme.authority.directory, "https://ca.example/dir");
        assert!(acme.check_dns);
        assert_eq!(acme.authorities().count(), 1);
    }

    #[test]
    fn a_key_of_an_account_is_read_with_either_alphabet_and_with_or_without_padding() {
        let bytes = |text: &str| {
            let (kid, key) = ("k".to_owned(), text.to_owned().into());
            Eab { kid, key }.bytes()
        };
        for text in ["-_8", "-_8=", "+/8", "+/8="] {
            assert_eq!(bytes(text), Some(vec![0xFB, 0xFF]), "{text}");
        }
        for text in ["", "a", "a key"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
