//! The settings of a plan: those that are given, and those that are asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::sourced;
use crate::detect::{self, Found};
use crate::manifest::Manifest;
use crate::plan::{BasicAuth, Sourced};
use crate::project::Project;

pub(super) fn env(
    manifest: &Manifest,
    found: Option<&Found>,
    of_web: Vec<(String, Sourced<String>)>,
) -> BTreeMap<String, Sourced<String>> {
    let mut env = found.map(|found| found.env.clone()).unwrap_or_default();
    env.extend(of_web);
    for (name, value) in &manifest.env {
        env.insert(name.clone(), sourced(value));
    }
    env
}

/// What the manifest says has to be there, and what its routes ask visitors by.
pub(super) fn required_env(manifest: &Manifest) -> Vec<Sourced<String>> {
    let mut required: Vec<Sourced<String>> = manifest.required_env.iter().map(sourced).collect();
    for route in &manifest.routes {
        if let Some(BasicAuth::Setting(name)) = &route.rules.basic_auth
            && !required.iter().any(|own| own.value == *name)
        {
            required.push(Sourced::from(name.clone(), route.prefix.place.clone()));
        }
    }
    required
}

/// What the code demands and nobody has answered yet.
pub(super) fn asked_env(
    project: &Project,
    manifest: &Manifest,
    settings: &BTreeMap<String, Sourced<String>>,
    found: Option<&Found>,
) -> Vec<Sourced<String>> {
    let known = project
        .dotenv
        .iter()
        .map(|entry| &entry.name)
        .chain(manifest.required_env.iter().map(|name| &name.value))
        .chain(settings.keys());
    let known: BTreeSet<&str> = known.map(String::as_str).collect();
    let mut asked = detect::asked::asked(project, &known);
    for name in found.into_iter().flat_map(|found| &found.demanded) {
        let is_known = known.contains(name.value.as_str());
        if !is_known && !asked.iter().any(|own| own.value == name.value) {
            asked.push(name.clone());
        }
    }
    asked.sort_by(|a, b| a.places.cmp(&b.places));
    asked
}
