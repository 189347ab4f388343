//! Taskiq: <https://taskiq-python.github.io>. Its worker is told the broker, and the modules with
//! tasks.

use super::{Search, Worker};
use crate::python::expr::Expr;
use crate::python::index::{Target, View};
use crate::python::module::{Binding, Module};

/// Brokers that reach another process: one in memory (`InMemoryBroker`) has no worker.
const BROKERS: [&str; 12] = [
    "taskiq.ZeroMQBroker",
    "taskiq_aio_kafka.AioKafkaBroker",
    "taskiq_aio_pika.AioPikaBroker",
    "taskiq_aio_sqs.SQSBroker",
    "taskiq_nats.NatsBroker",
    "taskiq_nats.PullBasedJetStreamBroker",
    "taskiq_nats.PushBasedJetStreamBroker",
    "taskiq_postgres.AsyncpgBroker",
    "taskiq_redis.ListQueueBroker",
    "taskiq_redis.ListQueueClusterBroker",
    "taskiq_redis.PubSubBroker",
    "taskiq_redis.RedisStreamBroker",
];
/// What begins the names of packages with brokers.
const WORDS: [&str; 7] = [
    "taskiq",
    "taskiq_aio_kafka",
    "taskiq_aio_pika",
    "taskiq_aio_sqs",
    "taskiq_nats",
    "taskiq_postgres",
    "taskiq_redis",
];

pub(super) fn look(search: &Search<'_>) -> Vec<Worker> {
    let mut modules = search.modules_with(&WORDS);
    let Some((module, binding)) =
        modules.find_map(|module| Some((module, broker(search, module)?)))
    else {
        return Vec::new();
    };
    let (root, name) = search.project.index.import_name(&module.file);
    let object = format!("{name}:{}", binding.name);
    let with_tasks = search.modules_with(&["task"]);
    let with_tasks = with_tasks.filter(|other| other.file != module.file);
    let with_tasks = with_tasks.filter(|other| has_task(search, other, module, &binding.name));
    let tasks: Vec<String> = with_tasks
        .map(|other| search.project.index.import_name(&other.file).1)
        .collect();
    let words: Vec<&str> = ["taskiq", "worker", &object]
        .into_iter()
        .chain(tasks.iter().map(String::as_str))
        .collect();
    let needs = search.variable(&[
        "BROKER", "REDIS", "VALKEY", "RABBIT", "AMQP", "NATS", "KAFKA",
    ]);
    let worker = Worker::new("worker", &words, "Taskiq", module.place(binding.line));
    vec![worker.needing(needs).rooted(&root)]
}

/// The broker that a module binds, also with what is added to it:
/// `ListQueueBroker(url).with_result_backend(…)`.
fn broker<'a>(search: &Search<'_>, module: &'a Module) -> Option<&'a Binding> {
    let view = View::of(module);
    module.top.bindings.iter().find(|binding| {
        let mut value = &binding.value;
        while let Some(call) = value.call() {
            match &call.function {
                Expr::Attribute(of, method) if method.starts_with("with_") => value = of,
                class => {
                    let name = search.project.index.outside(&view, class);
                    return name.is_some_and(|name| BROKERS.contains(&name.as_str()));
                }
            }
        }
        false
    })
}

/// Whether a function is decorated with `broker.task`.
fn has_task(search: &Search<'_>, module: &Module, of: &Module, broker: &str) -> bool {
    let view = View::of(module);
    let is_task = |decorator: &Expr| {
        let named = decorator.call().map_or(decorator, |call| &call.function);
        let target = search.project.index.resolve(&view, named);
        matches!(target, Some(Target::Inside(at, names)) if at.file == of.file && names == [broker, "task"])
    };
    let mut functions = module.top.functions.iter();
    functions.any(|function| function.decorators.iter().any(is_task))
}
