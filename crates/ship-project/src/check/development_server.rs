//! Servers that their makers say are for development, in commands for production.

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::command::CommandLine;
use crate::detect::development::{NAME_A_SERVER, recognise, trimmed};
use crate::plan::{Place, Start};

pub(super) const CHECK: Check = Check {
    id: "development-server",
    severity: Severity::Error,
    title: "no command starts a development server",
    why: "`runserver`, `flask run`, `fastapi dev` and `--reload` are made for one developer: they are slow, watch files, may show a debugger, and their makers say not to use them in production. Shipsmith replaces them in a Procfile where it finds the application itself, and leaves out `--reload` and what else watches files; then this is advice, because other platforms would run the line as it is.",
    remedy: "Name a production server, `web: gunicorn shop.wsgi`, or leave the line out: the server is then chosen for you.",
    fix: None,
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let manifest = &subject.sources.manifest;
    let mut commands: Vec<(&str, &CommandLine, &Place)> = Vec::new();
    commands.extend(
        manifest
            .web
            .command
            .iter()
            .map(|c| ("web", &c.value, &c.place)),
    );
    let own = manifest.processes.iter();
    commands.extend(own.map(|p| (p.name.as_str(), &p.command.value, &p.command.place)));
    let entries = subject.sources.procfile.iter().filter(|entry| {
        entry.name != "web" || manifest.web.command.is_none() && manifest.web.app.is_none()
    });
    commands.extend(entries.map(|e| (e.name.as_str(), &e.command, &e.place)));
    // What detection starts by a command of its own: `pserve development.ini`.
    if commands.iter().all(|(name, ..)| *name != "web")
        && let Some(web) = subject.plan.ok().and_then(|plan| plan.web())
        && let (Start::Command(authored), Some(place)) =
            (&web.start.value, web.start.places.first())
    {
        commands.push(("web", &authored.command, place));
    }
    commands
        .into_iter()
        .filter_map(|(name, command, place)| {
            let trimmed = trimmed(command);
            let line = trimmed.as_ref().map_or(command, |(line, _)| line);
            let Some(found) = recognise(subject.project(), line) else {
                let (_, what) = trimmed?;
                let what = format!("`{what}` is for development: it is left out");
                let finding = Finding::new(&CHECK, place.clone(), what, "take it out of the line");
                return Some(finding.severity(Severity::Advice));
            };
            let served = subject.plan.ok().and_then(|plan| plan.web());
            // The plan says what it put in its place.
            let replaced = served.filter(|web| {
                name == "web"
                    && is_another(&web.start.value, line)
                    && web.start.places.contains(place)
            });
            let is_built =
                name == "web" && subject.plan.ok().is_some_and(|plan| plan.web().is_none());
            if is_built || subject.sources.leaves_out(name) {
                let instead = if is_built {
                    "what it shows is built, and served as files"
                } else {
                    "it is left out"
                };
                let what = format!("{}: {instead}", found.reason);
                let finding = Finding::new(&CHECK, place.clone(), what, "leave the line out");
                return Some(finding.severity(Severity::Advice));
            }
            Some(match replaced {
                Some(web) => {
                    let what = format!(
                        "{}: `{}` runs in its place",
                        found.reason,
                        web.start.value.summary()
                    );
                    Finding::new(
                        &CHECK,
                        place.clone(),
                        what,
                        "say so yourself, or leave the line out",
                    )
                    .severity(Severity::Advice)
                }
                None => Finding::new(
                    &CHECK,
                    place.clone(),
                    found.reason,
                    found.remedy.as_deref().unwrap_or(NAME_A_SERVER),
                ),
            })
        })
        .collect()
}

/// Whether what is started is something else than the line says.
fn is_another(start: &Start, line: &CommandLine) -> bool {
    match start {
        Start::Object(_) => true,
        Start::Command(authored) => {
            let program = authored
                .command
                .words()
                .and_then(|words| words.first().cloned());
            program
                .is_some_and(|program| line.words().is_none_or(|words| !words.contains(&program)))
        }
    }
}
