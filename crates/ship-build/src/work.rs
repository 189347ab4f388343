//! The working copy of a release: where its programs run.
//!
//! It is a copy of the source that the app may write to and that goes with the release. What must
//! outlive releases stands in the app's data folder; a link is in its place.

use std::fmt;
use std::path::{Path, PathBuf};

use ship_base::file::{self, WithPath as _};
use ship_project::plan::{DataPath, Plan};

use crate::cancel::Cancel;
use crate::error::Error;
use crate::facts::Facts;
use crate::source::{copy_tree, copy_writable};

/// What SQLite keeps beside a database: changes that are not in it yet.
const BESIDE_DATABASE: &[&str] = &["-wal", "-journal"];

/// A path that was copied into the data folder, once. It shows as a sentence for its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Relative to the project and to the data folder.
    pub path: PathBuf,
    /// The data folder.
    pub data: PathBuf,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` now lives in the app's data folder ({}); the one in the project is not used any more",
            self.path.display(),
            self.data.display()
        )
    }
}

/// Makes `work`, a fresh working copy of the release's source, with links to the data folder for
/// every data path of the plan. A path that the data folder does not have yet is copied there from
/// `project`, else from the source; what was copied is returned.
pub fn prepare_work(
    release: &Path,
    work: &Path,
    app_data: &Path,
    plan: &Plan,
    project: Option<&Path>,
) -> Result<Vec<Moved>, Error> {
    let facts = Facts::read(release)?;
    copy_tree(&release.join("source"), work, &Cancel::new())?;
    let moved = link_data(work, app_data, &plan_data(plan), project)?;
    if let Some(root) = &facts.static_root {
        put_link(&release.join("assets/static"), &work.join(root))?;
    }
    Ok(moved)
}

fn plan_data(plan: &Plan) -> Vec<DataPath> {
    plan.data.iter().map(|data| data.value.clone()).collect()
}

fn link_data(
    work: &Path,
    app_data: &Path,
    paths: &[DataPath],
    project: Option<&Path>,
) -> Result<Vec<Moved>, Error> {
    file::create_folder(app_data)?;
    let mut moved = Vec::new();
    for data in paths {
        let kept = app_data.join(&data.path);
        let seeds = [project, Some(work)].into_iter().flatten();
        let seed = seeds
            .map(|root| root.join(&data.path))
            .find(|path| path.exists());
        if !exists(&kept) {
            if let Some(folder) = kept.parent() {
                file::create_folder(folder)?;
            }
            match seed {
                Some(seed) => {
                    adopt(&seed, &kept)?;
                    let (path, data) = (data.path.clone(), app_data.to_owned());
                    moved.push(Moved { path, data });
                }
                None if data.folder => file::create_folder(&kept)?,
                None => {}
            }
        }
        put_link(&kept, &work.join(&data.path))?;
    }
    Ok(moved)
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Copies whole or not at all: under a temporary name, synced, renamed.
fn adopt(seed: &Path, kept: &Path) -> Result<(), Error> {
    let temporary = file::temporary_beside(kept);
    let copied = copy_any(seed, &temporary);
    if copied.is_err() {
        let _ = file::remove_folder(&temporary).or_else(|_| file::remove(&temporary));
    }
    copied?;
    for ending in BESIDE_DATABASE {
        let beside = with_ending(seed, ending);
        if beside.is_file() {
            copy_any(&beside, &with_ending(kept, ending))?;
        }
    }
    file::sync_file_system(kept.parent().unwrap_or(kept))?;
    Ok(file::rename_synced(&temporary, kept)?)
}

fn copy_any(from: &Path, to: &Path) -> Result<(), Error> {
    let metadata = from.metadata().with_path("look at", from)?;
    if metadata.is_dir() {
        return copy_tree(from, to, &Cancel::new());
    }
    // Left by a copy that was killed; nothing has its name in use yet.
    file::remove(to)?;
    Ok(copy_writable(from, to, &metadata)?)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Puts a link to `target` in the place of whatever is at `link`.
pub(crate) fn put_link(target: &Path, link: &Path) -> Result<(), Error> {
    if let Some(folder) = link.parent() {
        file::create_folder(folder)?;
    }
    if link.is_dir() && !link.is_symlink() {
        file::remove_folder(link)?;
    } else {
        file::remove(link)?;
    }
    Ok(file::symlink(target, link)?)
}

/// A working copy for the build alone: the proof and `collectstatic` run in it, and nothing that
/// they write reaches the app's data. Small files of it are there as copies, folders are empty.
pub(crate) fn prepare_trial(
    source: &Path,
    work: &Path,
    data: &Path,
    plan: &Plan,
    seeds: &[&Path],
    cancel: &Cancel,
) -> Result<(), Error> {
    /// A larger database takes longer to copy than a look at it is worth.
    const LARGEST_SEED: u64 = 64 << 20;
    copy_tree(source, work, cancel)?;
    file::create_folder(data)?;
    for path in plan_data(plan) {
        let kept = data.join(&path.path);
        if let Some(folder) = kept.parent() {
            file::create_folder(folder)?;
        }
        if path.folder {
            file::create_folder(&kept)?;
        } else {
            let found = seeds.iter().map(|root| root.join(&path.path));
            let small = |path: &PathBuf| {
                path.metadata()
                    .is_ok_and(|found| found.is_file() && found.len() <= LARGEST_SEED)
            };
            if let Some(seed) = found.into_iter().find(small) {
                copy_any(&seed, &kept)?;
            }
        }
        put_link(&kept, &work.join(&path.path))?;
    }
    Ok(())
}
