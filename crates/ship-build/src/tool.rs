//! One run of a program that a build needs: uv, Python, a build command.
//!
//! The program leads a process group of its own and inherits no variable; on a server it runs as the
//! app's builder, started by `ship-sandbox`. Its output is read line by line while it runs. It ends by itself, at its deadline, or when the build is cancelled; then
//! whatever it left running in its group is ended, too.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, WaitStatus, kill_process_group, waitid,
    waitpid,
};
use ship_base::secret::Secret;
use ship_sandbox::Spec;

use crate::builder::Builder;
use crate::cancel::Cancel;
use crate::error::Error;

/// How often a silent program is looked at for its end, its deadline and a wish to stop.
const GLANCE: Duration = Duration::from_millis(20);
/// How long a program may take to finish after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);
/// How long after a program's end its pipes may stay open because a child of it holds them.
const LINGER: Duration = Duration::from_millis(500);
/// Lines of output that are kept for an error.
const KEPT_LINES: usize = 400;
/// Lines that an error shows, and how many of them are the first ones.
const MOST_TOLD: usize = 24;
const LEAD: usize = 6;
/// A longer line is cut; nobody reads it, and a program that never ends its line must not fill
/// the memory.
const LONGEST_LINE: u64 = 16 * 1024;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit code.
    Code(i32),
    /// By a signal, such as 9 when memory ran out.
    Signal(i32),
    /// It was stopped because it took longer than this.
    Deadline(Duration),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::Deadline(after) => {
                write!(
                    f,
                    "did not end within {}",
                    ship_base::count::duration(*after)
                )
            }
        }
    }
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) ended: Ended,
    /// The last lines of standard output and standard error together, oldest first.
    pub(crate) tail: Vec<String>,
    /// Standard output where [`Tool::capture`] asked for it.
    pub(crate) stdout: Vec<u8>,
}

impl Finished {
    pub(crate) fn succeeded(&self) -> bool {
        self.ended == Ended::Code(0)
    }

    /// The lines to show with an error: from where the program itself says `error`, if it does.
    /// What went wrong stands at the beginning of that and, with nested tools, at the end; in the
    /// middle are a compiler's complaints.
    pub(crate) fn told(self) -> Vec<String> {
        let starts =
            |line: &&String| line.starts_with("error:") || line.trim_start().starts_with('×');
        let calm = self.tail.iter().take_while(|line| !starts(line)).count();
        let from = if calm == self.tail.len() { 0 } else { calm };
        let mut lines: Vec<String> = self.tail.into_iter().skip(from).collect();
        lines.retain(|line| !line.trim().is_empty());
        if lines.len() > MOST_TOLD {
            let last = lines.len() - (MOST_TOLD - LEAD);
            lines.splice(LEAD..last, ["…".to_owned()]);
        }
        lines
    }
}

/// A program about to be run.
#[derive(Debug)]
pub(crate) struct Tool {
    command: Command,
    name: String,
    stdin: Vec<u8>,
    deadline: Option<Duration>,
    capture: bool,
    lent: Vec<PathBuf>,
    builder: Option<Builder>,
}

impl Tool {
    /// `program` with nothing inherited but its place in the system.
    pub(crate) fn new(program: impl Into<PathBuf>, folder: &Path) -> Self {
        let program = program.into();
        let name = program.file_name().unwrap_or(program.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let mut command = Command::new(&program);
        command.env_clear().current_dir(folder).process_group(0);
        Self {
            command,
            name,
            stdin: Vec::new(),
            deadline: None,
            capture: false,
            lent: Vec::new(),
            builder: None,
        }
    }

    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.command.arg(arg.into());
        self
    }

    pub(crate) fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn envs(mut self, variables: &BTreeMap<String, Secret<String>>) -> Self {
        for (name, value) in variables {
            self.command.env(name, value.reveal());
        }
        self
    }

    /// What it reads from its standard input; nothing by default.
    pub(crate) fn stdin(mut self, content: Vec<u8>) -> Self {
        self.stdin = content;
        self
    }

    /// It is stopped after this long; never by default.
    pub(crate) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Standard output is the result, not talk: it is kept whole and is no line to show.
    pub(crate) fn capture(mut self) -> Self {
        self.capture = true;
        self
    }

    /// A folder that it writes to: on a server it is lent to the builder while it runs.
    pub(crate) fn writes_to(mut self, folder: &Path) -> Self {
        self.lent.push(folder.to_owned());
        self
    }

    /// What it is to be lent.
    pub(crate) fn lent(&self) -> &[PathBuf] {
        &self.lent
    }

    /// It runs as the builder, where there is one.
    pub(crate) fn by(mut self, builder: Option<&Builder>) -> Self {
        self.builder = builder.cloned();
        self
    }

