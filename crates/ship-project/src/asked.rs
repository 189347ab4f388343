//! What `app.json` gives or asks for: settings, and services.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Result;
use crate::files::app_json;
use crate::locked::json_error;
use crate::plan::{Note, Place, Sourced};
use crate::project::Project;

/// What it says beside the values that it gives.
#[derive(Default)]
pub(crate) struct Asked {
    /// For what has no value.
    pub(crate) notes: Vec<Note>,
    /// Settings that a random value will do for.
    pub(crate) drawn: Vec<Sourced<String>>,
    /// Services that it orders, by their names at Heroku.
    pub(crate) addons: Vec<Sourced<String>>,
}

/// Puts the values that hold where nothing else says otherwise into `env`.
pub(crate) fn settings(
    project: &Project,
    env: &mut BTreeMap<String, Sourced<String>>,
) -> Result<Asked> {
    let file = project.folder.join("app.json");
    let mut asked = Asked::default();
    let Some(text) = project.tree.text(&file)? else {
        return Ok(asked);
    };
    let read = app_json::parse(&text).map_err(|e| json_error(&file, &text, &e))?;
    for (name, line) in read.addons {
        let place = Place::line(&file, line);
        asked.addons.push(Sourced::from(name, place));
    }
    for setting in read.settings {
        let is_set = env.contains_key(&setting.name)
            || project.dotenv.iter().any(|own| own.name == setting.name);
        let place = Place::line(&file, setting.line);
        match setting.value {
            _ if is_set => {}
            Some(value) => drop(env.insert(setting.name, Sourced::from(value, place))),
            None if setting.drawn => asked.drawn.push(Sourced::from(setting.name, place)),
            None if setting.required => asked.notes.push(note(&setting.name, &file, place)),
            None => {}
        }
    }
    Ok(asked)
}

fn note(name: &str, file: &Path, place: Place) -> Note {
    Note {
        text: format!("`{}` asks for the setting `{name}`", file.display()),
        hint: Some(format!("`ship env set {name}=…`, or a line in .env")),
        place: Some(place),
    }
}
