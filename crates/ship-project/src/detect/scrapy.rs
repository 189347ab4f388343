//! Scrapy: <https://scrapy.org>. Spiders run when they are asked to, or as jobs; what they collect is
//! kept.

use std::path::PathBuf;

use crate::detect::{Found, Row};
use crate::error::Result;
use crate::plan::{DataPath, Note, Place, Sourced};
use crate::project::Project;
use crate::python::index::View;

pub(super) const ROW: Row = Row {
    key: "scrapy",
    label: "Scrapy",
    package: "scrapy",
    classes: &[],
};

/// The file that makes a folder a project of Scrapy's.
const FILE: &str = "scrapy.cfg";

/// Where spiders are told to write: a folder that outlives releases.
const OUTPUT: &str = "output";

const SPIDERS: [&str; 7] = [
    "scrapy.Spider",
    "scrapy.spiders.Spider",
    "scrapy.spiders.CrawlSpider",
    "scrapy.spiders.XMLFeedSpider",
    "scrapy.spiders.CSVFeedSpider",
    "scrapy.spiders.SitemapSpider",
    "scrapy.spiders.sitemap.SitemapSpider",
];

#[expect(
    clippy::unnecessary_wraps,
    reason = "a step of the table, where others can fail"
)]
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    if !project.tree.has(FILE) {
        return Ok(None);
    }
    let mut found = Found::new(&ROW, Place::file(FILE));
    found.on_demand = true;
    found.import_paths = vec![PathBuf::from(".")];
    let output = DataPath {
        path: OUTPUT.into(),
        folder: true,
    };
    let reason = "what spiders collect";
    found
        .data
        .push(Sourced::because(output, reason, vec![Place::file(FILE)]));
    found.notes.extend(told(&spiders(project)));
    Ok(Some(found))
}

/// The names of the project's spiders, with their lines.
fn spiders(project: &Project) -> Vec<(String, Place)> {
    let mut spiders = Vec::new();
    for module in project.index.own_modules() {
        let view = View::of(module);
        for class in &module.top.classes {
            let is_spider = class.bases.iter().any(|base| {
                let name = project.index.outside(&view, base);
                name.is_some_and(|name| SPIDERS.contains(&name.as_str()))
            });
            let named = class.bindings.iter().find(|binding| binding.name == "name");
            if let (true, Some(binding)) = (is_spider, named)
                && let Some(name) = binding.value.text()
            {
                spiders.push((name.to_owned(), module.place(binding.line)));
            }
        }
    }
    spiders
}

fn told(spiders: &[(String, Place)]) -> Option<Note> {
    let (first, place) = spiders.first()?;
    let names: Vec<&str> = spiders.iter().map(|(name, _)| name.as_str()).collect();
    let command = format!("scrapy crawl {first} -O {OUTPUT}/{first}.json");
    Some(Note {
        text: format!(
            "{}, which run when asked: {}",
            ship_base::count::plural(spiders.len(), "spider"),
            names.join(", ")
        ),
        hint: Some(format!(
            "`ship run -- {command}`; or every day: `[job.{first}]` with `schedule = \"@daily\"` and `command = \"{command}\"` in ship.toml"
        )),
        place: Some(place.clone()),
    })
}
