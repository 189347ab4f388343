//! Dramatiq: <https://dramatiq.io>, and django-dramatiq.

use super::{Search, Worker};
use crate::python::expr::Expr;
use crate::python::index::View;

const ACTOR: &str = "dramatiq.actor";

pub(super) fn look(search: &Search<'_>) -> Vec<Worker> {
    let needs = search.variable(&["BROKER", "RABBIT", "AMQP", "REDIS", "VALKEY"]);
    if let Some(place) = search.installed("django_dramatiq") {
        let worker = search.managed(&["rundramatiq"], "Dramatiq", place);
        return worker
            .map(|worker| worker.needing(needs))
            .into_iter()
            .collect();
    }
    let mut places = Vec::new();
    let mut modules: Vec<String> = Vec::new();
    let mut root = None;
    for module in search.modules_with_a(&[ACTOR]) {
        let view = View::of(module);
        let is_actor = |decorator: &Expr| {
            let function = decorator.call().map_or(decorator, |call| &call.function);
            search.project.index.outside(&view, function).as_deref() == Some(ACTOR)
        };
        let mut functions = module.top.functions.iter();
        if let Some(actor) = functions.find(|function| function.decorators.iter().any(is_actor)) {
            let (from, name) = search.project.index.import_name(&module.file);
            root.get_or_insert(from);
            modules.push(name);
            places.push(module.place(actor.line));
        }
    }
    let (Some(root), Some(place)) = (root, places.first().cloned()) else {
        return Vec::new();
    };
    let words: Vec<&str> = std::iter::once("dramatiq")
        .chain(modules.iter().map(String::as_str))
        .collect();
    let mut worker = Worker::new("worker", &words, "Dramatiq", place).needing(needs);
    worker.places = places;
    vec![worker.rooted(&root)]
}
