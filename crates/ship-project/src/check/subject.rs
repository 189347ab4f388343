//! What a check looks at: the project, its plan, and what was told from outside.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use crate::assemble::Sources;
use crate::check::django_deploy::DjangoMessage;
use crate::check::git;
use crate::check::reach;
use crate::detect::django_settings::Settings;
use crate::error::Error;
use crate::files::requirements::Requirements;
use crate::packages::Packages;
use crate::plan::{Dependencies, Place, Plan};
use crate::project::Project;
use crate::python::index;
use crate::python::module::Module;
use crate::python::source::{self, Source};
use crate::tree;

/// What the files cannot tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The date as `2026-11-26`: versions end on a day.
    pub today: String,
    /// Names of the settings that the app has on its server; empty where none is known.
    pub set: BTreeSet<String>,
    /// Bytes of memory of the machine it will run on, where that is known.
    pub memory: Option<u64>,
    /// What Django's own checks say; empty where it was not asked.
    pub django: Vec<DjangoMessage>,
}

/// A file that would be part of a release, or that nothing but its name keeps out.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Relative to the project.
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

impl AsRef<Path> for SourceFile {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// The project as checks see it.
pub(crate) struct Subject<'a> {
    pub(super) sources: &'a Sources,
    pub(super) plan: Result<&'a Plan, &'a Error>,
    pub(super) given: &'a Given,
    /// What a release takes, hidden files included, sorted.
    pub(super) files: Vec<SourceFile>,
    /// Paths relative to the project that git knows; `None` where there is no repository.
    pub(super) tracked: Option<BTreeSet<PathBuf>>,
    /// The modules that what is served consists of.
    served: Vec<&'a Source>,
    /// The packages, where the plan takes them from a folder below.
    below: Option<Packages>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(
        sources: &'a Sources,
        plan: Result<&'a Plan, &'a Error>,
        given: &'a Given,
    ) -> Self {
        let root = &sources.project.root;
        let mut subject = Self {
            sources,
            plan,
            given,
            files: files(root),
            tracked: git::tracked(root),
            served: reach::served(&sources.project, plan.ok()),
            below: plan.ok().and_then(|plan| below(&sources.project, plan)),
        };
        // Settings for other places, such as tests, say nothing of what visitors meet.
        if let Some(settings) = subject.settings() {
            let is_other = |file: &Path| is_settings(file) && !settings.reads(file);
            subject.served.retain(|source| !is_other(&source.file));
        }
        subject
    }

    /// Whether it is a Django site, whatever can be read of its settings.
    pub(super) fn is_django(&self) -> bool {
        let by_plan = self
            .plan
            .is_ok_and(|plan| plan.framework.value.key == "django");
        by_plan || self.packages().has("django")
    }

