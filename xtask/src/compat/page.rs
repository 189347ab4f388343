//! `docs/compatibility.md`.

use std::fmt::Write as _;

use super::stranger::Kind;
use super::trial::Trial;

const HEAD: &str = "# Compatibility

Projects that strangers wrote, each brought up by `ship up --detach` as it was found, with no file added. Written by `cargo xtask compat FOLDER`, which takes
them from a folder; `xtask/compat.toml` says where each comes from. *Up* is any answer below 500 at `/`; a program that answers nobody is up when it runs.
What is refused shows the words a newcomer reads: most of the time they name what only its author has. Seconds are of one machine, with the packages of
earlier projects at hand, and say little.

";

const KINDS: [(Kind, &str); 3] = [
    (Kind::Web, "Web apps"),
    (Kind::Script, "Programs"),
    (Kind::Notebook, "Notebooks"),
];

/// The whole page.
pub(crate) fn of(trials: &[Trial]) -> String {
    let mut page = HEAD.to_owned();
    for line in summary(trials).lines() {
        let _ = writeln!(page, "- {line}");
    }
    for (kind, heading) in KINDS {
        let mut rows = of_kind(trials, kind).peekable();
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

/// A line a kind: how many are up.
pub(crate) fn summary(trials: &[Trial]) -> String {
    let mut lines = String::new();
    for (kind, heading) in KINDS {
        let all = of_kind(trials, kind).count();
        let up = of_kind(trials, kind)
            .filter(|trial| trial.outcome.is_up())
            .count();
        if let Some(percent) = (up * 100).checked_div(all) {
            let _ = writeln!(
                lines,
                "{heading}: {up} of {all} up as they are ({percent} %)"
            );
        }
    }
    lines
}

fn of_kind(trials: &[Trial], kind: Kind) -> impl Iterator<Item = &Trial> {
    trials.iter().filter(move |trial| trial.kind == kind)
}

fn row(trial: &Trial) -> String {
    let mark = if trial.outcome.is_up() { "✓" } else { "✗" };
    format!(
        "| `{}`<br>{} | {} | {} | {mark} {} | {:.0} |\n",
        trial.name,
        trial.from,
        cell(&trial.plan),
        cell(&trial.proof),
        cell(&trial.outcome.to_string()),
        trial.seconds
    )
}

/// Text that stays in its cell; an address in it is the text that it is, and folders of the trial
/// are only names.
fn cell(text: &str) -> String {
    let text = text.replace('|', "\\|").replace(['<', '>'], "");
    let target = crate::workspace::target().join("xtask/compat");
    text.replace(&format!("{}/", target.display()), "…/")
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
            plan: "Flask: granian app:app".to_owned(),
            proof: "app:app is WSGI".to_owned(),
            outcome,
            seconds: 2.4,
        }
    }

    #[test]
    fn a_page_counts_each_kind_and_has_a_row_for_each_project() {
        let refused = Outcome::Refused {
            error: "no `a|b`".to_owned(),
            hint: None,
        };
        let page = of(&[
            trial(Kind::Web, Outcome::Answers { status: 200 }),
            trial(Kind::Web, refused),
        ]);
        insta::assert_snapshot!(&page[HEAD.len()..], @r"
        - Web apps: 1 of 2 up as they are (50 %)

        ## Web apps

        | project | plan | proof | how it went | s |
        |---|---|---|---|---|
        | `blog`<br>ana/blog | Flask: granian app:app | app:app is WSGI | ✓ up, 200 | 2 |
        | `blog`<br>ana/blog | Flask: granian app:app | app:app is WSGI | ✗ no `a\|b` | 2 |
        ");
    }
}
