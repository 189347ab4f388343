//! Whether `NAME.localhost` leads to this machine.

use std::net::ToSocketAddrs as _;

use super::finding::Finding;

/// RFC 6761, section 6.3, wants it so; browsers do it themselves, the C library need not.
pub(crate) fn check() -> Finding {
    let addresses = ("ship-doctor.localhost", 80).to_socket_addrs();
    let mut addresses = match addresses {
        Ok(addresses) => addresses.map(|address| address.ip()),
        Err(_) => return unresolved("does not resolve"),
    };
    if addresses.all(|address| address.is_loopback()) {
        Finding::good("names", "*.localhost is this machine")
    } else {
        unresolved("leads to another machine")
    }
}

fn unresolved(how: &str) -> Finding {
    Finding::notable(
        "names",
        format!("*.localhost {how} outside browsers, which know it by themselves"),
        "for other programs: `sudo apt install libnss-myhostname`, or \
         `curl -H 'Host: NAME.localhost' http://localhost:8000`",
    )
}
