//! Whether the ports that `ship up` takes first are free, and who has them.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use ship_api::reply::ServerStatus;

use super::finding::Finding;

/// Plain HTTP, and HTTPS.
const PORTS: [u16; 2] = [8000, 8443];

/// The ports; the door's own is fine.
pub(crate) fn check(status: Option<&ServerStatus>) -> Vec<Finding> {
    let ours = status.and_then(|status| status.port);
    let mut findings: Vec<Finding> = PORTS.iter().map(|port| one(*port, ours)).collect();
    if let Some(port) = ours.filter(|port| !PORTS.contains(port)) {
        findings.push(one(port, ours));
    }
    findings
}

fn one(port: u16, ours: Option<u16>) -> Finding {
    let area = format!("port {port}");
    if ours == Some(port) {
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
        let finding = one(port, None);
        assert!(
            finding
                .what
                .contains(&format!("pid {}", std::process::id())),
            "{finding:?}"
        );
        assert!(!finding.is_broken());
        assert_eq!(one(port, Some(port)).what, "our front door listens");
    }
}
