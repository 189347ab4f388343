//! Objects that the project names itself: `wsgi_app` of `gunicorn.conf.py`, `[tool.fastapi]`,
//! `FLASK_APP`, `LITESTAR_APP`.

use std::path::{Path, PathBuf};

use crate::command::CommandLine;
use crate::detect::astray::Astray;
use crate::detect::objects::{Object, Objects, Ranked, import_paths, row, start_folder};
use crate::detect::program::Program;
use crate::detect::{Candidate, Found, Row, asgi, flask, litestar, stored, wsgi};
use crate::error::Result;
use crate::plan::{Interface, ObjectRef, Place};
use crate::project::Project;
use crate::python::expr::Expr;
use crate::python::index::View;
use crate::python::module::Module;
use crate::python::paths::Texts;

/// What a project says of its object.
struct Declared {
    /// What says it, in backticks.
    by: &'static str,
    /// `shop.web:app`, `shop/web.py`, `web:create_app()`.
    text: String,
    place: Place,
    reason: &'static str,
    /// What it is where its module does not tell.
    row: &'static Row,
    interface: Option<Interface>,
}

/// The first object that the project names and that can be understood, and the first name that
/// leads nowhere.
pub(super) fn object(project: &Project) -> Result<(Option<Ranked>, Option<Astray>)> {
    let mut astray = Vec::new();
    for declared in all(project) {
        if let Some(found) = Astray::of(project, declared.by, &declared.text, &declared.place) {
            astray.push(found);
        } else if let Some(ranked) = understand(project, &declared)? {
            return Ok((Some(ranked), astray.into_iter().next()));
        } else if module_at(project, declared.text.trim()).is_some() {
            astray.push(Astray {
                by: declared.by.to_owned(),
                module: declared.text,
                is_empty: true,
                place: declared.place,
            });
        }
    }
    Ok((None, astray.into_iter().next()))
}

/// An object by a name that leads nowhere, for a project that has no other: a package may bring it
/// under a name of its own.
pub(super) fn unheard_of(project: &Project) -> Result<Option<Ranked>> {
    let understood = all(project).map(|declared| understand(project, &declared));
    let found = understood.collect::<Result<Vec<_>>>()?;
    Ok(found.into_iter().flatten().next())
}

/// Everything that names an object, in the order in which it counts.
fn all(project: &Project) -> impl Iterator<Item = Declared> {
    let named = [
        gunicorn(project),
        fastapi(project),
        flask_app(project),
        litestar_app(project),
    ];
    named.into_iter().flatten()
}

/// `wsgi_app = "shop.wsgi:app"` in `gunicorn.conf.py`.
fn gunicorn(project: &Project) -> Option<Declared> {
    let module = project.index.get(Path::new("gunicorn.conf.py"))?;
    let binding = module.top.binding("wsgi_app")?;
    let texts = Texts {
        index: &project.index,
        folder: Path::new(""),
    };
    Some(Declared {
        by: "`wsgi_app`",
        text: texts.text(&View::of(module), &binding.value)?,
        place: module.place(binding.line),
        reason: "`wsgi_app` of gunicorn.conf.py",
        row: &wsgi::ROW,
        interface: Some(Interface::Wsgi),
    })
}

fn fastapi(project: &Project) -> Option<Declared> {
    let (text, place) = project.pyproject.as_ref()?.fastapi_entrypoint.clone()?;
    Some(Declared {
        by: "`[tool.fastapi]`",
        text,
        place,
        reason: "`[tool.fastapi]` names it",
        row: row("fastapi").unwrap_or(&asgi::ROW),
        interface: Some(Interface::Asgi),
    })
}

fn flask_app(project: &Project) -> Option<Declared> {
    let (text, place) = project.hints.get("FLASK_APP")?.clone();
    Some(Declared {
        by: "`FLASK_APP`",
        text,
        place,
        reason: "`FLASK_APP` names it",
        row: &flask::ROW,
        interface: Some(Interface::Wsgi),
    })
}

/// <https://docs.litestar.dev/latest/usage/cli.html#autodiscovery>
fn litestar_app(project: &Project) -> Option<Declared> {
    let (text, place) = project.hints.get("LITESTAR_APP")?.clone();
    Some(Declared {
        by: "`LITESTAR_APP`",
        text,
        place,
        reason: "`LITESTAR_APP` names it",
        row: &litestar::ROW,
        interface: Some(Interface::Asgi),
    })
}

fn understand(project: &Project, declared: &Declared) -> Result<Option<Ranked>> {
    let (path, attribute) = match declared.text.split_once(':') {
        Some((path, attribute)) => (path.trim(), Some(attribute.trim())),
        None => (declared.text.trim(), None),
    };
    let Some((module, import)) = module_at(project, path) else {
        return Ok(attribute.and_then(|attribute| foreign(declared, path, attribute)));
    };
    module.check()?;
    let (root, name) = import.unwrap_or_else(|| project.index.import_name(&module.file));
    let found = in_module(project, declared, module, attribute);
    Ok(found.map(|mut ranked| {
        ranked.candidate.object.module = name;
        ranked.root = root;
        ranked
    }))
}

/// `hello`, `hello.py`, `src/hello`, `./shop` as files; `shop.web` as Python imports it, then with
/// the folder it is imported from.
fn module_at<'a>(
    project: &'a Project,
    path: &str,
) -> Option<(&'a Module, Option<(PathBuf, String)>)> {
    let index = &project.index;
    for root in ["", "src"] {
        let root = PathBuf::from(root);
        if let Some(module) = index.find(path, std::slice::from_ref(&root)) {
            return Some((module, Some((root, path.to_owned()))));
        }
    }
    let as_file = path.trim_start_matches("./").trim_end_matches(".py");
    let module = index
        .get(&PathBuf::from(format!("{as_file}.py")))
        .or_else(|| index.get(&Path::new(as_file).join("__init__.py")))?;
    Some((module, None))
}

