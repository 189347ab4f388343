//! strace(1) on a process that runs already: to see what it does, and to let calls of it fail.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Hangs on to a process and whatever it starts, until it is dropped.
pub struct Strace {
    child: Child,
    log: PathBuf,
}

impl Strace {
    /// Whether this machine has strace.
    pub fn is_here() -> bool {
        let asked = Command::new("strace")
            .arg("-V")
            .stdout(Stdio::null())
            .status();
        asked.is_ok_and(|status| status.success())
    }

    /// On `process`, with options such as `-e inject=fsync:error=EIO`; what it sees is written to
    /// `log`. It hangs on when this returns; `None` where it may not.
    pub fn attach(process: i32, options: &[&str], log: &Path) -> Option<Self> {
        let mut child = Command::new("strace")
            .args(["-f", "-y", "-o"])
            .arg(log)
            .args(options)
            .args(["-p", &process.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut said = BufReader::new(child.stderr.take()?);
        let mut line = String::new();
        // `strace: Process 4711 attached with 5 threads`
        let hangs_on = loop {
            line.clear();
            match said.read_line(&mut line) {
                Ok(1..) if line.contains(" attached") => break true,
                Ok(1..) => {}
                _ => break false,
            }
        };
        // Nobody may wait for us to read what it says of later threads.
        std::thread::spawn(move || said.lines().map_while(std::io::Result::ok).for_each(drop));
        let log = log.to_owned();
        let strace = Self { child, log };
        hangs_on.then_some(strace)
    }

    /// Lets go, and gives what it saw.
    pub fn finish(mut self) -> String {
        self.let_go();
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn let_go(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
            && matches!(self.child.try_wait(), Ok(None))
        {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        self.let_go();
    }
}
