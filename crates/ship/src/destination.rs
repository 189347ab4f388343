//! Where a server is, as ssh is told: `root@203.0.113.7`, a name of the user's ssh configuration,
//! with a port where it is not ssh's own.

use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;

use ship_api::Dial;

/// A machine that ssh can reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    host: String,
    port: Option<u16>,
}

/// What ssh would take for something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a destination of ssh: it is written `user@host`, `host` or `user@host:port`")]
pub(crate) struct NoDestination(String);

impl FromStr for Destination {
    type Err = NoDestination;

    /// No part may look like an option to ssh.
    fn from_str(text: &str) -> Result<Self, NoDestination> {
        let wrong = || NoDestination(text.to_owned());
        let plain = text.strip_prefix("ssh://").unwrap_or(text);
        let plain = plain.strip_suffix('/').unwrap_or(plain);
        let (user, place) = match plain.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, plain),
        };
        let (host, port) = split_port(place).ok_or_else(wrong)?;
        let is_word = |word: &str| {
            !word.is_empty()
                && !word.starts_with('-')
                && word
                    .chars()
                    .all(|c| c.is_alphanumeric() || "._-:%".contains(c))
        };
        if !is_word(host) || !user.is_none_or(is_word) {
            return Err(wrong());
        }
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        Ok(Self {
            host: format!("{user}{host}"),
            port,
        })
    }
}

/// `host`, `host:port`, `[2001:db8::1]:port`; more colons than one are an address without a port.
fn split_port(place: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        return match port.strip_prefix(':') {
            Some(port) => Some((host, Some(port.parse().ok()?))),
            None => port.is_empty().then_some((host, None)),
        };
    }
    match place.split_once(':') {
        Some((host, port)) if !port.contains(':') => Some((host, Some(port.parse().ok()?))),
        _ => Some((place, None)),
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) if self.host.contains(':') => {
                let (user, host) = self.host.rsplit_once('@').unwrap_or(("", &self.host));
                let user = if user.is_empty() {
                    String::new()
                } else {
                    format!("{user}@")
                };
                write!(f, "{user}[{host}]:{port}")
            }
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

impl Destination {
    /// The user's own ssh with a command, which a shell reads there.
    pub(crate) fn ssh(&self, ssh: OsString, command: &[&str]) -> Dial {
        Dial {
            destination: self.to_string(),
            program: ssh,
            arguments: self.arguments(command),
        }
    }

    fn arguments(&self, command: &[&str]) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["-T".into()];
        let mut option = |option: String| arguments.extend(["-o".into(), option.into()]);
        option("ServerAliveInterval=15".to_owned());
        // One that stays open behind a first command keeps that command's pipes.
        option("ControlMaster=no".to_owned());
        if let Some(port) = self.port {
            arguments.extend(["-p".into(), port.to_string().into()]);
        }
        // Nothing after the two dashes is an option, whatever it looks like.
        arguments.extend(["--".into(), OsString::from(&self.host)]);
        arguments.extend(command.iter().map(OsString::from));
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Destination, NoDestination> {
        text.parse()
    }

    #[test]
    fn destinations_are_written_as_people_write_them() {
        for (text, shown) in [
            ("root@203.0.113.7", "root@203.0.113.7"),
            ("prod", "prod"),
            ("ana@example.com:2222", "ana@example.com:2222"),
            ("ssh://ana@example.com:2222/", "ana@example.com:2222"),
            ("2001:db8::1", "2001:db8::1"),
            ("ana@[2001:db8::1]:22", "ana@[2001:db8::1]:22"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_ssh_would_take_for_an_option_is_refused() {
        for text in [
            "-oProxyCommand=reboot",
            "ana@-oProxyCommand=x",
            "-ana@host",
            "",
            "a b",
            "host:port",
            "host;reboot",
            "$(reboot)",
            "@host",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ssh_is_told_by_arguments_alone() {
        let dial = parse("ana@example.com:2222")
            .unwrap()
            .ssh("ssh".into(), &["ship", "dial"]);
        let words: Vec<_> = dial
            .arguments
            .iter()
            .map(|word| word.to_str().unwrap())
            .collect();
        insta::assert_snapshot!(words.join(" "), @"-T -o ServerAliveInterval=15 -o ControlMaster=no -p 2222 -- ana@example.com ship dial");
    }

    proptest! {
        #[test]
        fn nothing_that_is_accepted_begins_with_a_dash(text in "\\PC{0,40}") {
            if let Ok(destination) = parse(&text) {
                prop_assert!(!destination.host.starts_with('-'));
                prop_assert_eq!(parse(&destination.to_string()), Ok(destination));
            }
        }
    }
}
