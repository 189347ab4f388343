//! The proof: the chosen object is imported in the built environment, and looked at.
//!
//! A child process with the release's Python, settings and a working copy of its own imports the
//! candidates in order and tells what the first good one is. Its answer comes through a file: the
//! application may print what it likes.

mod failure;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ship_project::plan::{Authored, Interface, ObjectRef, Plan, Role, Start};
use ship_project::web_server::{self, WebServer};

use crate::assets::settings_of;
use crate::error::Error;
use crate::event::Phase;
use crate::shop::Shop;
use crate::tool::Ended;
use crate::trial::Trial;
pub use failure::{Frame, ProofFailure};

const SCRIPT: &str = include_str!("scripts/prove.py");

/// How long an import may take where no web process says how long it may take to become ready.
const DEADLINE: Duration = Duration::from_secs(30);

/// What was seen.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Seen {
    pub(crate) application: Option<Application>,
    /// Packages of web servers that the environment has.
    pub(crate) servers: Vec<String>,
    pub(crate) django: Option<Django>,
    failure: Option<failure::Told>,
}

/// The application that was found.
#[derive(Debug, Deserialize)]
pub(crate) struct Application {
    /// Which of the candidates.
    pub(crate) index: usize,
    pub(crate) interface: Interface,
    pub(crate) factory: bool,
}

/// What Django itself says of its settings.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Django {
    pub(crate) debug: bool,
    /// Names of the app that it answers with 400.
    pub(crate) refused_hosts: Vec<String>,
    pub(crate) static_url: Option<String>,
    pub(crate) static_root: Option<String>,
    pub(crate) media_url: Option<String>,
    pub(crate) media_root: Option<String>,
    /// Files of SQLite databases.
    pub(crate) databases: Vec<String>,
    pub(crate) staticfiles: bool,
    pub(crate) storage: Option<String>,
    /// What decides about the collected files; `None` when only collecting them can tell.
    pub(crate) sources: Option<StaticSources>,
}

/// Everything that `collectstatic` depends on, beside the environment.
#[derive(Debug, Deserialize)]
pub(crate) struct StaticSources {
    /// Folders that are read.
    pub(crate) folders: Vec<String>,
    /// Settings, as text; paths in it are those of the trial.
    pub(crate) settings: String,
}

#[derive(Serialize)]
struct Question<'a> {
    objects: &'a [ObjectRef],
    django: Option<&'a str>,
    hosts: Vec<String>,
    servers: Vec<&'static str>,
    server: Option<(&'static str, &'static str)>,
    argv: Vec<String>,
    result: &'a std::path::Path,
    deadline: f64,
}

/// Imports what the plan's web process serves. A plan without such an object (a command that we do
/// not understand, no web process) proves nothing but a Django project's settings.
pub(crate) fn prove(shop: &mut Shop<'_>, plan: &Plan, trial: &Trial) -> Result<Seen, Error> {
    let objects = candidates(plan);
    let django = settings_of(plan);
    if objects.is_empty() && django.is_none() {
        return Ok(Seen::default());
    }
    shop.phase(Phase::Proof, |shop| {
        let mut seen = ask(shop, plan, trial, &objects, django)?;
        if let Some(told) = seen.failure.take() {
            let object = told.index.and_then(|index| objects.get(index));
            let what = object.map_or_else(|| "the settings".to_owned(), ToString::to_string);
            let failure = told.failure(what, &trial.work(), plan);
            let failure = failure.look_for_left_out(&shop.request().source(), &trial.work());
            return Err(Box::new(failure).into());
        }
        let detail = match &seen.application {
            Some(found) => format!("{} is {}", objects[found.index], named(found.interface)),
            None => "Django's settings".to_owned(),
        };
        Ok((seen, detail))
    })
}

fn named(interface: Interface) -> &'static str {
    match interface {
        Interface::Wsgi => "WSGI",
        Interface::Asgi => "ASGI",
    }
}

