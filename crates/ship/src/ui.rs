//! The only printer: data goes to standard output, the story to standard error.
//!
//! On a terminal the story has a live part at its end (what is being done right now), which is
//! drawn over again; every other output takes it away first.

use std::io::{self, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use crate::error::{CommandError, Result};

/// Standard output and standard error.
pub(crate) struct Ui {
    data: Channel,
    story: Channel,
    /// Rows of the live part that are on the screen.
    drawn: usize,
}

/// One of the two.
struct Channel {
    stream: Box<dyn Write + Send>,
    colour: bool,
    terminal: bool,
    /// Columns, in place of asking the terminal.
    columns: Option<usize>,
}

impl Ui {
    /// The streams of this process. `dumb`: the terminal cannot move its cursor (`TERM=dumb`).
    pub(crate) fn of_process(dumb: bool) -> Self {
        let coloured = |choice| choice != ColorChoice::Never;
        Self {
            data: Channel {
                colour: coloured(AutoStream::choice(&io::stdout())),
                terminal: io::stdout().is_terminal(),
                stream: Box::new(io::stdout()),
                columns: None,
            },
            story: Channel {
                colour: coloured(AutoStream::choice(&io::stderr())),
                terminal: io::stderr().is_terminal() && !dumb,
                stream: Box::new(io::stderr()),
                columns: None,
            },
            drawn: 0,
        }
    }

    /// Whether standard output is a terminal.
    pub(crate) fn data_on_terminal(&self) -> bool {
        self.data.terminal
    }

    /// Whether the story is told on a terminal, live.
    pub(crate) fn is_live(&self) -> bool {
        self.story.terminal
    }

    /// Columns of the terminal that the story is told on; `None` where it is none.
    pub(crate) fn story_columns(&self) -> Option<usize> {
        self.story.columns(rustix::stdio::stderr())
    }

    /// Columns of the terminal that data goes to; `None` where it is none.
    pub(crate) fn data_columns(&self) -> Option<usize> {
        self.data.columns(rustix::stdio::stdout())
    }

    /// One line (or several) of data.
    pub(crate) fn data(&mut self, line: &str) -> Result<()> {
        self.clear();
        self.data.line(line).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => CommandError::NobodyReads,
            _ => CommandError::user("cannot write to standard output").cause(error),
        })
    }

    /// Data for programs: one JSON document, indented for people who look at it.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value);
        self.data(&text.expect("what we show holds nothing that JSON cannot write"))
    }

    /// Data for programs: one JSON object on a line of its own.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(value);
        self.data(&text.expect("what we show holds nothing that JSON cannot write"))
    }

    /// One line (or several) of the story. Nobody reading it is no reason to stop.
    pub(crate) fn say(&mut self, line: &str) {
        self.clear();
        let _ = self.story.line(line);
    }

    /// A question; the answer is typed on the same line.
    pub(crate) fn ask(&mut self, question: &str) {
        self.clear();
        let _ = self.story.write(question);
    }

    /// Draws the live part: rows without line ends. Does nothing where the story is not live.
    pub(crate) fn draw(&mut self, rows: &[String]) {
        if !self.story.terminal {
            return;
        }
        // In one write: a terminal must not show the moment between.
        let drawn = format!("{}{}", self.erase(), self.story.coloured(&rows.join("\n")));
        let _ = self.story.raw(&drawn);
        self.drawn = rows.len();
    }

    /// Takes the live part away.
    pub(crate) fn clear(&mut self) {
        if self.drawn > 0 {
            let _ = self.story.raw(&self.erase());
            self.drawn = 0;
        }
    }

    /// What takes the live part away: column one, erase the line; then up and erase, once for
    /// each further row (ECMA-48).
    fn erase(&self) -> String {
        match self.drawn {
            0 => String::new(),
            rows => format!("\r\x1b[2K{}", "\x1b[1A\x1b[2K".repeat(rows - 1)),
        }
    }
}

impl Channel {
    fn line(&mut self, line: &str) -> io::Result<()> {
        self.write(&format!("{line}\n"))
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        let text = self.coloured(text);
        self.raw(&text)
    }

    /// Colours are taken out where they are not wanted.
    fn coloured(&self, text: &str) -> String {
        if self.colour {
            text.to_owned()
        } else {
            anstream::adapter::strip_str(text).to_string()
        }
    }

    /// Cursor movements stay, also with `NO_COLOR`, which is about colour alone.
    fn raw(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())?;
        self.stream.flush()
    }

    fn columns(&self, stream: impl std::os::fd::AsFd) -> Option<usize> {
        if self.columns.is_some() || !self.terminal {
            return self.columns;
        }
        let size = rustix::termios::tcgetwinsize(stream).ok()?;
        // A terminal that was never given a size says 0.
        (size.ws_col > 0).then_some(size.ws_col.into())
    }
}

#[cfg(test)]
pub(crate) mod captured {
    //! A printer whose output a test can look at.

    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was printed.
    #[derive(Clone, Default)]
    pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        /// The text so far, controls as `␛`.
        pub(crate) fn text(&self) -> String {
            let bytes = self.0.lock().unwrap();
            String::from_utf8(bytes.clone())
                .unwrap()
                .replace('\x1b', "␛")
                .replace('\r', "␍")
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A printer without colour: data and story end up in the same text. `columns`: of a terminal.
    pub(crate) fn ui(columns: Option<usize>) -> (Ui, Captured) {
        let captured = Captured::default();
        let channel = || Channel {
            stream: Box::new(captured.clone()),
            colour: false,
            terminal: columns.is_some(),
            columns,
        };
        let ui = Ui {
            data: channel(),
            story: channel(),
            drawn: 0,
        };
        (ui, captured)
    }
}

#[cfg(test)]
mod tests {
    use super::captured::ui;

    #[test]
    fn a_line_takes_the_live_part_away_first() {
        let (mut ui, captured) = ui(Some(80));
        ui.draw(&["one".into(), "two".into()]);
        ui.say("three");
        assert_eq!(captured.text(), "one\ntwo␍␛[2K␛[1A␛[2Kthree\n");
    }

    #[test]
    fn nothing_is_drawn_where_no_terminal_is() {
        let (mut ui, captured) = ui(None);
        ui.draw(&["one".into()]);
        ui.data("data").unwrap();
        assert_eq!(captured.text(), "data\n");
    }
}
