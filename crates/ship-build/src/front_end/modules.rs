//! The packages of a front end: installed once per lock, kept in the store, lent as hard links.

use std::path::{Path, PathBuf};

use ship_base::file;
use ship_base::hash::{ContentHash, Hasher};
use ship_project::plan::FrontEnd;
use ship_store::environment::{self, Begin, Making};

use super::Bench;
use crate::assets::{link_tree, run_step};
use crate::error::Error;
use crate::runtime::work_path;
use crate::shop::Shop;
use crate::source::copy_tree;

/// Raised when packages are installed in another way.
const RECIPE: &str = "node modules 1";

const NAME: &str = "node_modules";

/// Files that decide about what is installed, beside the lock.
const DECIDING: [&str; 8] = [
    "package.json",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    "pnpm-workspace.yaml",
    ".pnpmfile.cjs",
    "bunfig.toml",
    ".node-version",
];

/// Scripts that npm runs when it installs: they may do anything with the project's files.
const SCRIPTS: [&str; 5] = [
    "preinstall",
    "install",
    "postinstall",
    "prepare",
    "prepublish",
];

/// Puts the packages of a front end into its folder of the copy.
pub(super) fn bring(
    shop: &mut Shop<'_>,
    bench: &Bench<'_>,
    front_end: &FrontEnd,
    scratch: &Path,
) -> Result<(), Error> {
    let address = address(shop, bench, front_end);
    let folder = work_path(scratch, &front_end.folder);
    let kept = match environment::begin(shop.folders(), &address)? {
        Begin::Ready(kept) => kept,
        Begin::Make(making) => {
            install(shop, bench, front_end, scratch)?;
            keep(making, &folder)?
        }
    };
    lend(shop, &kept, &folder)
}

fn address(shop: &Shop<'_>, bench: &Bench<'_>, front_end: &FrontEnd) -> ContentHash {
    let mut hasher = Hasher::new();
    hasher.field(RECIPE).field(bench.versions(shop, front_end));
    if let Some(app) = shop.owner() {
        hasher.field("of").field(app.as_str());
    }
    let folder = work_path(Path::new(""), &front_end.folder);
    let whole = runs_scripts(&bench.source.join(&folder));
    bench.snapshot.hash_of(&mut hasher, |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let decides = DECIDING.contains(&&*name) || front_end.lock.as_deref() == Some(path);
        path.starts_with(&folder) && (whole || decides || path.iter().any(|p| p == "patches"))
    });
    hasher.finish()
}

fn runs_scripts(folder: &Path) -> bool {
    let text = file::read_text(&folder.join("package.json")).unwrap_or_default();
    let package: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let scripts = package.get("scripts");
    SCRIPTS
        .iter()
        .any(|name| scripts.is_some_and(|scripts| scripts.get(name).is_some()))
}

fn install(
    shop: &mut Shop<'_>,
    bench: &Bench<'_>,
    front_end: &FrontEnd,
    scratch: &Path,
) -> Result<(), Error> {
    let words = front_end.manager.install(front_end.lock.is_some());
    let command = format!("{} {}", front_end.manager.program(), words[0]);
    let tool = bench
        .tool(shop, front_end, scratch, words)
        // What builds is a development dependency.
        .env("NODE_ENV", "development")
        .env("NPM_CONFIG_INCLUDE", "dev");
    run_step(shop, tool, &command)
}

/// Moves every outermost `node_modules` of the front end into the store: with workspaces there are
/// several.
fn keep(making: Making, folder: &Path) -> Result<PathBuf, Error> {
    for path in outermost(folder, Path::new(""))? {
        let to = making.folder().join(&path);
        if let Some(above) = to.parent() {
            file::create_folder(above)?;
        }
        file::rename_synced(&folder.join(&path), &to)?;
    }
    environment::keep_longer(making.folder())?;
    Ok(making.publish()?)
}

/// As links, or as copies where a build may change what it is lent.
fn lend(shop: &Shop<'_>, kept: &Path, folder: &Path) -> Result<(), Error> {
    for path in outermost(kept, Path::new(""))? {
        let (from, to) = (kept.join(&path), folder.join(&path));
        if shop.owner().is_some() {
            copy_tree(&from, &to, shop.cancel())?;
        } else {
            link_tree(&from, &to)?;
        }
    }
    Ok(())
}

fn outermost(root: &Path, below: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in file::entries(&root.join(below))? {
        let path = below.join(entry.file_name());
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if entry.file_name() == NAME {
            found.push(path);
        } else if entry.file_name() != ".git" {
            found.extend(outermost(root, &path)?);
        }
    }
    Ok(found)
}
