//! Huey: <https://huey.readthedocs.io>. With SQLite or files it needs no broker.

use super::{Search, Worker};

const WITH_BROKER: [&str; 8] = [
    "huey.RedisHuey",
    "huey.PriorityRedisHuey",
    "huey.RedisExpireHuey",
    "huey.PriorityRedisExpireHuey",
    "huey.BlockingRedisHuey",
    "huey.contrib.asyncio.AsyncRedisHuey",
    "huey.contrib.sql_huey.SqlHuey",
    "huey.Huey",
];
const WITHOUT: [&str; 2] = ["huey.SqliteHuey", "huey.FileHuey"];

pub(super) fn look(search: &Search<'_>) -> Vec<Worker> {
    if let Some(place) = search.installed("huey.contrib.djhuey") {
        let needs = search.setting("HUEY").and_then(|(module, binding)| {
            search.variable_in(&super::View::of(module), &binding.value, super::DEPTH)
        });
        let worker = search.managed(&["run_huey"], "Huey", place);
        return worker
            .map(|worker| worker.needing(needs))
            .into_iter()
            .collect();
    }
    let with_broker = search.objects(&WITH_BROKER);
    let needs = (!with_broker.is_empty())
        .then(|| search.variable(&["HUEY", "REDIS", "VALKEY"]))
        .flatten();
    let objects = with_broker.into_iter().chain(search.objects(&WITHOUT));
    let Some(huey) = objects.into_iter().next() else {
        return Vec::new();
    };
    let object = format!("{}.{}", huey.module, huey.name);
    let words = ["python", "-m", "huey.bin.huey_consumer", object.as_str()];
    let worker = Worker::new("worker", &words, "Huey", huey.place.clone());
    vec![worker.needing(needs).rooted(&huey.root)]
}
