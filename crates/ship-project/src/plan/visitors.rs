//! What is asked of visitors before anybody answers them, and what their browsers are told.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What visitors are asked about TLS, where the app has a certificate: on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Https {
    /// Visitors that come without TLS are sent to the same place with it.
    pub redirect: bool,
    /// For how long browsers are to come by TLS alone (RFC 6797); `None` says nothing to them.
    pub hsts: Option<Duration>,
}

impl Https {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Https {
    fn default() -> Self {
        Self {
            redirect: true,
            hsts: None,
        }
    }
}

/// What browsers are told, where the app does not say it itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Browsers {
    /// Anything at all: to take a file for what its type says, and to tell other sites the host
    /// that a visitor comes from and no path.
    pub headers: bool,
    /// Pages of other sites may show the app's in a frame.
    pub frames: bool,
}

impl Browsers {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Browsers {
    fn default() -> Self {
        Self {
            headers: true,
            frames: false,
        }
    }
}

/// Pages of the author's in place of Shipsmith's own, where the app does not answer itself: files of
/// the source, in HTML.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages {
    /// No file and no route is there: 404.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_found: Option<PathBuf>,
    /// The app does not run or does not answer: 502, 503, 504.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<PathBuf>,
    /// `ship maintenance on`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<PathBuf>,
}

impl Pages {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What a route asks of its visitors. It holds for all that lies below its prefix as well, where a
/// longer one does not say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The only networks whose visitors are answered: `192.0.2.0/24`, or an address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// How often one address may ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Who must say a name and a password first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
}

/// HTTP's own sign-in (RFC 7617).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BasicAuth {
    /// None here, whatever holds above.
    None,
    /// The setting with the users: `name:password`, one after the other.
    Setting(String),
}

impl Rules {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// So many requests in a time, of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Requests; at least one.
    pub requests: u32,
    /// Seconds; at least one.
    pub seconds: u32,
}
