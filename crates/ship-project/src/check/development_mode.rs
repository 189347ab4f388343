//! Programs that serve in a mode for one developer: what they say so with is written in their code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Check, Finding, Severity};
use crate::check::reach;
use crate::check::subject::Subject;
use crate::plan::{Place, Plan, Process, Start};
use crate::project::Project;
use crate::python::expr::{Call, Expr};
use crate::python::index::{Index, Target, View, plain};
use crate::python::module::Module;
use crate::start::{file_name, gunicorn_config, is_python, without_runner};
use crate::web_server::WebServer;

pub(super) const CHECK: Check = Check {
    id: "development-mode",
    severity: Severity::Error,
    title: "no program serves in a mode for development",
    why: "A program that is its own server runs as it is, with what its code tells the server: `reload=True` watches files and starts a second process, `debug=True` shows code and variables to whoever causes an error. What is seen: Uvicorn, Granian, Tornado, Sanic, Flask, Quart, Flask-SocketIO, Dash, Bottle, Werkzeug, Panel, NiceGUI and FastHTML, where a process of the plan runs the file or imports it; `reload` and `daemon` of the `gunicorn.conf.py` that Gunicorn reads (with `daemon` it leaves for the background, and counts as ended). Where a web server is started for the application in the program's place, such a line below `if __name__ == \"__main__\":` does no harm and is not told.",
    remedy: "Leave it out, or read it from the environment, off by default: `reload=os.environ.get(\"RELOAD\") == \"1\"`. While you develop: `RELOAD=1 python app.py`.",
    fix: None,
    look,
};

/// What a mode does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Watches,
    Shows,
    Hides,
}
use Mode::{Hides, Shows, Watches};

/// A function that starts a server, or makes what does, and the keywords that are for development.
struct Function {
    name: &'static str,
    keywords: &'static [(&'static str, Mode)],
    /// The first keyword is on where it is not said.
    by_default: bool,
}

