//! An installation of its own, and the real binary run in it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::wait::wait_until;

/// Variables of the machine that tools may need: where programs, certificates and the package
/// index are.
pub(crate) const PASSED_ON: &[&str] = &[
    "PATH",
    "HOME",
    "LANG",
    "PYENV_ROOT",
    "SHIP_UV",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "PIP_INDEX_URL",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
];

/// The longest that a command of a test may take: a build may download packages.
const PATIENCE: Duration = Duration::from_mins(5);

/// A temporary `SHIP_HOME`. Dropping it stops everything that runs there.
pub struct Home {
    program: PathBuf,
    folder: PathBuf,
    temporary: Option<TempDir>,
    variables: Vec<(String, String)>,
}

/// What a command printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code; 128 and the signal where one ended it.
    pub code: i32,
    /// Its data.
    pub stdout: String,
    /// Its story.
    pub stderr: String,
}

impl Output {
    /// Panics with everything it printed unless it succeeded.
    #[track_caller]
    pub fn success(self) -> Self {
        assert_eq!(
            self.code, 0,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Panics with everything it printed unless it ended with `code`.
    #[track_caller]
    pub fn fails_with(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// The last line of the data: the URL, after `ship up --detach`.
    pub fn url(&self) -> String {
        self.stdout
            .lines()
            .last()
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    /// The data as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl Home {
    /// An empty one. `program` is the binary: `env!("CARGO_BIN_EXE_ship")`.
    pub fn new(program: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("ship-")
            .tempdir()
            .expect("a folder");
        let mut home = Self::in_folder(program, folder.path());
        home.temporary = Some(folder);
        home
    }

    /// In a folder of the test's own.
    pub fn in_folder(program: &str, folder: &Path) -> Self {
        Self {
            program: program.into(),
            folder: folder.to_owned(),
            temporary: None,
            variables: Vec::new(),
        }
    }

    /// With a variable for every command.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs `ship` with these arguments to its end.
    #[track_caller]
    pub fn ship(&self, arguments: &[&str]) -> Output {
        self.ship_in(&self.folder, arguments)
    }

    /// Runs `ship` in a folder to its end.
    #[track_caller]
    pub fn ship_in(&self, folder: &Path, arguments: &[&str]) -> Output {
        self.start_in(folder, arguments).finish()
    }

    /// Starts `ship` in a folder and lets it run.
    #[track_caller]
    pub fn start_in(&self, folder: &Path, arguments: &[&str]) -> Running {
        let child = self
            .command(folder, arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        Running::new(child)
    }

    /// The command without its standard streams set up.
    pub fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        self.command_of(&self.program, folder, arguments)
    }

    /// The command as another program starts it: `strace -o log ship up`, the words before `ship`
    /// being `starter`.
    pub fn started_by(&self, starter: &[&str], folder: &Path, arguments: &[&str]) -> Command {
        let (program, before) = starter.split_first().expect("a program");
        let ship = [self.program.to_str().expect("a path that is text")];
        let words = [before, &ship, arguments].concat();
        self.command_of(program, folder, &words)
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Another program with the same environment.
    pub(crate) fn command_of(
        &self,
        program: impl AsRef<OsStr>,
        folder: &Path,
        arguments: &[&str],
    ) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).env_clear();
        for name in PASSED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("SHIP_HOME", &self.folder).env("NO_COLOR", "1");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The status of the server, if it runs.
    pub fn status(&self) -> Option<Value> {
        let output = self.ship(&["server", "status", "--json"]);
        let status: Value = serde_json::from_str(&output.stdout).ok()?;
        // `null` where none runs.
        (!status.is_null()).then_some(status)
    }

    /// The process of the control.
    #[track_caller]
    pub fn control(&self) -> i32 {
        let status = self.status().expect("the server runs");
        pid(&status["pid"]).expect("a process number")
    }

    /// The process of the door.
    #[track_caller]
    pub fn door(&self) -> i32 {
        let status = self.status().expect("the server runs");
        pid(&status["door"]).expect("a door")
    }

    /// Ends a process at once, `kill -9`, and waits until it has let go of everything.
    #[track_caller]
    pub fn kill(&self, pid: i32) {
        let process = Pid::from_raw(pid).expect("a process number");
        kill_process(process, Signal::KILL).expect("the process is there");
        wait_until(
            "the killed process is gone",
            Duration::from_secs(10),
            || is_gone(pid),
        );
    }

    /// The processes that carry this home in their environment or arguments.
    pub fn processes(&self) -> Vec<i32> {
        let home = self.folder.as_os_str().as_encoded_bytes();
        let entries = std::fs::read_dir("/proc").expect("/proc");
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &i32| {
            ["environ", "cmdline"].iter().any(|file| {
                std::fs::read(format!("/proc/{pid}/{file}"))
                    .is_ok_and(|text| text.windows(home.len()).any(|window| window == home))
            })
        })
        .collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let stop = ["server", "stop"];
        let _ = self
            .command(&self.folder, &stop)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        // What a test has deliberately orphaned.
        for pid in self.processes() {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        // `TempDir` alone stops at the read-only folders of releases.
        let _ = ship_base::file::remove_folder(&self.folder);
    }
}

/// Not there, or a zombie, which holds nothing any more.
fn is_gone(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
}

fn pid(value: &Value) -> Option<i32> {
    i32::try_from(value.as_i64()?).ok()
}

/// A command that runs.
pub struct Running {
    child: Child,
    readers: [std::thread::JoinHandle<()>; 2],
    texts: [std::sync::Arc<std::sync::Mutex<String>>; 2],
}

impl Running {
    pub(crate) fn new(mut child: Child) -> Self {
        let texts: [std::sync::Arc<std::sync::Mutex<String>>; 2] = Default::default();
        let out = child.stdout.take().expect("piped");
        let err = child.stderr.take().expect("piped");
        let readers = [read(out, texts[0].clone()), read(err, texts[1].clone())];
        Self {
            child,
            readers,
            texts,
        }
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// What it printed so far, data and story.
    pub fn printed(&self) -> String {
        self.texts
            .each_ref()
            .map(|text| text.lock().expect("no panic").clone())
            .concat()
    }

    /// Waits until it has printed `text`; panics after `deadline` with what it printed instead.
    #[track_caller]
    pub fn wait_for(&self, text: &str, deadline: Duration) {
        let began = Instant::now();
        while !self.printed().contains(text) {
            assert!(
                began.elapsed() < deadline,
                "not within {deadline:?}: `{text}` in\n{}",
                self.printed()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid()) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(mut self) -> Output {
        use std::os::unix::process::ExitStatusExt as _;
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            if began.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("the command did not end:\n{}", self.printed());
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        for reader in self.readers {
            reader.join().expect("a reader does not panic");
        }
        let [stdout, stderr] = self
            .texts
            .map(|text| text.lock().expect("no panic").clone());
        let code = status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        Output {
            code,
            stdout,
            stderr,
        }
    }
}

fn read(
    mut from: impl std::io::Read + Send + 'static,
    into: std::sync::Arc<std::sync::Mutex<String>>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.by_ref().read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            into.lock().expect("no panic").push_str(&text);
        }
    })
}
