//! A real DNS server on this machine: BIND, with one zone that it changes for who has its key.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::authority::{SOON, free_port};
use crate::wait::wait_until;

/// A server of names of this test. Dropping it ends it.
pub struct NameServer {
    address: SocketAddr,
    folder: tempfile::TempDir,
    program: Child,
}

impl NameServer {
    /// One that serves `zone`, in which every name leads to this machine. `None` where BIND is not
    /// installed.
    pub fn start(zone: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path().display();
        let port = free_port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let key = Command::new("tsig-keygen").arg("ship").output().ok();
        let Some(key) = key.filter(|key| key.status.success()) else {
            say_skipped();
            return None;
        };
        let write = |name: &str, content: &str| {
            std::fs::write(folder.path().join(name), content).expect("a file");
        };
        write("key", &String::from_utf8_lossy(&key.stdout));
        write(
            "zone",
            &format!(
                "$TTL 60\n@ SOA ns1 root 1 60 60 60 60\n@ NS ns1\nns1 A 127.0.0.1\n@ A 127.0.0.1\n\
                 * A 127.0.0.1\nelsewhere CNAME _acme-challenge.aside.{zone}.\n\
                 _acme-challenge.alias CNAME elsewhere\n"
            ),
        );
        write(
            "conf",
            &format!(
                "include \"{here}/key\";\n\
                 options {{ directory \"{here}\"; listen-on port {port} {{ 127.0.0.1; }}; \
                 listen-on-v6 {{ none; }}; pid-file none; session-keyfile none; recursion no; \
                 dnssec-validation no; notify no; }};\n\
                 controls {{ }};\n\
                 zone \"{zone}\" {{ type primary; file \"zone\"; allow-update {{ key ship; }}; }};\n"
            ),
        );
        let program = Command::new("named")
            .args(["-g", "-c"])
            .arg(folder.path().join("conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(program) = program else {
            say_skipped();
            return None;
        };
        wait_until("the DNS server listens", SOON, || {
            TcpStream::connect(address).is_ok()
        });
        Some(Self {
            address,
            folder,
            program,
        })
    }

    /// Where it answers, by UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The file of its key, as `tsig-keygen` writes it.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// Its folder, for files of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The values of the TXT records of a name, as `dig` reads them.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let output = Command::new("dig")
            .args(["+short", "@127.0.0.1", "-p"])
            .arg(self.address.port().to_string())
            .args([name, "TXT"])
            .output()
            .expect("`dig` is there (apt install bind9-dnsutils)");
        let text = String::from_utf8_lossy(&output.stdout);
        let values = text.lines().filter(|line| line.starts_with('"'));
        values
            .map(|line| line.trim_matches('"').to_owned())
            .collect()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[expect(clippy::print_stderr, reason = "a test that proved nothing says so")]
fn say_skipped() {
    eprintln!("skipped: there is no `named` and `tsig-keygen` (apt install bind9 bind9-dnsutils)");
}
