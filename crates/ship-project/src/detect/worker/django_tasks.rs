//! Django's background tasks: the `TASKS` setting of Django 6 and of the django-tasks package.
//! Django's own two backends run tasks at once or not at all; a worker belongs to those of packages.

use super::{Search, Worker};
use crate::python::expr::Expr;

/// Backends with a worker, and its command.
const BACKENDS: [(&str, &[&str]); 4] = [
    (
        "django_tasks.backends.database.DatabaseBackend",
        &["db_worker"],
    ),
    ("django_tasks_db.DatabaseBackend", &["db_worker"]),
    (
        "django_tasks.backends.rq.RQBackend",
        &["rqworker", "--job-class", "django_tasks.backends.rq.Job"],
    ),
    (
        "django_tasks_rq.RQBackend",
        &["rqworker", "--job-class", "django_tasks_rq.Job"],
    ),
];

pub(super) fn look(search: &Search<'_>) -> Vec<Worker> {
    let Some((module, binding)) = search.setting("TASKS") else {
        return Vec::new();
    };
    let Expr::Dict(backends) = &binding.value else {
        return Vec::new();
    };
    let mut named = backends
        .iter()
        .filter_map(|(_, backend)| backend.item("BACKEND").and_then(Expr::text));
    let known = named.find_map(|name| BACKENDS.iter().find(|(backend, _)| *backend == name));
    let Some((_, words)) = known else {
        return Vec::new();
    };
    let place = module.place(binding.line);
    let worker = search.managed(words, "Django's background tasks", place);
    worker.into_iter().collect()
}
