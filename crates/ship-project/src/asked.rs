//! What `app.json` gives or asks for: settings, services, how many of a process run, and what runs
//! once.

use std::collections::BTreeMap;
use std::path::Path;

use ship_base::name::AppName;

use crate::command::CommandLine;
use crate::error::Result;
use crate::files::{app_json, aptfile};
use crate::locked::json_error;
use crate::manifest::Manifest;
use crate::plan::{Note, Place, Process, Role, Sourced};
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
    /// How many of a process run, by its name in the Procfile.
    pub(crate) formation: Vec<(String, Sourced<u32>)>,
    /// What runs once, after the first deploy.
    pub(crate) postdeploy: Option<Sourced<String>>,
}

/// Puts the values that hold where nothing else says otherwise into `env`.
pub(crate) fn settings(
    project: &Project,
    env: &mut BTreeMap<String, Sourced<String>>,
) -> Result<Asked> {
    let file = project.folder.join("app.json");
    let mut asked = Asked::default();
    let Some(text) = project.tree.text(&file)? else {
        asked.notes.extend(debian(project, None)?);
        return Ok(asked);
    };
    let read = app_json::parse(&text).map_err(|e| json_error(&file, &text, &e))?;
    let place = |line| Place::line(&file, line);
    asked.notes.extend(debian(project, read.apt.map(place))?);
    let formation = read.formation.into_iter();
    asked.formation = formation
        .map(|(name, quantity, line)| (name, Sourced::from(quantity, place(line))))
        .collect();
    let postdeploy = read.postdeploy;
    asked.postdeploy = postdeploy.map(|(command, line)| Sourced::from(command, place(line)));
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

impl Asked {
    /// How many of each process run, where the manifest does not say.
    pub(crate) fn count(&self, manifest: &Manifest, processes: &mut [Process]) {
        let run_on = |process: &&mut Process| !matches!(process.role, Role::Job { .. });
        for process in processes.iter_mut().filter(run_on) {
            let own = manifest
                .processes
                .iter()
                .find(|own| own.name == process.name);
            let said = if process.is_web() {
                manifest.web.instances
            } else {
                own.and_then(|own| own.instances)
            };
            let named = |name: &str| {
                AppName::from_free_text(name)
                    .is_some_and(|name| name.as_str() == process.name.as_str())
            };
            let counted = self.formation.iter().find(|(name, _)| named(name));
            let Some((_, quantity)) = counted.filter(|_| said.is_none()) else {
                continue;
            };
            // A site that nobody can reach is none.
            if quantity.value == process.instances || process.is_web() && quantity.value == 0 {
                continue;
            }
            process.instances = quantity.value;
            let start = &mut process.start;
            let said = format!("`formation` asks for {}", quantity.value);
            let reasons = [std::mem::take(&mut start.reason), said];
            let reasons = reasons.into_iter().filter(|reason| !reason.is_empty());
            start.reason = reasons.collect::<Vec<_>>().join("; ");
            start.places.extend(quantity.places.iter().cloned());
        }
    }

    /// What is run once by hand; `release` is what runs with each deploy.
    pub(crate) fn once(&self, release: Option<&CommandLine>) -> Option<Note> {
        let postdeploy = self.postdeploy.as_ref()?;
        let line = CommandLine::parse(&postdeploy.value).ok()?;
        let plain = |line: &CommandLine| line.to_string().replace(" --noinput", "");
        if release.is_some_and(|release| plain(release).contains(&plain(&line))) {
            return None;
        }
        let words = match &line {
            CommandLine::Argv(_) => line.to_string(),
            CommandLine::Shell { shell } => format!("sh -c '{}'", shell.replace('\'', "'\\''")),
        };
        Some(Note {
            text: format!(
                "`postdeploy` runs `{line}` once, after the first deploy: here you run it"
            ),
            hint: Some(format!("`ship run -- {words}`")),
            place: postdeploy.places.first().cloned(),
        })
    }
}

/// Debian's packages, which an `Aptfile` names and Heroku's buildpack installs.
fn debian(project: &Project, buildpack: Option<Place>) -> Result<Option<Note>> {
    let file = project.folder.join("Aptfile");
    let named = match project.tree.text(&file)? {
        Some(text) => aptfile::parse(&text),
        None => Vec::new(),
    };
    if let Some((_, line)) = named.first() {
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        return Ok(Some(Note {
            text: format!(
                "`{}` names packages of Debian's: they are not installed",
                file.display()
            ),
            hint: Some(format!(
                "on the server: `sudo apt install {}`",
                names.join(" ")
            )),
            place: Some(Place::line(&file, *line)),
        }));
    }
    Ok(buildpack.map(|place| Note {
        text: "a buildpack installs packages of Debian's, and no `Aptfile` names them".to_owned(),
        hint: Some("on the server: `sudo apt install …` with the programs and libraries that the app calls".to_owned()),
        place: Some(place),
    }))
}

fn note(name: &str, file: &Path, place: Place) -> Note {
    Note {
        text: format!("`{}` asks for the setting `{name}`", file.display()),
        hint: Some(format!("`ship env set {name}=…`, or a line in .env")),
        place: Some(place),
    }
}
