//! The last traceback in what a program wrote: which exception, and on which lines.
//!
//! Python prints it as `traceback.print_exception` does: frames of `  File "…", line N, in f`, with
//! what stands there below each, and the exception against the margin. Loggers and servers set all of
//! that in by a prefix of their own.

use std::path::Path;

/// How long an exception may be told: some carry the whole answer of a server.
const LONGEST: usize = 300;

/// One traceback, which may have lost its beginning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Traceback<'a> {
    /// `KeyError: 'PORT'`
    pub(crate) exception: &'a str,
    /// From the outermost to the innermost.
    pub(crate) frames: Vec<Frame<'a>>,
}

/// A line on the way to the exception.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) file: &'a str,
    line: u32,
    /// The line itself; empty where Python has no source of it.
    source: &'a str,
}

impl<'a> Traceback<'a> {
    /// The last one in `lines`, none where they have no exception below a frame.
    pub(crate) fn last(lines: &'a [String]) -> Option<Self> {
        let (innermost, (prefix, _)) = lines
            .iter()
            .enumerate()
            .rev()
            .find_map(|(at, line)| Some((at, header(line)?)))?;
        let below = lines[innermost + 1..]
            .iter()
            .map(|line| line.strip_prefix(prefix));
        let exception = below
            .take_while(Option::is_some)
            .flatten()
            .find(|line| !line.starts_with(' ') && !line.is_empty())?;
        if !names_an_exception(exception) {
            return None;
        }
        let mut frames = Vec::new();
        for at in (0..=innermost).rev() {
            let Some(rest) = lines[at].strip_prefix(prefix) else {
                break;
            };
            if let Some((_, frame)) = header(&lines[at]) {
                let source = lines.get(at + 1).and_then(|line| line.strip_prefix(prefix));
                let source = source.filter(|line| line.starts_with("    "));
                frames.push(Frame {
                    source: source.unwrap_or_default().trim(),
                    ..frame
                });
            } else if !rest.starts_with(' ') {
                break;
            }
        }
        frames.reverse();
        Some(Self { exception, frames })
    }

    /// The exception, and the innermost line of the project on the way to it.
    pub(crate) fn told(&self, project: &Path) -> String {
        let exception = shortened(self.exception);
        match self.own_place(project) {
            Some(place) => format!("{exception} ({place})"),
            None => exception,
        }
    }

    /// `shop/settings.py:12`
    fn own_place(&self, project: &Path) -> Option<String> {
        self.frames.iter().rev().find_map(|frame| {
            let file = Path::new(frame.file);
            let below = match file.strip_prefix(project) {
                Ok(below) => below,
                // Python 3.8 names the program as it was called.
                Err(_) if file.is_relative() && !frame.file.starts_with('<') => file,
                Err(_) => return None,
            };
            Some(format!("{}:{}", below.display(), frame.line))
        })
    }

    /// The variable of the environment that was read without a default and is not set.
    pub(crate) fn missing_variable(&self) -> Option<&'a str> {
        let (_, rest) = self.exception.split_once("KeyError: '")?;
        let name = rest.strip_suffix('\'')?;
        self.frames
            .iter()
            .any(|frame| frame.source.contains("environ["))
            .then_some(name)
    }

    /// The program that could not be started because it is not there.
    pub(crate) fn missing_program(&self) -> Option<&'a str> {
        let (_, rest) = self
            .exception
            .split_once("FileNotFoundError: [Errno 2] No such file or directory: '")?;
        let is_started = self
            .frames
            .iter()
            .any(|frame| frame.file.ends_with("subprocess.py"));
        rest.strip_suffix('\'').filter(|_| is_started)
    }
}

/// What a line is set in by, and the frame that it begins: `  File "shop/app.py", line 3, in f`.
fn header(line: &str) -> Option<(&str, Frame<'_>)> {
    let (prefix, rest) = line.split_once("  File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    let frame = Frame {
        file,
        line: digits.parse().ok()?,
        source: "",
    };
    Some((prefix, frame))
}

