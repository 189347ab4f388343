//! `docs/compatibility.md`.

use std::fmt::Write as _;

use super::stranger::Kind;
use super::trial::Trial;

const HEAD: &str = "# Compatibility

Projects that strangers wrote, each brought up by `ship up --detach` as it was found, with no file added. Written by `cargo xtask compat FOLDER`, which takes
them from a folder; `xtask/compat.toml` says where each comes from, and what some of them lack: a database server, a setting that only its author has, a Python
that ended. *Up* is any answer at `/` below 500 other than 400; a program that answers nobody is up when it runs, and
most of those tried say a line and end, which is refused with the word where they belong. What is refused shows the words a newcomer reads, and what was noted before them.
Where what a project lacks could be set up by what these say (a server beside it, a package of Debian, settings), it was brought up a second time, with that alone. The machine has Debian 12,
Pythons 3.8 to 3.13, a C compiler and Node, no service beside them, and no way to fetch another Python. Seconds say little: they are of one machine, with the packages
of earlier projects at hand.

";

/// The parts of the page.
const PARTS: [(Kind, Lacks, &str); 4] = [
    (Kind::Web, Lacks::Nothing, "Web apps"),
    (Kind::Web, Lacks::Something, "Web apps that lack something"),
    (Kind::Script, Lacks::Any, "Programs"),
    (Kind::Notebook, Lacks::Any, "Notebooks"),
];

/// Which projects a part holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lacks {
    Nothing,
    Something,
    Any,
}

impl Lacks {
    fn holds(self, trial: &Trial) -> bool {
        match self {
            Self::Any => true,
            Self::Nothing => trial.lacks.is_none(),
            Self::Something => trial.lacks.is_some(),
        }
    }
}

/// The whole page.
pub(crate) fn of(trials: &[Trial]) -> String {
    let mut page = HEAD.to_owned();
    for line in summary(trials).lines() {
        let _ = writeln!(page, "- {line}");
    }
    for (kind, lacks, heading) in PARTS {
        let mut rows = part(trials, kind, lacks).peekable();
        if rows.peek().is_some() {
            let _ = write!(
                page,
                "\n## {heading}\n\n| project | plan | proof | how it went | s |\n|---|---|---|---|---|\n"
            );
        }
        for trial in rows {
            page += &row(trial);
        }
    }
    page
}

/// How many are up: of each part, and of all web apps.
pub(crate) fn summary(trials: &[Trial]) -> String {
    let all = [(Kind::Web, Lacks::Any, "All web apps")];
    let mut lines = String::new();
    for (kind, lacks, heading) in PARTS.into_iter().chain(all) {
        let number = part(trials, kind, lacks).count();
        let up = part(trials, kind, lacks)
            .filter(|trial| trial.outcome.is_up())
            .count();
        if let Some(percent) = (up * 100).checked_div(number) {
            let _ = writeln!(
                lines,
                "{heading}: {up} of {number} up as they are ({percent} %)"
            );
        }
    }
    let given: Vec<_> = trials
        .iter()
        .filter_map(|trial| trial.given.as_ref())
        .collect();
    if !given.is_empty() {
        let up = given.iter().filter(|outcome| outcome.is_up()).count();
        let _ = writeln!(
            lines,
            "Given what they lack, by the words of their refusal: {up} of {} up",
            given.len()
        );
    }
    lines
}

fn part(trials: &[Trial], kind: Kind, lacks: Lacks) -> impl Iterator<Item = &Trial> {
    trials
        .iter()
        .filter(move |trial| trial.kind == kind && lacks.holds(trial))
}

fn row(trial: &Trial) -> String {
    let mark = if trial.outcome.is_up() { "✓" } else { "✗" };
    let lacks = trial
        .lacks
        .as_ref()
        .map_or_else(String::new, |lacks| format!("<br>lacks {}", cell(lacks)));
    let mut went = format!("{mark} {}", cell(&trial.outcome.to_string()));
    if !trial.outcome.is_up() {
        for note in &trial.notes {
            let _ = write!(went, "<br>noted before: {}", cell(note));
        }
    }
    if let Some(given) = &trial.given {
        let mark = if given.is_up() { "✓" } else { "✗" };
        let _ = write!(
            went,
            "<br>given what it lacks: {mark} {}",
            cell(&given.to_string())
        );
    }
    format!(
        "| `{}`<br>{}{lacks} | {} | {} | {went} | {:.0} |\n",
        trial.name,
        trial.from,
        cell(&trial.plan),
        cell(&trial.proof),
        trial.seconds
    )
}

/// Text that stays in its cell; an address in it is the text that it is, and folders of the machine
/// are only names.
fn cell(text: &str) -> String {
    let target = crate::workspace::target().join("xtask/compat");
    let text = text.replace(&format!("{}/", target.display()), "…/");
    let home = std::env::home_dir().unwrap_or_default();
    named(&text, &home)
}

fn named(text: &str, home: &std::path::Path) -> String {
    let text = text.replace(&format!("{}/", home.display()), "~/");
    let text = text.replace('|', "\\|");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::trial::Outcome;

    fn trial(kind: Kind, outcome: Outcome) -> Trial {
        Trial {
            name: "blog".to_owned(),
            from: "ana/blog".to_owned(),
            kind,
            lacks: None,
            plan: "Flask: granian app:app".to_owned(),
            proof: "app:app is WSGI".to_owned(),
            outcome,
            notes: vec!["the code talks to MongoDB".to_owned()],
            given: None,
            seconds: 2.4,
        }
    }

    #[test]
    fn a_cell_keeps_its_bounds_and_tells_nobody_where_it_was_written() {
        let home = std::path::Path::new("/home/ana");
        assert_eq!(
            named("wants >=22 | <30, PATH is /home/ana/.cargo/bin", home),
            "wants &gt;=22 \\| &lt;30, PATH is ~/.cargo/bin"
        );
    }

    #[test]
    fn a_page_counts_each_kind_and_has_a_row_for_each_project() {
        let refused = Outcome::Refused {
            error: "no `a|b`".to_owned(),
            why: None,
            hint: None,
        };
        let page = of(&[
            trial(Kind::Web, Outcome::Answers { status: 200 }),
            trial(Kind::Web, refused),
            Trial {
                lacks: Some("MongoDB".to_owned()),
                given: Some(Outcome::Answers { status: 200 }),
                ..trial(Kind::Web, Outcome::Answers { status: 400 })
            },
        ]);
        insta::assert_snapshot!(&page[HEAD.len()..], @r"
        - Web apps: 1 of 2 up as they are (50 %)
        - Web apps that lack something: 0 of 1 up as they are (0 %)
        - All web apps: 1 of 3 up as they are (33 %)
        - Given what they lack, by the words of their refusal: 1 of 1 up

        ## Web apps

        | project | plan | proof | how it went | s |
        |---|---|---|---|---|
        | `blog`<br>ana/blog | Flask: granian app:app | app:app is WSGI | ✓ up, 200 | 2 |
        | `blog`<br>ana/blog | Flask: granian app:app | app:app is WSGI | ✗ no `a\|b`<br>noted before: the code talks to MongoDB | 2 |

        ## Web apps that lack something

        | project | plan | proof | how it went | s |
        |---|---|---|---|---|
        | `blog`<br>ana/blog<br>lacks MongoDB | Flask: granian app:app | app:app is WSGI | ✗ up, 400<br>noted before: the code talks to MongoDB<br>given what it lacks: ✓ up, 200 | 2 |
        ");
    }
}
