//! Functions Framework: <https://github.com/GoogleCloudPlatform/functions-framework-python>. Functions
//! as Cloud Run has them, with a server of their own.

use crate::command::CommandLine;
use crate::detect::objects::rank_of;
use crate::detect::program::{self, Program};
use crate::detect::{Found, Row, stored};
use crate::error::Result;
use crate::plan::{Note, OwnPort};
use crate::project::Project;
use crate::python::index::View;
use crate::python::module::{Function, Module};

pub(super) const ROW: Row = Row {
    key: "functions-framework",
    label: "Functions Framework",
    package: "functions-framework",
    classes: &[],
};

/// Decorators that make an endpoint of a function.
const SIGNS: [&str; 3] = [
    "functions_framework.http",
    "functions_framework.cloud_event",
    "functions_framework.typed",
];

/// The first function of the likeliest file; the framework serves one for each program.
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    let modules = project.index.own_modules_with(&["functions_framework"]);
    let with_any = modules.filter(|module| !functions(project, module).is_empty());
    let key = |module: &&Module| (module.file.components().count(), rank_of(module));
    let Some(module) = with_any.min_by_key(key) else {
        return Ok(None);
    };
    module.check()?;
    let functions = functions(project, module);
    let (first, rest) = functions
        .split_first()
        .expect("files without any are left out");
    let place = module.place(first.line);
    let run = program::run(project, module);
    let words = vec![
        "functions-framework".to_owned(),
        format!("--source={}", run.file),
        format!("--target={}", first.name),
        "--host=127.0.0.1".to_owned(),
        "--port=$PORT".to_owned(),
    ];
    let mut found = Found::new(&ROW, place.clone());
    found.reason = format!("`{}` is one of its functions", first.name);
    found.folder = run.folder;
    found.import_paths = run.import_paths;
    found.program = Some(Program {
        command: CommandLine::Argv(words),
        own_port: Some(OwnPort::Given),
        is_web: true,
        reason: format!("{} is its own server", ROW.label),
        place: place.clone(),
    });
    if !rest.is_empty() {
        let names: Vec<String> = rest.iter().map(|f| format!("`{}`", f.name)).collect();
        found.notes.push(Note {
            text: format!(
                "one function is served of several: also found {}",
                names.join(", ")
            ),
            hint: Some(
                "`[web]` with `command` in `ship.toml` picks another by `--target`".to_owned(),
            ),
            place: Some(place),
        });
    }
    stored::add(project, &mut found);
    Ok(Some(found))
}

fn functions<'a>(project: &Project, module: &'a Module) -> Vec<&'a Function> {
    let view = View::of(module);
    let is_one = |function: &&Function| {
        let mut decorators = function.decorators.iter();
        decorators.any(|decorator| {
            let named = decorator.call().map_or(decorator, |call| &call.function);
            let name = project.index.outside(&view, named);
            name.is_some_and(|name| SIGNS.contains(&name.as_str()))
        })
    };
    module.top.functions.iter().filter(is_one).collect()
}
