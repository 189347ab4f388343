//! Which modules are part of what is served: imports followed from the served object.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::plan::{Plan, Start};
use crate::project::Project;
use crate::python::expr::Expr;
use crate::python::module::Module;
use crate::python::source::Source;

/// The modules that the plan's processes consist of. Django finds its parts by settings and
/// folders, and a command may start anything: there it is every module that is no test, example or
/// documentation.
pub(super) fn served<'a>(project: &'a Project, plan: Option<&Plan>) -> Vec<&'a Source> {
    let roots = plan.map(|plan| starts(project, plan)).unwrap_or_default();
    if roots.is_empty() {
        return project.index.own_sources().collect();
    }
    let reached: BTreeSet<&Path> = from(project, roots)
        .into_iter()
        .map(|module| module.file.as_path())
        .collect();
    let all = project.index.sources();
    all.filter(|source| reached.contains(source.file.as_path()))
        .collect()
}

/// `roots`, and what they import, by path.
pub(super) fn from<'a>(project: &'a Project, roots: Vec<&'a Module>) -> Vec<&'a Module> {
    let mut reached: BTreeMap<&Path, &Module> = BTreeMap::new();
    let mut next = roots;
    while let Some(module) = next.pop() {
        if reached.insert(&module.file, module).is_none() {
            next.extend(imported(project, module));
        }
    }
    reached.into_values().collect()
}

/// The module of the served object; nothing where more than imports decides.
fn starts<'a>(project: &'a Project, plan: &Plan) -> Vec<&'a Module> {
    let [process] = plan.processes.as_slice() else {
        return Vec::new();
    };
    let Start::Object(served) = &process.start.value else {
        return Vec::new();
    };
    if plan.framework.value.key == "django" {
        return Vec::new();
    }
    let module = project
        .index
        .find(&served.object.module, &plan.import_paths);
    module.into_iter().collect()
}

fn imported<'a>(project: &'a Project, module: &'a Module) -> Vec<&'a Module> {
    let mut scopes = vec![&module.top, &module.main];
    let mut found = Vec::new();
    while let Some(scope) = scopes.pop() {
        for import in &scope.imports {
            found.extend(project.index.imported_module(module, import));
            // `from package import module`
            found.extend(import.name.as_ref().and_then(|name| {
                let whole = crate::python::module::Import {
                    local: import.local.clone(),
                    level: import.level,
                    module: [import.module.as_str(), name]
                        .join(".")
                        .trim_matches('.')
                        .to_owned(),
                    name: None,
                    line: import.line,
                    asleep: None,
                };
                project.index.imported_module(module, &whole)
            }));
        }
        scopes.extend(scope.inner());
    }
    found.extend(named(project, module));
    found.extend(packages(project, &found));
    found
}

/// `app.config.from_object("config.Production")`
fn named<'a>(project: &'a Project, module: &'a Module) -> Vec<&'a Module> {
    let calls = module.calls.iter().filter(|(call, _)| {
        matches!(&call.function, Expr::Attribute(_, name) if name == "from_object" || name == "import_module")
    });
    let names = calls.filter_map(|(call, _)| call.arguments.first()?.text());
    let folder = module.file.parent().unwrap_or(Path::new("")).to_owned();
    let roots = [folder, PathBuf::new(), PathBuf::from("src")];
    names
        .filter_map(|name| {
            let of_module = || project.index.find(name, &roots);
            of_module().or_else(|| project.index.find(name.rsplit_once('.')?.0, &roots))
        })
        .collect()
}

/// Importing `a.b.c` runs `a/__init__.py` and `a/b/__init__.py` as well.
fn packages<'a>(project: &'a Project, modules: &[&'a Module]) -> Vec<&'a Module> {
    let folders = modules
        .iter()
        .flat_map(|module| module.file.ancestors().skip(1));
    folders
        .filter_map(|folder| project.index.get(&folder.join("__init__.py")))
        .collect()
}
