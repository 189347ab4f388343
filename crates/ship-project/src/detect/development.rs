//! Development servers: what a Procfile starts that must not meet visitors.

use std::path::Path;

use crate::command::{CommandLine, Sequence};
use crate::detect::pyramid;
use crate::plan::{Generator, Note, Place};
use crate::project::Project;
use crate::python::expr::{Call, Expr};
use crate::python::index::View;
use crate::python::module::Module;
use crate::start::{file_name, is_python, without_runner};

mod package_script;
pub(crate) mod shell_script;
mod trimmed;

pub(crate) use trimmed::trimmed;

/// What to do about a line that nothing can stand in for.
pub(crate) const NAME_A_SERVER: &str =
    "name a production server: `gunicorn module:app`, `uvicorn module:app`";

/// A command that is replaced by what detection finds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replaceable {
    /// `runserver` is Django's development server.
    pub(crate) reason: String,
    /// The object it names: `flask --app hello run`, `fastapi run shop/main.py`, `python main.py`.
    pub(crate) names: Option<String>,
    /// What the line runs first: `python manage.py migrate`.
    pub(crate) before: Option<String>,
    /// What it sets that is not for the development server: `SHOP_MODE=live flask run`.
    pub(crate) env: Vec<(String, String)>,
    /// Nothing can stand in for it: what its author can do.
    pub(crate) remedy: Option<String>,
}

impl Replaceable {
    fn because(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            ..Self::default()
        }
    }

    /// For a line that runs as it is.
    pub(crate) fn note(&self, place: &Place) -> Note {
        let remedy = self.remedy.as_deref().unwrap_or(NAME_A_SERVER);
        Note {
            text: format!("{}: it runs as it is written", self.reason),
            hint: Some(remedy.to_owned()),
            place: Some(place.clone()),
        }
    }
}

/// Why `command` must not serve visitors; `None` when it may.
pub(crate) fn recognise(project: &Project, command: &CommandLine) -> Option<Replaceable> {
    let sequence = command.sequence()?;
    let words = without_runner(&sequence.last);
    let folder = sequence.folder.as_deref().unwrap_or_default();
    let script = shell_script::named(words)
        .and_then(|script| shell_script::recognise(project, &project.folder.join(folder), script));
    let found = script.or_else(|| single(project, folder, words))?;
    Some(with_surroundings(project, found, sequence))
}

/// What the line says around its last command.
fn with_surroundings(project: &Project, mut found: Replaceable, line: Sequence) -> Replaceable {
    let Sequence {
        folder,
        env,
        before,
        ..
    } = line;
    if !before.is_empty() {
        let inner = found.before.take();
        found.before = Some(inner.map_or(before.clone(), |inner| format!("{before} && {inner}")));
    }
    let app = |name: &str| name == "FLASK_APP" || name == "QUART_APP";
    let named = env.iter().rev().find(|(name, _)| app(name));
    let named = named.map(|(_, value)| value.clone());
    found.names = found.names.or(named);
    if let Some(folder) = folder {
        found.names = found
            .names
            .and_then(|names| below(project, &folder, &names));
    }
    let own = ["FLASK_", "QUART_", "PORT", "PYTHONUNBUFFERED"];
    let env = env.into_iter();
    let kept = env.filter(|(name, _)| !own.iter().any(|own| name.starts_with(own)));
    found.env.extend(kept);
    if found.env.iter().any(|(_, value)| value.contains('$')) {
        found.remedy = Some(NAME_A_SERVER.to_owned());
    }
    found
}

/// `main:app` or `main.py` as it is called from `folder`, as a file of the project.
fn below(project: &Project, folder: &str, names: &str) -> Option<String> {
    let (path, attribute) = match names.split_once(':') {
        Some((path, attribute)) => (path, format!(":{attribute}")),
        None => (names, String::new()),
    };
    let plain = path.trim_start_matches("./").trim_end_matches(".py");
    let plain = Path::new(folder).join(plain.replace('.', "/"));
    let plain = crate::python::index::plain(&plain);
    let there = |file: &Path| project.index.get(file).is_some();
    let is_module = there(&plain.with_extension("py")) || there(&plain.join("__init__.py"));
    is_module.then(|| format!("{}{attribute}", plain.display()))
}

fn single(project: &Project, folder: &str, words: &[String]) -> Option<Replaceable> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (program, rest) = words.split_first()?;
    let (program, rest) = match (is_python(file_name(program)), rest) {
        (true, ["-u", rest @ ..]) => (*program, rest),
        _ => (*program, rest),
    };
    if !is_python(file_name(program)) {
        return match file_name(program) {
            "pserve" => pyramid::served_for_development(project, rest),
            "npm" | "pnpm" | "yarn" | "bun" => package_script::recognise(project, program, rest),
            "npx" | "bunx" => by_program(rest.first()?, &rest[1..]),
            program => by_program(program, rest),
        };
    }
    match rest {
        ["-m", "http.server", ..] => Some(of_pages(project)),
        ["-m", module, rest @ ..] => by_program(module, rest),
        [script, arguments @ ..] if file_name(script) == "manage.py" => {
            by_program("manage.py", arguments)
        }
        [script, arguments @ ..] => by_script(project, folder, script, arguments),
        _ => None,
    }
}

