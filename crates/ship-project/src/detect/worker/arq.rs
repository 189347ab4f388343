//! arq: <https://arq-docs.helpmanual.io>. Its worker is a class with `functions` or `cron_jobs`.

use super::{Search, Worker};

pub(super) fn look(search: &Search<'_>) -> Vec<Worker> {
    // Such a class has no base: only the import of arq tells it from any other.
    let imports_arq = |module: &super::Module| {
        let mut imports = module.top.imports.iter();
        imports.any(|import| import.level == 0 && import.module.split('.').next() == Some("arq"))
    };
    let found = search.modules_with(&["arq"]).find_map(|module| {
        let class = module.top.classes.iter().find(|class| {
            let binds = |name: &str| class.bindings.iter().any(|binding| binding.name == name);
            binds("functions") || binds("cron_jobs")
        })?;
        let named = class.name == "WorkerSettings" || search.project.packages.has("arq");
        (imports_arq(module) && named).then_some((module, class))
    });
    let Some((module, class)) = found else {
        return Vec::new();
    };
    let (root, name) = search.project.index.import_name(&module.file);
    let settings = format!("{name}.{}", class.name);
    let first = class.bindings.first();
    let place = module.place(first.map_or(0, |binding| binding.line));
    let worker = Worker::new("worker", &["arq", &settings], "arq", place);
    vec![
        worker
            .needing(search.variable(&["REDIS", "VALKEY"]))
            .rooted(&root),
    ]
}
