//! Where spiders write what they collect: feeds and stores of files, in the settings of the project or
//! in a spider's own.

use std::path::{Path, PathBuf};

use super::{FILE, Spider};
use crate::detect::stored;
use crate::files::ini::Ini;
use crate::plan::{DataPath, Place, Sourced};
use crate::project::Project;
use crate::python::expr::Expr;
use crate::python::index::View;
use crate::python::module::Module;
use crate::python::paths::Texts;

/// What is kept, and whether spiders are told where to write by their settings.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) data: Vec<Sourced<DataPath>>,
    pub(super) has_feed: bool,
}

/// What the settings of the project in `folder` and those of `spiders` name.
pub(super) fn by(project: &Project, folder: &Path, spiders: &[Spider<'_>]) -> Collected {
    let search = Search {
        texts: Texts {
            index: &project.index,
            folder,
        },
    };
    let mut collected = Collected::default();
    if let Some(module) = settings(project, folder) {
        for binding in &module.top.bindings {
            let place = module.place(binding.line);
            search.setting(
                &mut collected,
                module,
                &binding.name,
                &binding.value,
                &place,
            );
        }
    }
    for Spider { module, class, .. } in spiders {
        let own = class
            .bindings
            .iter()
            .filter(|b| b.name == "custom_settings");
        for binding in own {
            let Expr::Dict(items) = &binding.value else {
                continue;
            };
            let place = module.place(binding.line);
            for (name, value) in items {
                let name = name.text().unwrap_or_default();
                search.setting(&mut collected, module, name, value, &place);
            }
        }
    }
    collected
}

/// The module that `scrapy.cfg` names.
fn settings<'a>(project: &'a Project, folder: &Path) -> Option<&'a Module> {
    let text = project.tree.text(folder.join(FILE)).ok().flatten()?;
    let ini = Ini::read(&text);
    let (name, _) = ini.get("settings", "default")?;
    project.index.find(name, &[folder.to_owned()])
}

struct Search<'a> {
    texts: Texts<'a>,
}

impl<'a> Search<'a> {
    fn setting(
        &self,
        collected: &mut Collected,
        module: &'a Module,
        name: &str,
        value: &Expr,
        place: &Place,
    ) {
        let view = View::of(module);
        let mut keep = |value: Option<DataPath>, reason: &str| {
            if let Some(value) = value {
                let new = Sourced::because(value, reason, vec![place.clone()]);
                stored::push(&mut collected.data, new);
            }
        };
        match (name, value) {
            ("FEEDS", Expr::Dict(feeds)) => {
                for (target, _) in feeds {
                    keep(self.feed(&view, target), "what spiders collect");
                }
                collected.has_feed = true;
            }
            ("FEED_URI", target) => {
                keep(self.feed(&view, target), "what spiders collect");
                collected.has_feed = true;
            }
            ("FILES_STORE" | "IMAGES_STORE", target) => {
                let path = self
                    .path(&view, target)
                    .map(|path| DataPath { path, folder: true });
                keep(path, "files that spiders download");
            }
            _ => {}
        }
    }

    /// `out/items.jl`, `out/%(name)s/%(time)s.json`: the folder that is written to, else the file.
    fn feed(&self, view: &View<'a>, target: &Expr) -> Option<DataPath> {
        let path = self.path(view, target)?;
        let is_plain = |part: &&std::ffi::OsStr| !part.to_string_lossy().contains('%');
        let plain: PathBuf = path.iter().take_while(is_plain).collect();
        let whole = plain == path;
        let folder = if whole { plain.parent()? } else { &plain };
        if folder == self.texts.folder {
            return whole.then_some(DataPath {
                path,
                folder: false,
            });
        }
        Some(DataPath {
            path: folder.to_owned(),
            folder: true,
        })
    }

    /// A path of the project; nothing for a bucket or another machine.
    fn path(&self, view: &View<'a>, target: &Expr) -> Option<PathBuf> {
        let text = self.texts.text(view, target)?;
        let text = text.strip_prefix("file://").unwrap_or(&text);
        if text.contains("://") {
            return None;
        }
        self.texts.inside(text)
    }
}