    pub(super) fn project(&self) -> &'a Project {
        &self.sources.project
    }

    /// The packages that the plan installs.
    pub(super) fn packages(&self) -> &Packages {
        self.below.as_ref().unwrap_or(&self.project().packages)
    }

    /// Where a package is named: the line of its requirement, else the file.
    pub(super) fn package(&self, name: &str) -> Option<Place> {
        let named = self.packages().dependencies.as_ref()?;
        let lines = match &named.value {
            Dependencies::Requirements { files, .. } => files.as_slice(),
            _ => &[],
        };
        let line = lines.iter().find_map(|file| {
            let read = Requirements::read(file, &|path| self.text(path));
            let mut entries = read.entries.into_iter();
            entries
                .find(|entry| entry.name == name)
                .map(|entry| entry.place)
        });
        line.or_else(|| named.places.first().cloned())
    }

    /// The modules that what is served consists of, as far as imports tell; else all but tests,
    /// examples and documentation.
    pub(super) fn modules(&self) -> impl Iterator<Item = &'a Module> + use<'a> {
        source::parsed(self.served.clone())
    }

    /// The files of those.
    pub(super) fn served_files(&self) -> impl Iterator<Item = &'a Path> {
        self.served.iter().map(|source| source.file.as_path())
    }

    /// Those in which one of `words` stands.
    pub(super) fn modules_with(
        &self,
        words: &[&str],
    ) -> impl Iterator<Item = &'a Module> + use<'a> {
        let served = self.served.iter().copied();
        source::parsed(self.project().index.saying(served, words))
    }

    /// Django's settings, where the plan names them.
    pub(super) fn settings(&self) -> Option<Settings<'a>> {
        let plan = self.plan.ok()?;
        let name = &plan.env.get("DJANGO_SETTINGS_MODULE")?.value;
        let roots = [plan.folder.clone(), PathBuf::new(), PathBuf::from("src")];
        let module = self.project().index.find(name, &roots)?;
        let folder: &'a Path = &plan.folder;
        let class = plan.env.get("DJANGO_CONFIGURATION");
        let class = class.map(|class| class.value.as_str());
        let is_set = |name: &str| self.is_set(name);
        Some(Settings::read(
            self.project(),
            module,
            folder,
            class,
            &is_set,
        ))
    }

    /// The folders that the program is imported from.
    pub(super) fn roots(&self) -> Vec<PathBuf> {
        let plan = self.plan.ok().into_iter();
        plan.flat_map(|plan| plan.import_paths.iter().chain([&plan.folder]))
            .map(|path| index::plain(path))
            .collect()
    }

    /// Whether the app will have this setting: by `.env`, the manifest, or its server.
    pub(super) fn is_set(&self, name: &str) -> bool {
        let planned = self.plan.is_ok_and(|plan| {
            plan.env.contains_key(name) || plan.drawn_env.iter().any(|drawn| drawn.value == name)
        });
        planned
            || self.given.set.contains(name)
            || self.project().dotenv.iter().any(|entry| entry.name == name)
    }

    /// The value of a setting in `.env` or the manifest.
    pub(super) fn value(&self, name: &str) -> Option<(String, Place)> {
        let own = self.sources.manifest.env.iter().find(|(n, _)| n == name);
        if let Some((_, value)) = own {
            return Some((value.value.clone(), value.place.clone()));
        }
        let entry = self.project().dotenv.iter().find(|e| e.name == name)?;
        Some((entry.value.reveal().clone(), entry.place.clone()))
    }

    /// A file's text, where it is one.
    pub(super) fn text(&self, file: &Path) -> Option<String> {
        self.project().tree.text(file).ok().flatten()
    }

    /// A file's text with its bytes as they are: `None` for what is no UTF-8, has a mark or ends
    /// its lines as Windows does. Only what is understood to the byte is changed.
    pub(super) fn exact(&self, file: &Path) -> Option<String> {
        let bytes = ship_base::file::read(&self.project().root.join(file)).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        (!text.contains(['\r', '\u{feff}'])).then_some(text)
    }
}

/// The packages of the folders that the program lies in, where the project's own names none.
fn below(project: &Project, plan: &Plan) -> Option<Packages> {
    if project.packages.dependencies.is_some() {
        return None;
    }
    let ways = plan.import_paths.iter().chain([&plan.folder]);
    let mut folders: Vec<PathBuf> = ways
        .flat_map(|path| path.ancestors())
        .map(index::plain)
        .collect();
    folders.sort_by_key(|folder| folder.components().count());
    folders.dedup();
    Packages::read(&project.tree, &folders).ok()
}

/// `settings.py`, `settings_test.py`, `settings/production.py`
fn is_settings(file: &Path) -> bool {
    file.iter()
        .filter_map(|part| part.to_str())
        .any(|part| part.starts_with("settings") || part.ends_with("settings.py"))
}

/// As a release takes them (`ship-build/src/source.rs`), with their sizes.
fn files(root: &Path) -> Vec<SourceFile> {
    const NEVER: [&str; 10] = [
        ".git",
        ".hg",
        ".svn",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".tox",
        "__pycache__",
        "node_modules",
    ];
    let walk = WalkBuilder::new(root)
        .standard_filters(false)
        .git_ignore(true)
        .git_exclude(true)
        .parents(true)
        .require_git(false)
        .add_custom_ignore_filename(".shipignore")
        .filter_entry(|entry| {
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let name = entry.file_name();
            !is_folder
                || entry.depth() == 0
                || !NEVER.iter().any(|never| name == *never)
                    && !entry.path().join("pyvenv.cfg").is_file()
        })
        .build_parallel();
    tree::list(root, walk, usize::MAX, |entry, path| SourceFile {
        path,
        bytes: entry.metadata().map_or(0, |metadata| metadata.len()),
    })
}

/// The first bytes of a file, as many as there are.
pub(super) fn head(path: &Path, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = ship_base::file::open(path) {
        // What cannot be read is not recognised.
        let _ = file.take(most).read_to_end(&mut bytes);
    }
    bytes
}