const fn function(name: &'static str, keywords: &'static [(&'static str, Mode)]) -> Function {
    Function {
        name,
        keywords,
        by_default: false,
    }
}

const fn watching(name: &'static str) -> Function {
    Function {
        name,
        keywords: &[("reload", Watches)],
        by_default: true,
    }
}

const FUNCTIONS: [Function; 11] = [
    function("uvicorn.run", &[("reload", Watches)]),
    function("uvicorn.Config", &[("reload", Watches)]),
    function("granian.Granian", &[("reload", Watches)]),
    function("bottle.run", &[("debug", Shows), ("reloader", Watches)]),
    function(
        "werkzeug.serving.run_simple",
        &[("use_debugger", Shows), ("use_reloader", Watches)],
    ),
    // `debug` is the other two: https://www.tornadoweb.org/en/stable/guide/running.html
    function(
        "tornado.web.Application",
        &[
            ("debug", Shows),
            ("serve_traceback", Shows),
            ("autoreload", Watches),
        ],
    ),
    function("panel.serve", &[("autoreload", Watches), ("dev", Watches)]),
    // https://nicegui.io/documentation/run
    watching("nicegui.ui.run"),
    // https://www.fastht.ml/docs/api/core.html#serve
    watching("fasthtml.common.serve"),
    watching("fasthtml.core.serve"),
    watching("fasthtml.serve"),
];

/// Methods of applications that start a server.
const METHODS: [&str; 3] = ["run", "run_server", "prepare"];
const OF_METHODS: [(&str, Mode); 7] = [
    ("debug", Shows),
    ("dev", Shows),
    ("use_debugger", Shows),
    ("reload", Watches),
    ("use_reloader", Watches),
    ("auto_reload", Watches),
    ("reloader", Watches),
];
/// Packages whose applications have such methods.
const PACKAGES: [&str; 7] = [
    "bottle",
    "dash",
    "flask",
    "flask_socketio",
    "quart",
    "responder",
    "sanic",
];
/// How many names are followed to what made an object.
const FOLLOWED: usize = 4;

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let Ok(plan) = subject.plan else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for process in &plan.processes {
        let on = of_gunicorn(subject.project(), plan, process);
        findings.extend(on.into_iter().filter_map(|(told, place)| {
            let is_new = seen.insert(place.clone());
            is_new.then(|| told.at(place))
        }));
        let Some(entry) = entry(subject.project(), plan, process) else {
            continue;
        };
        for module in reach::from(subject.project(), vec![entry]) {
            let view = whole(module);
            for (call, line) in calls(module, module.file == entry.file) {
                let told = told(&subject.project().index, &view, call);
                let place = module.place(line);
                if let Some(finding) = told.filter(|_| seen.insert(place.clone())) {
                    findings.push(finding.at(place));
                }
            }
        }
    }
    findings
}

/// Modes that Gunicorn's own file turns on: no flag of a command line turns them off.
fn of_gunicorn(project: &Project, plan: &Plan, process: &Process) -> Vec<(Told, Place)> {
    let Some(module) = gunicorn_file(project, plan, process) else {
        return Vec::new();
    };
    let on = |name: &str| {
        let binding = module.top.binding(name)?;
        let is_on = binding.value == Expr::Truth(true) && binding.asleep.is_none();
        is_on.then(|| module.place(binding.line))
    };
    let reload = on("reload").map(|place| {
        let told = Told {
            mode: Watches,
            what: "`reload = True`: Gunicorn watches the files of the release, and restarts workers".to_owned(),
            remedy: "leave it out, or read it from the environment, off by default: `reload = os.environ.get(\"RELOAD\") == \"1\"`".to_owned(),
        };
        (told, place)
    });
    let daemon = on("daemon").map(|place| {
        let told = Told {
            mode: Hides,
            what:
                "`daemon = True`: Gunicorn goes to the background, and what is left counts as ended"
                    .to_owned(),
            remedy: "leave it out: `ship` keeps the program running".to_owned(),
        };
        (told, place)
    });
    reload.into_iter().chain(daemon).collect()
}

/// The configuration that Gunicorn reads, where it is what a process runs.
fn gunicorn_file<'a>(project: &'a Project, plan: &Plan, process: &Process) -> Option<&'a Module> {
    let (folder, words) = match &process.start.value {
        Start::Object(served) if served.server == WebServer::Gunicorn => {
            (plan.folder.clone(), served.arguments.clone())
        }
        Start::Object(_) => return None,
        Start::Command(authored) => {
            let sequence = authored.command.sequence()?;
            let below = sequence.folder.as_deref().unwrap_or_default();
            let words = without_runner(&sequence.last).to_vec();
            let is_it = file_name(words.first()?) == "gunicorn";
            (plan.folder.join(below), Some(words).filter(|_| is_it)?)
        }
    };
    let file = folder.join(gunicorn_config(&words));
    project.index.get(&plain(&file))
}

/// The file that a process runs, where Python runs one.
fn entry<'a>(project: &'a Project, plan: &Plan, process: &Process) -> Option<&'a Module> {
    let Start::Command(authored) = &process.start.value else {
        return None;
    };
    let sequence = authored.command.sequence()?;
    let folder = plan
        .folder
        .join(sequence.folder.as_deref().unwrap_or_default());
    let words = without_runner(&sequence.last);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (program, rest) = words.split_first()?;
    let roots = || {
        let own = [plain(&folder)].into_iter();
        own.chain(plan.import_paths.iter().map(|path| plain(path)))
            .collect::<Vec<PathBuf>>()
    };
    let found = |name: &str| {
        let main = format!("{name}.__main__");
        let index = &project.index;
        index
            .find(&main, &roots())
            .or_else(|| index.find(name, &roots()))
    };
    if !is_python(file_name(program)) {
        // An entry point of `[project.scripts]`.
        let mut scripts = project.pyproject.as_ref()?.scripts.iter();
        let (_, target, _) = scripts.find(|(name, ..)| name == program)?;
        return found(target.split(':').next()?.trim());
    }
    match rest {
        ["-u", "-m", module, ..] | ["-m", module, ..] => found(module),
        ["-u", script, ..] | [script, ..] => {
            project.index.get(&plain(&folder.join(Path::new(script))))
        }
        [] => None,
    }
}