    /// The caller's variables that name the caller's own folders name the builder's.
    pub(crate) fn at_home(self, builder: Option<&Builder>) -> Self {
        const CALLERS: [&str; 9] = [
            "PIP_CACHE_DIR",
            "PYENV_ROOT",
            "UV_CACHE_DIR",
            "UV_PYTHON_INSTALL_DIR",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_RUNTIME_DIR",
            "XDG_STATE_HOME",
        ];
        let Some(builder) = builder else {
            return self;
        };
        CALLERS
            .iter()
            .fold(self, |tool, name| tool.without(name))
            .env("HOME", &builder.home)
            .env("TMPDIR", builder.scratch())
    }

    /// Runs it to its end. Fails when it cannot be started, or with [`Error::Cancelled`].
    pub(crate) fn run(
        mut self,
        cancel: &Cancel,
        on_line: &mut dyn FnMut(String),
    ) -> Result<Finished, Error> {
        cancel.check()?;
        let (words, heard) = mpsc::channel();
        let pid = self.start(&words)?;
        drop(words);
        let watch = Watch {
            pid,
            heard,
            deadline: self.deadline,
            begun: Instant::now(),
        };
        watch.until_the_end(cancel, on_line)
    }

    fn start(&mut self, words: &Sender<Word>) -> Result<Pid, Error> {
        match self.builder.take() {
            Some(builder) => self.start_as(&builder, words),
            None => self.start_here(words),
        }
    }

    fn start_here(&mut self, words: &Sender<Word>) -> Result<Pid, Error> {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| Error::Start {
                program: self.name.clone(),
                source,
            })?;
        feed(child.stdin.take(), std::mem::take(&mut self.stdin));
        if let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) {
            listen(stdout, stderr, words, self.capture);
        }
        Ok(Pid::from_child(&child))
    }

    fn start_as(&mut self, builder: &Builder, words: &Sender<Word>) -> Result<Pid, Error> {
        let spec = self.spec(builder)?;
        let program = ship_sandbox::spawn(&spec, &builder.shim).map_err(|error| match error {
            ship_sandbox::Error::Execute { source, .. } => Error::Start {
                program: self.name.clone(),
                source,
            },
            other => other.into(),
        })?;
        listen(program.stdout, program.stderr, words, self.capture);
        Pid::from_raw(program.pid).ok_or_else(|| Error::Start {
            program: self.name.clone(),
            source: std::io::ErrorKind::NotFound.into(),
        })
    }

    fn spec(&mut self, builder: &Builder) -> Result<Spec, Error> {
        let text = |word: &OsStr| {
            let text = word.to_str().map(str::to_owned);
            text.ok_or_else(|| Error::Unreadable {
                what: format!("`{}`, which is not UTF-8", word.display()),
                source: "words and variables of a build are text".into(),
            })
        };
        let command = &self.command;
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let variables = command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        Ok(Spec {
            name: format!("build-{}", builder.user.uid),
            argv: words.map(text).collect::<Result<_, _>>()?,
            env: variables
                .map(|(name, value)| Ok((text(name)?, text(value)?.into())))
                .collect::<Result<_, Error>>()?,
            folder: command
                .get_current_dir()
                .unwrap_or(Path::new("/"))
                .to_owned(),
            user: Some(builder.user),
            stdin: std::mem::take(&mut self.stdin),
            caps: ship_sandbox::Caps::default(),
        })
    }
}

/// Something a program said.
enum Word {
    Line(String),
    Output(Vec<u8>),
}

fn feed(stdin: Option<ChildStdin>, content: Vec<u8>) {
    let Some(mut stdin) = stdin else {
        return;
    };
    // A program that ends without reading closes the pipe; its exit code tells more than EPIPE.
    thread::spawn(move || stdin.write_all(&content));
}

fn listen(
    stdout: impl Read + Send + 'static,
    stderr: impl Read + Send + 'static,
    words: &Sender<Word>,
    capture: bool,
) {
    let (out, err) = (words.clone(), words.clone());
    thread::spawn(move || send_lines(stderr, &err));
    thread::spawn(move || {
        if capture {
            send_all(stdout, &out);
        } else {
            send_lines(stdout, &out);
        }
    });
}

fn send_all(mut pipe: impl Read, words: &Sender<Word>) {
    let mut content = Vec::new();
    let _ = pipe.read_to_end(&mut content);
    let _ = words.send(Word::Output(content));
}

fn send_lines(pipe: impl Read, words: &Sender<Word>) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(1..) = (&mut pipe).take(LONGEST_LINE).read_until(b'\n', &mut line) {
        // Of a line that was redrawn with carriage returns, the last state.
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end().rsplit('\r').next().unwrap_or_default();
        if words.send(Word::Line(text.to_owned())).is_err() {
            return;
        }
        line.clear();
    }
}

/// A running program and what is known of it.
struct Watch {
    pid: Pid,
    heard: Receiver<Word>,
    deadline: Option<Duration>,
    begun: Instant,
}

