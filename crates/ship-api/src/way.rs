//! The way to a server: its socket, or a program that joins us to one far away (`ssh … ship dial`).

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use ship_base::name::KeyName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

/// How long a program whose connection broke may take to end and to say why.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// The most of its words that are kept: the last.
const MOST_WORDS: usize = 8192;

/// The way to a server.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    /// A unix socket of this machine; one for deploy keys is told first which key it is.
    Socket(PathBuf, Option<KeyName>),
    /// A program whose standard input and output are joined to such a socket.
    Program(Arc<Dial>),
}

/// How a server far away is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// What people call it: `root@203.0.113.7`.
    pub destination: String,
    /// The program: `ssh`.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// A connection, ended when it is dropped.
pub(crate) enum Connection {
    Socket(UnixStream),
    Program {
        input: ChildStdin,
        output: ChildStdout,
    },
}

/// The program of a connection; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Caller {
    child: Child,
    words: Arc<Mutex<Vec<u8>>>,
}

/// How a program ended that should have joined us.
pub(crate) struct Farewell {
    /// Its exit code; `None` where a signal ended it or it still runs.
    pub(crate) code: Option<i32>,
    /// What it wrote to its standard error.
    pub(crate) words: Vec<String>,
}

impl Way {
    /// A new connection.
    pub(crate) async fn open(&self) -> io::Result<(Connection, Option<Caller>)> {
        match self {
            Self::Socket(path, key) => {
                let mut stream = UnixStream::connect(path).await?;
                if let Some(key) = key {
                    stream.write_all(format!("{key}\n").as_bytes()).await?;
                }
                Ok((Connection::Socket(stream), None))
            }
            Self::Program(dial) => {
                let (connection, caller) = dial.start()?;
                Ok((connection, Some(caller)))
            }
        }
    }
}

impl Dial {
    /// It shares our terminal and its process group: ssh may have to ask for a password, and
    /// Ctrl-C is meant for both.
    fn start(&self) -> io::Result<(Connection, Caller)> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let words = Arc::<Mutex<Vec<u8>>>::default();
        tokio::spawn(listen(errors, words.clone()));
        Ok((
            Connection::Program { input, output },
            Caller { child, words },
        ))
    }
}

/// Not to its end: a connection that ssh keeps for the next command keeps this pipe open too.
async fn listen(mut errors: ChildStderr, words: Arc<Mutex<Vec<u8>>>) {
    let mut piece = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut piece).await {
        let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
        words.extend_from_slice(&piece[..count]);
        let beyond = words.len().saturating_sub(MOST_WORDS);
        words.drain(..beyond);
    }
}

impl Caller {
    /// Waits a little for the program's end and tells how it was.
    pub(crate) async fn farewell(mut self) -> Farewell {
        let ended = tokio::time::timeout(LAST_WORDS, self.child.wait()).await;
        // What it wrote last may still be in the pipe.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let words = String::from_utf8_lossy(&words);
        let lines = words.lines().map(str::trim_end);
        Farewell {
            code: ended.ok().and_then(|status| status.ok()?.code()),
            words: lines
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Program { output, .. } => Pin::new(output).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Socket(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Program { input, .. } => Pin::new(input).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(stream) => Pin::new(stream).poll_flush(context),
            Self::Program { input, .. } => Pin::new(input).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Program { input, .. } => Pin::new(input).poll_shutdown(context),
        }
    }
}
