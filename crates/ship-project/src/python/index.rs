//! All Python files of a project, and the names that lead from one to another.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use crate::error::Result;
use crate::python::expr::Expr;
use crate::python::module::{Function, Import, Module, Scope};
use crate::python::source::{self, Source, side_by_side};
use crate::python::words::{Vocabulary, Word};
use crate::tree::Tree;

/// How many imports and assignments are followed from one name.
const FOLLOW: usize = 16;

/// All files.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// By path.
    sources: Vec<Source>,
    /// The names of their folders and files, anywhere: most names in code are of other packages,
    /// and are known by this before any path is looked up.
    names: HashSet<String>,
    vocabulary: Vocabulary,
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub(crate) enum Target<'a> {
    /// A module of the project, and the names that follow within it: `app`, `settings.DEBUG`.
    Inside(&'a Module, Vec<String>),
    /// A dotted name of another package: `flask.Flask`.
    Outside(String),
}

/// Where a name is looked up: the bodies of functions around it, innermost last, then the module.
#[derive(Clone)]
pub(crate) struct View<'a> {
    pub(crate) module: &'a Module,
    pub(crate) inner: Vec<&'a Scope>,
    /// Modules that share their names with this one: it is run as a part of them.
    pub(crate) beside: Vec<&'a Module>,
}

impl<'a> View<'a> {
    pub(crate) fn of(module: &'a Module) -> Self {
        Self {
            module,
            inner: Vec::new(),
            beside: Vec::new(),
        }
    }

    pub(crate) fn within(&self, function: &'a Function) -> Self {
        let mut view = self.clone();
        view.inner.push(&function.body);
        view
    }

    /// Scopes in which a name is looked up, innermost first.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &'a Scope> {
        let module = self.module;
        self.inner.clone().into_iter().rev().chain([&module.top])
    }
}

impl Index {
    /// Reads every Python file of `tree` below `folder`, and parses none.
    pub(crate) fn read(tree: &Tree, folder: &Path) -> Result<Self> {
        let own = tree.files().filter(|file| file.starts_with(folder));
        let files: Vec<&Path> = own.filter(|file| is_python(file)).collect();
        let mut index = Self::default();
        index.sources.reserve_exact(files.len());
        for part in side_by_side(&files, |files| source::read(tree, files)) {
            let (sources, vocabulary) = part?;
            index.sources.extend(sources);
            index.vocabulary.join(&vocabulary);
        }
        index.names = names_in(&index.sources);
        Ok(index)
    }

    /// `file`, if it is there, and what stands behind it.
    fn sources_from(&self, file: &Path) -> &[Source] {
        let at = self.sources.partition_point(|source| *source.file < *file);
        &self.sources[at..]
    }

    fn source(&self, file: &Path) -> Option<&Source> {
        let next = self.sources_from(file).first();
        next.filter(|source| source.file == file)
    }

    /// The word, where any file may have it.
    pub(crate) fn word(&self, text: &str) -> Option<Word> {
        Some(Word::new(text)).filter(|word| self.vocabulary.may_have(*word))
    }

    /// Those of `words` that any file may have.
    pub(crate) fn words(&self, words: &[&str]) -> Vec<Word> {
        words.iter().filter_map(|word| self.word(word)).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.sources.len()
    }

    /// The file, parsed; `None` where it is not there or nests without end.
    pub(crate) fn get(&self, file: &Path) -> Option<&Module> {
        self.source(file)?.module()
    }

    pub(crate) fn has(&self, file: &Path) -> bool {
        self.source(file).is_some()
    }

