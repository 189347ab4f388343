//! Shell scripts that a Procfile starts: `web: sh start.sh`.

use std::path::Path;

use super::{NAME_A_SERVER, Replaceable, single};
use crate::command::CommandLine;
use crate::project::Project;
use crate::python::index::plain;
use crate::start::{file_name, without_runner};

/// The script of `sh start.sh`, `bash -e bin/web` or `./start.sh`.
pub(crate) fn named(words: &[String]) -> Option<&str> {
    let (program, rest) = words.split_first()?;
    if ["sh", "bash", "dash"].contains(&file_name(program)) {
        // The line in `sh -c LINE` is no file.
        return rest
            .iter()
            .find(|word| !word.starts_with('-'))
            .map(String::as_str);
    }
    let is_script = Path::new(program).extension().is_some_and(|it| it == "sh");
    is_script.then_some(program)
}

/// The development server that a script ends with. Where the rest of it is more than programs, one
/// after another, it runs as it is.
pub(super) fn recognise(project: &Project, folder: &Path, script: &str) -> Option<Replaceable> {
    let lines = read(project, folder, script)?;
    let tell = |found: Replaceable| Replaceable {
        reason: format!("{} (in `{script}`)", found.reason),
        ..found
    };
    let whole = CommandLine::parse(&lines.join(" && ")).ok()?;
    let plain = whole.sequence().filter(|line| line.folder.is_none());
    if let Some(line) = plain {
        let found = single(project, "", without_runner(&line.last))?;
        return Some(tell(super::with_surroundings(project, found, line)));
    }
    let last = CommandLine::parse(lines.last()?).ok()?.sequence()?;
    let found = single(project, "", without_runner(&last.last))?;
    Some(Replaceable {
        remedy: Some(NAME_A_SERVER.to_owned()),
        ..tell(found)
    })
}

/// The lines of a script that say something.
pub(crate) fn read(project: &Project, folder: &Path, script: &str) -> Option<Vec<String>> {
    let text = project.tree.text(plain(&folder.join(script))).ok()??;
    Some(lines(&text))
}

/// The lines that say something, those that are continued as one.
fn lines(text: &str) -> Vec<String> {
    let whole = text.replace("\\\n", " ");
    let lines = whole.lines().map(str::trim);
    let says =
        |line: &&str| !line.is_empty() && !line.starts_with('#') && !line.starts_with("set ");
    lines.filter(says).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_told_from_other_words() {
        let named = |line: &str| {
            let line = CommandLine::parse(line).unwrap();
            named(line.words().unwrap()).map(str::to_owned)
        };
        assert_eq!(named("sh start.sh").as_deref(), Some("start.sh"));
        assert_eq!(named("bash -e bin/web x").as_deref(), Some("bin/web"));
        assert_eq!(named("./run.sh").as_deref(), Some("./run.sh"));
        assert_eq!(named("python run.py"), None);
    }

    #[test]
    fn lines_of_a_script_are_joined() {
        let text = "#!/bin/sh\nset -e\n\nflask db \\\n  upgrade\n# now\nexec flask run\n";
        assert_eq!(lines(text), ["flask db    upgrade", "exec flask run"]);
    }
}