/// The object to serve, then the others that detection found; of an author's own command, the
/// object that it names.
fn candidates(plan: &Plan) -> Vec<ObjectRef> {
    match plan.web().map(|web| &web.start.value) {
        Some(Start::Object(served)) => {
            let objects = std::iter::once(&served.object).chain(&served.others);
            objects.cloned().collect()
        }
        Some(Start::Command(authored)) => named_by(authored).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The object in `gunicorn shop.wsgi:app --workers 2`. Where flags say that modules are found
/// elsewhere, nothing is said of it: only the server itself knows.
fn named_by(authored: &Authored) -> Option<ObjectRef> {
    const ELSEWHERE: [&str; 6] = [
        "--chdir",
        "--pythonpath",
        "--app-dir",
        "--working-dir",
        "--config",
        "-c",
    ];
    authored.server?;
    let words = authored.command.words()?;
    let flag = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
    if words
        .iter()
        .any(|word| ELSEWHERE.contains(&flag(word).as_str()))
    {
        return None;
    }
    // Its worker serves what is neither WSGI nor ASGI.
    if words.iter().any(|word| word.contains("aiohttp.Gunicorn")) {
        return None;
    }
    let (module, attribute) = words.iter().find_map(|word| word.split_once(':'))?;
    let factory = attribute.ends_with("()");
    let attribute = attribute.trim_end_matches("()");
    let is_name = |text: &str| {
        text.split('.').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    (is_name(module) && is_name(attribute)).then(|| ObjectRef {
        module: module.to_owned(),
        attribute: attribute.to_owned(),
        factory,
    })
}

fn ask(
    shop: &mut Shop<'_>,
    plan: &Plan,
    trial: &Trial,
    objects: &[ObjectRef],
    django: Option<&str>,
) -> Result<Seen, Error> {
    let within = deadline(plan);
    let result = trial.beside("proof.json");
    let question = Question {
        objects,
        django,
        hosts: hosts(plan),
        servers: web_server::ROWS.iter().map(|row| row.package).collect(),
        server: server_of(plan).map(|server| (server.package(), server.program())),
        argv: argv(plan, objects),
        result: &result,
        // A little before the end, so that there is time to say where it hangs.
        deadline: (within.as_secs_f64() - 1.0).max(0.5),
    };
    let question = serde_json::to_vec(&question).map_err(|source| Error::Unreadable {
        what: "the name of a folder, which is not UTF-8".to_owned(),
        source: source.into(),
    })?;
    let tool = trial
        .python(shop.request())
        .args(["-c", SCRIPT])
        .stdin(question)
        .deadline(within);
    let finished = shop.run(Phase::Proof, tool)?;
    let answer = ship_base::file::read_text_if_there(&result)?;
    answer
        .and_then(|text| serde_json::from_str(&text).ok())
        .ok_or_else(|| silent(finished.ended, finished.told(), objects, trial, plan))
}

/// `NAME.localhost`, and the domains, as Django writes them: `.shop.example` for `*.shop.example`, and
/// `*` for all.
fn hosts(plan: &Plan) -> Vec<String> {
    let local = format!("{}.localhost", plan.name.value);
    let domains = plan.domains.iter().map(|domain| {
        let name = domain.value.as_str();
        let below = name.strip_prefix('*').filter(|below| !below.is_empty());
        below.unwrap_or(name).to_owned()
    });
    std::iter::once(local).chain(domains).collect()
}

fn server_of(plan: &Plan) -> Option<WebServer> {
    plan.web()?.start.value.server()
}

/// The command line in whose place the proof stands: `gunicorn shop.wsgi:app`. Settings that tell
/// a server from `manage.py` by it, and by more than its name, must find something there.
fn argv(plan: &Plan, objects: &[ObjectRef]) -> Vec<String> {
    let authored = match plan.web().map(|web| &web.start.value) {
        Some(Start::Command(authored)) => authored.command.words().map(<[String]>::to_vec),
        _ => None,
    };
    let program = server_of(plan)
        .map_or("python", WebServer::program)
        .to_owned();
    let ours = || std::iter::once(program).chain(objects.iter().map(ToString::to_string).take(1));
    authored.unwrap_or_else(|| ours().collect())
}

/// It ended without a word of the script's own: killed, crashed, or it took too long.
fn silent(
    ended: Ended,
    output: Vec<String>,
    objects: &[ObjectRef],
    trial: &Trial,
    plan: &Plan,
) -> Error {
    let what = objects
        .first()
        .map_or_else(|| "the settings".to_owned(), ToString::to_string);
    Box::new(ProofFailure::without_answer(
        what,
        ended,
        output,
        &trial.work(),
        plan,
    ))
    .into()
}

fn deadline(plan: &Plan) -> Duration {
    plan.web()
        .and_then(|web| match web.role {
            Role::Web { ready_within, .. } => Some(ready_within),
            _ => None,
        })
        .unwrap_or(DEADLINE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ship_project::command::CommandLine;

    #[test]
    fn the_object_of_an_author_s_command_is_found_where_it_is_certain() {
        let named = |line: &str| {
            let command = CommandLine::parse(line).unwrap();
            named_by(&Authored::understand(command)).map(|object| object.to_string())
        };
        let shop = Some("shop.wsgi:app".to_owned());
        assert_eq!(named("gunicorn shop.wsgi:app --workers 2"), shop);
        assert_eq!(named("gunicorn -w 2 shop.wsgi:app"), shop);
        assert_eq!(
            named("uvicorn 'main:make()'"),
            Some("main:make()".to_owned())
        );
        for unsure in [
            "gunicorn shop.wsgi",
            "gunicorn --chdir src shop.wsgi:app",
            "gunicorn -c conf.py shop.wsgi:app",
            "gunicorn 'main:make(\"prod\")'",
            "python serve.py app:app",
            "gunicorn shop.wsgi:app --worker-class aiohttp.GunicornWebWorker",
            "gunicorn -k=aiohttp.GunicornUVLoopWebWorker shop.wsgi:app",
        ] {
            assert_eq!(named(unsure), None, "{unsure}");
        }
    }
}
