//! What is made at build and served at run: the author's build commands, and `collectstatic`.

use std::path::{Path, PathBuf};

use ship_base::file;
use ship_base::hash::{ContentHash, Hasher};
use ship_project::command::CommandLine;
use ship_project::plan::{AssetStep, Plan};

use crate::build::Request;
use crate::error::Error;
use crate::event::Phase;
use crate::proof::Seen;
use crate::runtime::Runtime;
use crate::shop::Shop;
use crate::source::Snapshot;
use crate::tool::{Finished, Tool};
use crate::trial::{Trial, joined, search_path};

const COLLECT: &str = include_str!("scripts/collectstatic.py");

/// The folder of collected files within a release.
pub(crate) const STATIC: &str = "assets/static";

/// Runs the author's commands in the source, in order: what they make is part of the release.
pub(crate) fn run_commands(
    shop: &mut Shop<'_>,
    plan: &Plan,
    runtime: &Runtime,
    source: &Path,
) -> Result<(), Error> {
    let commands: Vec<_> = commands(plan).collect();
    if commands.is_empty() {
        return Ok(());
    }
    shop.phase(Phase::Assets, |shop| {
        for command in &commands {
            let tool = command_tool(shop.request(), command, runtime, source).writes_to(source);
            run_step(shop, tool, &command.to_string())?;
        }
        without_packages(source)?;
        Ok(((), ship_base::count::plural(commands.len(), "command")))
    })
}

/// The author's build commands.
pub(crate) fn commands(plan: &Plan) -> impl Iterator<Item = &CommandLine> {
    plan.assets.iter().filter_map(|step| match &step.value {
        AssetStep::Command { command } => Some(command),
        _ => None,
    })
}

/// Takes the packages that `npm ci` and the like installed out of a release: what was built with
/// them is what visitors get.
fn without_packages(folder: &Path) -> Result<(), Error> {
    for entry in file::entries(folder)? {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if entry.file_name() == "node_modules" {
                file::remove_folder(&entry.path())?;
            } else {
                without_packages(&entry.path())?;
            }
        }
    }
    Ok(())
}

/// A build command gets the caller's tools and the app's settings, which overrule.
fn command_tool(
    request: &Request<'_>,
    command: &CommandLine,
    runtime: &Runtime,
    source: &Path,
) -> Tool {
    let plain = request.settings.iter();
    let plain = plain
        .map(|(name, value)| (name.clone(), value.reveal().clone()))
        .collect();
    tool(request, command.resolve(&plain), runtime, source)
}

/// A program of the build, by its name, started in `folder`.
pub(crate) fn tool(
    request: &Request<'_>,
    argv: Vec<String>,
    runtime: &Runtime,
    folder: &Path,
) -> Tool {
    let path = search_path(request, runtime);
    let program = on_path(&path, folder, argv.first().map_or("", String::as_str));
    Tool::new(program, folder)
        .envs(request.tools)
        .at_home(request.builder)
        .envs(request.settings)
        .env("PATH", path)
        .env("PYTHONPATH", joined(&runtime.python_path))
        .env("NO_COLOR", "1")
        .env("CI", "1")
        .args(argv.into_iter().skip(1))
}

/// The program that a name means: the one in the release's folders first. The system would look in
/// our own PATH, not in that of the program to be started.
fn on_path(path: &str, folder: &Path, name: &str) -> PathBuf {
    if name.contains('/') {
        return folder.join(name);
    }
    std::env::split_paths(path)
        .map(|place| place.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| name.into())
}

/// The settings module of a Django project with static files.
pub(crate) fn settings_of(plan: &Plan) -> Option<&str> {
    plan.assets.iter().find_map(|step| match &step.value {
        AssetStep::CollectStatic { settings, .. } => Some(settings.as_str()),
        _ => None,
    })
}

/// The address of what decides about the collected files: the environment, the settings and the
/// files below the folders that are read. `None` when only collecting them can tell, as it is with
/// finders and storages of the project's own, or with files that a build command makes.
pub(crate) fn inputs(
    plan: &Plan,
    seen: &Seen,
    trial: &Trial,
    snapshot: &Snapshot,
    environment: &[Option<ContentHash>],
) -> Option<ContentHash> {
    let sources = seen.django.as_ref()?.sources.as_ref()?;
    if commands(plan).next().is_some() {
        return None;
    }
    let work = trial.work();
    let mut hasher = Hasher::new();
    hasher.field("static 1").field(format!("{environment:?}"));
    hasher.field(
        sources
            .settings
            .replace(&trial.folder().display().to_string(), ""),
    );
    let below = |folder: &String| {
        Path::new(folder)
            .strip_prefix(&work)
            .map(Path::to_owned)
            .ok()
    };
    let folders: Vec<PathBuf> = sources.folders.iter().filter_map(below).collect();
    snapshot.hash_of(&mut hasher, |path| {
        folders.iter().any(|folder| path.starts_with(folder))
    });
    Some(hasher.finish())
}

