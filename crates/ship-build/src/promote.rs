//! A release of one app as that of another: what was tried here serves there, and nothing is built.

use std::path::Path;

use ship_base::hash::{ContentHash, Hasher};
use ship_project::plan::Plan;

use crate::build::{plan_text, write_plan};
use crate::cancel::Cancel;
use crate::error::Error;
use crate::facts::Facts;
use crate::source::copy_tree;

/// Copies the release at `from` into the folder `into`, with `plan` in the place of its own. Gives
/// the address of what was made: the same each time for the same release and plan.
pub fn promote(
    from: &Path,
    into: &Path,
    plan: &Plan,
    cancel: &Cancel,
) -> Result<ContentHash, Error> {
    copy_tree(from, into, cancel)?;
    let mut facts = Facts::read(from)?;
    let mut hasher = Hasher::new();
    hasher
        .field("promoted 1")
        .field(facts.content.to_string())
        .field(plan_text(plan)?);
    facts.content = hasher.finish();
    write_plan(into, plan)?;
    facts.write(into)?;
    Ok(facts.content)
}
