//! The working copy of a release: where its programs run.
//!
//! It is a copy of the source that the app may write to and that goes with the release. What must
//! outlive releases stands in the app's data folder; a link is in its place.

use std::fmt;
use std::fs::{File, Metadata};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ship_base::file::{self, WithPath as _};
use ship_base::lend::User;
use ship_project::plan::{DataPath, Plan};
use ship_sandbox::acting_as;

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
///
/// On a server the copy becomes its `owner`'s, whose programs may run in the data folder already:
/// whatever is done there is done with the owner's rights.
pub fn prepare_work(
    release: &Path,
    work: &Path,
    app_data: &Path,
    plan: &Plan,
    project: Option<&Path>,
    owner: Option<User>,
) -> Result<Vec<Moved>, Error> {
    let facts = Facts::read(release)?;
    copy_tree(&release.join("source"), work, &Cancel::new())?;
    if let Some(root) = &facts.static_root {
        put_link(&release.join("assets/static"), &work.join(root))?;
    }
    let paths = plan_data(plan);
    match owner {
        None => link_data(work, app_data, &paths, project),
        Some(owner) => hand_over(owner, work, app_data, &paths, project),
    }
}

/// Gives the copy to its owner, and lets the owner put into the data folder what is not there yet.
fn hand_over(
    owner: User,
    work: &Path,
    app_data: &Path,
    paths: &[DataPath],
    project: Option<&Path>,
) -> Result<Vec<Moved>, Error> {
    let missing = as_owner(owner, || {
        let missing = paths
            .iter()
            .filter(|data| !exists(&app_data.join(&data.path)));
        Ok(missing.collect::<Vec<_>>())
    })?;
    let mut gifts = Vec::new();
    for (data, number) in missing.into_iter().zip(0..) {
        gifts.push(Gift::wrap(data, work, number, project)?);
    }
    for data in paths {
        put_link(&app_data.join(&data.path), &work.join(&data.path))?;
    }
    file::give_tree(work, owner.uid)?;
    as_owner(owner, || {
        let unwrapped = gifts.iter().map(|gift| gift.unwrap(app_data));
        unwrapped.filter_map(Result::transpose).collect()
    })
}

fn as_owner<T: Send>(
    owner: User,
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> Result<T, Error> {
    acting_as(owner, work).with_path("act as the owner of", Path::new("the data folder"))?
}

/// A path of the data folder that is not there yet, and what is to be there.
struct Gift<'a> {
    data: &'a DataPath,
    /// What it is called in the working copy until its owner moves it; with nothing there, nothing is.
    wrapped: PathBuf,
}

impl<'a> Gift<'a> {
    fn wrap(
        data: &'a DataPath,
        work: &Path,
        number: usize,
        project: Option<&Path>,
    ) -> Result<Self, Error> {
        let wrapped = work.join(format!(".ship-data-{number}"));
        if let Some(seed) = seed_of(data, work, project) {
            copy_with_changes(&seed, &wrapped)?;
            file::sync_tree(&wrapped)?;
        }
        Ok(Self { data, wrapped })
    }

    fn unwrap(&self, app_data: &Path) -> Result<Option<Moved>, Error> {
        let kept = app_data.join(&self.data.path);
        if let Some(folder) = kept.parent() {
            file::create_folder(folder)?;
        }
        if !exists(&self.wrapped) {
            if self.data.folder {
                file::create_folder(&kept)?;
            }
            return Ok(None);
        }
        for ending in BESIDE_DATABASE {
            let beside = with_ending(&self.wrapped, ending);
            if exists(&beside) {
                file::rename_synced(&beside, &with_ending(&kept, ending))?;
            }
        }
        file::rename_synced(&self.wrapped, &kept)?;
        Ok(Some(Moved {
            path: self.data.path.clone(),
            data: app_data.to_owned(),
        }))
    }
}

fn seed_of(data: &DataPath, work: &Path, project: Option<&Path>) -> Option<PathBuf> {
    let seeds = [project, Some(work)].into_iter().flatten();
    seeds
        .map(|root| root.join(&data.path))
        .find(|path| path.exists())
}

fn copy_with_changes(seed: &Path, to: &Path) -> Result<(), Error> {
    copy_any(seed, to)?;
    for ending in BESIDE_DATABASE {
        let beside = with_ending(seed, ending);
        if beside.is_file() {
            copy_any(&beside, &with_ending(to, ending))?;
        }
    }
    Ok(())
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
        let seed = seed_of(data, work, project);
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
    seeds: &Seeds<'_>,
    cancel: &Cancel,
) -> Result<(), Error> {
    copy_tree(source, work, cancel)?;
    file::create_folder(data)?;
    for path in plan_data(plan) {
        let kept = data.join(&path.path);
        if let Some(folder) = kept.parent() {
            file::create_folder(folder)?;
        }
        if path.folder {
            file::create_folder(&kept)?;
        } else if let Some((mut seed, metadata)) = seeds.open(&path.path) {
            let mode = metadata.permissions().mode() & 0o777 | 0o600;
            let mut copy = file::create_new(&kept, mode)?;
            std::io::copy(&mut seed, &mut copy).with_path("write", &kept)?;
        }
        put_link(&kept, &work.join(&path.path))?;
    }
    Ok(())
}

/// Where a trial takes files of the data folder from.
pub(crate) struct Seeds<'a> {
    pub(crate) app_data: &'a Path,
    /// Whose the data folder is, on a server.
    pub(crate) owner: Option<User>,
    pub(crate) project: &'a Path,
}

impl Seeds<'_> {
    /// A file that is small enough to be copied for a look at it.
    fn open(&self, path: &Path) -> Option<(File, Metadata)> {
        let data = self.app_data.join(path);
        let own = match self.owner {
            None => open_small(&data),
            Some(owner) => acting_as(owner, || open_small(&data)).ok().flatten(),
        };
        own.or_else(|| open_small(&self.project.join(path)))
    }
}

fn open_small(path: &Path) -> Option<(File, Metadata)> {
    /// A larger database takes longer to copy than a look at it is worth.
    const LARGEST: u64 = 64 << 20;
    use rustix::fs::{Mode, OFlags};
    // What is a pipe by now would wait for somebody to write.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    let metadata = file.metadata().ok()?;
    (metadata.is_file() && metadata.len() <= LARGEST).then_some((file, metadata))
}
