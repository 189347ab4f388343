//! What our readers promise of any bytes; driven by `ship_test::fuzz` and by `cargo xtask fuzz`.
//!
//! Every target takes a file as somebody has it, except where it says otherwise. Text that is not
//! UTF-8 is refused before any of them.

use std::fmt::Write as _;
use std::path::Path;

use toml::Table;

use crate::command::CommandLine;
use crate::cron::Cron;
use crate::error::Error;
use crate::files::ini::Ini;
use crate::files::other_lock::OtherLock;
use crate::files::python_version::Named;
use crate::files::requirements::{self, Requirements};
use crate::files::{
    app_json, aptfile, conda, dotenv, outline, pdm_lock, pipfile, poetry, poetry_lock,
    poetry_range, procfile, pylock, pyproject, python_version, setup, uv_lock,
};
use crate::init;
use crate::manifest;
use crate::plan::Place;
use crate::python::source::Source;

/// The name of one, and what reads the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// By name, sorted.
pub const TARGETS: &[Target] = &[
    ("project-app-json", |bytes| text(bytes, of_app_json)),
    ("project-aptfile", |bytes| text(bytes, of_aptfile)),
    ("project-command", |bytes| text(bytes, of_command)),
    ("project-conda", |bytes| text(bytes, of_conda)),
    ("project-cron", |bytes| text(bytes, of_cron)),
    ("project-dotenv", |bytes| text(bytes, of_dotenv)),
    ("project-ini", |bytes| text(bytes, of_ini)),
    ("project-init", |bytes| text(bytes, init::fuzz::written)),
    ("project-manifest", |bytes| text(bytes, of_manifest)),
    ("project-outline", |bytes| text(bytes, of_outline)),
    ("project-pdm-lock", |bytes| text(bytes, of_pdm_lock)),
    ("project-pipfile", |bytes| text(bytes, of_pipfile)),
    ("project-pipfile-lock", |bytes| text(bytes, of_pipfile_lock)),
    ("project-poetry-lock", |bytes| text(bytes, of_poetry_lock)),
    ("project-poetry-range", |bytes| text(bytes, of_poetry_range)),
    ("project-procfile", |bytes| text(bytes, of_procfile)),
    ("project-pylock", |bytes| text(bytes, of_pylock)),
    ("project-pyproject", |bytes| text(bytes, of_pyproject)),
    ("project-python", |bytes| text(bytes, of_python)),
    ("project-python-version", |bytes| {
        text(bytes, of_python_version);
    }),
    ("project-quantity", |bytes| {
        text(bytes, manifest::fuzz::quantity);
    }),
    ("project-requirements", |bytes| text(bytes, of_requirements)),
    ("project-setup-cfg", |bytes| text(bytes, of_setup_cfg)),
    ("project-uv-lock", |bytes| text(bytes, of_uv_lock)),
];

fn text(bytes: &[u8], target: fn(&str)) {
    if let Ok(text) = str::from_utf8(bytes) {
        target(text);
    }
}

fn file() -> &'static Path {
    Path::new("file")
}

/// A line that a thing was found in is one of the file.
fn is_there(place: &Place, text: &str) {
    let lines = text.split('\n').count();
    assert!((1..=lines).contains(&(place.line as usize)), "{place}");
}

/// What is refused is told in lines that can be shown.
fn shown(error: &Error) {
    let told = error.to_string();
    let plain = |c: char| c == '\n' || !c.is_control();
    assert!(told.chars().all(plain), "{told:?}");
}

fn of_app_json(text: &str) {
    let _ = app_json::parse(text);
}

/// What is named stands in a command line as one word that a shell reads as it is.
fn of_aptfile(text: &str) {
    for (name, line) in aptfile::parse(text) {
        let plain = |c: char| c.is_ascii_graphic() && !"$&;|<>'\"`\\()*?[]{}!".contains(c);
        assert!(!name.is_empty() && name.chars().all(plain), "{name}");
        is_there(&Place::line(file(), line), text);
    }
}

