//! A loopback port for a program that cannot listen on a unix socket.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// The port of the last start, where it is still free, else one that the system picks.
///
/// Between this look and the program's own binding another program may take it: the program then
/// ends, and its next start picks another.
pub(super) fn choose(last: Option<u16>) -> io::Result<u16> {
    match last {
        Some(port) if bind(port).is_ok() => Ok(port),
        _ => bind(0),
    }
}

fn bind(port: u16) -> io::Result<u16> {
    Ok(TcpListener::bind(address(port))?.local_addr()?.port())
}

/// The loopback address with this port.
pub(super) fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// `argument` with `$PORT` and `${PORT}` replaced; longer names that begin so are left alone.
pub(super) fn fill(argument: &str, port: u16) -> String {
    let port = port.to_string();
    let mut filled = String::new();
    let mut rest = argument;
    while let Some(at) = rest.find('$') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = if rest.starts_with("${PORT}") {
            "${PORT}".len()
        } else if rest
            .strip_prefix("$PORT")
            .is_some_and(|after| !after.starts_with(in_name))
        {
            "$PORT".len()
        } else {
            filled.push('$');
            rest = &rest[1..];
            continue;
        };
        filled.push_str(&port);
        rest = &rest[taken..];
    }
    filled + rest
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_port_is_filled_in() {
        assert_eq!(fill("0.0.0.0:$PORT", 80), "0.0.0.0:80");
        assert_eq!(
            fill("${PORT}$PORT-$PORTS $PORT_X $$PORT", 80),
            "8080-$PORTS $PORT_X $80"
        );
        assert_eq!(fill("$", 80), "$");
    }

    #[test]
    fn a_free_port_is_kept_and_a_taken_one_is_not() {
        let port = choose(None).unwrap();
        let taken = TcpListener::bind(address(0)).unwrap();
        let other = taken.local_addr().unwrap().port();
        assert_ne!(choose(Some(other)).unwrap(), other);
        assert_ne!(port, 0);
    }

    proptest! {
        #[test]
        fn text_without_dollars_is_left_alone(text in "[^$]*") {
            prop_assert_eq!(fill(&text, 1), text);
        }
    }
}
