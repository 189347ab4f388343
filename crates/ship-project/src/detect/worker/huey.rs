//! Huey: <https://huey.readthedocs.io>. With SQLite or files it needs no broker.

use super::{Object, Search, Worker};
use crate::python::expr::Expr;
use crate::python::index::{Target, View};
use crate::python::module::{Import, Module};

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
    let consumed = search.consumed(&huey);
    let object = consumed.object();
    let words = ["python", "-m", "huey.bin.huey_consumer", object.as_str()];
    let worker = Worker::new("worker", &words, "Huey", huey.place.clone());
    vec![worker.needing(needs).rooted(&consumed.root)]
}

/// What the consumer is told: it knows the tasks that are there once this module is imported.
struct Consumed {
    root: std::path::PathBuf,
    module: String,
    name: String,
}

impl Consumed {
    fn object(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }
}

impl<'a> Search<'a> {
    /// Where the queue and all tasks are: the module that makes it, where it has or imports them;
    /// else the only module with tasks, else one that imports them and the queue.
    fn consumed(&self, huey: &Object<'a>) -> Consumed {
        let own = || Consumed {
            root: huey.root.clone(),
            module: huey.module.clone(),
            name: huey.name.clone(),
        };
        let modules: Vec<&Module> = self.modules_with(&[huey.name.as_str()]).collect();
        let tasks = modules.iter().filter(|module| self.has_tasks(module, huey));
        let tasks: Vec<&Module> = tasks.copied().collect();
        let left_out = |module: &Module| {
            let imported: Vec<_> = self.imported_by(module).collect();
            let is_there =
                |task: &&&Module| task.file == module.file || imported.contains(&&*task.file);
            tasks.len() - tasks.iter().filter(is_there).count()
        };
        let makes = |module: &&&Module| module.file == huey.place.file;
        if modules
            .iter()
            .find(makes)
            .is_none_or(|module| left_out(module) == 0)
        {
            return own();
        }
        let with_queue = modules.iter().filter_map(|module| {
            let mut imports = module.top.imports.iter();
            let import = imports.find(|import| self.is_queue(module, import, huey))?;
            Some((
                left_out(module),
                !tasks.iter().any(|task| task.file == module.file),
                *module,
                import,
            ))
        });
        let best = with_queue.min_by_key(|(left_out, alone, module, _)| {
            (
                *left_out,
                *alone,
                module.file.components().count(),
                module.file.clone(),
            )
        });
        let Some((.., module, import)) = best else {
            return own();
        };
        let (root, name) = self.project.index.import_name(&module.file);
        Consumed {
            root,
            module: name,
            name: import.local.clone(),
        }
    }

    /// `@huey.task()` in `module`, of this queue.
    fn has_tasks(&self, module: &'a Module, huey: &Object<'a>) -> bool {
        const TASKS: [&str; 3] = ["task", "periodic_task", "context_task"];
        let view = View::of(module);
        let is_task = |decorator: &Expr| {
            let function = decorator.call().map_or(decorator, |call| &call.function);
            match function {
                Expr::Attribute(of, kind) if TASKS.contains(&kind.as_str()) => {
                    self.leads_to(&view, of, huey)
                }
                _ => false,
            }
        };
        let mut functions = module.top.functions.iter();
        functions.any(|function| function.decorators.iter().any(is_task))
    }

    fn is_queue(&self, module: &'a Module, import: &Import, huey: &Object<'a>) -> bool {
        let local = Expr::Name(import.local.clone());
        self.leads_to(&View::of(module), &local, huey)
    }

    fn leads_to(&self, view: &View<'a>, expr: &Expr, huey: &Object<'a>) -> bool {
        match self.project.index.resolve(view, expr) {
            Some(Target::Inside(module, names)) => {
                module.file == huey.place.file && names.as_slice() == [huey.name.as_str()]
            }
            _ => false,
        }
    }

    /// The files that a module imports at its top.
    fn imported_by(&self, module: &'a Module) -> impl Iterator<Item = &'a std::path::Path> {
        let index = &self.project.index;
        let view = View::of(module);
        module.top.imports.iter().flat_map(move |import| {
            let whole = index.imported_module(module, import);
            let local = Expr::Name(import.local.clone());
            let named = match index.resolve(&view, &local) {
                Some(Target::Inside(module, _)) => Some(module),
                _ => None,
            };
            whole.into_iter().chain(named).map(|module| &*module.file)
        })
    }
}
