//! A command at a terminal: what it draws, and what is typed.

use std::io::Write as _;
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::time::Duration;

use crate::home::{Home, Output, Running};
use crate::wait::wait_until;

/// Runs its arguments at a pseudo-terminal of 100 columns and passes both directions on; ends as
/// they end.
const AT_A_TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
def child():
    size = struct.pack("HHHH", 40, 100, 0, 0)
    fcntl.ioctl(0, termios.TIOCSWINSZ, size)
    os.execv(sys.argv[1], sys.argv[1:])
pid, terminal = pty.fork()
if pid == 0:
    child()
# Once ours is at its end, only the terminal is listened to.
try:
    pty._copy(terminal)
except OSError:
    pass
status = os.waitpid(pid, 0)[1]
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
"#;

/// A command that runs at a terminal.
pub struct Terminal {
    running: Running,
    keys: ChildStdin,
}

impl Home {
    /// Starts `ship` at a terminal.
    #[track_caller]
    pub fn start_at_terminal(&self, folder: &Path, arguments: &[&str]) -> Terminal {
        let program = self.program().to_str().expect("a path in UTF-8");
        let mut words = vec!["-c", AT_A_TERMINAL, program];
        words.extend(arguments);
        let mut child = self
            .command_of("python3", folder, &words)
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let keys = child.stdin.take().expect("piped");
        Terminal {
            running: Running::new(child),
            keys,
        }
    }
}

impl Terminal {
    /// Types.
    #[track_caller]
    pub fn type_in(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it listens");
        self.keys.flush().expect("it listens");
    }

    /// Waits until `text` was drawn.
    #[track_caller]
    pub fn shows(&self, text: &str, within: Duration) {
        let what = format!("`{text}` on the terminal");
        wait_until(&what, within, || self.drawn().contains(text));
    }

    /// Everything that was drawn so far, with its control sequences.
    pub fn drawn(&self) -> String {
        self.running.printed()
    }

    /// Waits for its end; what it drew is `stdout`.
    #[track_caller]
    pub fn finish(self) -> Output {
        let output = self.running.finish();
        drop(self.keys);
        output
    }
}
