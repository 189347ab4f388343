//! Names of modules that lead nowhere: neither to a file of the project nor, by all that its list of
//! packages tells, to one of a package.

use std::path::{Path, PathBuf};

use crate::files::requirements::normalise;
use crate::plan::{Note, ObjectRef, Place};
use crate::project::Project;

/// A shorter name begins that of many a package.
const TELLING: usize = 5;

/// A name that somebody wrote down, and where.
#[derive(Debug)]
pub(crate) struct Astray {
    /// What has it: `FLASK_APP`, in backticks.
    pub(crate) by: String,
    /// `shopp.web`
    pub(crate) module: String,
    /// The module is there, and has no application.
    pub(crate) is_empty: bool,
    pub(crate) place: Place,
}

impl Astray {
    /// `module`, or what stands before the colon of `module:object`, where it is nowhere.
    pub(crate) fn of(project: &Project, by: &str, text: &str, place: &Place) -> Option<Self> {
        let module = text.split(':').next().unwrap_or_default().trim();
        is_nowhere(project, module).then(|| Self {
            by: by.to_owned(),
            module: module.to_owned(),
            is_empty: false,
            place: place.clone(),
        })
    }

    /// A fragment that says so.
    pub(crate) fn told(&self) -> String {
        let Self { by, module, .. } = self;
        if self.is_empty {
            return format!("{by} names `{module}`, which has no application at its top level");
        }
        format!("{by} names `{module}`, which is not in the project")
    }

    /// What was found instead, and whether that is what runs.
    pub(crate) fn note(&self, instead: Option<&ObjectRef>, runs: bool) -> Note {
        let told = self.told();
        let (text, hint) = match instead {
            Some(object) if runs => (
                format!("{told}; `{object}` is served in its place"),
                format!("write `{object}` there, or take it out"),
            ),
            Some(object) => (
                format!("{told}; found: `{object}`"),
                format!(
                    "write `{object}` there, unless a package brings `{}`",
                    self.module
                ),
            ),
            None => (
                told,
                format!("correct it, unless a package brings `{}`", self.module),
            ),
        };
        Note {
            text,
            hint: Some(hint),
            place: Some(self.place.clone()),
        }
    }
}

fn is_nowhere(project: &Project, module: &str) -> bool {
    !module.is_empty() && !is_there(project, module) && !is_brought(project, module)
}

/// Whether a file or a folder is called so, wherever it lies: a command may start in any folder. A
/// module that is compiled counts as well.
fn is_there(project: &Project, module: &str) -> bool {
    let module = module.trim_start_matches("./").trim_end_matches(".py");
    let path: PathBuf = module.split(['.', '/']).collect();
    project.tree.files().any(|file| {
        let folder = file.parent().unwrap_or(Path::new(""));
        let name = file.file_name().and_then(|name| name.to_str());
        let stem = name
            .and_then(|name| name.split('.').next())
            .unwrap_or_default();
        let mut folders = folder.ancestors();
        folder.join(stem).ends_with(&path) || folders.any(|folder| folder.ends_with(&path))
    })
}

/// Whether the name of a package, or of the project itself, says that it may bring the module.
fn is_brought(project: &Project, module: &str) -> bool {
    let first = normalise(module.split('.').next().unwrap_or_default());
    let fits = |package: &str| {
        let begins = first.len() >= TELLING && package.starts_with(&first);
        begins || package == first || package.split('-').any(|word| word == first)
    };
    let own = project
        .pyproject
        .as_ref()
        .and_then(|file| file.name.as_ref());
    let own = own.is_some_and(|(name, _)| normalise(name) == first);
    own || project.packages.names().any(fits)
}
