//! Whether the ports that `ship up` takes first are free, and who has them.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use ship_api::reply::ServerStatus;

use super::finding::Finding;

/// Plain HTTP, and HTTPS.
const PORTS: [u16; 2] = [8000, 8443];

/// The ports; the door's own is fine.
pub(crate) fn check(status: Option<&ServerStatus>) -> Vec<Finding> {
    let both = |status: &ServerStatus| [status.port, status.https_port];
    let ours: Vec<u16> = status.map(both).into_iter().flatten().flatten().collect();
    let others = ours.iter().filter(|port| !PORTS.contains(port));
    let ports = PORTS.iter().chain(others);
    ports.map(|port| one(*port, &ours)).collect()
}

fn one(port: u16, ours: &[u16]) -> Finding {
    let area = format!("port {port}");
    if ours.contains(&port) {
        return Finding::good(area, "our front door listens");
    }
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Finding::good(area, "free"),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let holder = ship_server::port_holder(port);
            let by = holder.unwrap_or_else(|| "a process of another user".to_owned());
            Finding::notable(
                area,
                format!("taken by {by}"),
                "`ship up` takes the next free one; `--port N` names another",
            )
        }
        Err(error) => Finding::notable(
            area,
            format!("cannot be listened on: {error}"),
            "`--port N`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_names_who_has_it() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let finding = one(port, &[]);
        assert!(
            finding
                .what
                .contains(&format!("pid {}", std::process::id())),
            "{finding:?}"
        );
        assert!(!finding.is_broken());
        assert_eq!(one(port, &[port]).what, "our front door listens");
    }
}