impl Watch {
    fn until_the_end(
        self,
        cancel: &Cancel,
        on_line: &mut dyn FnMut(String),
    ) -> Result<Finished, Error> {
        let mut tail = VecDeque::new();
        let mut stdout = Vec::new();
        let mut hear = |word| match word {
            Word::Output(content) => stdout = content,
            Word::Line(line) => {
                if tail.len() == KEPT_LINES {
                    tail.pop_front();
                }
                tail.push_back(line.clone());
                on_line(line);
            }
        };
        loop {
            match self.heard.recv_timeout(GLANCE) {
                Ok(word) => hear(word),
                Err(RecvTimeoutError::Timeout) => {}
                // The pipes are closed, the program may live on.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(GLANCE),
            }
            let overdue = self.overdue();
            if cancel.is_cancelled() || overdue.is_some() {
                self.terminate();
            } else if !self.has_ended() {
                continue;
            }
            self.drain(&mut hear);
            let ended = self.reap();
            cancel.check()?;
            return Ok(Finished {
                ended: overdue.unwrap_or(ended),
                tail: tail.into(),
                stdout,
            });
        }
    }

    /// What was written before the end but not read yet.
    fn drain(&self, hear: &mut dyn FnMut(Word)) {
        let until = Instant::now() + LINGER;
        while let Ok(word) = self
            .heard
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            hear(word);
        }
    }

    fn overdue(&self) -> Option<Ended> {
        let deadline = self.deadline.filter(|most| self.begun.elapsed() > *most)?;
        Some(Ended::Deadline(deadline))
    }

    /// SIGTERM to the group, then its grace.
    fn terminate(&self) {
        self.signal(Signal::TERM);
        let until = Instant::now() + GRACE;
        while !self.has_ended() && Instant::now() < until {
            thread::sleep(GLANCE);
        }
    }

    /// Whether the program ended. It is not waited for yet, so that its number stays its own.
    fn has_ended(&self) -> bool {
        let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.pid), how), Ok(None))
    }

    /// Ends what is left of the group, and learns how the program ended.
    fn reap(&self) -> Ended {
        self.signal(Signal::KILL);
        loop {
            match waitpid(Some(self.pid), WaitOptions::empty()) {
                Ok(Some((_, status))) => return Ended::of(status),
                Err(rustix::io::Errno::INTR) => {}
                _ => return Ended::Signal(Signal::KILL.as_raw()),
            }
        }
    }

    /// Only called while the leader is not waited for: afterwards the number may be another's.
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
    }
}

impl Ended {
    fn of(status: WaitStatus) -> Self {
        match status.exit_status() {
            Some(code) => Self::Code(code),
            None => Self::Signal(status.terminating_signal().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Tool {
        Tool::new("/bin/sh", Path::new("/")).args(["-c", script])
    }

    fn run(tool: Tool) -> (Finished, Vec<String>) {
        let mut lines = Vec::new();
        let finished = tool
            .run(&Cancel::new(), &mut |line| lines.push(line))
            .unwrap();
        (finished, lines)
    }

    #[test]
    fn every_line_is_told_and_the_last_ones_are_kept() {
        let (finished, lines) = run(shell("for i in $(seq 100); do echo $i; done; exit 3"));
        assert_eq!(finished.ended, Ended::Code(3));
        assert_eq!(lines.len(), 100);
        assert_eq!(finished.tail.len(), 100);
        let told = finished.told();
        assert_eq!(told.len(), MOST_TOLD + 1);
        assert_eq!((told[0].as_str(), told[LEAD].as_str()), ("1", "…"));
        assert_eq!(told.last().unwrap(), "100");
    }

    #[test]
    fn nothing_is_inherited() {
        let (finished, _) = run(shell("echo [$HOME]").capture());
        assert_eq!(finished.stdout, b"[]\n");
    }

    #[test]
    fn a_deadline_ends_the_whole_group() {
        let tool = shell("sleep 300 & sleep 300").deadline(Duration::from_millis(100));
        let begun = Instant::now();
        let (finished, _) = run(tool);
        assert!(matches!(finished.ended, Ended::Deadline(_)));
        assert!(begun.elapsed() < Duration::from_mins(1));
    }

    #[test]
    fn a_child_that_keeps_the_pipes_open_does_not_keep_the_build_waiting() {
        let begun = Instant::now();
        let (finished, _) = run(shell("sleep 300 & echo done"));
        assert!(finished.succeeded());
        assert!(begun.elapsed() < Duration::from_mins(1));
    }

    #[test]
    fn cancelling_ends_a_running_program() {
        let cancel = Cancel::new();
        let stop = cancel.clone();
        let mut first = |_| stop.cancel();
        let error = shell("echo up; sleep 300").run(&cancel, &mut first);
        assert!(matches!(error, Err(Error::Cancelled)));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = Tool::new("/no/such/tool", Path::new("/"))
            .run(&Cancel::new(), &mut |_| {})
            .unwrap_err();
        assert_eq!(error.to_string(), "cannot start `tool`");
    }

    #[test]
    fn endless_lines_are_cut() {
        let (finished, lines) = run(shell("head -c 100000 /dev/zero | tr '\\0' x"));
        assert!(finished.succeeded());
        assert!(lines.len() > 1);
        assert_eq!(lines.iter().map(String::len).sum::<usize>(), 100_000);
    }
}
