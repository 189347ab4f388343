//! Development servers: what a Procfile starts that must not meet visitors.

use std::path::Path;

use crate::command::CommandLine;
use crate::project::Project;
use crate::python::expr::{Call, Expr};
use crate::python::index::View;
use crate::python::module::Module;
use crate::start::{file_name, is_python, without_runner};

/// A command that is replaced by what detection finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Replaceable {
    /// `runserver` is Django's development server.
    pub(crate) reason: String,
    /// The object it names: `flask --app hello run`, `fastapi run shop/main.py`, `python main.py`.
    pub(crate) names: Option<String>,
    /// What the line runs first: `python manage.py migrate`.
    pub(crate) before: Option<String>,
}

/// Why `command` must not serve visitors; `None` when it may.
pub(crate) fn recognise(project: &Project, command: &CommandLine) -> Option<Replaceable> {
    let Some((before, last)) = command.last_of_sequence() else {
        return single(project, command);
    };
    let found = single(project, &last)?;
    Some(Replaceable {
        before: Some(before),
        ..found
    })
}

fn single(project: &Project, command: &CommandLine) -> Option<Replaceable> {
    let words = without_runner(command.words()?);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (program, rest) = words.split_first()?;
    let (program, rest) = match (is_python(file_name(program)), rest) {
        (true, ["-u", rest @ ..]) => (*program, rest),
        _ => (*program, rest),
    };
    if !is_python(file_name(program)) {
        return by_program(file_name(program), rest);
    }
    match rest {
        ["-m", module, rest @ ..] => by_program(module, rest),
        [script, arguments @ ..] if file_name(script) == "manage.py" => {
            by_program("manage.py", arguments)
        }
        [script] => by_script(project, script),
        _ => None,
    }
}

fn by_program(program: &str, arguments: &[&str]) -> Option<Replaceable> {
    let because = |reason: &str, names: Option<&str>| {
        Some(Replaceable {
            reason: reason.to_owned(),
            names: names.map(str::to_owned),
            before: None,
        })
    };
    let does = |verb: &str| arguments.contains(&verb);
    match program {
        "manage.py" | "django-admin" | "django" if does("runserver") => {
            because("`runserver` is Django's development server", None)
        }
        "manage.py" | "django-admin" | "django"
            if does("runserver_plus") || does("runsslserver") =>
        {
            because("its `runserver` is a development server", None)
        }
        "litestar" if does("run") => because(
            "`litestar run` starts Uvicorn on a port",
            option(arguments, &["--app"]),
        ),
        "flask" if does("run") => because(
            "`flask run` is a development server",
            option(arguments, &["--app", "-A"]),
        ),
        "quart" if does("run") => because(
            "`quart run` is a development server",
            option(arguments, &["--app", "-A"]),
        ),
        "fastapi" if does("dev") => because(
            "`fastapi dev` is a development server",
            path_after(arguments, "dev"),
        ),
        "fastapi" if does("run") => because(
            "`fastapi run` starts Uvicorn on a port",
            path_after(arguments, "run"),
        ),
        _ => None,
    }
}

fn option<'a>(arguments: &[&'a str], names: &[&str]) -> Option<&'a str> {
    let at = arguments.iter().position(|word| names.contains(word))?;
    arguments.get(at + 1).copied()
}

fn path_after<'a>(arguments: &[&'a str], verb: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|word| *word == verb)?;
    arguments
        .get(at + 1)
        .filter(|word| !word.starts_with('-'))
        .copied()
}

/// `python app.py`, where `app.py` runs its application itself.
fn by_script(project: &Project, script: &str) -> Option<Replaceable> {
    let module = project
        .index
        .get(Path::new(script.trim_start_matches("./")))?;
    let calls = module.main.calls.iter().chain(&module.top.calls);
    let server = calls
        .map(|(call, _)| call)
        .find_map(|call| runs(project, module, call))?;
    Some(Replaceable {
        reason: format!("`python {script}` starts {server}"),
        names: Some(script.to_owned()),
        before: None,
    })
}

fn runs(project: &Project, module: &Module, call: &Call) -> Option<&'static str> {
    let view = View::of(module);
    match project.index.outside(&view, &call.function).as_deref() {
        Some("uvicorn.run") => return Some("Uvicorn on a port of its own"),
        Some("fasthtml.common.serve" | "fasthtml.core.serve") => {
            return Some("Uvicorn, reloading, on a port of its own");
        }
        Some("waitress.serve") => return Some("Waitress on a port of its own"),
        Some("werkzeug.serving.run_simple") => return Some("Werkzeug's development server"),
        Some("wsgiref.simple_server.make_server") => return Some("wsgiref's development server"),
        _ => {}
    }
    match &call.function {
        Expr::Attribute(of, name) if name == "run" && of.name().is_some() => {
            Some("its development server")
        }
        _ => None,
    }
}
