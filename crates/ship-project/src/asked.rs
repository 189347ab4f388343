//! Settings that `app.json` gives or asks for.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Result;
use crate::files::app_json;
use crate::locked::json_error;
use crate::plan::{Note, Place, Sourced};
use crate::project::Project;

/// Values that hold where nothing else says otherwise, and notes for what has none.
pub(crate) fn settings(
    project: &Project,
    env: &mut BTreeMap<String, Sourced<String>>,
) -> Result<Vec<Note>> {
    let file = project.folder.join("app.json");
    let Some(text) = project.tree.text(&file)? else {
        return Ok(Vec::new());
    };
    let settings = app_json::parse(&text).map_err(|e| json_error(&file, &text, &e))?;
    let mut notes = Vec::new();
    for setting in settings {
        let is_set = env.contains_key(&setting.name)
            || project.dotenv.iter().any(|own| own.name == setting.name);
        let place = Place::line(&file, setting.line);
        match setting.value {
            _ if is_set => {}
            Some(value) => drop(env.insert(setting.name, Sourced::from(value, place))),
            None if setting.required => notes.push(asked(&setting.name, &file, place)),
            None => {}
        }
    }
    Ok(notes)
}

fn asked(name: &str, file: &Path, place: Place) -> Note {
    Note {
        text: format!("`{}` asks for the setting `{name}`", file.display()),
        hint: Some(format!("`ship env set {name}=…`, or a line in .env")),
        place: Some(place),
    }
}
