//! `ship server doctor`: what an administrator would look at on a machine that serves.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::Path;
use std::process::{Command, Stdio};

use ship_api::reply::{App, ServerStatus};
use ship_base::count;
use ship_base::file;
use ship_base::socket_holders::SocketHolders;

use super::sockets::{self, Waiting};
use crate::cli::Context;
use crate::commands::doctor::finding::Finding;
use crate::commands::doctor::{certificates, disk};
use crate::control::Control;
use crate::error::Result;
use crate::exit;

/// sshd's own port: the way in for whoever runs the server.
const SSH: u16 = 22;

/// Clients that ask for this machine's address on its network (RFC 2131, 4.1: port 68), and hear
/// nothing else there.
const DHCP: (u16, [&str; 4]) = (
    68,
    ["dhclient", "dhcpcd", "systemd-network", "NetworkManager"],
);

/// Looks at everything and shows it; 1 where something is broken.
pub(super) async fn run(context: &mut Context, control: &Control, json: bool) -> Result<u8> {
    let (status, apps) = match control.running().await? {
        Some(client) => (Some(client.status().await?), client.apps().await?),
        None => (None, Vec::new()),
    };
    let mut findings = vec![server(status.as_ref())];
    findings.extend(sockets(status.as_ref()));
    findings.extend(disk::check(control.folders()));
    findings.extend([memory(), clock(), links(), updates()]);
    findings.extend(certificates::check(status.as_ref()));
    findings.extend(status.iter().flat_map(names));
    findings.extend(apps.iter().filter_map(traffic));
    if json {
        context.ui.json(&findings)?;
    } else {
        for finding in &findings {
            context.ui.data(&finding.line())?;
        }
    }
    let broken = findings.iter().any(Finding::is_broken);
    Ok(if broken { exit::USER } else { exit::OK })
}

fn server(status: Option<&ServerStatus>) -> Finding {
    match status {
        Some(status) => {
            let running = count::plural(status.running.len(), "app");
            let what = format!("version {}, {running}", status.version);
            Finding::good("server", what)
        }
        None => Finding::broken("server", "does not run", "`systemctl status ship`"),
    }
}

fn sockets(status: Option<&ServerStatus>) -> Vec<Finding> {
    let holders = SocketHolders::look();
    let ours: Vec<u16> = status
        .map(|status| [status.port, status.https_port])
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    let all = sockets::all();
    all.iter()
        .map(|socket| of_socket(socket, holders.of(socket.inode), &ours))
        .collect()
}

fn of_socket(socket: &Waiting, holder: Option<&str>, ours: &[u16]) -> Finding {
    let (area, port) = (
        format!("{} {}", socket.protocol, socket.address.port()),
        socket.address.port(),
    );
    let holder = holder.unwrap_or("a process of another user");
    let what = format!("{} by {holder}", socket.address);
    let expected = is_expected(socket.protocol, port, holder, ours);
    if expected || !socket.is_open() {
        return Finding::good(area, what);
    }
    Finding::notable(
        area,
        format!("{what}: whoever reaches this machine reaches it"),
        "have it listen on 127.0.0.1, stop it, or close the port in the firewall",
    )
}

/// Whether a server has it open on purpose.
fn is_expected(protocol: &str, port: u16, holder: &str, ours: &[u16]) -> bool {
    match protocol {
        "tcp" => port == SSH || ours.contains(&port),
        // HTTP/3.
        _ if holder.starts_with("ship") => ours.contains(&port),
        _ => port == DHCP.0 && DHCP.1.iter().any(|client| holder.starts_with(client)),
    }
}

fn memory() -> Finding {
    let text = file::read_text(Path::new("/proc/meminfo")).unwrap_or_default();
    let (Some(whole), Some(free)) = (kib(&text, "MemTotal:"), kib(&text, "MemAvailable:")) else {
        return Finding::notable("memory", "cannot be asked for", "`free -h`");
    };
    let what = format!("{} of {} free", count::bytes(free), count::bytes(whole));
    if free < whole / 10 {
        let remedy = "`ship ps` shows what each app takes; a larger machine, or fewer instances";
        return Finding::notable("memory", what, remedy);
    }
    Finding::good("memory", what)
}

/// A line of `/proc/meminfo` in bytes.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(number * 1024)
}

/// Certificates and logs live by the clock.
fn clock() -> Finding {
    let now = ship_base::clock::Moment::now();
    match told(
        "timedatectl",
        &["show", "--property=NTPSynchronized", "--value"],
    )
    .as_deref()
    {
        Some("yes") => Finding::good("clock", format!("{now}, kept right by the network")),
        Some(_) => Finding::notable(
            "clock",
            format!("{now}, and nothing keeps it right"),
            "`timedatectl set-ntp true`, or install chrony",
        ),
        None => Finding::good(
            "clock",
            format!("{now}; who keeps it right is not known here"),
        ),
    }
}

/// Whoever builds could otherwise give files of others a name in its own folder.
fn links() -> Finding {
    let path = Path::new("/proc/sys/fs/protected_hardlinks");
    match file::read_text(path).unwrap_or_default().trim() {
        "0" => Finding::broken(
            "hard links",
            "users may link to files that are not theirs",
            "`sysctl -w fs.protected_hardlinks=1`, and the same in /etc/sysctl.d",
        ),
        _ => Finding::good("hard links", "only to one's own files"),
    }
}

