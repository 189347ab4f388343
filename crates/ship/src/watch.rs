//! A project under watch: tells when something that would become part of a release has changed.
//!
//! The kernel tells that something happened; whether it matters is decided by looking: the files
//! that a release would hold, and `.env`, are listed with size and time, and the list is compared.
//! So whatever `.gitignore` and `.shipignore` leave out, and what Python and editors write beside,
//! is no change.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use ship_base::fault::FaultKind;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::error::{CommandError, Result};

/// A change counts once nothing more has happened for this long: editors save in several steps.
const QUIET: Duration = Duration::from_millis(100);
/// It counts after this long at the latest.
const AT_MOST: Duration = Duration::from_secs(1);

/// Settings: no part of a release, but a change of them is one of the app.
const DOTENV: &str = ".env";

/// A project under watch.
pub(crate) struct Watch {
    project: PathBuf,
    watcher: RecommendedWatcher,
    happened: mpsc::UnboundedReceiver<()>,
    watched: BTreeSet<PathBuf>,
    stamp: u64,
    /// When the current burst began, and when it will be over.
    burst: Option<(Instant, Instant)>,
}

/// What a look at the project saw.
struct Look {
    stamp: u64,
    folders: BTreeSet<PathBuf>,
}

impl Watch {
    /// Watches from now on.
    pub(crate) fn new(project: &Path) -> Result<Self> {
        let (sender, happened) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading a file is an event too, and looking at the project reads.
            if event.is_ok_and(|event| event.kind.is_access()) {
                return;
            }
            let _ = sender.send(());
        });
        let mut watch = Self {
            project: project.to_owned(),
            watcher: watcher.map_err(|error| cannot(project, &error))?,
            happened,
            watched: BTreeSet::new(),
            stamp: 0,
            burst: None,
        };
        watch.look()?;
        Ok(watch)
    }

    /// Returns once the project differs from what it was at the last return. Safe to drop half-way.
    pub(crate) async fn changed(&mut self) -> Result<()> {
        loop {
            self.quiet().await;
            self.burst = None;
            if self.look()? {
                return Ok(());
            }
        }
    }

    /// Waits for something to happen and for the quiet after it.
    async fn quiet(&mut self) {
        loop {
            let over = self.burst.map(|(_, over)| over);
            tokio::select! {
                happened = self.happened.recv() => match happened {
                    Some(()) => self.note(),
                    // The watcher lives as long as we do.
                    None => std::future::pending().await,
                },
                () = until(over) => return,
            }
        }
    }

    fn note(&mut self) {
        let now = Instant::now();
        let began = self.burst.map_or(now, |(began, _)| began);
        self.burst = Some((began, (now + QUIET).min(began + AT_MOST)));
    }

    /// Looks at the project; whether it differs from the last look. Watches new folders too, which
    /// may have got files before they were watched: that is why the stamp is taken after.
    fn look(&mut self) -> Result<bool> {
        let mut look = look(&self.project);
        let new: Vec<&PathBuf> = look.folders.difference(&self.watched).collect();
        if !new.is_empty() {
            for folder in new {
                // A folder that is gone again is no reason to stop; the project itself is.
                if let Err(error) = self.watcher.watch(folder, RecursiveMode::NonRecursive)
                    && (folder.exists() || *folder == self.project)
                {
                    return Err(cannot(folder, &error));
                }
            }
            look = self::look(&self.project);
        }
        for gone in self.watched.difference(&look.folders) {
            // The kernel has forgotten a removed folder already.
            let _ = self.watcher.unwatch(gone);
        }
        let changed = look.stamp != self.stamp;
        self.stamp = look.stamp;
        self.watched = look.folders;
        Ok(changed)
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn cannot(folder: &Path, error: &notify::Error) -> CommandError {
    let failed = CommandError::new(
        FaultKind::Outside,
        format!("cannot watch `{}`", folder.display()),
    )
    .cause(error);
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => failed.hint(
            "the system allows too few watches: `sudo sysctl fs.inotify.max_user_watches=524288`",
        ),
        _ => failed,
    }
}

fn look(project: &Path) -> Look {
    let mut folders = BTreeSet::from([project.to_owned()]);
    let mut files = BTreeMap::new();
    for entry in ship_build::source_of(project) {
        if entry.file_type().is_some_and(|kind| kind.is_dir()) {
            folders.insert(entry.into_path());
        } else {
            files.extend(facts(entry.into_path()));
        }
    }
    files.extend(facts(project.join(DOTENV)));
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    Look {
        stamp: hasher.finish(),
        folders,
    }
}

/// A file with what changes when it does; nothing for one that went while we looked.
fn facts(path: PathBuf) -> Option<(PathBuf, impl Hash)> {
    let facts = path.symlink_metadata().ok()?;
    let when = (facts.mtime(), facts.mtime_nsec());
    Some((path, (facts.len(), when, facts.mode())))
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "a test changes files as an editor does"
    )]

    use std::fs;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    async fn seen(watch: &mut Watch) -> bool {
        tokio::time::timeout(DEADLINE, watch.changed())
            .await
            .is_ok()
    }

    #[test]
    fn what_is_ignored_or_cached_is_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path();
        fs::write(project.join(".gitignore"), "*.log\nmedia/\n.env\n").unwrap();
        fs::write(project.join(".shipignore"), "*.psd\n").unwrap();
        let stamp = || look(project).stamp;
        let before = stamp();
        fs::write(project.join("debug.log"), "noise").unwrap();
        fs::write(project.join("cover.psd"), "noise").unwrap();
        for path in ["media", "__pycache__", ".hg", "venv"] {
            fs::create_dir_all(project.join(path)).unwrap();
            fs::write(project.join(path).join("noise"), "noise").unwrap();
        }
        fs::write(project.join("venv/pyvenv.cfg"), "").unwrap();
        assert_eq!(stamp(), before);
        fs::write(project.join(".env"), "A=1").unwrap();
        assert_ne!(stamp(), before);
    }

    #[tokio::test]
    async fn a_saved_file_is_a_change_once() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path();
        fs::write(project.join("app.py"), "one").unwrap();
        let mut watch = Watch::new(project).unwrap();
        fs::write(project.join("app.py"), "another").unwrap();
        assert!(seen(&mut watch).await);
        assert!(!watch.look().unwrap());
    }

    #[tokio::test]
    async fn files_of_a_new_folder_are_watched() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path();
        let mut watch = Watch::new(project).unwrap();
        fs::create_dir_all(project.join("pages/deep")).unwrap();
        fs::write(project.join("pages/deep/a.html"), "one").unwrap();
        assert!(seen(&mut watch).await);
        fs::write(project.join("pages/deep/a.html"), "another").unwrap();
        assert!(seen(&mut watch).await);
        fs::remove_dir_all(project.join("pages")).unwrap();
        assert!(seen(&mut watch).await);
    }

    #[tokio::test]
    async fn a_wait_that_is_dropped_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path();
        let mut watch = Watch::new(project).unwrap();
        fs::write(project.join("app.py"), "one").unwrap();
        // Shorter than the quiet, as the frames of the live story are.
        let began = Instant::now();
        loop {
            let wait = tokio::time::timeout(Duration::from_millis(10), watch.changed());
            if wait.await.is_ok() {
                break;
            }
            assert!(began.elapsed() < DEADLINE);
        }
    }
}
