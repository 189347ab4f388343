//! A static site: pages as they are, without any Python.

use std::path::{Path, PathBuf};

use crate::detect::{Found, Row};
use crate::error::Result;
use crate::plan::{Place, Route, RouteTarget, Sourced};
use crate::project::Project;

pub(super) const ROW: Row = Row {
    key: "static",
    label: "static site",
    package: "",
    classes: &[],
};

/// Folders that hold the pages, in order; the first is the project itself.
const FOLDERS: [&str; 6] = ["", "public", "dist", "site", "_site", "html"];

/// A folder with an `index.html`.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a step of the table, where others can fail"
)]
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    let index = |folder: &&str| project.tree.has(Path::new(folder).join("index.html"));
    let Some(folder) = FOLDERS.iter().find(|folder| index(folder)) else {
        return Ok(None);
    };
    let place = Place::file(Path::new(folder).join("index.html"));
    let folder = match *folder {
        "" => PathBuf::from("."),
        folder => PathBuf::from(folder),
    };
    let mut found = Found::new(&ROW, place.clone());
    found.routes.push(Sourced::from(
        Route::new("/".to_owned(), RouteTarget::Static { folder }),
        place,
    ));
    Ok(Some(found))
}
