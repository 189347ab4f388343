//! RQ: <https://python-rq.org>, and django-rq.

use super::{DEPTH, Search, Worker};
use crate::detect::program::has_main;
use crate::plan::Sourced;
use crate::python::expr::{Call, Expr};
use crate::python::index::View;
use crate::python::module::Module;

const CLASSES: [&str; 2] = ["rq.Queue", "rq.queue.Queue"];
const WORKERS: [&str; 4] = [
    "rq.Worker",
    "rq.worker.Worker",
    "rq.SimpleWorker",
    "rq.worker.SimpleWorker",
];

pub(super) fn look(search: &Search<'_>) -> Vec<Worker> {
    in_django(search)
        .or_else(|| script(search))
        .or_else(|| plain(search))
        .into_iter()
        .collect()
}

/// `django_rq` among the installed applications: one worker for all queues of `RQ_QUEUES`.
fn in_django(search: &Search<'_>) -> Option<Worker> {
    let place = search.installed("django_rq")?;
    let (module, binding) = search.setting("RQ_QUEUES")?;
    let Expr::Dict(queues) = &binding.value else {
        return search.managed(&["rqworker"], "django-rq", place);
    };
    let names = queues.iter().filter_map(|(name, _)| name.text());
    let words: Vec<&str> = std::iter::once("rqworker").chain(names).collect();
    let worker = search.managed(&words, "django-rq", module.place(binding.line))?;
    let view = View::of(module);
    let address = queues.iter().find_map(|(_, queue)| {
        let keys = ["URL", "HOST", "SENTINELS"];
        let mut values = keys.iter().filter_map(|key| queue.item(key));
        values.find_map(|value| search.variable_in(&view, value, DEPTH))
    });
    Some(worker.needing(address))
}

/// A script that makes the worker itself: it knows its queues, and what it is connected to.
fn script(search: &Search<'_>) -> Option<Worker> {
    let index = &search.project.index;
    let made = |module: &Module| {
        let view = View::of(module);
        let mut calls = module.calls.iter();
        let made = calls.find_map(|(call, line)| {
            let name = index.outside(&view, &call.function)?;
            WORKERS.contains(&name.as_str()).then_some(*line)
        })?;
        let starts = |(call, _): &(Call, u32)| matches!(&call.function, Expr::Attribute(_, name) if name == "work");
        let runs = has_main(module) || !module.top.calls.is_empty();
        (runs && module.calls.iter().any(starts)).then_some(made)
    };
    let scripts = search.modules_with_a(&WORKERS).into_iter();
    let scripts = scripts.filter_map(|module| Some((module, made(module)?)));
    let (module, line) = scripts.min_by_key(|(module, _)| {
        let is_named = module.stem().contains("worker");
        (
            !is_named,
            module.file.components().count(),
            module.file.clone(),
        )
    })?;
    let (root, name) = index.import_name(&module.file);
    let file = module.file.display().to_string();
    let words = if name.contains('.') {
        vec!["python", "-m", name.as_str()]
    } else {
        vec!["python", file.as_str()]
    };
    let address = search.variable(&["REDIS", "VALKEY"]);
    let worker = Worker::new("worker", &words, "RQ", module.place(line));
    Some(worker.needing(address).rooted(&root))
}

/// `rq.Queue("mails", connection=…)` anywhere in the code.
fn plain(search: &Search<'_>) -> Option<Worker> {
    let mut names: Vec<String> = Vec::new();
    let mut place = None;
    for module in search.modules_with_a(&CLASSES) {
        let view = View::of(module);
        for (call, line) in &module.calls {
            let function = search.project.index.outside(&view, &call.function);
            if !function.is_some_and(|name| CLASSES.contains(&name.as_str())) {
                continue;
            }
            place.get_or_insert(module.place(*line));
            let name = call.argument(0, "name").and_then(Expr::text);
            let name = name.unwrap_or("default").to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let place = place?;
    let address: Option<Sourced<String>> = search.variable(&["REDIS", "VALKEY"]);
    let url = address
        .as_ref()
        .map(|name| format!("--url=${}", name.value));
    let mut words = vec!["rq", "worker"];
    words.extend(url.as_deref());
    words.extend(names.iter().map(String::as_str));
    Some(Worker::new("worker", &words, "RQ", place).needing(address))
}
