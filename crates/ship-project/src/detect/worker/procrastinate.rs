//! Procrastinate: <https://procrastinate.readthedocs.io>. Its queue is Postgres.

use super::{Search, Worker};

pub(super) fn look(search: &Search<'_>) -> Vec<Worker> {
    if let Some(place) = search.installed("procrastinate.contrib.django") {
        let worker = search.managed(&["procrastinate", "worker"], "Procrastinate", place);
        return worker.into_iter().collect();
    }
    let objects = search.objects(&["procrastinate.App", "procrastinate.app.App"]);
    let Some(app) = objects.first() else {
        return Vec::new();
    };
    let object = format!("--app={}.{}", app.module, app.name);
    let words = ["procrastinate", object.as_str(), "worker"];
    let worker = Worker::new("worker", &words, "Procrastinate", app.place.clone());
    let needs = search.variable(&["PROCRASTINATE", "DATABASE", "POSTGRES", "PGHOST"]);
    vec![worker.needing(needs).rooted(&app.root)]
}