    /// Every file, by path, whether it is parsed or not.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter()
    }

    /// Files that can be part of what is served: no tests, examples or documentation.
    pub(crate) fn own_sources(&self) -> impl Iterator<Item = &Source> {
        self.sources().filter(|source| !source.is_beside)
    }

    /// Modules that can be part of what is served: not tests, examples or documentation.
    pub(crate) fn own_modules(&self) -> impl Iterator<Item = &Module> {
        source::parsed(self.own_sources().collect())
    }

    /// Those of [`Index::own_modules`] in which one of `words` stands.
    pub(crate) fn own_modules_with<'a>(
        &'a self,
        words: &[&str],
    ) -> impl Iterator<Item = &'a Module> + use<'a> {
        source::parsed(self.saying(self.own_sources(), words))
    }

    /// Those of `sources`, files of the project, in which one of `words` stands.
    pub(crate) fn saying<'a>(
        &self,
        sources: impl Iterator<Item = &'a Source>,
        words: &[&str],
    ) -> Vec<&'a Source> {
        let words = self.words(words);
        if words.is_empty() {
            return Vec::new();
        }
        sources.filter(|source| source.says(&words)).collect()
    }

    /// The folder from which `file` is imported, and its dotted name from there. Packages are left
    /// by their `__init__.py`; beyond, the folder from which the file's own imports are found.
    pub(crate) fn import_name(&self, file: &Path) -> (PathBuf, String) {
        let mut root = file.parent().unwrap_or(Path::new(""));
        while self.has(&root.join("__init__.py")) {
            match root.parent() {
                Some(above) => root = above,
                None => break,
            }
        }
        let root = self.root_of_imports(file, root);
        (root.to_owned(), dotted(file, root))
    }

    /// Among `nearest` and the folders above, the one from which most imports of `file` lead to
    /// files of the project: `from app.models import x` in `app/main.py` is imported from above.
    fn root_of_imports<'p>(&self, file: &Path, nearest: &'p Path) -> &'p Path {
        let Some(module) = self.get(file) else {
            return nearest;
        };
        let found = |root: &Path| {
            let absolute = module.top.imports.iter().filter(|import| import.level == 0);
            let is_there = |import: &&Import| {
                let parts: Vec<&str> = import.module.split('.').collect();
                self.walk(root, &parts)
                    .is_some_and(|(hit, _)| hit.file != file)
            };
            absolute.filter(is_there).count()
        };
        let relative = module
            .top
            .imports
            .iter()
            .map(|i| i.level)
            .max()
            .unwrap_or(0);
        let depth = file.components().count() - 1;
        // `from ..x import y` needs two packages above the file.
        let highest = depth.saturating_sub(relative as usize);
        let fits = |root: &&Path| root.components().count() <= highest;
        let mut best = (nearest, found(nearest), fits(&nearest));
        for root in nearest.ancestors().skip(1) {
            let (hits, fits) = (found(root), fits(&root));
            if (fits && !best.2) || (fits == best.2 && hits > best.1) {
                best = (root, hits, fits);
            }
        }
        // The name `__main__` is the server's own where a server imports the file; one that needs
        // nothing beside it is imported by the name of its folder as well.
        let is_main = dotted(file, best.0) == "__main__";
        match best {
            (root, 0, _) if is_main => root.parent().unwrap_or(root),
            (root, ..) => root,
        }
    }

    /// The file at `parts` below `base`, and the parts that follow within it.
    fn walk<'p>(&self, base: &Path, parts: &'p [&'p str]) -> Option<(&Source, &'p [&'p str])> {
        if !self.may_have(parts) {
            return None;
        }
        let mut folder = base.to_owned();
        let mut package = None;
        for (index, part) in parts.iter().enumerate() {
            let rest = &parts[index + 1..];
            folder.push(part);
            if let Some(source) = self.source(&folder.join("__init__.py")) {
                package = Some((source, rest));
            } else if let Some(source) = self.source(&folder.with_extension("py")) {
                return Some((source, rest));
            } else if !self.has_below(&folder) {
                break;
            }
        }
        package
    }

    /// Whether the name can lead to any of the modules, from wherever it is looked up.
    fn may_have(&self, parts: &[&str]) -> bool {
        parts
            .first()
            .is_some_and(|first| self.names.contains(*first))
    }

    fn has_below(&self, folder: &Path) -> bool {
        let next = self.sources_from(folder).first();
        next.is_some_and(|source| source.file.starts_with(folder))
    }

    /// A module by its absolute dotted name, as `from` would import it, or as the project's root,
    /// `src` or any of `roots` would.
    fn absolute<'p>(&self, from: &Path, parts: &'p [&'p str]) -> Option<(&Source, &'p [&'p str])> {
        if !self.may_have(parts) {
            return None;
        }
        let mut nearest = from.parent().unwrap_or(Path::new(""));
        while self.has(&nearest.join("__init__.py"))
            && let Some(above) = nearest.parent()
        {
            nearest = above;
        }
        nearest
            .ancestors()
            .chain([Path::new("src")])
            .find_map(|root| self.walk(root, parts))
    }

    /// A module by its dotted name from one of `roots`.
    pub(crate) fn find(&self, name: &str, roots: &[PathBuf]) -> Option<&Module> {
        let parts: Vec<&str> = name.split('.').collect();
        roots.iter().find_map(|root| {
            let (source, rest) = self.walk(&plain(root), &parts)?;
            rest.is_empty().then(|| source.module())?
        })
    }

    /// What `expr` stands for, imports followed to their end.
    pub(crate) fn resolve<'a>(&'a self, view: &View<'a>, expr: &Expr) -> Option<Target<'a>> {
        let written = expr.dotted()?;
        let names: Vec<&str> = written.split('.').collect();
        self.resolve_names(view, &names, FOLLOW)
    }

    fn resolve_names<'a>(
        &'a self,
        view: &View<'a>,
        names: &[&str],
        left: usize,
    ) -> Option<Target<'a>> {
        let head = names[0];
        for scope in view.scopes() {
            let defines = scope.binding(head).is_some()
                || scope.function(head).is_some()
                || scope.class(head).is_some();
            if let Some(import) = scope.import(head) {
                let resolved = self.follow(view.module, import, names, left);
                // `try: import x` with a fallback of the same name: the project's own wins.
                if !defines || matches!(resolved, Some(Target::Inside(..))) {
                    return resolved;
                }
            }
            if defines {
                return Some(Target::Inside(view.module, owned(names)));
            }
        }
        let stars = view.module.top.imports.iter().filter(|i| i.local == "*");
        let own = stars
            .clone()
            .filter_map(|import| self.imported_module(view.module, import))
            .filter(|_| left > 0)
            .find_map(|module| self.resolve_names(&View::of(module), names, left - 1));
        let shared = || {
            let mut beside = view.beside.iter().filter(|module| defines(module, head));
            Some(Target::Inside(beside.next()?, owned(names)))
        };
        own.or_else(shared).or_else(|| {
            // `from fasthtml.common import *`: what nobody else defines comes from there.
            let foreign = stars.filter(|import| import.level == 0);
            let mut foreign =
                foreign.filter(|import| self.imported_module(view.module, import).is_none());
            let import = foreign.next()?;
            Some(Target::Outside(format!(
                "{}.{}",
                import.module,
                names.join(".")
            )))
        })
    }

    fn follow<'a>(
        &'a self,
        module: &'a Module,
        import: &Import,
        names: &[&str],
        left: usize,
    ) -> Option<Target<'a>> {
        let mut full: Vec<&str> = import.module.split('.').filter(|p| !p.is_empty()).collect();
        let plain_import = import.name.is_none() && full.first() == Some(&names[0]);
        if plain_import {
            full = names.to_vec();
        } else {
            full.extend(import.name.as_deref());
            full.extend(&names[1..]);
        }
        let found = match import.level {
            0 => self.absolute(&module.file, &full),
            level => self.walk(&above(&module.file, level), &full),
        };
        let found = found.and_then(|(source, rest)| Some((source.module()?, rest)));
        match found {
            Some((module, [])) => Some(Target::Inside(module, Vec::new())),
            Some((next, rest)) if left > 0 && next.top.import(rest[0]).is_some() => {
                self.resolve_names(&View::of(next), rest, left - 1)
            }
            Some((next, rest)) if left > 0 && !defines(next, rest[0]) => self
                .resolve_names(&View::of(next), rest, left - 1)
                .or_else(|| Some(Target::Inside(next, owned(rest)))),
            Some((next, rest)) => Some(Target::Inside(next, owned(rest))),
            None if import.level > 0 => None,
            None => Some(Target::Outside(full.join("."))),
        }
    }

    /// The module that an import statement names, if it is the project's own.
    pub(crate) fn imported_module<'a>(
        &'a self,
        module: &Module,
        import: &Import,
    ) -> Option<&'a Module> {
        let parts: Vec<&str> = import.module.split('.').filter(|p| !p.is_empty()).collect();
        if import.level == 0 {
            let (found, rest) = self.absolute(&module.file, &parts)?;
            return rest.is_empty().then(|| found.module())?;
        }
        let base = above(&module.file, import.level);
        if parts.is_empty() {
            return self.get(&base.join("__init__.py"));
        }
        let (found, rest) = self.walk(&base, &parts)?;
        rest.is_empty().then(|| found.module())?
    }

    /// The written form of a target, with imports of other packages resolved: `flask.Flask`.
    pub(crate) fn outside(&self, view: &View<'_>, expr: &Expr) -> Option<String> {
        match self.resolve(view, expr)? {
            Target::Outside(name) => Some(name),
            Target::Inside(..) => None,
        }
    }
}

