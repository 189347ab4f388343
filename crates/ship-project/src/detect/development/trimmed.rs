//! What a production line carries for development alone: reloading, debugging, watching files.

use crate::command::CommandLine;
use crate::start::{file_name, is_python, reloading, without_runner};

/// Flags without a value of programs that listen by themselves.
const FLAGS: &[(&str, &[&str])] = &[
    ("bokeh", &["--dev"]),
    ("chainlit", &["--watch", "-w"]),
    ("panel", &["--autoreload", "--dev"]),
    ("pserve", &["--reload"]),
    ("robyn", &["--dev"]),
    (
        "sanic",
        &["--auto-reload", "--debug", "--dev", "--reload", "-d", "-r"],
    ),
    ("shiny", &["--reload", "-r"]),
];

/// The line without what is for development, and what that was; `None` where there is no such thing.
pub(crate) fn trimmed(command: &CommandLine) -> Option<(CommandLine, String)> {
    if let Some((inner, watcher)) = watched(command) {
        return Some(match trimmed(&inner) {
            Some((inner, flag)) => (inner, format!("{watcher}` and `{flag}")),
            None => (inner, watcher),
        });
    }
    let words = command.last_words()?;
    let words = without_runner(&words);
    let flags = flags(words);
    let flag = words.iter().find(|word| flags.contains(&word.as_str()))?;
    let changed = command.with_last(|words| {
        let kept = words.iter().filter(|word| !flags.contains(&word.as_str()));
        kept.cloned().collect()
    })?;
    Some((changed, flag.clone()))
}

fn flags(words: &[String]) -> Vec<&'static str> {
    let mut flags = reloading(words);
    let own = program(words).and_then(|program| FLAGS.iter().find(|(name, _)| *name == program));
    flags.extend(own.into_iter().flat_map(|(_, flags)| *flags));
    flags
}

/// `sanic` of `sanic a:b` and of `python -m sanic a:b`.
fn program(words: &[String]) -> Option<&str> {
    let first = file_name(words.first()?);
    if is_python(first) && words.get(1)? == "-m" {
        return words.get(2).map(String::as_str);
    }
    Some(first)
}

/// `watchfiles 'uvicorn a:b'`, `watchmedo auto-restart -- celery …`, `nodemon --exec '…'`: the
/// program that is started anew at every change of a file.
fn watched(command: &CommandLine) -> Option<(CommandLine, String)> {
    let sequence = command.sequence()?;
    let words = without_runner(&sequence.last);
    let program = program(words)?;
    let inner = match program {
        "watchfiles" => {
            let alone = |word: &str| ["--non-recursive", "--verbose"].contains(&word);
            let mut rest = words[1..].iter();
            let mut next = rest.next()?;
            while next.starts_with('-') {
                if !alone(next) && !next.contains('=') {
                    rest.next();
                }
                next = rest.next()?;
            }
            CommandLine::parse(next).ok()?
        }
        "watchmedo" => {
            let at = words.iter().position(|word| word == "--")?;
            CommandLine::Argv(
                words
                    .get(at + 1..)
                    .filter(|rest| !rest.is_empty())?
                    .to_vec(),
            )
        }
        "nodemon" => {
            let at = words
                .iter()
                .position(|word| word == "--exec" || word == "-x")?;
            CommandLine::parse(words.get(at + 1)?).ok()?
        }
        _ => return None,
    };
    let whole = match command {
        CommandLine::Argv(_) if sequence.env.is_empty() => inner,
        // What stands before it is the shell's.
        _ => {
            let inner = inner.words()?.to_vec();
            command.with_last(|_| inner)?
        }
    };
    Some((whole, program.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Option<(String, String)> {
        let (line, what) = trimmed(&CommandLine::parse(line).unwrap())?;
        Some((line.to_string(), what))
    }

    #[test]
    fn what_is_for_development_is_left_out() {
        for (line, kept, what) in [
            (
                "uvicorn a:b --reload --port 1",
                "uvicorn a:b --port 1",
                "--reload",
            ),
            (
                "cd src && uvicorn a:b --reload --port $PORT",
                "cd src && uvicorn a:b --port $PORT",
                "--reload",
            ),
            (
                "a | b && gunicorn c --reload",
                "a | b && gunicorn c",
                "--reload",
            ),
            ("A=1 gunicorn c --reload", "A=1 gunicorn c", "--reload"),
            (
                "sanic server.app --dev --port=$PORT",
                "sanic server.app --port=$PORT",
                "--dev",
            ),
            (
                "python -m robyn app.py --dev",
                "python -m robyn app.py",
                "--dev",
            ),
            (
                "pserve a.ini --reload http_port=$PORT",
                "pserve a.ini http_port=$PORT",
                "--reload",
            ),
            ("watchfiles 'uvicorn a:b'", "uvicorn a:b", "watchfiles"),
            (
                "watchfiles --ignore-paths x 'uvicorn a:b'",
                "uvicorn a:b",
                "watchfiles",
            ),
            (
                "watchmedo auto-restart -d . -R -- celery -A a worker",
                "celery -A a worker",
                "watchmedo",
            ),
            (
                "nodemon --exec 'uvicorn a:b --reload'",
                "uvicorn a:b",
                "nodemon` and `--reload",
            ),
        ] {
            let wanted = Some((kept.to_owned(), what.to_owned()));
            assert_eq!(told(line), wanted, "{line}");
        }
        for line in [
            "uvicorn a:b --reload-dir x",
            "celery -A a worker",
            "python app.py --dev",
            "watchfiles",
        ] {
            assert_eq!(told(line), None, "{line}");
        }
    }

    #[test]
    fn programs_come_once() {
        assert!(FLAGS.is_sorted());
    }
}