fn by_program(program: &str, arguments: &[&str]) -> Option<Replaceable> {
    let because = |reason: &str, names: Option<&str>| {
        Some(Replaceable {
            reason: reason.to_owned(),
            names: names.map(str::to_owned),
            ..Replaceable::default()
        })
    };
    let does = |verb: &str| arguments.contains(&verb);
    if let Some(generator) = previews(program, arguments) {
        return Some(of_a_site(program, generator));
    }
    match program {
        "manage.py" | "django-admin" | "django" if does("runserver") => {
            because("`runserver` is Django's development server", None)
        }
        "manage.py" | "django-admin" | "django"
            if does("runserver_plus") || does("runsslserver") =>
        {
            because("its `runserver` is a development server", None)
        }
        "adev" if does("runserver") => because(
            "`adev runserver` is a development server",
            path_after(arguments, "runserver"),
        ),
        "vite" if !does("build") && !does("preview") => Some(of_a_front_end("`vite`")),
        "next" | "nuxt" | "astro" if does("dev") => {
            Some(of_a_front_end(&format!("`{program} dev`")))
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
        "honcho" | "foreman" | "goreman" | "hivemind" | "overmind" => Some(Replaceable {
            remedy: Some(match option(arguments, &["-f", "--procfile"]) {
                Some(file) => format!(
                    "write the lines of `{file}` into the `Procfile`: each becomes a process of its own"
                ),
                None => "write a line for each of its processes".to_owned(),
            }),
            ..Replaceable::because(format!(
                "`{program}` starts several processes for one developer"
            ))
        }),
        _ => None,
    }
}

/// The generator of a site whose own server for its author is started.
pub(crate) fn previews(program: &str, arguments: &[&str]) -> Option<Generator> {
    let does = |verbs: &[&str]| arguments.iter().any(|word| verbs.contains(word));
    match program {
        "hugo" if does(&["serve", "server"]) => Some(Generator::Hugo),
        "mkdocs" if does(&["serve"]) => Some(Generator::Mkdocs),
        "nikola" if does(&["auto", "serve"]) => Some(Generator::Nikola),
        "pelican" if does(&["-l", "-lr", "-rl", "--listen"]) => Some(Generator::Pelican),
        "sphinx-autobuild" => Some(Generator::Sphinx),
        _ => None,
    }
}

fn of_a_site(program: &str, generator: Generator) -> Replaceable {
    let label = generator.label();
    Replaceable {
        remedy: Some(format!(
            "leave the line out: {label} builds the pages, and they are served as files"
        )),
        ..Replaceable::because(format!(
            "`{program}` shows the pages to whoever writes them"
        ))
    }
}

/// Python's own server of files.
fn of_pages(project: &Project) -> Replaceable {
    let remedy = if project.tree.has(project.folder.join("index.html")) {
        "leave the line out: plain pages are served without a program"
    } else {
        "a framework such as Flask or Starlette gets a server for visitors; a folder of files is served by `[route.\"/\"]` with `static` in `ship.toml`"
    };
    Replaceable {
        remedy: Some(remedy.to_owned()),
        ..Replaceable::because("Python's own `http.server` is meant for development")
    }
}

fn of_a_front_end(program: &str) -> Replaceable {
    Replaceable {
        remedy: Some(
            "name what serves visitors, or leave the line out: a script `build` of `package.json` runs by itself"
                .to_owned(),
        ),
        ..Replaceable::because(format!("{program} serves a front end to whoever writes it"))
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
fn by_script(
    project: &Project,
    folder: &str,
    script: &str,
    arguments: &[&str],
) -> Option<Replaceable> {
    let file = crate::python::index::plain(&Path::new(folder).join(script));
    let module = project.index.get(&file)?;
    let calls = module.main.calls.iter().chain(&module.top.calls);
    let server = calls
        .map(|(call, _)| call)
        .find_map(|call| runs(project, module, call))?;
    let remedy = read_by_the_script(arguments).map(|argument| {
        format!("`{argument}` is for `{script}` to read: name a production server and set what it needs, `gunicorn module:app`")
    });
    Some(Replaceable {
        names: Some(script.to_owned()),
        remedy,
        ..Replaceable::because(format!("`python {script}` starts {server}"))
    })
}

/// The first argument that is neither for development nor says where to listen.
fn read_by_the_script<'a>(arguments: &[&'a str]) -> Option<&'a str> {
    const ALONE: [&str; 7] = [
        "--debug",
        "-d",
        "--dev",
        "--development",
        "--reload",
        "run",
        "runserver",
    ];
    const WITH_VALUE: [&str; 6] = ["--host", "--port", "--bind", "-p", "-h", "-b"];
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let (name, joined) = word
            .split_once('=')
            .map_or((*word, false), |(name, _)| (name, true));
        if WITH_VALUE.contains(&name) {
            if !joined {
                rest.next();
            }
        } else if !ALONE.contains(word) && !word.contains("$PORT") && !word.contains("${PORT") {
            return Some(word);
        }
    }
    None
}

fn runs(project: &Project, module: &Module, call: &Call) -> Option<&'static str> {
    let view = View::of(module);
    match project.index.outside(&view, &call.function).as_deref() {
        Some("uvicorn.run") => return Some("Uvicorn on a port of its own"),
        Some("fasthtml.common.serve" | "fasthtml.core.serve") => {
            return Some("Uvicorn, reloading, on a port of its own");
        }
        Some("waitress.serve") => return Some("Waitress on a port of its own"),
        // With a `server` it is one of those that Bottle knows.
        Some("bottle.run") => {
            return call
                .keyword("server")
                .is_none()
                .then_some("Bottle's development server");
        }
        Some("werkzeug.serving.run_simple") => return Some("Werkzeug's development server"),
        Some("wsgiref.simple_server.make_server") => return Some("wsgiref's development server"),
        // What they run is no server, or says itself which.
        Some("anyio.run" | "asyncio.run" | "subprocess.run" | "trio.run" | "uvloop.run") => {
            return None;
        }
        _ => {}
    }
    match &call.function {
        Expr::Attribute(of, name) if name == "run" && of.name().is_some() => {
            Some("its development server")
        }
        _ => None,
    }
}
