//! A real sshd on loopback, whose user finds the binary under test and a home of its own.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::home::{Home, PASSED_ON};
use crate::wait::wait_until;

/// Where Debian and most others have it; it is not on every user's `PATH`.
const SSHD: &str = "/usr/sbin/sshd";

/// A machine far away that is this one. Dropping it ends its sshd.
pub struct Sshd {
    folder: TempDir,
    child: Child,
    port: u16,
}

impl Sshd {
    /// One through which `ship` is found, with `home` as its `SHIP_HOME`; `None` where this machine
    /// has no sshd.
    pub fn start(home: &Home) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            return None;
        }
        let folder = tempfile::Builder::new().prefix("sshd-").tempdir().ok()?;
        for key in ["host", "user", "other"] {
            keygen(&folder.path().join(key));
        }
        copy(folder.path(), "user.pub", "authorized_keys");
        let bin = folder.path().join("bin");
        ship_base::file::create_folder(&bin).expect("a folder for programs");
        // Under this name, whatever the binary under test is called.
        ship_base::file::symlink(home.program(), &bin.join("ship")).expect("a link");
        let port = free_port();
        write(folder.path(), "config", &config(folder.path(), port, home));
        if rustix::process::getuid().is_root() {
            std::fs::create_dir_all("/run/sshd").expect("sshd's own folder");
        }
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let child = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(folder.path().join("config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("sshd starts");
        let sshd = Self {
            folder,
            child,
            port,
        };
        sshd.write_client("client", "user", true);
        sshd.write_client("unknown-host", "user", false);
        sshd.write_client("stranger", "other", true);
        wait_until("sshd listens", Duration::from_secs(30), || {
            std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        Some(sshd)
    }

    /// What `ship` is told: `127.0.0.1:2222`.
    pub fn destination(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The `SHIP_SSH` of somebody who may come in.
    pub fn client(&self) -> String {
        self.at("client")
    }

    /// The `SHIP_SSH` of somebody who never saw this machine's key.
    pub fn client_that_does_not_know_it(&self) -> String {
        self.at("unknown-host")
    }

    /// How often somebody has come in.
    pub fn logins(&self) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("log")).expect("a log");
        log.matches("Accepted publickey").count()
    }

    /// Who may come in: sshd's `authorized_keys`.
    pub fn authorized_keys(&self) -> PathBuf {
        self.folder.path().join("authorized_keys")
    }

    /// The public key of somebody who may not.
    pub fn strangers_key(&self) -> PathBuf {
        self.folder.path().join("other.pub")
    }

    /// The `SHIP_SSH` of somebody who may not.
    pub fn stranger(&self) -> String {
        self.at("stranger")
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A program that is ssh with a configuration of its own.
    fn write_client(&self, name: &str, key: &str, knows_host: bool) {
        let (folder, port) = (self.folder.path(), self.port);
        let known = if knows_host {
            let key = std::fs::read_to_string(folder.join("host.pub")).expect("a key");
            format!("[127.0.0.1]:{port} {key}")
        } else {
            String::new()
        };
        write(folder, &format!("{name}.known"), &known);
        let folder = folder.display();
        let ssh = format!(
            "#!/bin/sh\nexec ssh -F /dev/null -i {folder}/{key} -o IdentitiesOnly=yes \
             -o IdentityAgent=none -o BatchMode=yes -o StrictHostKeyChecking=yes \
             -o UserKnownHostsFile={folder}/{name}.known \"$@\"\n"
        );
        write(self.folder.path(), name, &ssh);
        ship_base::file::set_mode(&self.folder.path().join(name), 0o755).expect("a mode");
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(folder: &Path, port: u16, home: &Home) -> String {
    let bin = folder.join("bin");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut set = vec![
        format!("\"SHIP_HOME={}\"", home.folder().display()),
        format!("\"PATH={}:{path}\"", bin.display()),
    ];
    let passed = PASSED_ON.iter().filter(|name| **name != "PATH");
    set.extend(passed.filter_map(|name| Some(format!("\"{name}={}\"", std::env::var(name).ok()?))));
    let (folder, set) = (folder.display(), set.join(" "));
    format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nPidFile none\n\
         AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
         SetEnv {set}\n"
    )
}

fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .status();
    assert!(made.expect("ssh-keygen").success());
}

fn copy(folder: &Path, from: &str, to: &str) {
    std::fs::copy(folder.join(from), folder.join(to)).expect("a copy");
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("a file");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}