/// `psycopg2.OperationalError: …`, `KeyboardInterrupt`
fn names_an_exception(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    let is_of_name = |c: char| c.is_alphanumeric() || "._".contains(c);
    name.starts_with(char::is_alphabetic) && name.chars().all(is_of_name)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_place_is_the_innermost_line_of_the_project() {
        let lines = lines(
            r#"  File "/home/apps/shop/work/1/app.py", line 3, in <module>
    import shop
  File "/home/apps/shop/work/1/shop/db.py", line 12, in connect
    return psycopg2.connect(
           ~~~~~~~~~~~~~~~~^
        URL,
        ^^^^
    )
  File "/store/env/1/lib/python3.13/site-packages/psycopg2/__init__.py", line 122, in connect
psycopg2.OperationalError: Connection refused
	Is the server running on that host?

"#,
        );
        let traceback = Traceback::last(&lines).unwrap();
        assert_eq!(
            traceback.told(Path::new("/home/apps/shop/work/1")),
            "psycopg2.OperationalError: Connection refused (shop/db.py:12)"
        );
        assert_eq!(traceback.frames.len(), 3);
    }

    #[test]
    fn the_last_of_several_is_read() {
        let lines = lines(
            r#"Traceback (most recent call last):
  File "/w/app.py", line 1, in <module>
    one()
ValueError: one

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/w/app.py", line 3, in <module>
    two()
TypeError: two
[2026-11-30] ERROR bye"#,
        );
        let traceback = Traceback::last(&lines).unwrap();
        assert_eq!(traceback.exception, "TypeError: two");
        assert_eq!(traceback.frames.len(), 1);
        assert_eq!(traceback.frames[0].source, "two()");
    }

    #[test]
    fn what_a_logger_sets_in_is_read() {
        let lines = lines(
            "2026-11-30 [-] Unhandled Error\n\tTraceback (most recent call last):\n\t  File \"/w/app.py\", line 8, in google\n\t    response = await get(URL)\n\ttwisted.internet.error.DNSLookupError: DNS lookup failed\n\t\n2026-11-30 [-] GET / 500",
        );
        let traceback = Traceback::last(&lines).unwrap();
        assert_eq!(
            traceback.told(Path::new("/w")),
            "twisted.internet.error.DNSLookupError: DNS lookup failed (app.py:8)"
        );
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let lines = lines(
            "  File \"/w/wsgi.py\", line 10, in hello\n    assert os.environ['WORD'] == 'x'\n           ~~~~~~~~~~^^^^^^^^\n  File \"<frozen os>\", line 716, in __getitem__\nKeyError: 'WORD'",
        );
        let traceback = Traceback::last(&lines).unwrap();
        assert_eq!(traceback.missing_variable(), Some("WORD"));
        assert_eq!(
            traceback.told(Path::new("/w")),
            "KeyError: 'WORD' (wsgi.py:10)"
        );
        let of_a_dict = lines[..1]
            .iter()
            .cloned()
            .chain([
                "    words['WORD']".to_owned(),
                "KeyError: 'WORD'".to_owned(),
            ])
            .collect::<Vec<_>>();
        let traceback = Traceback::last(&of_a_dict).unwrap();
        assert_eq!(traceback.missing_variable(), None);
    }

    #[test]
    fn a_file_that_is_not_there_is_no_program() {
        let lines = lines(
            "  File \"/w/app.py\", line 1, in <module>\n    open('x')\nFileNotFoundError: [Errno 2] No such file or directory: 'x'",
        );
        assert_eq!(Traceback::last(&lines).unwrap().missing_program(), None);
    }

    #[test]
    fn ordinary_lines_are_no_traceback() {
        assert_eq!(
            Traceback::last(&lines("listening on 8000\nKeyError: 'x'")),
            None
        );
        assert_eq!(
            Traceback::last(&lines(
                "  File \"/w/app.py\", line 1\n    x\n[12:00] went on"
            )),
            None
        );
    }

    proptest! {
        #[test]
        fn any_lines_are_read(lines in proptest::collection::vec(
            prop_oneof![
                Just("Traceback (most recent call last):".to_owned()),
                "[ \t│]{0,3}  File \"[a-z/<>]{0,9}\", line [0-9]{0,12}(, in f)?",
                "    [a-z]{0,9}",
                "[A-Z][a-z.]{0,9}(: .*)?",
                ".*",
            ],
            0..9,
        )) {
            if let Some(traceback) = Traceback::last(&lines) {
                let _ = (traceback.told(Path::new("/w")), traceback.missing_variable());
            }
        }
    }
}
