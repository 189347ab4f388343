//! A plan as it is shown: label, decision, reason; then what the author should know.

use ship_api::reply::{NoteView, PlanView};

use crate::table::{self, Give};
use crate::text::{DIM, HINT, STRONG, WARN, styled};

const GIVE: [Give; 3] = [Give::Nothing, Give::Later, Give::First];
/// Every line of a plan is set in by so many columns.
const INDENT: usize = 2;

/// The lines of `plan` for a terminal of so many columns; `None`: nothing is cut.
pub(crate) fn lines(plan: &PlanView, columns: Option<usize>) -> Vec<String> {
    let rows: Vec<Vec<String>> = plan
        .rows
        .iter()
        .map(|row| vec![row.label.clone(), row.what.clone(), row.why.clone()])
        .collect();
    let widths = table::widths(
        &rows,
        &GIVE,
        columns.map(|columns| columns.saturating_sub(INDENT)),
    );
    let rows = rows.iter().map(|cells| line(&table::row(cells, &widths)));
    rows.chain(plan.notes.iter().map(note)).collect()
}

fn line(cells: &[String]) -> String {
    let styles = [STRONG, anstyle::Style::new(), DIM];
    let cells = cells.iter().zip(styles);
    let cells: Vec<String> = cells.map(|(cell, style)| styled(style, cell)).collect();
    format!("{:INDENT$}{}", "", cells.join("  "))
}

/// `note: TEXT (file:line)`, and its remedy below it.
pub(crate) fn note(note: &NoteView) -> String {
    let place = note.place.as_ref();
    let place = place.map_or_else(String::new, |place| styled(DIM, &format!(" ({place})")));
    let text = format!("  {} {}{place}", styled(WARN, "note:"), note.text);
    match &note.hint {
        Some(hint) => format!("{text}\n    {} {hint}", styled(HINT, "hint:")),
        None => text,
    }
}

#[cfg(test)]
pub(crate) mod sample {
    //! A plan that several tests show.

    use ship_api::reply::PlanRow;

    use super::*;

    /// The plan of the example in the issue.
    pub(crate) fn talkshow() -> PlanView {
        let row = |label: &str, what: &str, why: &str| PlanRow {
            label: label.into(),
            what: what.into(),
            why: why.into(),
        };
        PlanView {
            name: "talkshow".parse().unwrap(),
            rows: vec![
                row(
                    "talkshow",
                    "Django 5.2 · Python 3.12 · 41 packages (uv.lock)",
                    "from manage.py, .python-version, uv.lock",
                ),
                row(
                    "web",
                    "granian --interface wsgi talkshow.wsgi:application",
                    "no server locked: Granian 2.8 added",
                ),
                row(
                    "release",
                    "python manage.py migrate",
                    "Django with migrations",
                ),
            ],
            notes: vec![NoteView {
                text: "DEBUG is on".into(),
                hint: Some("`ship env set DEBUG=0`".into()),
                place: Some("talkshow/settings.py:12".into()),
            }],
            plan: serde_json::json!({"version": 1}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::captured;

    fn plain(columns: Option<usize>) -> String {
        let (mut ui, captured) = captured::ui(None);
        for line in lines(&sample::talkshow(), columns) {
            ui.say(&line);
        }
        captured.text()
    }

    #[test]
    fn a_plan_tells_what_and_why() {
        insta::assert_snapshot!(plain(None), @"
          talkshow  Django 5.2 · Python 3.12 · 41 packages (uv.lock)    from manage.py, .python-version, uv.lock
          web       granian --interface wsgi talkshow.wsgi:application  no server locked: Granian 2.8 added
          release   python manage.py migrate                            Django with migrations
          note: DEBUG is on (talkshow/settings.py:12)
            hint: `ship env set DEBUG=0`
        ");
    }

    #[test]
    fn a_plan_fits_the_terminal() {
        insta::assert_snapshot!(plain(Some(80)), @"
          talkshow  Django 5.2 · Python 3.12 · 41 packages (uv.lock)    from manage.py,…
          web       granian --interface wsgi talkshow.wsgi:application  no server locke…
          release   python manage.py migrate                            Django with mig…
          note: DEBUG is on (talkshow/settings.py:12)
            hint: `ship env set DEBUG=0`
        ");
    }
}
