//! SAQ: <https://saq-py.readthedocs.io>. Its worker is told a dict with `queue` and `functions`.

use super::{Search, Worker};

pub(super) fn look(search: &Search<'_>) -> Vec<Worker> {
    let imports_saq = |module: &super::Module| {
        let mut imports = module.top.imports.iter();
        imports.any(|import| import.level == 0 && import.module.split('.').next() == Some("saq"))
    };
    let found = search.modules_with(&["saq"]).find_map(|module| {
        let mut bindings = module.top.bindings.iter();
        let binding = bindings.find(|binding| {
            let has = |key: &str| binding.value.item(key).is_some();
            has("queue") && (has("functions") || has("cron_jobs"))
        })?;
        imports_saq(module).then_some((module, binding))
    });
    let Some((module, binding)) = found else {
        return Vec::new();
    };
    let (root, name) = search.project.index.import_name(&module.file);
    let settings = format!("{name}.{}", binding.name);
    let place = module.place(binding.line);
    let worker = Worker::new("worker", &["saq", &settings], "SAQ", place);
    let needs = search.variable(&["REDIS", "VALKEY", "QUEUE", "DATABASE", "POSTGRES"]);
    vec![worker.needing(needs).rooted(&root)]
}
