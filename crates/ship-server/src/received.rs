//! What a deploy from afar sends: pieces of content by their hash, and the project laid out of them.
//!
//! Each app has pieces of its own: who may deploy one app must not learn, by naming hashes, what
//! another holds. A piece is written without a sync and its hash looked at when it is used, so that
//! one which a power cut spoiled is asked for again.

use std::fs::{File, FileTimes};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use ship_api::reply::Missing;
use ship_api::source::{Entry, Piece, Source, open_batch, place};
use ship_base::file::{self, WithPath as _};
use ship_base::hash::ContentHash;
use ship_base::name::AppName;

use crate::error::Error;
use crate::server::Server;

/// The pieces of `source` that `app` was never sent.
pub(crate) fn missing(server: &Server, app: &AppName, source: &Source) -> Result<Missing, Error> {
    source.check()?;
    let folder = server.folders.sent_pieces(app);
    let pieces = source.pieces().into_iter();
    let pieces = pieces.filter(|(hash, length)| {
        let there = piece_at(&folder, hash).metadata();
        !there.is_ok_and(|piece| piece.is_file() && piece.len() == u64::from(*length))
    });
    Ok(Missing {
        pieces: pieces.map(|(hash, _)| hash).collect(),
    })
}

/// Keeps the pieces of a batch.
pub(crate) fn keep(server: &Server, app: &AppName, batch: &[u8]) -> Result<(), Error> {
    let folder = server.folders.sent_pieces(app);
    file::create_private_folder(&folder)?;
    for piece in open_batch(batch).map_err(Error::Batch)? {
        file::replace(&piece_at(&folder, &ContentHash::of(&piece)), &piece)?;
    }
    Ok(())
}

/// Makes the project's folder of the pieces, in the place of the one before. To be called by the
/// deploy that has the app's turn.
pub(crate) fn lay_out(server: &Server, app: &AppName, source: &Source) -> Result<(), Error> {
    source.check()?;
    let project = server.folders.sent_project(app);
    let fresh = project.with_extension("new");
    let pieces = server.folders.sent_pieces(app);
    file::remove_folder(&fresh)?;
    file::create_private_folder(&fresh)?;
    for (path, entry) in &source.entries {
        put(&pieces, &fresh, path, entry)?;
    }
    file::remove_folder(&project)?;
    file::rename_synced(&fresh, &project)?;
    forget_others(&pieces, source)
}

fn put(pieces: &Path, project: &Path, path: &str, entry: &Entry) -> Result<(), Error> {
    let to = place(project, path);
    if let Some(folder) = to.parent() {
        file::create_folder(folder)?;
    }
    match entry {
        Entry::Folder => file::create_folder(&to)?,
        Entry::Link { target } => file::symlink(Path::new(target), &to)?,
        Entry::File {
            mode,
            modified,
            pieces: parts,
        } => {
            let mut file = file::create_new(&to, mode | 0o600)?;
            for part in parts {
                put_piece(pieces, part, path, &to, &mut file)?;
            }
            let modified = SystemTime::UNIX_EPOCH
                + Duration::from_millis(u64::try_from(*modified).unwrap_or_default());
            file.set_times(FileTimes::new().set_modified(modified))
                .with_path("change the time of", &to)?;
        }
    }
    Ok(())
}

/// One that is not what its name says is removed, so that the next deploy sends it anew.
fn put_piece(
    pieces: &Path,
    part: &Piece,
    path: &str,
    to: &Path,
    file: &mut File,
) -> Result<(), Error> {
    let from = piece_at(pieces, &part.hash);
    let whole = file::read(&from).ok();
    let Some(content) = whole.filter(|content| ContentHash::of(content) == part.hash) else {
        file::remove(&from)?;
        return Err(Error::Content {
            path: path.to_owned(),
        });
    };
    Ok(file.write_all(&content).with_path("write", to)?)
}

/// Only what the last deploy named is worth its space.
fn forget_others(folder: &Path, source: &Source) -> Result<(), Error> {
    let kept = source.pieces();
    for piece in file::entries_if_there(folder)? {
        let name = piece.file_name();
        let hash = name.to_str().and_then(|name| name.parse().ok());
        if !hash.is_some_and(|hash: ContentHash| kept.contains_key(&hash)) {
            file::remove(&piece.path())?;
        }
    }
    Ok(())
}

fn piece_at(folder: &Path, hash: &ContentHash) -> std::path::PathBuf {
    folder.join(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Scene;
    use ship_api::source::Batch;

    fn app() -> AppName {
        "blog".parse().unwrap()
    }

    fn source(content: &[u8]) -> Source {
        let piece = Piece {
            hash: ContentHash::of(content),
            len: content.len() as u32,
        };
        let file = Entry::File {
            mode: 0o755,
            modified: 1_000,
            pieces: vec![piece],
        };
        Source {
            entries: [("bin/run".to_owned(), file)].into(),
        }
    }

    fn send(scene: &Scene, content: &[u8]) {
        let mut batch = Batch::default();
        batch.add(content).unwrap();
        keep(&scene.server, &app(), &batch.finish().unwrap()).unwrap();
    }

    #[test]
    fn only_what_is_missing_is_asked_for_and_a_project_comes_of_it() {
        let scene = Scene::new();
        scene.app("blog", true);
        let (one, two) = (source(b"one"), source(b"two"));
        assert_eq!(
            missing(&scene.server, &app(), &one).unwrap().pieces.len(),
            1
        );
        send(&scene, b"one");
        assert!(
            missing(&scene.server, &app(), &one)
                .unwrap()
                .pieces
                .is_empty()
        );
        lay_out(&scene.server, &app(), &one).unwrap();
        let run = scene.server.folders.sent_project(&app()).join("bin/run");
        assert_eq!(file::read(&run).unwrap(), b"one");
        send(&scene, b"two");
        lay_out(&scene.server, &app(), &two).unwrap();
        assert_eq!(file::read(&run).unwrap(), b"two");
        let left = file::entries(&scene.server.folders.sent_pieces(&app())).unwrap();
        assert_eq!(left.len(), 1, "pieces of older sources go");
    }

    #[test]
    fn a_spoiled_piece_is_refused_and_asked_for_again() {
        let scene = Scene::new();
        scene.app("blog", true);
        let one = source(b"one");
        send(&scene, b"one");
        let folder = scene.server.folders.sent_pieces(&app());
        file::replace(&piece_at(&folder, &ContentHash::of(b"one")), b"o\0e").unwrap();
        let refused = lay_out(&scene.server, &app(), &one);
        assert!(matches!(refused, Err(Error::Content { path }) if path == "bin/run"));
        assert_eq!(
            missing(&scene.server, &app(), &one).unwrap().pieces.len(),
            1
        );
    }
}
