//! What does not work about DNS.

use std::io;
use std::path::PathBuf;

use ship_base::file::FileError;

/// Why a record is not where an authority could see it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DnsError {
    /// It is too long, or a part of it is.
    #[error("`{name}` is no name of DNS")]
    Name {
        /// What.
        name: String,
    },
    /// It cannot be reached, or is silent.
    #[error("the DNS server `{server}` does not answer")]
    Silent {
        /// Which.
        server: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It says no.
    #[error("the DNS server `{server}` answers {code} for `{name}`")]
    Refused {
        /// Which.
        server: String,
        /// Its word for it.
        code: String,
        /// For what.
        name: String,
    },
    /// Its answer cannot be read.
    #[error("what the DNS server `{server}` answers is no DNS")]
    Garbled {
        /// Which.
        server: String,
    },
    /// Somebody else may have written the answer.
    #[error("the answer of the DNS server `{server}` is not signed with the key `{key}`")]
    Unsigned {
        /// Which.
        server: String,
        /// The key's name.
        key: String,
    },
    /// No zone has the name.
    #[error("no zone of DNS has `{name}`")]
    NoZone {
        /// The name.
        name: String,
    },
    /// The zone has no servers that can be asked.
    #[error("no server of the zone `{zone}` has an address")]
    NoServers {
        /// The zone.
        zone: String,
    },
    /// The record is not everywhere.
    #[error("after {seconds} s `{name}` is not at every server of the zone `{zone}`: {missing}")]
    Missing {
        /// The record.
        name: String,
        /// Its zone.
        zone: String,
        /// How long was waited.
        seconds: u64,
        /// Who lacks it, and why.
        missing: String,
    },
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It holds no key.
    #[error("`{}` holds no key with `hmac-sha256` as `tsig-keygen` writes it", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The program could not be started.
    #[error("cannot start `{}`", program.display())]
    Start {
        /// Which.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program failed.
    #[error("`{} {call}` {how}{words}", program.display())]
    Hook {
        /// Which.
        program: PathBuf,
        /// With which arguments, without the value.
        call: String,
        /// How it ended.
        how: String,
        /// The last of what it said.
        words: String,
    },
}

/// The word for an answer's code (RFC 1035, 4.1.1; RFC 2136, 2.2; RFC 8945, 3).
pub(super) fn word(code: u16) -> String {
    let word = match code {
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        16 => "BADSIG (the secret is another one)",
        17 => "BADKEY (it knows no such key)",
        18 => "BADTIME (its clock and this one differ)",
        22 => "BADTRUNC",
        _ => return format!("code {code}"),
    };
    word.to_owned()
}
