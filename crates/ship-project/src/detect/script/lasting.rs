//! Programs without a main block: their top level does not come to its end, as that of most bots.

use crate::detect::script::NAMES;
use crate::project::Project;
use crate::python::expr::{Call, Expr};
use crate::python::index::{Target, View};
use crate::python::module::{Module, Scope};
use crate::python::source;

/// How many functions of the project are followed from one call.
const DEPTH: usize = 3;
/// How deep below the project such a program lies: in it, or in `src`.
const DEEPEST: usize = 2;

/// Methods and functions that return when the program is to end: `client.run(token)`,
/// `bot.infinity_polling()`, `asyncio.run(main())`.
const LASTING: [&str; 22] = [
    "consume_forever",
    "idle",
    "infinity_polling",
    "listen_forever",
    "loop_forever",
    "polling",
    "run",
    "run_app",
    "run_async",
    "run_forever",
    "run_polling",
    "run_until_complete",
    "run_until_disconnected",
    "run_webhook",
    "serve_forever",
    "start_bot",
    "start_consuming",
    "start_polling",
    "start_webhook",
    "sync_forever",
    "wait_for_termination",
    "work",
];
/// Classes whose `start` does not return.
const STARTED: [&str; 4] = [
    "apscheduler.schedulers.blocking.BlockingScheduler",
    "slack_bolt.adapter.socket_mode.SocketModeHandler",
    "slack_bolt.App",
    "slack_bolt.app.App",
];
/// What is called `run` as well, and is over soon.
const BRIEF: [&str; 4] = ["invoke", "sh", "subprocess", "typer"];

/// The project's programs whose top level runs for long. What is called `run` is over soon at
/// times: a file with a name of its own has a loop without an end.
pub(super) fn programs(project: &Project) -> impl Iterator<Item = &Module> {
    let near = project.index.own_sources().filter(|source| {
        let mut folders = source
            .file
            .parent()
            .into_iter()
            .flat_map(|path| path.iter());
        let is_top = folders.all(|folder| folder == "src");
        is_top && source.file.components().count() <= DEEPEST
    });
    source::parsed(near.collect()).filter(|module| {
        let is_named = NAMES.contains(&module.stem()) || module.stem().ends_with("bot");
        (is_named || module.top.endless.is_some()) && line(project, module).is_some()
    })
}

/// The line of a module's top level that does not return.
pub(in crate::detect) fn line(project: &Project, module: &Module) -> Option<u32> {
    in_scope(project, &View::of(module), &module.top, DEPTH)
}

fn in_scope(project: &Project, view: &View<'_>, scope: &Scope, left: usize) -> Option<u32> {
    let left = left.checked_sub(1)?;
    let mut calls = scope.calls.iter();
    let lasts = |(call, _): &&(Call, u32)| lasts(project, view, call, left);
    scope
        .endless
        .or_else(|| calls.find(lasts).map(|(_, line)| *line))
}

fn lasts(project: &Project, view: &View<'_>, call: &Call, left: usize) -> bool {
    if let Some(Target::Inside(module, names)) = project.index.resolve(view, &call.function)
        && let [name] = names.as_slice()
        && let Some(function) = module.top.function(name)
    {
        let inside = View::of(module).within(function);
        return in_scope(project, &inside, &function.body, left).is_some();
    }
    let outside = project.index.outside(view, &call.function);
    let package = outside.as_deref().and_then(|name| name.split('.').next());
    if package.is_some_and(|package| BRIEF.contains(&package)) {
        return false;
    }
    match &call.function {
        Expr::Attribute(of, method) if method == "start" => is_started(project, view, of),
        Expr::Attribute(_, method) | Expr::Name(method) => LASTING.contains(&method.as_str()),
        _ => false,
    }
}

/// `BlockingScheduler().start()`, also by a name.
fn is_started(project: &Project, view: &View<'_>, of: &Expr) -> bool {
    let class = match of {
        Expr::Call(call) => project.index.outside(view, &call.function),
        Expr::Name(name) => view.scopes().find_map(|scope| {
            let call = scope.binding(name)?.value.call()?;
            project.index.outside(view, &call.function)
        }),
        _ => None,
    };
    class.is_some_and(|class| STARTED.contains(&class.as_str()))
}
