//! The machine under test, as its owner reaches it: by ssh, and by HTTP as its visitors do.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ship_base::file;
use ship_test::http::{self, Answer};
use tempfile::TempDir;

use super::maker::{Maker, Ports};
use crate::Result;

/// The parent of kernel threads.
const KERNEL: i32 = 2;

/// A server with a key of ours.
pub(crate) struct Server {
    maker: Maker,
    ports: Ports,
    folder: TempDir,
}

/// A process there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    /// Who it runs as.
    pub(crate) user: u32,
    /// Its command line, in words.
    pub(crate) command: String,
}

impl Server {
    /// Boots one and lets us in.
    pub(crate) fn start(program: PathBuf, keep: bool) -> Result<Self> {
        let maker = Maker::start(program, keep)?;
        let ports = maker.ports()?;
        let folder = tempfile::Builder::new().prefix("e2e-").tempdir()?;
        let server = Self {
            maker,
            ports,
            folder,
        };
        server.authorize()?;
        Ok(server)
    }

    /// A key of this run alone, and the program that `ship` takes for ssh.
    fn authorize(&self) -> Result<()> {
        let key = self.folder.path().join("key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "e2e", "-f"])
            .arg(&key)
            .status()
            .map_err(|error| format!("cannot start `ssh-keygen`: {error}"))?;
        if !made.success() {
            return Err(format!("`ssh-keygen` ended with {made}").into());
        }
        let public = file::read_text(&key.with_extension("pub"))?;
        let line = public.trim();
        // Synced: it has to be there after a power cut.
        self.maker.ssh(&format!(
            "umask 077; mkdir -p .ssh; echo '{line}' >>.ssh/authorized_keys; sync"
        ))?;
        let folder = self.folder.path().display();
        let ssh = format!(
            "#!/bin/sh\nexec ssh -F /dev/null -i {folder}/key -o IdentitiesOnly=yes \
             -o IdentityAgent=none -o BatchMode=yes -o ConnectTimeout=30 -o LogLevel=ERROR \
             -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={folder}/known \"$@\"\n"
        );
        Ok(file::write_whole_with_mode(
            &self.ssh(),
            ssh.as_bytes(),
            0o755,
        )?)
    }

    /// The `SHIP_SSH` that comes in.
    pub(crate) fn ssh(&self) -> PathBuf {
        self.folder.path().join("ssh")
    }

    /// A folder for what this run has to write down; gone with it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What `ship` is told: `root@127.0.0.1:40022`.
    pub(crate) fn destination(&self) -> String {
        format!("root@127.0.0.1:{}", self.ports.ssh)
    }

    /// Runs a script there as root; gives what it printed.
    pub(crate) fn run(&self, script: &str) -> Result<String> {
        let output = Command::new(self.ssh())
            .args(["-T", "-o", "ServerAliveInterval=15", "-p"])
            .arg(self.ports.ssh.to_string())
            .args(["--", "root@127.0.0.1", script])
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let words = String::from_utf8_lossy(&output.stderr);
        let (status, words) = (output.status, words.trim_end());
        Err(format!("on the server, `{script}` ended with {status}: {words}").into())
    }

    /// Asks the front door as a visitor does.
    pub(crate) fn get(&self, host: &str, path: &str) -> std::io::Result<Answer> {
        http::get(self.ports.http, host, path)
    }

    /// The address of a page, for who asks it again and again.
    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.ports.http)
    }

    /// All that run there, kernel threads left out.
    pub(crate) fn processes(&self) -> Result<Vec<Process>> {
        let listed = self.run("ps -eww -o pid=,ppid=,uid=,args=")?;
        let processes = listed.lines().filter_map(process);
        Ok(processes.filter(|it| it.parent != KERNEL).collect())
    }

    /// Ends a process without a chance to say goodbye.
    pub(crate) fn kill(&self, pid: i32) -> Result<()> {
        self.run(&format!("kill -9 {pid}")).map(drop)
    }

    /// The same for several at once.
    pub(crate) fn kill_all(&self, pids: &[i32]) -> Result<()> {
        let pids: Vec<String> = pids.iter().map(i32::to_string).collect();
        self.run(&format!("kill -9 {}", pids.join(" "))).map(drop)
    }

    /// The SHA-256 of a file there.
    pub(crate) fn hash(&self, path: &str) -> Result<String> {
        let line = self.run(&format!("sha256sum {path}"))?;
        Ok(line.split(' ').next().unwrap_or_default().to_owned())
    }

    /// Cuts its power.
    pub(crate) fn crash(&self) -> Result<()> {
        self.maker.crash()
    }

    /// Gives it power again; returns once ssh answers.
    pub(crate) fn resume(&self) -> Result<()> {
        self.maker.resume()
    }
}

impl Process {
    /// Whether it is a role of Shipsmith: they show what they are in the place of their arguments.
    pub(crate) fn is_ours(&self) -> bool {
        self.command.starts_with("ship: ") || self.command.starts_with("/usr/local/bin/ship ")
    }
}

/// A line of `ps`.
fn process(line: &str) -> Option<Process> {
    let mut rest = line;
    let mut number = || {
        let (word, more) = rest.trim_start().split_once(' ')?;
        rest = more;
        word.parse::<i64>().ok()
    };
    let (pid, parent, user) = (number()?, number()?, number()?);
    Some(Process {
        pid: pid.try_into().ok()?,
        parent: parent.try_into().ok()?,
        user: user.try_into().ok()?,
        command: rest.trim().to_owned(),
    })
}

/// The keeper of a program: the nearest of those above it that is one.
pub(crate) fn keeper_of(pid: i32, processes: &[Process]) -> Option<i32> {
    let find = |pid: i32| processes.iter().find(|process| process.pid == pid);
    let mut process = find(pid)?;
    // No chain is longer than the list it is in.
    for _ in processes {
        process = find(process.parent)?;
        if process.is_ours() && process.command.ends_with(" keep") {
            return Some(process.pid);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "      1       0     0 /sbin/init quiet
    400       1     0 /usr/local/bin/ship server run
    500     400     0 ship: notes web.1 r1 keep
    501     500 70000 python -m gunicorn main:app
    502     501 70000 python -m gunicorn main:app
    600       1     0 sshd: keep
";

    #[test]
    fn a_line_of_ps_is_a_process() {
        let processes: Vec<Process> = LISTED.lines().filter_map(process).collect();
        assert_eq!(processes.len(), 6);
        let expected = Process {
            pid: 502,
            parent: 501,
            user: 70000,
            command: "python -m gunicorn main:app".to_owned(),
        };
        assert_eq!(processes[4], expected);
    }

    #[test]
    fn the_keeper_is_the_nearest_above_a_program() {
        let processes: Vec<Process> = LISTED.lines().filter_map(process).collect();
        assert_eq!(keeper_of(502, &processes), Some(500));
        assert_eq!(keeper_of(400, &processes), None);
        assert_eq!(keeper_of(999, &processes), None);
    }
}
