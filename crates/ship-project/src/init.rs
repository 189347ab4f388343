//! `ship.toml` written from the plan: the decisions as keys, each with its reason.
//!
//! [`draft`] writes the text. Its law: read back, it gives the plan that it was written from. A
//! decision that the manifest cannot say without changing another one, and what is only a default,
//! stands there as a comment.

use std::path::Path;

use serde_json::Value;

use crate::assemble::{Sources, assemble};
use crate::error::{Error, Result};
use crate::excerpt::Excerpt;
use crate::manifest::{FILE, read};
use crate::plan::Plan;

mod entry;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod section;

use self::section::Section;

const HEAD: &str = "\
# What Shipsmith decided about this project, and why, written down by `ship init`.
#
# Every key may go: what is not said here is decided anew at each build. What stands behind `#` is a default, or
# known from another file. `ship plan` shows what holds.
";

/// A manifest that says what was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The text of `ship.toml`.
    pub text: String,
    /// The plan that it gives.
    pub plan: Plan,
}

/// Reads the project and writes its manifest. Blocking; nothing is executed or written to disk.
///
/// Fails where the project has no plan. An existing `ship.toml` is read: what it decides stays
/// decided, its comments go.
pub fn draft(project: &Path) -> Result<Draft> {
    let (mut sources, at) = crate::sources(project)?;
    let plan = assemble(&sources)?;
    let sections = section::all(&sources, &plan);
    let wanted = essence(&plan);
    let mut fits = |choice: &[usize]| {
        let plan = plan_of(&mut sources, &text(&sections, choice))?;
        Some(plan).filter(|plan| essence(plan) == wanted)
    };
    let found = choose(&sections, &mut fits);
    let Some((choice, mut plan)) = found else {
        return Err(cannot(project));
    };
    plan.above = at.above();
    Ok(Draft {
        text: text(&sections, &choice),
        plan,
    })
}

fn plan_of(sources: &mut Sources, text: &str) -> Option<Plan> {
    sources.manifest = read::parse(text).ok()?;
    sources.project.under(&sources.manifest);
    assemble(sources).ok()
}

/// Which form of each section together give the plan. The first forms say most; the last ones
/// nothing, so that a project without a manifest always has a choice.
fn choose(
    sections: &[Section],
    fits: &mut impl FnMut(&[usize]) -> Option<Plan>,
) -> Option<(Vec<usize>, Plan)> {
    let first = vec![0; sections.len()];
    if let Some(plan) = fits(&first) {
        return Some((first, plan));
    }
    let mut choice: Vec<usize> = sections
        .iter()
        .map(|section| section.forms.len() - 1)
        .collect();
    let mut plan = fits(&choice);
    for at in 0..sections.len() {
        let silent = choice[at];
        for form in 0..silent {
            choice[at] = form;
            if let Some(better) = fits(&choice) {
                plan = Some(better);
                break;
            }
            choice[at] = silent;
        }
    }
    if let Some(plan) = plan {
        return Some((choice, plan));
    }
    // What an existing manifest says must be said again: all but one section, and that in each form.
    let ways = sections.iter().enumerate();
    let mut ways =
        ways.flat_map(|(at, section)| (1..section.forms.len()).map(move |form| (at, form)));
    ways.find_map(|(at, form)| {
        let mut choice = first.clone();
        choice[at] = form;
        let plan = fits(&choice)?;
        Some((choice, plan))
    })
}

fn text(sections: &[Section], choice: &[usize]) -> String {
    let forms = sections
        .iter()
        .zip(choice)
        .map(|(section, form)| section.forms[*form].as_str());
    let forms: Vec<&str> = forms.filter(|form| !form.is_empty()).collect();
    format!("{HEAD}\n{}", forms.join("\n"))
}

/// What a plan does, without where it was read, why, and what else could have been served.
fn essence(plan: &Plan) -> Value {
    let mut value = serde_json::to_value(plan).unwrap_or_default();
    strip(&mut value);
    value
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for field in ["reason", "places", "notes", "others"] {
                fields.remove(field);
            }
            fields.values_mut().for_each(strip);
            // What these hold does not depend on their order.
            for unordered in ["routes", "data", "processes"] {
                if let Some(Value::Array(items)) = fields.get_mut(unordered) {
                    items.sort_by_key(Value::to_string);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

fn cannot(project: &Path) -> Error {
    let text = ship_base::file::read_text_if_there(&project.join(FILE));
    let text = text.ok().flatten().unwrap_or_default();
    Error::Manifest {
        excerpt: Box::new(Excerpt::of_line(Path::new(FILE), &text, 1)),
        message: "what this file says cannot be written anew without changing the plan".to_owned(),
        hint: Some("change it by hand; `ship plan` shows what holds".to_owned()),
    }
}