fn in_module(
    project: &Project,
    declared: &Declared,
    module: &Module,
    attribute: Option<&str>,
) -> Option<Ranked> {
    let objects = Objects::new(&project.index);
    let (name, called) = match attribute {
        Some(text) => call_or_name(text)?,
        None => ("", false),
    };
    let found = match attribute {
        Some(_) => objects.named(module, name),
        None => best(objects.in_named(module)),
    };
    let (row, interface, factory, name) = match &found {
        Some(object) => (
            object.kind.row,
            Some(object.kind.interface),
            object.factory,
            object.attribute(),
        ),
        None if attribute.is_some() => (declared.row, declared.interface, called, name.to_owned()),
        None => return None,
    };
    Some(Ranked {
        candidate: Candidate {
            object: ObjectRef {
                module: String::new(),
                attribute: name,
                factory,
            },
            interface,
            reason: declared.reason.to_owned(),
            place: declared.place.clone(),
        },
        row,
        root: PathBuf::new(),
    })
}

/// In a file that is named without attribute, Flask tries `app`, `application`, then the only
/// instance, then a factory.
fn best(mut objects: Vec<Object<'_>>) -> Option<Object<'_>> {
    objects.sort_by_key(|object| {
        (
            object.factory,
            object.name != "app",
            object.name != "application",
        )
    });
    objects.into_iter().next()
}

/// A factory that is told something: `shop:create_app("prod")`. Gunicorn makes such calls, where all
/// arguments are written out (<https://docs.gunicorn.org/en/stable/run.html#gunicorn>).
pub(super) fn with_arguments(project: &Project) -> Result<Option<Found>> {
    let named = [gunicorn(project), flask_app(project)];
    for declared in named.into_iter().flatten() {
        let Some((path, call)) = declared.text.split_once(':') else {
            continue;
        };
        let call = call.trim();
        if !is_written_out(call) {
            continue;
        }
        let Some((module, import)) = module_at(project, path.trim()) else {
            continue;
        };
        module.check()?;
        let (root, name) = import.unwrap_or_else(|| project.index.import_name(&module.file));
        let place = declared.place.clone();
        let mut found = Found::new(declared.row, place.clone());
        declared.reason.clone_into(&mut found.reason);
        found.folder = start_folder(&root);
        found.import_paths = import_paths(&root);
        found.program = Some(Program {
            command: CommandLine::Argv(vec![
                "gunicorn".to_owned(),
                "--threads=4".to_owned(),
                format!("{name}:{call}"),
            ]),
            own_port: None,
            is_web: true,
            reason: format!("{}: Gunicorn makes the call", declared.reason),
            place,
        });
        stored::add(project, &mut found);
        return Ok(Some(found));
    }
    Ok(None)
}

/// `create_app("prod", debug=False)`: a call whose arguments are all written out.
fn is_written_out(text: &str) -> bool {
    let call = Module::read(Path::new("FLASK_APP"), text);
    let [(call, _)] = call.top.calls.as_slice() else {
        return false;
    };
    let mut values = call.values().peekable();
    call.function.name().is_some() && values.peek().is_some() && values.all(is_literal)
}

fn is_literal(value: &Expr) -> bool {
    match value {
        Expr::Text(_) | Expr::Number(_) | Expr::Truth(_) | Expr::Nothing => true,
        Expr::List(items) => items.iter().all(is_literal),
        Expr::Dict(items) => items.iter().all(|(k, v)| is_literal(k) && is_literal(v)),
        _ => false,
    }
}

/// `app` or `create_app()`. A call with arguments is for [`with_arguments`].
fn call_or_name(text: &str) -> Option<(&str, bool)> {
    match text.split_once('(') {
        Some((name, arguments)) => {
            (arguments.trim_end_matches(')').trim().is_empty()).then_some((name.trim(), true))
        }
        None => Some((text, false)),
    }
}

/// An object of an installed package.
fn foreign(declared: &Declared, module: &str, attribute: &str) -> Option<Ranked> {
    let (name, factory) = call_or_name(attribute)?;
    Some(Ranked {
        candidate: Candidate {
            object: ObjectRef {
                module: module.to_owned(),
                attribute: name.to_owned(),
                factory,
            },
            interface: declared.interface,
            reason: declared.reason.to_owned(),
            place: declared.place.clone(),
        },
        row: declared.row,
        root: PathBuf::new(),
    })
}

/// The folder that the file of `text` starts in, and those that it imports from, where it does not
/// lie in `folder`: `orders.main:app` is a file of `orders` that may import what lies beside it.
pub(super) fn elsewhere(
    project: &Project,
    text: &str,
    folder: &Path,
) -> Option<(PathBuf, Vec<PathBuf>)> {
    let (path, _) = text.split_once(':')?;
    let (module, _) = module_at(project, path.trim())?;
    let (root, _) = project.index.import_name(&module.file);
    let is_elsewhere = !module.file.starts_with(folder);
    is_elsewhere.then(|| (start_folder(&root), import_paths(&root)))
}

/// An object named as `module:attribute` in the manifest or on a command line: where it is found,
/// and what it is. `None` when the text names no object.
pub(super) fn named(project: &Project, text: &str, place: &Place) -> Result<Option<Ranked>> {
    let declared = Declared {
        by: "",
        text: text.to_owned(),
        place: place.clone(),
        reason: "",
        row: &wsgi::ROW,
        interface: None,
    };
    understand(project, &declared)
}
