//! Celery: <https://docs.celeryq.dev>. A worker, and a beat where something is scheduled.

use super::{DEPTH, Object, Search, Worker};
use crate::plan::{Place, Sourced};
use crate::python::expr::Expr;

const CLASSES: [&str; 3] = [
    "celery.Celery",
    "celery.app.Celery",
    "celery.app.base.Celery",
];

/// Where Celery itself looks for its broker.
const OWN: &str = "CELERY_BROKER_URL";

pub(super) fn look(search: &Search<'_>) -> Vec<Worker> {
    let objects = search.objects(&CLASSES);
    let Some(app) = objects.first() else {
        return Vec::new();
    };
    let named = format!("--app={}:{}", app.module, app.name);
    let needs = broker(search, app);
    let words = ["celery", named.as_str(), "worker", "--loglevel=INFO"];
    let worker = Worker::new("worker", &words, "Celery", app.place.clone());
    let mut workers = vec![worker.needing(needs.clone()).rooted(&app.root)];
    if let Some((place, scheduler)) = schedule(search) {
        // The file of the plain scheduler must outlive a release, its pid has a keeper.
        let mut words = vec![
            "celery",
            named.as_str(),
            "beat",
            "--loglevel=INFO",
            "--pidfile=",
        ];
        words.push(scheduler);
        let beat = Worker::new("beat", &words, "Celery with scheduled tasks", place);
        workers.push(beat.needing(needs).rooted(&app.root));
    }
    workers
}

/// Where the schedule is, and how beat is told.
fn schedule(search: &Search<'_>) -> Option<(Place, &'static str)> {
    const FILE: &str = "--schedule=$SHIP_DATA_DIR/celerybeat-schedule";
    if let Some(place) = search.installed("django_celery_beat") {
        return Some((
            place,
            "--scheduler=django_celery_beat.schedulers:DatabaseScheduler",
        ));
    }
    let is_schedule = |name: &str| {
        let name = name.to_lowercase();
        name == "beat_schedule"
            || name == "celery_beat_schedule"
            || name == "celerybeat_schedule"
            || name.ends_with(".conf.beat_schedule")
    };
    let words = [
        "beat_schedule",
        "BEAT_SCHEDULE",
        "celery_beat_schedule",
        "CELERY_BEAT_SCHEDULE",
        "celerybeat_schedule",
        "CELERYBEAT_SCHEDULE",
        "add_periodic_task",
    ];
    search.modules_with(&words).find_map(|module| {
        let scopes = module.top.functions.iter().map(|function| &function.body);
        let mut bindings = std::iter::once(&module.top)
            .chain(scopes)
            .flat_map(|scope| &scope.bindings);
        let bound = bindings.find(|binding| is_schedule(&binding.name));
        let bound = bound.map(|binding| module.place(binding.line));
        let in_class = || {
            let mut inside = module.top.classes.iter().flat_map(|class| &class.bindings);
            let binding = inside.find(|binding| is_schedule(&binding.name))?;
            Some(module.place(binding.line))
        };
        let called = || {
            let call = module.calls.iter().find(|(call, _)| {
                let function = call.function.dotted().unwrap_or_default();
                function.ends_with(".add_periodic_task")
                    || function.ends_with(".conf.update") && call.keyword("beat_schedule").is_some()
            })?;
            Some(module.place(call.1))
        };
        Some((bound.or_else(in_class).or_else(called)?, FILE))
    })
}

/// The setting that has to name the broker; none where the code has a fixed address.
fn broker(search: &Search<'_>, app: &Object<'_>) -> Option<Sourced<String>> {
    let given = app
        .call
        .as_ref()
        .and_then(|(view, call)| Some((view, call.keyword("broker")?)));
    if let Some((view, broker)) = given {
        if let Some(variable) = search.variable_in(view, broker, DEPTH) {
            return Some(variable);
        }
        if matches!(broker, Expr::Text(_)) {
            return None;
        }
    }
    let conf = ["broker_url", "BROKER_URL"].map(|name| format!("{}.conf.{name}", app.name));
    let own = app.view.module.top.bindings.iter().rev();
    let mut own = own.filter(|binding| conf.contains(&binding.name));
    if let Some(binding) = own.next() {
        return search.variable_in(&app.view, &binding.value, DEPTH);
    }
    let settings = [OWN, "BROKER_URL", "broker_url"];
    if let Some((module, binding)) = settings.iter().find_map(|name| search.setting(name)) {
        let view = super::View::of(module);
        let fixed = matches!(binding.value, Expr::Text(_));
        return match search.variable_in(&view, &binding.value, DEPTH) {
            None if fixed => None,
            variable => variable.or_else(|| Some(by_itself(app))),
        };
    }
    let read = search.variable(&["BROKER", "AMQP", "RABBIT", "REDIS", "VALKEY"]);
    Some(read.unwrap_or_else(|| by_itself(app)))
}

fn by_itself(app: &Object<'_>) -> Sourced<String> {
    Sourced::because(
        OWN.to_owned(),
        "Celery reads its broker from it",
        vec![app.place.clone()],
    )
}
