//! Docker's engine from Debian's packages, started for one measurement, with what the same task
//! needs around it: a base image that is not pulled, uv, and Caddy in front.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ship_base::file;
use ship_test::wait_until;
use tempfile::TempDir;

use super::processes;
use crate::machine::{self, Need};
use crate::{Result, workspace};

/// What the engine is, and what makes a base image where no registry is reached.
const NEEDS: [Need; 2] = [
    Need {
        program: "dockerd",
        package: "docker.io",
        without: Some("Docker"),
    },
    Need {
        program: "debootstrap",
        package: "debootstrap",
        without: Some("Docker's base image"),
    },
];

/// Debian's own client; another of that name may come first on `PATH`.
const CLIENT: &str = "/usr/bin/docker";

/// What the image of every app is made from.
pub(super) const BASE: &str = "ship-bench-base";

/// How long the engine may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// An engine of our own; dropping it ends it with all its containers.
pub(super) struct Engine {
    folder: TempDir,
    daemon: Child,
}

impl Engine {
    /// Started, or why it cannot be here.
    pub(super) fn start() -> Result<std::result::Result<Self, String>> {
        let missing = machine::bring(&NEEDS)?;
        if let Some(missing) = missing.first() {
            return Ok(Err(missing.clone()));
        }
        let folder = tempfile::Builder::new().prefix("docker-").tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let daemon = Command::new("dockerd")
            .arg("--data-root")
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .arg("--host")
            .arg(format!("unix://{}", at("socket").display()))
            // Containers use the machine's own network: no rule of its packet filter is touched.
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file::create_new(&at("log"), 0o600)?)
            .spawn()?;
        let mut engine = Self { folder, daemon };
        Ok(if engine.answers() {
            Ok(engine)
        } else {
            Err(engine.last_words())
        })
    }

    fn answers(&mut self) -> bool {
        let mut up = false;
        wait_until("Docker answers or ends", PATIENCE, || {
            up = self.docker(&["info"]).is_ok();
            up || !matches!(self.daemon.try_wait(), Ok(None))
        });
        up
    }

    fn last_words(&self) -> String {
        let log = file::read_text(&self.folder.path().join("log")).unwrap_or_default();
        let last = log.lines().last().unwrap_or("it said nothing");
        format!("Docker does not start here: {last}")
    }

    /// Runs a command of the client to its end; what it printed.
    pub(super) fn docker(&self, arguments: &[&str]) -> Result<String> {
        let socket = self.folder.path().join("socket");
        let output = Command::new(CLIENT)
            .args(arguments)
            .env("DOCKER_HOST", format!("unix://{}", socket.display()))
            .env("DOCKER_BUILDKIT", "1")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("cannot start `{CLIENT}`: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("`docker {}` failed: {said}", arguments.join(" ")).into())
    }

    /// The daemon and what it runs for itself, without what runs in containers.
    pub(super) fn own(&self) -> Vec<i32> {
        let own = ["dockerd", "containerd", "containerd-shim-runc-v2"];
        let tree = processes::tree(self.daemon.id().cast_signed()).into_iter();
        let named = tree.chain(self.shims());
        let is_own = |pid: &i32| {
            let program = processes::arguments(*pid);
            let name = program.first().and_then(|path| Path::new(path).file_name());
            name.is_some_and(|name| own.iter().any(|own| name == *own))
        };
        let mut pids: Vec<i32> = named.filter(is_own).collect();
        pids.sort_unstable();
        pids.dedup();
        pids
    }

    /// A shim leaves its parent; it names our folder in its arguments.
    fn shims(&self) -> Vec<i32> {
        let folder = self.folder.path().display().to_string();
        let of_ours = |pid: &i32| {
            let words = processes::arguments(*pid);
            words.iter().any(|word| word.contains(&folder))
        };
        processes::all().into_iter().filter(of_ours).collect()
    }

    /// Makes the base image: a small Debian with Python, and uv beside it.
    pub(super) fn make_base(&self, uv: &Path) -> Result<()> {
        let tree = base_tree()?;
        file::copy(uv, &tree.join("usr/local/bin/uv"))?;
        file::set_mode(&tree.join("usr/local/bin/uv"), 0o755)?;
        let archive = self.folder.path().join("base.tar");
        let packed = Command::new("tar")
            .arg("--create")
            .arg("--file")
            .arg(&archive)
            .arg("--directory")
            .arg(&tree)
            .arg(".")
            .status()?;
        if !packed.success() {
            return Err("the base image cannot be packed".into());
        }
        self.docker(&["import", &archive.display().to_string(), BASE])?;
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Ok(all) = self.docker(&["ps", "--quiet", "--all"]) {
            for container in all.lines() {
                let _ = self.docker(&["rm", "--force", container]);
            }
        }
        let daemon = rustix::process::Pid::from_child(&self.daemon);
        let _ = rustix::process::kill_process(daemon, rustix::process::Signal::TERM);
        let _ = self.daemon.wait();
    }
}

/// Kept from one measurement to the next: it takes a minute to make.
fn base_tree() -> Result<PathBuf> {
    let tree = workspace::target().join("xtask/docker-base");
    if tree.join("usr/bin/python3").exists() {
        return Ok(tree);
    }
    eprintln!("docker: making a base image");
    let made = Command::new("debootstrap")
        .args(["--variant=minbase", "--include=python3,ca-certificates"])
        .arg("bookworm")
        .arg(&tree)
        .stdout(Stdio::null())
        .status()?;
    if !made.success() {
        return Err("debootstrap made no base image".into());
    }
    // A machine that trusts an authority of its own needs that for its index.
    let roots = "etc/ssl/certs/ca-certificates.crt";
    file::copy(&Path::new("/").join(roots), &tree.join(roots))?;
    Ok(tree)
}
