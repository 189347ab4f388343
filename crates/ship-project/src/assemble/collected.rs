//! `DISABLE_COLLECTSTATIC`, by which Heroku's build is told to leave Django's files alone.

use std::collections::BTreeMap;

use crate::detect::Found;
use crate::plan::{AssetStep, Note, Place, RouteTarget, Sourced};
use crate::project::Project;

const SWITCH: &str = "DISABLE_COLLECTSTATIC";

/// Takes the step out of what was found, and what it would have been served by.
pub(super) fn honour(
    project: &Project,
    settings: &BTreeMap<String, Sourced<String>>,
    found: &mut Found,
) {
    let is_collected =
        |step: &Sourced<AssetStep>| matches!(step.value, AssetStep::CollectStatic { .. });
    let Some(place) = switched_off(project, settings) else {
        return;
    };
    if !found.assets.iter().any(is_collected) {
        return;
    }
    found.assets.retain(|step| !is_collected(step));
    found
        .routes
        .retain(|route| !matches!(route.value.to, RouteTarget::Assets));
    found.notes.push(Note {
        text: format!(
            "`{SWITCH}` is set: `collectstatic` does not run, and its files are not served"
        ),
        hint: Some("take it out to have them collected and served".to_owned()),
        place: place.first().cloned(),
    });
}

/// Where the switch is, if it is on.
fn switched_off(
    project: &Project,
    settings: &BTreeMap<String, Sourced<String>>,
) -> Option<Vec<Place>> {
    let is_on = |value: &str| !["", "0", "false"].contains(&value.to_lowercase().as_str());
    let mut own = project.dotenv.iter().filter(|entry| entry.name == SWITCH);
    if let Some(entry) = own.next() {
        return is_on(entry.value.reveal()).then(|| vec![entry.place.clone()]);
    }
    let setting = settings.get(SWITCH)?;
    is_on(&setting.value).then(|| setting.places.clone())
}
