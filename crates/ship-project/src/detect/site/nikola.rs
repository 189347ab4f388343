//! Nikola: <https://getnikola.com>. Its `conf.py` names the blog.

use std::path::{Path, PathBuf};

use super::Configured;
use crate::detect::Row;
use crate::plan::{Generator, Place};
use crate::project::Project;

pub(in crate::detect) const ROW: Row = Row {
    key: "nikola",
    label: "Nikola",
    package: "nikola",
    classes: &[],
};

pub(super) fn look(project: &Project, folder: &Path) -> Option<Configured> {
    let module = project.index.get(&folder.join("conf.py"))?;
    let binding = |name: &str| module.top.binding(name);
    let is_nikola = binding("BLOG_TITLE").is_some()
        && (binding("POSTS").is_some() || binding("PAGES").is_some());
    if !is_nikola {
        return None;
    }
    let place = Place::file(&module.file);
    let mut configured = Configured::new(&ROW, Generator::Nikola, folder, place);
    configured.arguments = vec!["build".to_owned()];
    let output = binding("OUTPUT_FOLDER").and_then(|binding| binding.value.text());
    configured.writes_to = Some(PathBuf::from(output.unwrap_or("output")));
    Some(configured)
}
