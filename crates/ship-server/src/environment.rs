//! The environment of an app's programs: nothing is inherited, every variable has a source.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ship_api::reply::EnvEntry;
use ship_base::name::{AppName, ReleaseId};
use ship_base::paths::Folders;
use ship_base::secret::Secret;
use ship_build::Runtime;
use ship_project::plan::Plan;

/// Variables of an app, by name.
pub(crate) type Variables = BTreeMap<String, Secret<String>>;

/// What the system's own programs are looked up in, after the release's.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The author's settings in layers; a later one overrules.
pub(crate) struct Settings {
    manifest: Variables,
    dotenv: Variables,
    own: Variables,
}

impl Settings {
    /// The layers: `[env]` of the manifest, `.env` as it was at the last `ship up`, `ship env`.
    pub(crate) fn new(plan: &Plan, dotenv: Variables, own: Variables) -> Self {
        let manifest = plan
            .env
            .iter()
            .map(|(name, value)| (name.clone(), value.value.clone().into()));
        Self {
            manifest: manifest.collect(),
            dotenv,
            own,
        }
    }

    /// Whether a layer has `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        [&self.manifest, &self.dotenv, &self.own]
            .iter()
            .any(|layer| layer.contains_key(name))
    }

    /// More of the app's own.
    pub(crate) fn add(&mut self, own: Variables) {
        self.own.extend(own);
    }

    /// The value of each name, the last layer winning.
    pub(crate) fn merged(&self) -> Variables {
        let mut merged = self.manifest.clone();
        merged.extend(self.dotenv.clone());
        merged.extend(self.own.clone());
        merged
    }

    /// The same with the layer that each value comes from.
    pub(crate) fn entries(&self) -> Vec<EnvEntry> {
        let from = |name: &str| {
            if self.own.contains_key(name) {
                "ship env"
            } else if self.dotenv.contains_key(name) {
                ".env"
            } else {
                "ship.toml"
            }
        };
        self.merged()
            .into_iter()
            .map(|(name, value)| EnvEntry {
                from: from(&name).to_owned(),
                name,
                value,
            })
            .collect()
    }

    /// The names that the plan demands and no layer has.
    pub(crate) fn missing(&self, plan: &Plan) -> Vec<String> {
        let names = plan.required_env.iter().map(|name| name.value.clone());
        names.filter(|name| !self.has(name)).collect()
    }
}

/// The whole environment for programs of one release: ours first, then the author's settings,
/// which overrule all but the names that tell a program where it is.
pub(crate) fn of_release(
    folders: &Folders,
    app: &AppName,
    release: ReleaseId,
    runtime: &Runtime,
    url: Option<&str>,
    refused_hosts: &[String],
    settings: Variables,
) -> Variables {
    let mut variables = defaults(runtime);
    let home = folders.app_data(app).display().to_string();
    variables.insert("HOME".to_owned(), home.clone().into());
    variables.extend(settings);
    let place = [
        ("SHIP_APP", app.to_string()),
        ("SHIP_RELEASE", release.to_string()),
        ("SHIP_DATA_DIR", home),
        ("SHIP_URL", url.unwrap_or_default().to_owned()),
    ];
    variables.extend(place.map(|(name, value)| (name.to_owned(), value.into())));
    if !refused_hosts.is_empty() {
        let hosts = refused_hosts.join(",");
        variables.insert("SHIP_HOSTS".to_owned(), hosts.into());
    }
    variables
}

/// What a program gets where its author says nothing.
fn defaults(runtime: &Runtime) -> Variables {
    let mut path = joined(&runtime.path);
    if !path.is_empty() {
        path.push(':');
    }
    path.push_str(SYSTEM_PATH);
    let mut variables = BTreeMap::from([
        ("PATH", path),
        ("LANG", "C.UTF-8".to_owned()),
        // Lines reach the log when they are written, not when 8 KiB have come together.
        ("PYTHONUNBUFFERED", "1".to_owned()),
        ("WEB_CONCURRENCY", workers().to_string()),
        // The door is the only one that connects, so its headers can be trusted
        // (gunicorn and uvicorn ask this variable).
        ("FORWARDED_ALLOW_IPS", "*".to_owned()),
    ]);
    if let Some(environment) = runtime
        .python
        .as_deref()
        .and_then(|python| python.ancestors().nth(2))
    {
        // What `activate` would set; uWSGI's configuration files ask for it.
        variables.insert("VIRTUAL_ENV", environment.display().to_string());
    }
    if !runtime.python_path.is_empty() {
        variables.insert("PYTHONPATH", joined(&runtime.python_path));
    }
    variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}

/// Worker processes of a web server: one per core, two at most. A second server of five dollars'
/// worth is better spent on instances, which the author can scale and see.
pub(crate) fn workers() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cores.min(2)).unwrap_or(1)
}

fn joined(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_s_programs_come_before_the_system_s() {
        let runtime = Runtime {
            python: None,
            path: vec!["/e/bin".into(), "/l/bin".into()],
            python_path: vec!["/w".into(), "/w/src".into()],
            start_folder: "/w".into(),
        };
        let variables = defaults(&runtime);
        assert_eq!(
            variables["PATH"].reveal(),
            &format!("/e/bin:/l/bin:{SYSTEM_PATH}")
        );
        assert_eq!(variables["PYTHONPATH"].reveal(), "/w:/w/src");
    }
}
