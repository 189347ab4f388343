//! What the last lines of a program that ended, or that fails at each visit, say of it.

use std::path::Path;

use ship_base::name::AppName;

use crate::traceback::Traceback;
use crate::{hints, outside};

/// The last lines of a program, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWords {
    /// The lines, with paths in the project as its author knows them: `shop/app.py`.
    pub lines: Vec<String>,
    /// The last exception, and the line of the project that it came from:
    /// `KeyError: 'PORT' (shop/app.py:3)`.
    pub reason: Option<String>,
    /// What to do, where they name a server that is away, a setting, a package, a module or a program
    /// that is missing, or a version that does not fit.
    pub hint: Option<String>,
}

impl LastWords {
    /// Reads `lines`, which a program of `app` wrote whose working copy of the project is `work`.
    pub fn read(app: &AppName, work: &Path, lines: Vec<String>) -> Self {
        let traceback = Traceback::last(&lines);
        let reason = traceback.as_ref().map(|it| it.told(work));
        let hint = hint(app, &lines, traceback.as_ref());
        let folder = format!("{}/", work.display());
        Self {
            reason,
            hint,
            lines: lines.iter().map(|line| line.replace(&folder, "")).collect(),
        }
    }
}

fn hint(app: &AppName, output: &[String], traceback: Option<&Traceback<'_>>) -> Option<String> {
    let lines = || output.iter().map(String::as_str);
    let of_traceback = || {
        let traceback = traceback?;
        let files = traceback.frames.iter().map(|frame| frame.file);
        hints::version::hint(traceback.exception, files)
            .or_else(|| Some(hints::set(traceback.missing_variable()?, app)))
    };
    outside::hint(app, lines())
        .or_else(of_traceback)
        .or_else(|| lines().rev().find_map(missing_module))
        .or_else(|| hints::system::hint(lines()))
        .or_else(|| hints::model(lines()))
        .or_else(|| lines().rev().find_map(told_to_install))
        .or_else(|| traceback?.missing_program().map(of_program))
}

/// `$ pip install sanic[ext]`: a package that says itself what it misses.
fn told_to_install(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("pip install ")?;
    let package = rest.split_whitespace().next()?;
    let package = package.trim_matches(['`', '\'', '"', '.', ',', ')']);
    let is_named = package.starts_with(|c: char| c.is_ascii_alphanumeric());
    is_named.then(|| format!("is `{package}` missing among the packages that the project names?"))
}

/// `ModuleNotFoundError: No module named 'pkg_resources'`
fn missing_module(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("ModuleNotFoundError: No module named '")?;
    let (module, _) = rest.split_once('\'')?;
    let package = hints::package_of(module);
    Some(format!(
        "is `{package}` missing among the packages that the project names?"
    ))
}

fn of_program(name: &str) -> String {
    format!(
        "the app starts a program `{name}`, which this machine does not have: install it, or name the package that brings it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &[&str]) -> LastWords {
        let lines = output.iter().map(|line| (*line).to_owned()).collect();
        LastWords::read(
            &"blog".parse().unwrap(),
            Path::new("/apps/blog/work/1"),
            lines,
        )
    }

    #[test]
    fn the_package_of_a_module_that_is_not_there_is_named() {
        let words = read(&[
            "    import pkg_resources",
            "ModuleNotFoundError: No module named 'pkg_resources'",
            "",
        ]);
        assert_eq!(
            words.hint.as_deref(),
            Some("is `setuptools<81` missing among the packages that the project names?")
        );
    }

    #[test]
    fn a_program_that_the_system_lacks_is_named() {
        let words = read(&["FileNotFoundError: [Errno 2] No such file or directory: 'ffmpeg'"]);
        let hint = words.hint.unwrap();
        assert!(hint.contains("`sudo apt install ffmpeg`"), "{hint}");
        let of_the_app = read(&[
            "  File \"/apps/blog/work/1/main.py\", line 6, in <module>",
            "    version = subprocess.run(",
            "  File \"/usr/lib/python3.12/subprocess.py\", line 1950, in _execute_child",
            "FileNotFoundError: [Errno 2] No such file or directory: 'poetry'",
        ]);
        assert!(of_the_app.hint.unwrap().contains("a program `poetry`"));
    }

    #[test]
    fn what_a_package_says_is_to_be_installed_is_named() {
        assert_eq!(
            read(&["  ▐ $ pip install sanic[ext]"]).hint.as_deref(),
            Some("is `sanic[ext]` missing among the packages that the project names?")
        );
        let hint = read(&["try `pip install gunicorn`."]).hint;
        assert!(hint.unwrap().contains("`gunicorn`"));
        assert_eq!(read(&["pip install -r requirements.txt"]).hint, None);
    }

    #[test]
    fn a_setting_that_is_read_at_a_visit_is_named_with_its_line() {
        let words = read(&[
            "[12:27] ERROR in app: Exception on / [GET]",
            "Traceback (most recent call last):",
            "  File \"/apps/blog/work/1/wsgi.py\", line 10, in hello",
            "    assert os.environ['WORD'] == 'UTF-8'",
            "  File \"<frozen os>\", line 716, in __getitem__",
            "KeyError: 'WORD'",
        ]);
        assert_eq!(
            words.reason.as_deref(),
            Some("KeyError: 'WORD' (wsgi.py:10)")
        );
        assert_eq!(
            words.hint.as_deref(),
            Some("`ship env set --app blog WORD=…`, or a line in .env")
        );
        assert_eq!(words.lines[2], "  File \"wsgi.py\", line 10, in hello");
    }

    #[test]
    fn an_ordinary_end_gets_no_advice() {
        let words = read(&["ValueError: no"]);
        assert_eq!((words.reason, words.hint), (None, None));
    }
}
