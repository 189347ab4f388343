//! A real certificate authority on this machine: Pebble, the one that Let's Encrypt tests clients
//! with, and the DNS that it asks.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::wait::wait_until;

pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Where an authority looks names up.
pub enum Names<'a> {
    /// Each leads to this address.
    All(&'a str),
    /// This server of names is asked.
    Server(SocketAddr),
}

/// An authority of this test. Dropping it ends it.
pub struct Authority {
    directory: String,
    root: PathBuf,
    programs: Vec<Child>,
    _folder: tempfile::TempDir,
}

impl Authority {
    /// One for whom every name leads to `address`, and that looks at these ports. It refuses half of
    /// all nonces. `None` where Pebble is not installed.
    pub fn start(http: u16, tls: u16, address: &str) -> Option<Self> {
        Self::start_with(http, tls, &Names::All(address), None)
    }

    /// The same with other names, or for accounts that have a key here already: its id, and the key
    /// in base64url.
    pub fn start_with(
        http: u16,
        tls: u16,
        names: &Names<'_>,
        account: Option<(&str, &str)>,
    ) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let [listen, manage, free, dns_manage] = [(); 4].map(|()| free_port());
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let made = made.expect("a certificate");
        let write = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("a file");
            path
        };
        let root = write("root.pem", &made.cert.pem());
        let key = write("key.pem", &made.signing_key.serialize_pem());
        let accounts: BTreeMap<&str, &str> = account.into_iter().collect();
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("localhost:{listen}"),
            "managementListenAddress": format!("localhost:{manage}"),
            "certificate": root,
            "privateKey": key,
            "httpPort": http,
            "tlsPort": tls,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": !accounts.is_empty(),
            "externalAccountMACKeys": accounts,
        }});
        let config = write("pebble.json", &config.to_string());
        let mut programs = Vec::new();
        let dns = match names {
            Names::Server(address) => *address,
            Names::All(address) => {
                let dns = SocketAddr::from(([127, 0, 0, 1], free));
                programs.push(all_names(address, dns, dns_manage));
                dns
            }
        };
        let mut pebble = quiet("pebble");
        pebble
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_AUTHZREUSE", "0")
            .env("PEBBLE_WFE_NONCEREJECT", "50")
            .arg("-config")
            .arg(config)
            .arg("-dnsserver")
            .arg(dns.to_string());
        let mut ports = vec![listen];
        ports.extend(programs.iter().map(|_| dns_manage));
        programs.push(pebble);
        let mut running = Vec::new();
        for mut program in programs {
            let Ok(child) = program.spawn() else {
                say_skipped();
                end(&mut running);
                return None;
            };
            running.push(child);
        }
        for port in ports {
            wait_until("the authority listens", SOON, || {
                TcpStream::connect(("localhost", port)).is_ok()
            });
        }
        Some(Self {
            directory: format!("https://localhost:{listen}/dir"),
            root,
            programs: running,
            _folder: folder,
        })
    }

    /// Where it answers ACME.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// The file of the certificate that it speaks TLS with.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

fn all_names(address: &str, dns: SocketAddr, manage: u16) -> Command {
    let mut names = quiet("pebble-challtestsrv");
    for (option, value) in [
        ("-http01", ""),
        ("-https01", ""),
        ("-tlsalpn01", ""),
        ("-defaultIPv6", ""),
        ("-defaultIPv4", address),
        ("-dns01", &dns.to_string()),
        ("-management", &format!("127.0.0.1:{manage}")),
    ] {
        names.args([option, value]);
    }
    names
}

impl Drop for Authority {
    fn drop(&mut self) {
        end(&mut self.programs);
    }
}

#[expect(clippy::print_stderr, reason = "a test that proved nothing says so")]
fn say_skipped() {
    eprintln!("skipped: there is no `pebble` and `pebble-challtestsrv` (apt install pebble)");
}

fn end(programs: &mut Vec<Child>) {
    for mut program in programs.drain(..) {
        let _ = program.kill();
        let _ = program.wait();
    }
}

fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

pub(crate) fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").port()
}
