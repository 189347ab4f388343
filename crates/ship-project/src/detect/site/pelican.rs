//! Pelican: <https://getpelican.com>. The settings for publishing count where there are some.

use std::path::Path;

use super::Configured;
use crate::detect::Row;
use crate::plan::{Generator, Place};
use crate::project::Project;

pub(in crate::detect) const ROW: Row = Row {
    key: "pelican",
    label: "Pelican",
    package: "pelican",
    classes: &[],
};

pub(super) fn look(project: &Project, folder: &Path) -> Option<Configured> {
    let module = project.index.get(&folder.join("pelicanconf.py"))?;
    let place = Place::file(&module.file);
    let mut configured = Configured::new(&ROW, Generator::Pelican, folder, place);
    let content = folder.join("content");
    if module.top.binding("PATH").is_none() && project.tree.has_below(&content) {
        configured.arguments.push("content".to_owned());
    }
    let settings = ["publishconf.py", "pelicanconf.py"];
    let settings = settings
        .iter()
        .find(|name| project.tree.has(folder.join(name)));
    let settings = settings.map(|name| format!("--settings={name}"));
    configured.arguments.extend(settings);
    let is_markdown = |file: &Path| {
        let ending = file.extension().and_then(|ending| ending.to_str());
        file.starts_with(folder) && matches!(ending, Some("md" | "markdown" | "mkd"))
    };
    if let Some(page) = project.tree.files().find(|file| is_markdown(file)) {
        configured.packages = vec![("markdown", Place::file(page))];
    }
    Some(configured)
}
