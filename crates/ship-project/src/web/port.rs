//! Lines and shell scripts that start a server on a port of its own, where flags cannot be taken out
//! of the only command.

use crate::command::CommandLine;
use crate::detect::development::shell_script;
use crate::plan::{Note, Place};
use crate::project::Project;
use crate::start::{on_given_port, without_runner};
use crate::web_server::WebServer;

/// What is to be done about such a line.
pub(super) enum Port {
    /// The line with the port that the process is given, and why it is another.
    Given(CommandLine, String),
    /// It cannot be changed.
    Told(Note),
}

/// A line of several commands, or a script, whose last command listens elsewhere than it is told to.
pub(super) fn of_its_own(project: &Project, command: &CommandLine, place: &Place) -> Option<Port> {
    if matches!(command, CommandLine::Shell { .. }) {
        let (line, server) = given(command)?;
        let reason = format!("{}, with the port that it is given", server.label());
        return Some(Port::Given(line, reason));
    }
    let script = shell_script::named(without_runner(command.words()?))?;
    let lines = shell_script::read(project, &project.folder, script)?;
    let last = CommandLine::parse(lines.last()?).ok()?;
    let (_, server) = given(&last)?;
    let whole = CommandLine::parse(&lines.join(" && ")).ok();
    // What the script is called with is its own to read.
    let reads = ["$@", "$*", "$1"];
    let reads = lines
        .iter()
        .any(|line| reads.iter().any(|it| line.contains(it)));
    let plain = whole.filter(|line| !reads && line.sequence().is_some());
    Some(match plain.as_ref().and_then(given) {
        Some((line, server)) => Port::Given(
            line,
            format!(
                "the lines of `{script}`, {} with the port that it is given",
                server.label()
            ),
        ),
        None => Port::Told(Note {
            text: format!(
                "`{script}` starts {} on a port of its own: it runs as it is written",
                server.label()
            ),
            hint: Some(format!(
                "each instance has a port of its own: `{}` in it",
                flags(server).join(" ")
            )),
            place: Some(place.clone()),
        }),
    })
}

/// The line with the flags that tell its last command the port; `None` where it needs none.
fn given(line: &CommandLine) -> Option<(CommandLine, WebServer)> {
    let words = line.last_words()?;
    let (changed, server) = on_given_port(&words)?;
    let line = line.with_last(|written| {
        // `exec`, and settings, stand before the program.
        let before = written.len() - words.len();
        [&written[..before], &changed].concat()
    })?;
    Some((line, server))
}

fn flags(server: WebServer) -> Vec<String> {
    server.listen_flags(&crate::start::GIVEN_PORT)
}
