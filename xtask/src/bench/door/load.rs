//! Visitors: wrk for HTTP/1, h2load for HTTP/2. A request that is not answered well fails the run.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use ship_base::file;

use super::peer::Running;
use super::stage::Stage;
use crate::Result;

/// Connections and code are warm after this.
const WARM_UP: Duration = Duration::from_secs(1);

/// How long a program may take until it answers well.
const PATIENCE: Duration = Duration::from_secs(20);

const CONNECTIONS: &str = "32";

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Path {
    Small,
    Large,
    File1k,
    File1m,
    Cached,
}

impl Path {
    fn as_str(self) -> &'static str {
        match self {
            Self::Small => "/small",
            Self::Large => "/large",
            Self::File1k => "/files/1k",
            Self::File1m => "/files/1m",
            Self::Cached => "/cached",
        }
    }
}

/// A load on one program.
#[derive(Debug)]
pub(crate) struct Load<'s> {
    stage: &'s Stage,
    pub(crate) running: &'s Running,
    path: Path,
    tls: bool,
    http2: bool,
    closing: bool,
    script: Option<PathBuf>,
}

impl<'s> Load<'s> {
    pub(crate) fn new(stage: &'s Stage, running: &'s Running, path: Path) -> Self {
        Self {
            stage,
            running,
            path,
            tls: false,
            http2: false,
            closing: false,
            script: None,
        }
    }

    pub(crate) fn over_tls(self) -> Self {
        Self { tls: true, ..self }
    }

    pub(crate) fn over_http2(self) -> Self {
        Self {
            tls: true,
            http2: true,
            ..self
        }
    }

    /// Each request on a connection of its own.
    pub(crate) fn closing(self) -> Self {
        Self {
            closing: true,
            ..self
        }
    }

    /// Each request names the next of many hosts.
    pub(crate) fn over_many_hosts(self, hosts: usize) -> Result<Self> {
        let mut script = String::from("local asked = {}\n");
        let _ = writeln!(
            script,
            "init = function() for n = 0, {} do asked[n] = wrk.format('GET', '{}', {{Host = 'h' .. n .. '.test'}}) end end",
            hosts - 1,
            self.path.as_str()
        );
        // Neighbours in the table are not asked one after the other.
        let _ = writeln!(
            script,
            "local at = 0\nrequest = function() at = (at + 7919) % {hosts} return asked[at] end"
        );
        let path = self.stage.path("hosts.lua");
        file::replace(&path, script.as_bytes())?;
        Ok(Self {
            script: Some(path),
            ..self
        })
    }

    /// How long the measured part lasts.
    pub(crate) fn measured(&self) -> Duration {
        Duration::from_secs(self.stage.seconds.into())
    }

    /// Runs until all is answered well for a while: some programs listen before they know their
    /// routes.
    pub(crate) fn warm_up(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.run(WARM_UP) {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Runs for so long; gives how many requests were answered.
    pub(crate) fn run(&self, during: Duration) -> Result<u64> {
        let (scheme, port) = if self.tls {
            ("https", self.running.https)
        } else {
            ("http", self.running.http)
        };
        // By name: a certificate is asked for by one.
        let url = format!("{scheme}://localhost:{port}{}", self.path.as_str());
        let seconds = during.as_secs().to_string();
        let (mut command, read): (Command, fn(&str) -> Option<u64>) = if self.http2 {
            let mut h2load = self.stage.load("h2load");
            h2load.args(["-t1", "-c4", "-m100", "-D", &seconds, &url]);
            (h2load, of_h2load)
        } else {
            let mut wrk = self.stage.load("wrk");
            wrk.args(["-t1", "-c", CONNECTIONS, "-d", &seconds, &url]);
            if self.closing {
                wrk.args(["-H", "Connection: close"]);
            }
            if let Some(script) = &self.script {
                wrk.arg("-s").arg(script);
            }
            (wrk, of_wrk)
        };
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let requests = read(&text).filter(|requests| output.status.success() && *requests > 0);
        requests.ok_or_else(|| format!("not every request was answered well:\n{text}").into())
    }
}

/// `  12345 requests in 3.00s, 1.2MB read`, where no line tells of errors.
fn of_wrk(text: &str) -> Option<u64> {
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return None;
    }
    let line = text.lines().find(|line| line.contains(" requests in "))?;
    line.split_whitespace().next()?.parse().ok()
}

/// `requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout`.
fn of_h2load(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("requests: "))?;
    let count = |what: &str| -> Option<u64> {
        let part = line.split(", ").find(|part| part.ends_with(what))?;
        part.split_whitespace().next()?.parse().ok()
    };
    let well = count("failed")? == 0 && count("errored")? == 0;
    count("succeeded").filter(|_| well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_met_an_error_gives_no_figure() {
        let well = "  12345 requests in 3.00s, 1.2MB read\nRequests/sec: 4115\n";
        assert_eq!(of_wrk(well), Some(12345));
        let non = format!("{well}  Non-2xx or 3xx responses: 1\n");
        assert_eq!(of_wrk(&non), None);
        let cut = format!("  Socket errors: connect 0, read 3, write 0, timeout 0\n{well}");
        assert_eq!(of_wrk(&cut), None);
        let h2 =
            "requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout";
        assert_eq!(of_h2load(h2), Some(9));
        assert_eq!(of_h2load(&h2.replace("0 failed", "1 failed")), None);
    }
}
