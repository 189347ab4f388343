//! What our readers promise of any bytes; driven by `ship_test::fuzz` and by `cargo xtask fuzz`.

use std::path::{Component, Path};

use hyper::Method;

use crate::request::Logs;
use crate::route::Route;
use crate::source::{Batch, Entry, PIECE, Source, open_batch, place};

/// The name of one, and what reads the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// By name, sorted.
pub const TARGETS: &[Target] = &[
    ("api-batch", batch),
    ("api-query", query),
    ("api-route", route),
    ("api-source", source),
];

/// The bytes as a batch; and pieces of them, which come back.
fn batch(bytes: &[u8]) {
    if let Ok(pieces) = open_batch(bytes) {
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE));
    }
    let mut batch = Batch::default();
    let pieces: Vec<&[u8]> = bytes.chunks(7).collect();
    for piece in &pieces {
        batch.add(piece).expect("a piece that is not too large");
    }
    let sent = batch.finish().expect("memory");
    assert_eq!(open_batch(&sent).expect("what was sent"), pieces);
}

fn query(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(logs) = Logs::from_query(text) {
        let written = logs.to_query();
        let again = Logs::from_query(&written).expect("what was written");
        assert_eq!(again.to_query(), written);
    }
}

/// `METHOD path`.
fn route(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let (method, path) = text.split_once(' ').unwrap_or(("GET", text));
    let Ok(method) = Method::from_bytes(method.as_bytes()) else {
        return;
    };
    if let Ok(route) = Route::parse(&method, path) {
        assert_eq!((route.method(), route.path()), (method, path.to_owned()));
    }
}

/// A source that is taken lies in its folder, whatever its names and links.
fn source(bytes: &[u8]) {
    let Ok(source) = serde_json::from_slice::<Source>(bytes) else {
        return;
    };
    if source.check().is_err() {
        return;
    }
    let folder = Path::new("/project");
    for (path, entry) in &source.entries {
        let at = place(folder, path);
        assert_eq!(climbs(&at), 0, "{path}");
        assert!(at.starts_with(folder) && at != folder, "{path}");
        if let Entry::Link { target } = entry {
            assert!(!target.starts_with('/'), "{target}");
            let above = at.parent().expect("a folder").components().count() - 2;
            assert!(climbs(Path::new(target)) <= above, "{path} -> {target}");
        }
    }
}

fn climbs(path: &Path) -> usize {
    let up = |part: &Component<'_>| *part == Component::ParentDir;
    path.components().filter(up).count()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_reader_keeps_its_promise_whatever_it_reads() {
        ship_test::fuzz::hold(super::TARGETS);
    }
}