fn updates() -> Finding {
    if !Path::new("/usr/bin/apt-get").exists() {
        return Finding::good("updates", "not known here: this machine has no apt");
    }
    let Some(simulated) = told("apt-get", &["--simulate", "--quiet", "upgrade"]) else {
        return Finding::notable(
            "updates",
            "apt cannot tell what waits",
            "`apt-get check` says why; `apt --fix-broken install` mends what is half installed",
        );
    };
    let packages: Vec<&str> = simulated
        .lines()
        .filter(|line| line.starts_with("Inst "))
        .collect();
    let security = packages
        .iter()
        .filter(|line| line.to_lowercase().contains("security"));
    let (all, security) = (packages.len(), security.count());
    let reboot = Path::new("/run/reboot-required").exists();
    let what = format!(
        "{} wait, {security} of them for security",
        count::plural(all, "package")
    );
    if reboot {
        let remedy = "reboot at a quiet hour: apps come back by themselves";
        return Finding::notable("updates", format!("{what}; one wants a reboot"), remedy);
    }
    if security > 0 {
        return Finding::notable("updates", what, "`apt update && apt upgrade`");
    }
    Finding::good("updates", what)
}

/// How much of its month's traffic an app has used, where there is a budget.
fn traffic(app: &App) -> Option<Finding> {
    let traffic = app.traffic.as_ref()?;
    let what = format!(
        "`{}` has used {} of {} this month",
        app.name,
        count::bytes(traffic.sent),
        count::bytes(traffic.budget?)
    );
    let remedy = "a larger `[limits] traffic` in its `ship.toml`, and a deploy";
    Some(match traffic.state.as_str() {
        "within" => Finding::good("traffic", what),
        "near" | "over" => Finding::notable("traffic", what, remedy),
        state => Finding::notable("traffic", format!("{what} and is {state}"), remedy),
    })
}

/// Whether the domains of the apps lead here.
fn names(status: &ServerStatus) -> Vec<Finding> {
    let own = own_addresses();
    let certificates = status.certificates.iter();
    let names = certificates.flat_map(|certificate| &certificate.names);
    names.map(|name| of_name(name, &own)).collect()
}

fn of_name(name: &str, own: &[IpAddr]) -> Finding {
    // A wildcard is no name; any that it covers leads where it does.
    let asked = name.replacen('*', "any-name", 1);
    let found = (asked, 0).to_socket_addrs();
    let found: Vec<IpAddr> = match found {
        Ok(found) => found.map(|address| address.ip()).collect(),
        Err(error) => {
            let what = format!("`{name}` leads nowhere: {error}");
            let remedy = "set its A and AAAA records to this machine's addresses";
            return Finding::notable("dns", what, remedy);
        }
    };
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    let what = format!("`{name}` leads to {}", shown.join(", "));
    if found.iter().any(|ip| own.contains(ip)) {
        return Finding::good("dns", what);
    }
    let remedy = "none of these is an address of this machine: right behind a translating router, wrong elsewhere";
    Finding::notable("dns", what, remedy)
}

/// The addresses of this machine, as its tables of routes tell (proc(5) does not say how: the leaf
/// of an own address is followed by `host LOCAL`).
fn own_addresses() -> Vec<IpAddr> {
    let trie = file::read_text(Path::new("/proc/net/fib_trie")).unwrap_or_default();
    let six = file::read_text(Path::new("/proc/net/if_inet6")).unwrap_or_default();
    let six = six.lines().filter_map(|line| {
        let bits = u128::from_str_radix(line.get(..32)?, 16).ok()?;
        Some(IpAddr::from(bits.to_be_bytes()))
    });
    let mut addresses: Vec<IpAddr> = local_leaves(&trie).into_iter().chain(six).collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

fn local_leaves(trie: &str) -> Vec<IpAddr> {
    let mut leaf: Option<IpAddr> = None;
    let mut addresses = Vec::new();
    for line in trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        } else if line.contains("host LOCAL") {
            addresses.extend(leaf);
        }
    }
    addresses
}

/// What a program of the machine says; `None` where it is not there or fails.
fn told(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    let output = command
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_has_open_on_purpose_is_no_reason_to_worry() {
        let expected = |protocol, port, holder| is_expected(protocol, port, holder, &[80, 443]);
        assert!(expected("tcp", 22, "sshd (pid 1)"));
        assert!(expected("tcp", 443, "ship: door (pid 2)"));
        assert!(expected("udp", 443, "ship: door (pid 2)"));
        assert!(expected("udp", 68, "dhclient (pid 3)"));
        assert!(!expected("udp", 68, "python3 (pid 4)"));
        assert!(!expected("udp", 443, "dhclient (pid 3)"));
        assert!(!expected("tcp", 5432, "postgres (pid 5)"));
    }

    #[test]
    fn the_machines_own_addresses_are_read_from_its_routes() {
        let trie = "Local:\n  +-- 127.0.0.0/8 2 0 2\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 127.255.255.255\n        /32 link BROADCAST\n     |-- 203.0.113.7\n        /32 host LOCAL\n";
        let expected: Vec<IpAddr> = ["127.0.0.1", "203.0.113.7"]
            .map(|ip| ip.parse().unwrap())
            .into();
        assert_eq!(local_leaves(trie), expected);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "MemTotal:        2048 kB\nMemAvailable:    1024 kB\n";
        assert_eq!(kib(text, "MemAvailable:"), Some(1 << 20));
    }
}
