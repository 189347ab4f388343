//! Which app a command is about: `--app NAME`, or the one that belongs to the folder.

use std::path::{Path, PathBuf};

use clap::Args;
use ship_api::client::Client;
use ship_api::reply::App;
use ship_api::source::Source;
use ship_base::name::AppName;

use crate::error::{CommandError, Result};
use crate::remotes::Remotes;
use crate::world::World;

/// The option that names an app.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// The app; by default the one that was brought up from this folder
    #[arg(short, long, value_name = "NAME", global = true)]
    pub(crate) app: Option<AppName>,
}

impl Target {
    /// The app's name.
    pub(crate) async fn resolve(&self, world: &World, client: &Client) -> Result<AppName> {
        match &self.app {
            Some(app) => Ok(app.clone()),
            None if client.destination().is_some() => of_project(world),
            None => of_folder(world.folder(), &client.apps().await?),
        }
    }

    /// The app's name, and the folder of the project that gives it where it never came up: what an
    /// app needs to start is set before that.
    pub(crate) async fn resolve_or_new(
        &self,
        world: &World,
        client: &Client,
    ) -> Result<(AppName, Option<PathBuf>)> {
        if client.destination().is_some() {
            let app = self.resolve(world, client).await?;
            // An empty offer makes the app known there, where it is not.
            client.offer(&app, &Source::default()).await?;
            return Ok((app, None));
        }
        match self.resolve(world, client).await {
            Err(none) if self.app.is_none() => {
                // A project that cannot be read has no name yet: that nothing came up is the point.
                let folder = real(world.folder());
                let reading = ship_project::read(&folder).map_err(|_| none)?;
                Ok((reading.plan.name.value, Some(folder)))
            }
            resolved => resolved.map(|app| (app, None)),
        }
    }
}

/// A server far away knows nothing of this machine's folders: the name under which this project was
/// deployed, else the one that its plan gives.
fn of_project(world: &World) -> Result<AppName> {
    let folder = real(world.folder());
    if let Some(last) = Remotes::read(world)?.last(&folder) {
        return Ok(last.app.clone());
    }
    match ship_project::read(&folder) {
        Ok(reading) => Ok(reading.plan.name.value),
        Err(_) => Err(CommandError::user(format!(
            "no app was deployed from `{}`",
            folder.display()
        ))
        .hint("say which: `--app NAME`; `ship ps -r REMOTE` lists them")),
    }
}

/// The folder's absolute path without links.
fn real(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute.canonicalize().unwrap_or(absolute)
}

/// The app of `folder` or of the nearest folder above it; else the one whose name the plan gives.
fn of_folder(folder: &Path, apps: &[App]) -> Result<AppName> {
    for folder in real(folder).ancestors() {
        let of_it: Vec<&App> = apps.iter().filter(|app| app.project == folder).collect();
        match of_it[..] {
            [] => {}
            [app] => return Ok(app.name.clone()),
            _ => return Err(several(folder, &of_it)),
        }
    }
    Err(none(folder, apps))
}

fn several(folder: &Path, apps: &[&App]) -> CommandError {
    let names: Vec<String> = apps.iter().map(|app| format!("`{}`", app.name)).collect();
    let (folder, names) = (folder.display(), names.join(", "));
    CommandError::user(format!(
        "several apps were brought up from `{folder}`: {names}"
    ))
    .hint("say which: `--app NAME`")
}

fn none(folder: &Path, apps: &[App]) -> CommandError {
    let error = CommandError::user(format!("no app was brought up from `{}`", folder.display()));
    match apps {
        [] => error.hint("`ship up` in a project's folder brings one up"),
        apps => {
            let names: Vec<&str> = apps.iter().map(|app| app.name.as_str()).collect();
            error
                .hint("`ship up` brings this folder up")
                .hint(format!("`--app NAME` names another: {}", names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str, project: &Path) -> App {
        App {
            name: name.parse().unwrap(),
            project: project.to_owned(),
            running: true,
            detached: false,
            current: None,
            url: None,
            maintenance: None,
            traffic: None,
            instances: Vec::new(),
            jobs: Vec::new(),
        }
    }

    fn message(error: CommandError) -> String {
        match error {
            CommandError::Failed(problem) => format!("{} {:?}", problem.message, problem.hints),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_nearest_project_above_the_folder_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (outer, inner) = (root.join("a"), root.join("a/b"));
        ship_base::file::create_folder(&inner.join("c")).unwrap();
        let apps = [app("outer", &outer), app("inner", &inner)];
        assert_eq!(
            of_folder(&inner.join("c"), &apps).unwrap().as_str(),
            "inner"
        );
        assert_eq!(of_folder(&outer, &apps).unwrap().as_str(), "outer");
        let error = message(of_folder(&root, &apps).unwrap_err());
        assert!(error.contains("no app was brought up from"), "{error}");
        assert!(error.contains("outer, inner"), "{error}");
    }

    #[test]
    fn two_apps_of_one_folder_must_be_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let apps = [app("blog", &root), app("blog-2", &root)];
        let error = message(of_folder(&root, &apps).unwrap_err());
        assert!(error.contains("`blog`, `blog-2`"), "{error}");
    }
}
