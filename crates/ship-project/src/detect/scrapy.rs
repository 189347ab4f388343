//! Scrapy: <https://scrapy.org>. Spiders run when they are asked to, or as jobs; what they collect is
//! kept. They are a project with a `scrapy.cfg`, in the folder or alone below it, or a file each.

mod collected;

use std::path::Path;

use crate::detect::objects::import_paths;
use crate::detect::program::has_main;
use crate::detect::script::lasting;
use crate::detect::{Found, Row};
use crate::error::Result;
use crate::plan::{DataPath, Note, Place, Sourced};
use crate::project::Project;
use crate::python::index::{Target, View, is_beside};
use crate::python::module::{Class, Module};
use crate::python::source::{self, Source};

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

/// How many folders down a project of Scrapy's may lie.
const DEEPEST: usize = 3;
/// How many classes are followed from one to its base.
const DEPTH: usize = 6;

const SPIDERS: [&str; 7] = [
    "scrapy.Spider",
    "scrapy.spiders.Spider",
    "scrapy.spiders.CrawlSpider",
    "scrapy.spiders.XMLFeedSpider",
    "scrapy.spiders.CSVFeedSpider",
    "scrapy.spiders.SitemapSpider",
    "scrapy.spiders.sitemap.SitemapSpider",
];

/// A project of Scrapy's in the folder itself.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a step of the table, where others can fail"
)]
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    let here = project.tree.has(FILE);
    Ok(here.then(|| in_folder(project, Path::new(""))))
}

/// The only project of Scrapy's below the folder, or spiders without one. A program beside them may
/// be what runs them.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a step of the table, where others can fail"
)]
pub(super) fn find_below(project: &Project) -> Result<Option<Found>> {
    let near = |source: &&Source| source.file.components().count() == 1;
    let mut own = source::parsed(project.index.own_sources().filter(near).collect());
    if own.any(|module| has_main(module) || lasting::line(project, module).is_some()) {
        return Ok(None);
    }
    let mut folders = project.tree.files().filter_map(|file| {
        let is_one = file.ends_with(FILE) && !is_beside(file);
        let folder = file.parent().filter(|_| is_one)?;
        (folder.components().count() <= DEEPEST).then_some(folder)
    });
    Ok(match (folders.next(), folders.next()) {
        (Some(only), None) => Some(in_folder(project, only)),
        (None, _) => alone(project),
        _ => None,
    })
}

fn in_folder(project: &Project, folder: &Path) -> Found {
    let own = project.index.own_sources();
    let own: Vec<&Source> = own.filter(|own| own.file.starts_with(folder)).collect();
    let spiders = spiders(project, source::parsed(own));
    found(project, folder, &folder.join(FILE), spiders)
}

/// `quotes_spider.py`, as `scrapy runspider` takes it.
fn alone(project: &Project) -> Option<Found> {
    let modules: Vec<&Module> = project.index.own_modules_with(&["scrapy"]).collect();
    let runs_itself = modules.iter().any(|module| {
        let view = View::of(module);
        let mut calls = module.calls.iter();
        calls.any(|(call, _)| {
            let name = project.index.outside(&view, &call.function);
            name.is_some_and(|name| name.starts_with("scrapy.crawler."))
        })
    });
    let mut spiders = spiders(project, modules.into_iter());
    if runs_itself || spiders.is_empty() {
        return None;
    }
    for spider in &mut spiders {
        spider.is_alone = true;
    }
    let file = spiders.first()?.place.file.clone();
    Some(found(project, Path::new(""), &file, spiders))
}

fn found(project: &Project, folder: &Path, file: &Path, spiders: Vec<Spider<'_>>) -> Found {
    let mut found = Found::new(&ROW, Place::file(file));
    found.on_demand = true;
    folder.clone_into(&mut found.folder);
    found.import_paths = import_paths(folder);
    let collected = collected::by(project, folder, &spiders);
    found.data = collected.data;
    if !collected.has_feed {
        let output = DataPath {
            path: folder.join(OUTPUT),
            folder: true,
        };
        let output = Sourced::because(output, "what spiders collect", vec![Place::file(file)]);
        found.data.insert(0, output);
    }
    found.notes.extend(told(&spiders, collected.has_feed));
    found
}

/// A class whose instances crawl.
struct Spider<'a> {
    name: String,
    place: Place,
    module: &'a Module,
    class: &'a Class,
    /// It is in no project of Scrapy's.
    is_alone: bool,
}

impl Spider<'_> {
    /// The command that runs it.
    fn command(&self, has_feed: bool) -> String {
        let name = &self.name;
        let what = if self.is_alone {
            format!("scrapy runspider {}", self.place.file.display())
        } else {
            format!("scrapy crawl {name}")
        };
        if has_feed {
            return what;
        }
        format!("{what} -O {OUTPUT}/{name}.json")
    }
}

/// The spiders of `modules` that have a name, with its line.
fn spiders<'a>(project: &'a Project, modules: impl Iterator<Item = &'a Module>) -> Vec<Spider<'a>> {
    let mut spiders = Vec::new();
    for module in modules {
        for class in &module.top.classes {
            let mut bindings = class.bindings.iter();
            let named = bindings.find(|binding| binding.name == "name");
            if let Some(binding) = named
                && let Some(name) = binding.value.text()
                && is_spider(project, module, class, DEPTH)
            {
                spiders.push(Spider {
                    name: name.to_owned(),
                    place: module.place(binding.line),
                    module,
                    class,
                    is_alone: false,
                });
            }
        }
    }
    spiders
}

/// Whether one of its bases is Scrapy's, or a class of the project that is a spider.
fn is_spider(project: &Project, module: &Module, class: &Class, left: usize) -> bool {
    let Some(left) = left.checked_sub(1) else {
        return false;
    };
    let view = View::of(module);
    let mut bases = class.bases.iter();
    bases.any(|base| match project.index.resolve(&view, base) {
        Some(Target::Outside(name)) => SPIDERS.contains(&name.as_str()),
        Some(Target::Inside(module, names)) => {
            let class = names.first().and_then(|name| module.top.class(name));
            class.is_some_and(|class| is_spider(project, module, class, left))
        }
        None => false,
    })
}

fn told(spiders: &[Spider<'_>], has_feed: bool) -> Option<Note> {
    let first = spiders.first()?;
    let names: Vec<&str> = spiders.iter().map(|spider| spider.name.as_str()).collect();
    let command = first.command(has_feed);
    Some(Note {
        text: format!(
            "{}, which run when asked: {}",
            ship_base::count::plural(spiders.len(), "spider"),
            names.join(", ")
        ),
        hint: Some(format!(
            "`ship run -- {command}`; or every day: `[job.{name}]` with `schedule = \"@daily\"` and `command = \"{command}\"` in ship.toml",
            name = first.name,
        )),
        place: Some(first.place.clone()),
    })
}
