//! A real certificate authority on this machine: Pebble, the one that Let's Encrypt tests clients
//! with, and the DNS that it asks.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::wait::wait_until;

const SOON: Duration = Duration::from_secs(30);

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
        let folder = tempfile::tempdir().expect("a folder");
        let [listen, manage, dns, dns_manage] = [(); 4].map(|()| free_port());
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let made = made.expect("a certificate");
        let write = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("a file");
            path
        };
        let root = write("root.pem", &made.cert.pem());
        let key = write("key.pem", &made.signing_key.serialize_pem());
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("localhost:{listen}"),
            "managementListenAddress": format!("localhost:{manage}"),
            "certificate": root,
            "privateKey": key,
            "httpPort": http,
            "tlsPort": tls,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        let config = write("pebble.json", &config.to_string());
        let mut names = quiet("pebble-challtestsrv");
        for (option, value) in [
            ("-http01", ""),
            ("-https01", ""),
            ("-tlsalpn01", ""),
            ("-defaultIPv6", ""),
            ("-defaultIPv4", address),
            ("-dns01", &format!("127.0.0.1:{dns}")),
            ("-management", &format!("127.0.0.1:{dns_manage}")),
        ] {
            names.args([option, value]);
        }
        let mut pebble = quiet("pebble");
        pebble
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_AUTHZREUSE", "0")
            .env("PEBBLE_WFE_NONCEREJECT", "50")
            .arg("-config")
            .arg(config)
            .arg("-dnsserver")
            .arg(format!("127.0.0.1:{dns}"));
        let mut programs = Vec::new();
        for program in [&mut names, &mut pebble] {
            let Ok(child) = program.spawn() else {
                say_skipped();
                end(&mut programs);
                return None;
            };
            programs.push(child);
        }
        for port in [listen, dns_manage] {
            wait_until("the authority listens", SOON, || {
                TcpStream::connect(("localhost", port)).is_ok()
            });
        }
        Some(Self {
            directory: format!("https://localhost:{listen}/dir"),
            root,
            programs,
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

fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").port()
}
