//! The program that makes servers, and the one server that it made for us.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Result;

/// A throw-away machine; dropping it ends it, unless it is kept.
pub(crate) struct Maker {
    program: PathBuf,
    name: String,
    keep: bool,
}

/// Where the ports of the machine are reached, on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    /// Its port 22.
    pub(crate) ssh: u16,
    /// Its port 80.
    pub(crate) http: u16,
}

impl Maker {
    /// Boots a fresh machine; returns once ssh answers there.
    pub(crate) fn start(program: PathBuf, keep: bool) -> Result<Self> {
        let name = format!("e2e-{}", std::process::id());
        let maker = Self {
            program,
            name,
            keep,
        };
        maker.must("start", &[])?;
        Ok(maker)
    }

    /// How the machine is reached.
    pub(crate) fn ports(&self) -> Result<Ports> {
        let told = self.must("ports", &[])?;
        ports(&told).ok_or_else(|| {
            let line = self.line("ports");
            format!(
                "`{line}` is expected to print `SSH_PORT=…` and `HTTP_PORT=…`, and printed {told:?}"
            )
            .into()
        })
    }

    /// Runs a command there as root, by the maker's own means.
    pub(crate) fn ssh(&self, command: &str) -> Result<String> {
        self.must("ssh", &[command])
    }

    /// Cuts the power.
    pub(crate) fn crash(&self) -> Result<()> {
        self.must("crash", &[]).map(drop)
    }

    /// Boots the same disk again; returns once ssh answers there.
    pub(crate) fn resume(&self) -> Result<()> {
        self.must("resume", &[]).map(drop)
    }

    /// What a person types for this verb.
    pub(crate) fn line(&self, verb: &str) -> String {
        format!("{} {verb} {}", self.program.display(), self.name)
    }

    fn must(&self, verb: &str, more: &[&str]) -> Result<String> {
        let output = Command::new(&self.program)
            .args([verb, &self.name])
            .args(more)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .map_err(|error| format!("cannot start {}: {error}", self.program.display()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let (line, status) = (self.line(verb), output.status);
        let words = String::from_utf8_lossy(&output.stderr);
        Err(format!("`{line}` ended with {status}: {}", words.trim_end()).into())
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        if self.keep {
            eprintln!("the server is kept: `{}` ends it", self.line("stop"));
        } else if let Err(error) = self.must("stop", &[]) {
            eprintln!("{error}");
        }
    }
}

fn ports(told: &str) -> Option<Ports> {
    let port = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name))?;
        line.strip_prefix('=')?.trim().parse().ok()
    };
    Some(Ports {
        ssh: port("SSH_PORT")?,
        http: port("HTTP_PORT")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ship_base::file;

    /// A maker that writes down what it is told, and cannot cut power.
    fn maker(folder: &std::path::Path) -> PathBuf {
        let program = folder.join("maker");
        let script = format!(
            "#!/bin/sh\necho \"$1\" >>{}/told\ncase $1 in\n\
             ports) echo SSH_PORT=22; echo HTTP_PORT=80;;\n\
             crash) echo 'no lever' >&2; exit 3;;\nesac\n",
            folder.display()
        );
        file::write_whole_with_mode(&program, script.as_bytes(), 0o755).unwrap();
        program
    }

    #[test]
    fn a_machine_is_ended_and_what_its_maker_cannot_is_told_in_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let program = maker(folder.path());
        let machine = Maker::start(program, false).unwrap();
        assert_eq!(machine.ports().unwrap().http, 80);
        let error = machine.crash().unwrap_err().to_string();
        assert!(
            error.ends_with("ended with exit status: 3: no lever"),
            "{error}"
        );
        drop(machine);
        let told = file::read_text(&folder.path().join("told")).unwrap();
        assert_eq!(told, "start\nports\ncrash\nstop\n");
    }

    #[test]
    fn a_machine_that_is_kept_is_not_ended() {
        let folder = tempfile::tempdir().unwrap();
        drop(Maker::start(maker(folder.path()), true).unwrap());
        let told = file::read_text(&folder.path().join("told")).unwrap();
        assert_eq!(told, "start\n");
    }

    #[test]
    fn ports_are_lines_with_a_name_and_a_number() {
        let told = "SSH_PORT=40022\nHTTP_PORT=40080\nHTTPS_PORT=40443\n";
        let expected = Ports {
            ssh: 40022,
            http: 40080,
        };
        assert_eq!(ports(told), Some(expected));
        assert_eq!(ports("SSH_PORT=40022\n"), None);
        assert_eq!(ports("SSH_PORT=here\nHTTP_PORT=40080\n"), None);
    }
}
