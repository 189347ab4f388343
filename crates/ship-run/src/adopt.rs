//! After a restart of the control process: the living keepers are found again, and what dead ones
//! left is cleared.

use std::path::{Path, PathBuf};

use ship_base::file;
use tracing::{info, warn};

use crate::error::Error;
use crate::event::Report;
use crate::files::{Files, Record};
use crate::keeper::Keeper;
use crate::remains;

/// What was found.
#[derive(Debug, Default)]
pub struct Adopted {
    /// Keepers that live, connected.
    pub living: Vec<Keeper>,
    /// The last reports of keepers that died or ended while nobody listened; nothing is left of
    /// their instances. A job that ended meanwhile tells its outcome here.
    pub dead: Vec<Report>,
}

/// Finds every keeper whose files are in `keepers` or in a folder directly below it.
///
/// To be called once, by the one control process there is, before it starts any keeper itself.
pub async fn adopt_all(keepers: &Path) -> Result<Adopted, Error> {
    let mut adopted = Adopted::default();
    for folder in folders(keepers)? {
        for state in states(&folder)? {
            take_in(&state, &mut adopted).await?;
        }
        remains::remove_strays(&folder)?;
    }
    Ok(adopted)
}

fn folders(keepers: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut folders = vec![keepers.to_owned()];
    for entry in file::entries_if_there(keepers)? {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

fn states(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = file::entries_if_there(folder)?;
    let paths = entries.iter().map(std::fs::DirEntry::path);
    Ok(paths
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect())
}

async fn take_in(state: &Path, adopted: &mut Adopted) -> Result<(), Error> {
    let Some(files) = Files::of_state(state) else {
        return Ok(());
    };
    let Some(record) = Record::read(state) else {
        // Not written by a keeper as it is now: state files are replaced whole.
        warn!(state = %state.display(), "removing a state file that cannot be read");
        return Ok(files.remove()?);
    };
    if record.is_of_this_boot() && record.report.keeper.is_alive() {
        match Keeper::connect(files.clone(), &record).await {
            Ok(keeper) => {
                info!(instance = %record.report.instance, "found its keeper again");
                adopted.living.push(keeper);
                return Ok(());
            }
            Err(error) => {
                let error = ship_base::hint::chain(&error);
                warn!(instance = %record.report.instance, error, "its keeper does not answer; ending it");
            }
        }
    }
    adopted.dead.push(bury(files, record).await?);
    Ok(())
}

/// Ends what is left of a keeper, and gives its last report.
async fn bury(files: Files, record: Record) -> Result<Report, Error> {
    let cleared = tokio::task::spawn_blocking(move || {
        if record.is_of_this_boot() {
            remains::kill(record.report.keeper);
        }
        // It may have told more before it ended.
        let record = Record::read(&files.state()).unwrap_or(record);
        remains::clear(&files, &record).map(|()| record.report)
    });
    cleared
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
