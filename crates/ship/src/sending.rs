//! A project on its way to a server: listed, and what the server does not have sent.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use ship_api::client::Client;
use ship_api::event::DeployEvent;
use ship_api::source::{Batch, Entry, PIECE, Piece, Source};
use ship_base::count;
use ship_base::file::{self, WithPath as _};
use ship_base::hash::ContentHash;
use ship_base::name::AppName;
use ship_build::{Item, Kind};
use ship_project::plan::Plan;

use crate::error::{CommandError, Result};

/// The step of the story.
const STEP: &str = "send";

/// A project's source, and where each piece of it is found.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) source: Source,
    places: BTreeMap<ContentHash, Place>,
}

#[derive(Debug)]
struct Place {
    file: PathBuf,
    from: u64,
    len: u32,
}

/// Reads and hashes everything that would become part of a release.
pub(crate) fn list(project: &Path, plan: &Plan) -> Result<Listed> {
    let items = ship_build::inventory(project, plan)
        .map_err(|error| CommandError::of(error.fault(), &error))?;
    let mut listed = Listed::default();
    for item in items {
        listed.add(project, item)?;
    }
    // What the server would refuse is said before anything travels.
    listed.source.check().map_err(|error| {
        CommandError::user(error.to_string())
            .hint("what `.gitignore` or `.shipignore` names does not travel")
    })?;
    Ok(listed)
}

impl Listed {
    fn add(&mut self, project: &Path, item: Item) -> Result<()> {
        let path = text(&item.path)?.to_owned();
        let entry = match item.kind {
            Kind::Folder => Entry::Folder,
            Kind::Link(target) => Entry::Link {
                target: text(&target)?.to_owned(),
            },
            Kind::File { mode, modified } => Entry::File {
                mode,
                modified: millis(modified),
                pieces: self.pieces(&project.join(&item.path))?,
            },
        };
        self.source.entries.insert(path, entry);
        Ok(())
    }

    fn pieces(&mut self, path: &Path) -> Result<Vec<Piece>> {
        let mut file = file::open(path)?;
        let mut pieces = Vec::new();
        let mut from = 0;
        loop {
            let content = read_piece(&mut file, PIECE).with_path("read", path)?;
            if content.is_empty() {
                return Ok(pieces);
            }
            let hash = ContentHash::of(&content);
            let len = u32::try_from(content.len()).unwrap_or(u32::MAX);
            let file = path.to_owned();
            self.places.insert(hash, Place { file, from, len });
            pieces.push(Piece { hash, len });
            from += u64::from(len);
        }
    }
}

/// Sends what the server does not have, and tells how far it is.
pub(crate) async fn send(
    client: &Client,
    app: &AppName,
    listed: &Listed,
    tell: &mut impl FnMut(DeployEvent) -> Result<()>,
) -> Result<()> {
    let began = Instant::now();
    let step = || STEP.to_owned();
    tell(DeployEvent::Begin { step: step() })?;
    let missing = client.offer(app, &listed.source).await?.pieces;
    let places: Vec<&Place> = missing
        .iter()
        .filter_map(|hash| listed.places.get(hash))
        .collect();
    let total = places.iter().map(|place| u64::from(place.len)).sum();
    let (mut done, mut travelled) = (0, 0);
    let mut batch = Batch::default();
    for (at, place) in places.iter().enumerate() {
        let content = place.read()?;
        batch.add(&content).map_err(bug)?;
        if batch.is_full() || at + 1 == places.len() {
            done += batch.bytes() as u64;
            let bytes = std::mem::take(&mut batch).finish().map_err(bug)?;
            travelled += bytes.len() as u64;
            client.send_batch(app, bytes).await?;
            tell(DeployEvent::Progress {
                step: step(),
                done,
                total,
            })?;
        }
    }
    tell(DeployEvent::Done {
        step: step(),
        took: began.elapsed(),
        detail: detail(&listed.source, places.len(), travelled),
    })
}

/// `41 files, 180 kB of 2.1 MB`.
fn detail(source: &Source, pieces: usize, travelled: u64) -> String {
    let files = count::plural(source.files(), "file");
    let all = count::bytes(source.bytes());
    match pieces {
        0 => format!("{files}, all there"),
        _ => format!("{files}, {} of {all}", count::bytes(travelled)),
    }
}

impl Place {
    fn read(&self) -> Result<Vec<u8>> {
        let mut file = file::open(&self.file)?;
        file.seek(SeekFrom::Start(self.from))
            .with_path("read", &self.file)?;
        Ok(read_piece(&mut file, self.len as usize).with_path("read", &self.file)?)
    }
}

fn read_piece(file: &mut File, most: usize) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(most as u64).read_to_end(&mut content)?;
    Ok(content)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        CommandError::user(format!("the name of `{}` is not UTF-8", path.display()))
            .hint("rename it, or leave it out with `.shipignore`")
    })
}

fn millis(time: SystemTime) -> i64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}

fn bug(error: std::io::Error) -> CommandError {
    CommandError::new(ship_base::fault::FaultKind::Bug, "cannot compress").cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_travels_in_pieces_that_are_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.py");
        let mut content = b"print('hello')\n".to_vec();
        content.resize(PIECE + 7, b'#');
        file::write_whole(&path, &content).unwrap();
        file::write_whole(&folder.path().join("Procfile"), b"web: python app.py\n").unwrap();
        let plan = ship_project::read(folder.path()).unwrap().plan;
        let listed = list(folder.path(), &plan).unwrap();
        let Entry::File { pieces, .. } = &listed.source.entries["app.py"] else {
            panic!("a file");
        };
        let read = pieces
            .iter()
            .flat_map(|piece| listed.places[&piece.hash].read().unwrap());
        assert_eq!(pieces.len(), 2);
        assert_eq!(read.collect::<Vec<u8>>(), content);
    }
}