/// `shop`, `web`, `views` of `shop/web/views.py`, of all files.
fn names_in(sources: &[Source]) -> HashSet<String> {
    let mut names = HashSet::new();
    let mut folder = None;
    for source in sources {
        let above = source.file.parent().unwrap_or(Path::new(""));
        // Files come by path: those of one folder after each other.
        let above = folder.replace(above) != Some(above);
        let folders = source.file.parent().filter(|_| above);
        let folders = folders.into_iter().flat_map(Path::iter);
        for name in folders.chain(source.file.file_stem()) {
            let name = name.to_string_lossy();
            if !names.contains(&*name) {
                names.insert(name.into_owned());
            }
        }
    }
    names
}

fn defines(module: &Module, name: &str) -> bool {
    let top = &module.top;
    top.binding(name).is_some() || top.function(name).is_some() || top.class(name).is_some()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// The folder that `level` dots stand for: one dot is the file's own.
fn above(file: &Path, level: u32) -> PathBuf {
    let folder = file.ancestors().nth(level as usize);
    folder.unwrap_or(Path::new("")).to_owned()
}

/// `.` and `./x` as paths of the index: nothing and `x`.
pub(crate) fn plain(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| !matches!(part, Component::CurDir))
        .collect()
}

fn dotted(file: &Path, root: &Path) -> String {
    let relative = file.strip_prefix(root).unwrap_or(file).with_extension("");
    let parts: Vec<&str> = relative.iter().filter_map(|part| part.to_str()).collect();
    match parts.split_last() {
        Some((&"__init__", package)) => package.join("."),
        _ => parts.join("."),
    }
}

fn is_python(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "py")
}

/// Tests, examples and documentation: what stands beside the program.
pub(crate) fn is_beside(file: &Path) -> bool {
    const FOLDERS: [&str; 8] = [
        "tests",
        "test",
        "testing",
        "examples",
        "example",
        "docs",
        "doc",
        "benchmarks",
    ];
    const FILES: [&str; 4] = ["conftest.py", "setup.py", "noxfile.py", "fabfile.py"];
    let name = file
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let folders = file.parent().into_iter().flat_map(Path::iter);
    FILES.contains(&name)
        || name.starts_with("test_")
        || name.ends_with("_test.py")
        || folders
            .filter_map(|folder| folder.to_str())
            .any(|folder| FOLDERS.contains(&folder))
}
