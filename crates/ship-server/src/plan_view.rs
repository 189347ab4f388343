//! A plan as the command shows it.

use ship_api::reply::{NoteView, PlanRow, PlanView};
use ship_project::plan::{Note, Plan};

/// The rows, notes and the whole of `plan`, for `ship plan` and the first lines of `ship up`.
pub fn plan_view(plan: &Plan) -> PlanView {
    PlanView {
        name: plan.name.value.clone(),
        rows: plan
            .rows()
            .into_iter()
            .map(|row| PlanRow {
                label: row.label,
                what: row.what,
                why: row.why,
            })
            .collect(),
        notes: plan.notes.iter().map(note_view).collect(),
        plan: serde_json::to_value(plan).unwrap_or_default(),
    }
}

fn note_view(note: &Note) -> NoteView {
    NoteView {
        text: note.text.clone(),
        hint: note.hint.clone(),
        place: note.place.as_ref().map(ToString::to_string),
    }
}

/// The line of `ship releases` that tells what a release runs: `Django 5.2.8 · Python 3.12.4`.
pub(crate) fn summary(plan: &Plan, python: Option<&str>) -> String {
    let framework = &plan.framework.value;
    let mut parts = vec![match &framework.version {
        Some(version) => format!("{} {version}", framework.label),
        None => framework.label.clone(),
    }];
    parts.extend(python.map(|version| format!("Python {version}")));
    parts.join(" · ")
}
