//! A value that is typed without being shown, or comes through a pipe.

use std::io::{self, IsTerminal as _, Read as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use ship_base::secret::Secret;

use crate::error::{CommandError, Result};
use crate::ui::Ui;

/// Asks for the value of `name` on a terminal; reads everything of standard input elsewhere,
/// without the line end that `echo` puts there.
pub(crate) fn read(ui: &mut Ui, name: &str) -> Result<Secret<String>> {
    if !io::stdin().is_terminal() {
        return from_pipe();
    }
    ui.ask(&format!("value of {name} (not shown): "));
    let typed = typed();
    ui.say("");
    typed
}

fn from_pipe() -> Result<Secret<String>> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(unread)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(
        text.strip_suffix('\r').unwrap_or(text).to_owned(),
    ))
}

fn typed() -> Result<Secret<String>> {
    let _quiet = Quiet::new()?;
    let mut line = Line::default();
    for byte in io::stdin().lock().bytes() {
        match line.take(byte.map_err(unread)?) {
            Typed::More => {}
            Typed::Done => return line.text(),
            Typed::Cancelled => return Err(CommandError::Interrupted),
        }
    }
    line.text()
}

fn unread(error: io::Error) -> CommandError {
    CommandError::user("cannot read the value from standard input").cause(error)
}

/// The terminal without echo, byte by byte and without signals: Ctrl-C must not end us before the
/// echo is on again.
struct Quiet(Termios);

impl Quiet {
    fn new() -> Result<Self> {
        let failed = |error| CommandError::user("cannot quiet the terminal").cause(error);
        let before = tcgetattr(rustix::stdio::stdin()).map_err(failed)?;
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Flush, &quiet).map_err(failed)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// What has been typed so far.
#[derive(Default)]
struct Line(Vec<u8>);

#[derive(Debug, PartialEq, Eq)]
enum Typed {
    More,
    Done,
    Cancelled,
}

impl Line {
    fn take(&mut self, byte: u8) -> Typed {
        match byte {
            // Ctrl-C and Ctrl-\.
            0x03 | 0x1c => return Typed::Cancelled,
            // Ctrl-D on an empty line gives up, as elsewhere.
            0x04 if self.0.is_empty() => return Typed::Cancelled,
            b'\r' | b'\n' | 0x04 => return Typed::Done,
            0x08 | 0x7f => self.erase(),
            // Ctrl-U.
            0x15 => self.0.clear(),
            byte => self.0.push(byte),
        }
        Typed::More
    }

    /// Takes the last character away, all its bytes.
    fn erase(&mut self) {
        while let Some(byte) = self.0.pop() {
            if byte & 0xc0 != 0x80 {
                return;
            }
        }
    }

    fn text(self) -> Result<Secret<String>> {
        let text = String::from_utf8(self.0);
        let text = text.map_err(|_| CommandError::user("the value is not UTF-8"))?;
        Ok(Secret::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> (Typed, String) {
        let mut line = Line::default();
        let mut last = Typed::More;
        for byte in bytes {
            last = line.take(*byte);
        }
        (last, line.text().unwrap().into_inner())
    }

    #[test]
    fn a_secret_can_be_corrected_while_it_is_typed() {
        assert_eq!(typed(b"hunter3\x7f2\r"), (Typed::Done, "hunter2".into()));
        assert_eq!(typed("aö\x08b\n".as_bytes()), (Typed::Done, "ab".into()));
        assert_eq!(typed(b"wrong\x15right\n"), (Typed::Done, "right".into()));
    }

    #[test]
    fn ctrl_c_gives_up() {
        assert_eq!(typed(b"hun\x03").0, Typed::Cancelled);
        assert_eq!(typed(b"\x04").0, Typed::Cancelled);
    }
}
