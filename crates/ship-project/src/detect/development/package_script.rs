//! Scripts of a `package.json` that a Procfile starts: `web: npm run dev`.

use serde_json::Value;

use super::{Replaceable, of_a_front_end, single};
use crate::command::CommandLine;
use crate::project::Project;
use crate::start::without_runner;

/// Names of scripts that are for development, also in front of a colon: `dev:web`.
const NAMES: [&str; 4] = ["dev", "develop", "development", "watch"];

/// A script for development: the development server that it starts alone, else one that nothing
/// stands in for.
pub(super) fn recognise(
    project: &Project,
    manager: &str,
    arguments: &[&str],
) -> Option<Replaceable> {
    let name = match arguments {
        ["run" | "run-script", name, ..] | [name, ..] => *name,
        [] => return None,
    };
    if !NAMES.contains(&name.split(':').next()?) {
        return None;
    }
    let started = script(project, name).and_then(|line| {
        // Another package manager in it would ask for the same script again.
        let words = without_runner(line.words()?);
        let plain = !NAMES.iter().any(|own| words.iter().any(|word| word == own));
        single(project, "", words).filter(|_| plain)
    });
    let reason = format!("`{manager} {}`", arguments.join(" "));
    Some(match started {
        Some(found) => Replaceable {
            reason: format!("{} (`{name}` of `package.json`)", found.reason),
            ..found
        },
        None => of_a_front_end(&reason),
    })
}

fn script(project: &Project, name: &str) -> Option<CommandLine> {
    let file = project.folder.join("package.json");
    let text = project.tree.text(file).ok()??;
    let package: Value = serde_json::from_str(&text).ok()?;
    let line = package.get("scripts")?.get(name)?.as_str()?;
    CommandLine::parse(line).ok()
}
