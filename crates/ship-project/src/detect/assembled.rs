//! The file that completes an application which a file beside it makes: Dash's `index.py` gives `app` of
//! `app.py` its layout, `run.py` imports the modules that register the routes. Served alone, what is
//! made first has nothing to show.

use std::path::Path;

use crate::detect::objects::{Ranked, is_conventional, rank_of};
use crate::detect::others::reached;
use crate::detect::own_server::imports;
use crate::detect::script::lasting;
use crate::project::Project;
use crate::python::expr::{Call, Expr};
use crate::python::index::{Target, View};
use crate::python::module::{Module, Scope};

/// Puts the object of the completing file before the others, where there is such a file.
pub(super) fn first(project: &Project, ranked: &mut Vec<Ranked>) {
    let Some(first) = ranked.first() else {
        return;
    };
    let Some(maker) = project.index.get(&first.candidate.place.file) else {
        return;
    };
    let same_file = |other: &&Ranked| other.candidate.place.file == maker.file;
    let completed = ranked.iter().filter(same_file).find_map(|made| {
        let (module, local) = completing(project, maker, made)?;
        Some(taken(project, made, module, local))
    });
    if let Some(completed) = completed {
        ranked.insert(0, completed);
    }
}

/// The object of `made`, as `module` has it.
fn taken(project: &Project, made: &Ranked, module: &Module, local: &str) -> Ranked {
    let mut candidate = made.candidate.clone();
    let inside = candidate.object.attribute.split_once('.');
    let inside = inside.map(|(_, inside)| format!(".{inside}"));
    let (root, name) = project.index.import_name(&module.file);
    candidate.object.attribute = format!("{local}{}", inside.unwrap_or_default());
    candidate.object.module = name;
    candidate.reason = format!(
        "it completes `{local}` of {}",
        made.candidate.place.file.display()
    );
    candidate.place = module.place(0);
    Ranked {
        candidate,
        row: made.row,
        root,
    }
}

/// The file beside `maker` that completes what it makes, and the name of the object there.
fn completing<'a>(
    project: &'a Project,
    maker: &Module,
    made: &Ranked,
) -> Option<(&'a Module, &'a str)> {
    let object = &made.candidate.object;
    if object.factory {
        return None;
    }
    let name = object.attribute.split('.').next()?;
    let behind = reached(project, &maker.file);
    let beside = project.index.own_sources().filter(|source| {
        source.file.parent() == maker.file.parent()
            && source.file != maker.file
            && source.stem() != "__init__"
            && is_conventional(&source.file)
            && !behind.contains(source.file.as_path())
    });
    let completing = beside.filter_map(|source| {
        let module = source.module()?;
        let local = local(project, maker, name, module)?;
        let fits = completes(module, local) || registers(project, maker, module);
        let is_free = lasting::line(project, module).is_none();
        (fits && is_free).then_some((module, local))
    });
    completing.min_by_key(|(module, _)| rank_of(module))
}

/// What `module` calls the object that `maker` binds to `name`.
fn local<'a>(
    project: &'a Project,
    maker: &Module,
    name: &str,
    module: &'a Module,
) -> Option<&'a str> {
    let view = View::of(module);
    let is_it = |local: &str| {
        let target = project.index.resolve(&view, &Expr::Name(local.to_owned()));
        matches!(target, Some(Target::Inside(of, names)) if of.file == maker.file && names == [name])
    };
    let named = module.top.imports.iter();
    let mut named = named.filter(|import| import.name.is_some() && import.local != "*");
    let import = named.find(|import| is_it(&import.local))?;
    let is_bound = module.top.binding(&import.local).is_some();
    (!is_bound).then_some(import.local.as_str())
}

/// Whether a file sets something on the object, gives it to something, or starts it.
fn completes(module: &Module, local: &str) -> bool {
    let of_it = |name: &str| {
        let rest = name.strip_prefix(local);
        rest.is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    let uses = |call: &Call| {
        let own = call.function.dotted().is_some_and(|name| of_it(&name));
        own || call.values().any(|value| value.name() == Some(local))
    };
    let calls = |scope: &Scope| scope.calls.iter().any(|(call, _)| uses(call));
    let top = &module.top;
    let is_set = |scope: &Scope| {
        let mut bindings = scope.bindings.iter();
        bindings.any(|b| of_it(&b.name) || b.value.call().is_some_and(uses))
    };
    let decorates = |decorator: &Expr| {
        let call = decorator.call().map_or(decorator, |call| &call.function);
        call.dotted().is_some_and(|name| of_it(&name))
    };
    let mut functions = top.functions.iter();
    let decorated = functions.any(|function| function.decorators.iter().any(decorates));
    is_set(top) || decorated || calls(top) || calls(&module.main)
}

/// Whether a file imports modules that import `maker`, and that `maker` itself does not.
fn registers(project: &Project, maker: &Module, module: &Module) -> bool {
    let behind = reached(project, &maker.file);
    let takes = |file: &Path| {
        let other = project.index.get(file);
        other.is_some_and(|other| imports(project, other).contains(&maker.file))
    };
    let ahead = reached(project, &module.file);
    ahead
        .into_iter()
        .any(|file| file != maker.file && !behind.contains(file) && takes(file))
}
