//! What a project lacks, set up here: then it is tried once more, as somebody would who has read why it
//! was refused.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use ship_base::file;
use ship_test::wait_until;

use crate::{Result, machine};

/// What a machine, an author or a server's owner adds; nothing of it is a file of the project's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Given {
    /// Packages of Debian.
    pub(crate) packages: Vec<String>,
    /// Servers beside it, each at its usual place.
    pub(crate) servers: Vec<Server>,
    /// Commands in the project's folder, once these are there.
    pub(crate) commands: Vec<String>,
    /// What `ship env set` is told.
    pub(crate) settings: BTreeMap<String, String>,
}

/// A server that projects expect on their machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Server {
    /// PostgreSQL; whoever comes from this machine may be whom they say.
    Postgres,
    /// Redis.
    Redis,
    /// MariaDB, for what wants MySQL; `root` has no password.
    Mariadb,
}

impl Server {
    fn port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Redis => 6379,
            Self::Mariadb => 3306,
        }
    }

    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgresql", "postgresql-15-postgis-3"],
            Self::Redis => &["redis-server"],
            Self::Mariadb => &["mariadb-server"],
        }
    }

    /// Makes an empty one below `folder`, and the command that serves it.
    fn make(self, folder: &Path) -> Result<Command> {
        match self {
            Self::Postgres => {
                const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
                const SOCKETS: &str = "/var/run/postgresql";
                for folder in [folder, SOCKETS.as_ref()] {
                    run(Command::new("install")
                        .args(["-d", "-o", "postgres", "-m", "0755"])
                        .arg(folder))?;
                }
                let as_postgres = |program: &str| {
                    let mut command = Command::new("runuser");
                    command.args(["-u", "postgres", "--"]);
                    command
                        .arg(format!("{PROGRAMS}/{program}"))
                        .arg("-D")
                        .arg(folder);
                    command.current_dir("/");
                    command
                };
                run(as_postgres("initdb").args(["-A", "trust"]))?;
                let mut serves = as_postgres("postgres");
                serves.args(["-k", SOCKETS, "-c", "listen_addresses=localhost"]);
                Ok(serves)
            }
            Self::Redis => {
                file::create_folder(folder)?;
                let mut serves = Command::new("redis-server");
                serves
                    .args(["--save", "", "--bind", "127.0.0.1", "--dir"])
                    .arg(folder);
                Ok(serves)
            }
            Self::Mariadb => {
                const SOCKETS: &str = "/run/mysqld";
                for folder in [folder, SOCKETS.as_ref()] {
                    run(Command::new("install")
                        .args(["-d", "-o", "mysql"])
                        .arg(folder))?;
                }
                let data = format!("--datadir={}", folder.display());
                let method = "--auth-root-authentication-method=normal";
                run(Command::new("mariadb-install-db").args(["--user=mysql", &data, method]))?;
                let mut serves = Command::new("mariadbd");
                serves.args([
                    "--no-defaults",
                    "--user=mysql",
                    &data,
                    "--bind-address=127.0.0.1",
                ]);
                serves.arg(format!("--socket={SOCKETS}/mysqld.sock"));
                Ok(serves)
            }
        }
    }
}

/// The servers that run by now; they end with this.
pub(crate) struct Servers {
    folder: PathBuf,
    running: RefCell<BTreeMap<Server, Child>>,
}

impl Servers {
    /// None yet; their data will lie below `folder`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            running: RefCell::default(),
        }
    }

    /// Sets up what is given, but for the settings, for a project that lies in `copy`.
    pub(crate) fn set_up(&self, given: &Given, copy: &Path) -> Result<()> {
        let of_servers = given.servers.iter().flat_map(|server| server.packages());
        let mut packages: Vec<&str> = given.packages.iter().map(String::as_str).collect();
        packages.extend(of_servers);
        machine::install_all(&packages)?;
        for server in &given.servers {
            self.start(*server)?;
        }
        for command in &given.commands {
            run(Command::new("sh").args(["-c", command]).current_dir(copy))?;
        }
        Ok(())
    }

    fn start(&self, server: Server) -> Result<()> {
        if self.running.borrow().contains_key(&server) {
            return Ok(());
        }
        let port = server.port();
        let answers = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        if answers() {
            return Err(format!("port {port} is taken, and {server:?} of a trial wants it").into());
        }
        let folder = self.folder.join(format!("{server:?}").to_lowercase());
        let mut serves = server.make(&folder)?;
        let child = serves
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.running.borrow_mut().insert(server, child);
        wait_until("the server answers", Duration::from_mins(1), answers);
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in self.running.get_mut().values_mut() {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            if let Some(pid) = pid {
                let _ = kill_process(pid, Signal::TERM);
            }
            let _ = child.wait();
        }
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{command:?}` failed: {}", said.trim()).into())
}