/// A command is shown in a way that means the same.
fn of_command(text: &str) {
    let Ok(command) = CommandLine::parse(text) else {
        return;
    };
    let words = command.resolve(&[("A".to_owned(), "x y".to_owned())].into());
    assert!(!words.is_empty() && words.iter().all(|word| !word.contains('\0')));
    assert_eq!(
        CommandLine::parse(&command.to_string()),
        Ok(command.clone())
    );
    if let Some(sequence) = command.sequence() {
        assert!(text.contains(&sequence.before));
    }
    let _ = (command.last_words(), command.with_last(<[String]>::to_vec));
}

fn of_conda(text: &str) {
    let read = conda::environment(text);
    assert!(read.foreign.iter().all(|(_, line)| *line > 0));
}

/// What is taken runs at some time.
fn of_cron(text: &str) {
    let Ok(cron) = Cron::parse(text) else {
        return;
    };
    let some = |most: u8, fits: &dyn Fn(u8) -> bool| (0..=most).any(fits);
    let runs_on = |month: u8, day: u8| {
        some(6, &|weekday| {
            cron.matches_day(day, month, weekday)
                && some(23, &|hour| {
                    some(59, &|minute| {
                        cron.matches(minute, hour, day, month, weekday)
                    })
                })
        })
    };
    assert!(
        some(12, &|month| some(31, &|day| runs_on(month, day))),
        "{text}"
    );
    assert_eq!(Cron::parse(&cron.to_string()).as_ref(), Ok(&cron));
}

/// Settings that are written down, each in double quotes, are read again; and what cannot be read
/// is told without a value.
fn of_dotenv(text: &str) {
    let entries = match dotenv::parse(file(), text) {
        Ok(entries) => entries,
        Err(error) => return shown(&error),
    };
    let mut written = String::new();
    for entry in &entries {
        is_there(&entry.place, text);
        let (name, value) = (&entry.name, entry.value.clone().into_inner());
        // What execve(2) can be given.
        assert!(!name.is_empty() && !name.contains(['=', '\0']), "{name:?}");
        assert!(!value.contains('\0'));
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        let quote = if name.contains('\'') { "" } else { "'" };
        let _ = writeln!(written, "{quote}{name}{quote}=\"{value}\"");
    }
    let again = dotenv::parse(file(), &written).expect("what was written");
    let same = |(one, other): (&dotenv::DotenvEntry, &dotenv::DotenvEntry)| {
        one.name == other.name && one.value == other.value
    };
    assert_eq!(again.len(), entries.len());
    assert!(entries.iter().zip(&again).all(same), "{written}");
}

fn of_ini(text: &str) {
    let ini = Ini::read(text);
    for (section, key) in [("app:main", "use"), ("uwsgi", "module"), ("", "")] {
        if let Some((value, line)) = ini.get(section, key) {
            assert!(ini.has(section));
            assert!(value.lines().all(|part| text.contains(part)));
            is_there(&Place::line(file(), line), text);
        }
    }
}

fn of_manifest(text: &str) {
    match manifest::read::parse(text) {
        Ok(read) => {
            assert!(read.domains.iter().all(|domain| !domain.value.is_empty()));
            read.domains
                .iter()
                .for_each(|domain| is_there(&domain.place, text));
        }
        Err(error) => shown(&error),
    }
}

fn of_outline(text: &str) {
    for key in ["theme", "plugins", "site_name"] {
        let found = outline::name_of(text, key).into_iter();
        for (_, line) in found.chain(outline::items_of(text, key)) {
            is_there(&Place::line(file(), line), text);
        }
    }
}

/// Each package once, in lines that a list of requirements may hold.
fn of_lock(lock: &OtherLock) {
    let pins = lock.pins([3, 12, 4]);
    for line in lock.lines().iter().chain(&pins) {
        assert!(!line.is_empty());
    }
    let _ = lock.needed(&[]);
    let _ = lock.beside_index(&[]);
}

fn of_pdm_lock(text: &str) {
    if let Ok(lock) = pdm_lock::parse(text) {
        of_lock(&lock);
    }
}

fn of_pipfile(text: &str) {
    if let Ok(table) = text.parse::<Table>() {
        let _ = pipfile::parse(&table);
    }
}

fn of_pipfile_lock(text: &str) {
    if let Ok(lock) = pipfile::parse_lock(text) {
        of_lock(&lock);
    }
}