/// The calls that may run: what stands in a main block runs only in the file that is started.
fn calls(module: &Module, is_started: bool) -> impl Iterator<Item = (&Call, u32)> {
    let runs = move |line: u32| {
        let mut main = module.main.calls.iter();
        is_started || !main.any(|(_, own)| *own == line)
    };
    let calls = module.calls.iter().map(|(call, line)| (call, *line));
    calls.filter(move |(_, line)| runs(*line))
}

/// What a call says.
struct Told {
    mode: Mode,
    what: String,
    remedy: String,
}

impl Told {
    fn at(self, place: crate::plan::Place) -> Finding {
        let finding = Finding::new(&CHECK, place, self.what, self.remedy);
        match self.mode {
            Shows | Hides => finding,
            Watches => finding.severity(Severity::Warning),
        }
    }
}

/// All names of a module: servers are often imported right before they are started.
fn whole(module: &Module) -> View<'_> {
    let scopes = module.scopes().into_iter().skip(1);
    View {
        module,
        inner: scopes.chain([&module.main]).collect(),
        beside: Vec::new(),
    }
}

fn told(index: &Index, view: &View<'_>, call: &Call) -> Option<Told> {
    let Some(name) = index.outside(view, &call.function) else {
        let told = said(view, call, &OF_METHODS)?;
        return is_method(index, view, &call.function).then_some(told);
    };
    let function = FUNCTIONS.iter().find(|function| function.name == name)?;
    said(view, call, function.keywords).or_else(|| {
        let (keyword, mode) = function.keywords[0];
        let is_left = function.by_default && call.keyword(keyword).is_none();
        let short = name.rsplit('.').next().unwrap_or_default();
        is_left.then(|| Told {
            mode,
            what: format!(
                "`{short}()` watches files and starts a second process unless it is told not to"
            ),
            remedy: format!("`{keyword}=False`"),
        })
    })
}

/// The keyword that is on: what shows most first.
fn said(view: &View<'_>, call: &Call, keywords: &[(&str, Mode)]) -> Option<Told> {
    let mut keywords = keywords.iter();
    let (keyword, mode) = keywords.find(|(name, _)| {
        let value = call.keyword(name);
        value.is_some_and(|value| is_on(view, value))
    })?;
    let what = match mode {
        Shows => format!("`{keyword}=True`: whoever causes an error sees code and variables"),
        Watches | Hides => {
            format!("`{keyword}=True`: the program watches its files, in a second process")
        }
    };
    let variable = keyword.to_uppercase();
    Some(Told {
        mode: *mode,
        what,
        remedy: format!(
            "leave it out, or read it from the environment, off by default: `{keyword}=os.environ.get(\"{variable}\") == \"1\"`"
        ),
    })
}

fn is_on(view: &View<'_>, value: &Expr) -> bool {
    match value {
        Expr::Truth(truth) => *truth,
        Expr::Number(number) => *number != 0,
        Expr::Name(name) => {
            let bound = view.scopes().find_map(|scope| scope.binding(name));
            bound.is_some_and(|binding| binding.value == Expr::Truth(true))
        }
        _ => false,
    }
}

/// `app.run`, where `app` may be an application: what made it is one of the packages, or not known.
fn is_method(index: &Index, view: &View<'_>, function: &Expr) -> bool {
    let Expr::Attribute(of, method) = function else {
        return false;
    };
    let is_application = || {
        let class = made_by(index, view, of, FOLLOWED);
        class.is_none_or(|class| PACKAGES.contains(&class.split('.').next().unwrap_or_default()))
    };
    METHODS.contains(&method.as_str()) && is_application()
}

/// The class or function of another package that made an object.
fn made_by(index: &Index, view: &View<'_>, expr: &Expr, left: usize) -> Option<String> {
    let left = left.checked_sub(1)?;
    if let Expr::Call(call) = expr {
        return index.outside(view, &call.function);
    }
    let name = expr.name()?;
    if let Some(binding) = view.scopes().find_map(|scope| scope.binding(name)) {
        return made_by(index, view, &binding.value, left);
    }
    let Target::Inside(module, names) = index.resolve(view, expr)? else {
        return None;
    };
    let binding = module.top.binding(names.first()?)?;
    made_by(index, &View::of(module), &binding.value, left)
}
