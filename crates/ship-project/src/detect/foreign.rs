//! `app = X(…)`, where `X` is of a package that the project names and no row knows: the last thing to
//! try. The proof imports it and tells what it is.

use crate::detect::objects::{import_paths, rank_of, start_folder};
use crate::detect::{Candidate, Found, Row, stored};
use crate::error::Result;
use crate::plan::ObjectRef;
use crate::project::Project;
use crate::python::index::View;
use crate::python::module::{Binding, Module};

const ROW: Row = Row {
    key: "application",
    label: "Python application",
    package: "",
    classes: &[],
};

const NAMES: [&str; 2] = ["app", "application"];
/// Packages whose objects people call `app` as well, and that answer no visitors.
const OTHERS: [&str; 7] = [
    "celery",
    "click",
    "cyclopts",
    "faust",
    "procrastinate",
    "textual",
    "typer",
];

/// The first such object, by the usual names of files.
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    let modules = project.index.own_modules_with(&NAMES);
    let found = modules.filter_map(|module| Some((module, object(project, module)?)));
    let best = found.min_by_key(|(module, _)| {
        let depth = module.file.components().count();
        (rank_of(module), depth, module.file.clone())
    });
    let Some((module, binding)) = best else {
        return Ok(None);
    };
    module.check()?;
    let (root, import) = project.index.import_name(&module.file);
    let place = module.place(binding.line);
    let mut found = Found::new(&ROW, place.clone());
    found.reason = format!("`{} = …` of another package", binding.name);
    found.objects.push(Candidate {
        object: ObjectRef {
            module: import,
            attribute: binding.name.clone(),
            factory: false,
        },
        interface: None,
        reason: found.reason.clone(),
        place,
    });
    found.folder = start_folder(&root);
    found.import_paths = import_paths(&root);
    stored::add(project, &mut found);
    Ok(Some(found))
}

fn object<'a>(project: &Project, module: &'a Module) -> Option<&'a Binding> {
    let view = View::of(module);
    let is_one = |binding: &&Binding| {
        let class = binding
            .value
            .call()
            .and_then(|call| project.index.outside(&view, &call.function));
        class.is_some_and(|class| is_class(project, &class))
    };
    let mut bindings = module.top.bindings.iter();
    bindings.find(|binding| NAMES.contains(&binding.name.as_str()) && is_one(binding))
}

/// Whether `kiosk.web.Kiosk` is written as classes are, in a package that the project names.
fn is_class(project: &Project, name: &str) -> bool {
    let (Some((package, _)), Some((_, class))) = (name.split_once('.'), name.rsplit_once('.'))
    else {
        return false;
    };
    let named = project
        .packages
        .has(&package.replace('_', "-").to_lowercase());
    named && !OTHERS.contains(&package) && class.starts_with(char::is_uppercase)
}