fn of_poetry_lock(text: &str) {
    if let Ok(lock) = poetry_lock::parse(text, &["dev".to_owned()]) {
        of_lock(&lock);
    }
}

/// A range means the same in Poetry's words and in those of PEP 440.
fn of_poetry_range(text: &str) {
    let _ = poetry_range::hull(text);
    for alternative in poetry_range::alternatives(text) {
        let Some(specifier) = poetry_range::specifier(alternative) else {
            continue;
        };
        for python in [[2, 7, 18], [3, 8, 0], [3, 12, 4], [4, 0, 0]] {
            assert_eq!(
                poetry_range::allows(alternative, python),
                poetry_range::allows(&specifier, python),
                "{alternative} is {specifier}"
            );
        }
    }
}

/// Processes that are written down are read again.
fn of_procfile(text: &str) {
    let entries = match procfile::parse(file(), text) {
        Ok(entries) => entries,
        Err(error) => return shown(&error),
    };
    let line = |entry: &procfile::Entry| format!("{}: {}\n", entry.name, entry.command);
    let written: String = entries.iter().map(line).collect();
    let again = procfile::parse(file(), &written).expect("what was written");
    assert_eq!(again.len(), entries.len());
    for (entry, again) in entries.iter().zip(&again) {
        is_there(&entry.place, text);
        assert_eq!((&entry.name, &entry.command), (&again.name, &again.command));
    }
}

fn of_pylock(text: &str) {
    let _ = pylock::parse(text);
}

fn of_pyproject(text: &str) {
    if let Err(error) = pyproject::parse(file(), text) {
        shown(&error);
    }
    if let Ok(table) = text.parse::<Table>() {
        let _ = poetry::read(&table);
        let pixi = table
            .get("tool")
            .and_then(|tool| tool.get("pixi")?.as_table());
        let _ = pixi.map(conda::pixi);
    }
}

/// A file that is too deeply nested to be parsed is one with a mistake.
fn of_python(text: &str) {
    let source = Source::alone(Path::new("setup.py"), text);
    if let Some(module) = crate::python::source::parsed(vec![&source]).next() {
        let setup = setup::python(module);
        for requirement in &setup.requirements {
            is_there(&requirement.place, text);
        }
    }
}

fn of_python_version(text: &str) {
    let found = [
        python_version::python_version(text),
        python_version::runtime_txt(text),
        python_version::tool_versions(text),
        python_version::mise(text),
    ];
    for (named, line) in found.into_iter().flatten() {
        is_there(&Place::line(file(), line), text);
        let Named::Python(version) = &named else {
            continue;
        };
        assert!(version.is_ascii() && version.trim() == version);
        // What uv is told is a name that is understood here as well.
        assert_eq!(python_version::python_version(version), Some((named, 1)));
    }
}

/// The file includes itself, and `other.txt`.
fn of_requirements(text: &str) {
    let text_of = |path: &Path| match path.to_str() {
        Some("file" | "other.txt" | "sub/other.txt") => Some(text.to_owned()),
        _ => None,
    };
    let read = Requirements::read(file(), &text_of);
    for entry in &read.entries {
        is_there(&entry.place, text);
        assert_eq!(requirements::normalise(&entry.name), entry.name);
    }
    let _ = read.pinned();
    for line in requirements::flat_lines(file(), &text_of) {
        assert!(!line.contains('\n'), "{line:?}");
        if let Some(plain) = requirements::plain(&line) {
            assert!(!plain.starts_with('-'), "{plain}");
        }
    }
}

fn of_setup_cfg(text: &str) {
    let setup = setup::cfg(file(), text);
    for requirement in &setup.requirements {
        is_there(&requirement.place, text);
    }
}

fn of_uv_lock(text: &str) {
    let _ = uv_lock::members(text);
    for member in [None, Some("web")] {
        if let Ok(lock) = uv_lock::parse(text, member) {
            assert!(
                lock.packages
                    .keys()
                    .all(|name| text.contains(name.as_str()))
            );
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_reader_keeps_its_promise_whatever_it_reads() {
        ship_test::fuzz::hold(super::TARGETS);
    }
}