/// Takes the collected files of the previous release over.
pub(crate) fn take_over(shop: &mut Shop<'_>, previous: &Path) -> Result<(), Error> {
    shop.phase(Phase::Assets, |shop| {
        link_tree(&previous.join(STATIC), &shop.request().into.join(STATIC))?;
        Ok(((), "static files as before".to_owned()))
    })
}

/// The same files once more, under names of their own: releases are never written to.
pub(crate) fn link_tree(from: &Path, to: &Path) -> Result<(), Error> {
    file::create_folder(to)?;
    for entry in file::entries(from)? {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            link_tree(&path, &target)?;
        } else if std::fs::hard_link(&path, &target).is_err() {
            file::copy(&path, &target)?;
        }
    }
    Ok(())
}

/// Runs `collectstatic` into the release, whatever STATIC_ROOT says.
pub(crate) fn collect(shop: &mut Shop<'_>, plan: &Plan, trial: &Trial) -> Result<(), Error> {
    let Some(settings) = settings_of(plan) else {
        return Ok(());
    };
    shop.phase(Phase::Assets, |shop| {
        let target = shop.request().into.join(STATIC);
        file::create_folder(&target)?;
        let request = serde_json::json!({ "settings": settings, "target": target });
        let tool = trial
            .python(shop.request())
            .writes_to(&target)
            .args(["-c", COLLECT])
            .stdin(request.to_string().into_bytes());
        let finished = shop.run(Phase::Assets, tool)?;
        let detail = finished.tail.last().cloned().unwrap_or_default();
        succeeded(finished, "python manage.py collectstatic")?;
        Ok(((), summary(&detail)))
    })
}

/// `130 static files copied to '…', 130 post-processed.` as `130 static files`.
fn summary(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().take(3).collect();
    match words.as_slice() {
        [count, "static", "file" | "files"] if count.parse::<u64>().is_ok() => words.join(" "),
        _ => String::new(),
    }
}

/// Runs a program of the build; its failure is the build's.
pub(crate) fn run_step(shop: &mut Shop<'_>, tool: Tool, command: &str) -> Result<(), Error> {
    succeeded(shop.run(Phase::Assets, tool)?, command)
}

/// Whether the caller's PATH has a program.
pub(crate) fn callers_have(request: &Request<'_>, program: &str) -> bool {
    let path = request.tools.get("PATH").map(|path| path.reveal().clone());
    let path = path.unwrap_or_default();
    std::env::split_paths(&path).any(|place| place.join(program).is_file())
}

/// Tells one version of a program from another, without starting it: the file that its name leads
/// to, and when that was changed.
pub(crate) fn version_of(shop: &Shop<'_>, program: &str) -> String {
    let path = shop.callers().get("PATH").map(|path| path.reveal().clone());
    let path = on_path(&path.unwrap_or_default(), Path::new(""), program);
    let file = path.canonicalize().unwrap_or(path);
    let changed = file.metadata().and_then(|metadata| metadata.modified());
    format!("{} {:?}", file.display(), changed.ok())
}

/// The address of everything below a folder; of nothing where it is not there.
pub(crate) fn address_of(folder: &Path, hasher: &mut Hasher) -> Result<(), Error> {
    let mut entries = file::entries_if_there(folder)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        hasher.field(entry.file_name().as_encoded_bytes());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            hasher.field("folder");
            address_of(&path, hasher)?;
            hasher.field("end");
        } else if path.is_file() {
            hasher.field(file::read(&path)?);
        }
    }
    Ok(())
}

fn succeeded(finished: Finished, command: &str) -> Result<(), Error> {
    if finished.succeeded() {
        return Ok(());
    }
    Err(Error::Step {
        phase: Phase::Assets,
        command: command.to_owned(),
        ended: finished.ended,
        output: finished.told(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_collectstatic_says_is_shortened() {
        let line = "1 static file copied to '/x', 3 unmodified.";
        assert_eq!(summary(line), "1 static file");
        assert_eq!(summary("anything else"), "");
    }
}
