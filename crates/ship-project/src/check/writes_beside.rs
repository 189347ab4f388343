//! Files that the program writes beside its code, outside what the plan keeps.

use std::path::Path;

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::plan::Plan;
use crate::python::expr::{Call, Expr};
use crate::python::index::View;
use crate::python::module::Module;
use crate::python::paths::Texts;

pub(super) const CHECK: Check = Check {
    id: "writes-beside",
    severity: Severity::Warning,
    title: "what the program writes is kept between releases",
    why: "A release is a fresh copy of the source. What a program writes beside its code is gone with the next one, unless the plan lists it under `data`. What is seen: `open(…, \"w\")` and `.save(…)` with a path below the project that begins with a constant, in what is served; a path that is computed is not.",
    remedy: "List the folder in `ship.toml`: `[data] paths = [\"uploads/\"]`; or write below `os.environ[\"SHIP_DATA_DIR\"]`; or into the system's temporary folder what may be lost.",
    fix: None,
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let Ok(plan) = subject.plan else {
        return Vec::new();
    };
    let texts = Texts {
        index: &subject.project().index,
        folder: &plan.folder,
    };
    let modules = subject.modules_with(&["open", "save"]);
    let modules = modules.filter(|module| !is_chore(&module.file));
    let mut findings: Vec<Finding> = modules
        .flat_map(|module| of_module(plan, &texts, module))
        .collect();
    findings.dedup_by(|a, b| a.what == b.what);
    findings
}

/// Commands and migrations run by hand; scripts are no part of what is served.
fn is_chore(file: &Path) -> bool {
    file.iter()
        .any(|part| part == "management" || part == "migrations" || part == "scripts")
}

fn of_module<'a>(plan: &Plan, texts: &Texts<'a>, module: &'a Module) -> Vec<Finding> {
    let view = View::of(module);
    let found = module.calls.iter().filter_map(|(call, line)| {
        let path = written(call)?;
        let text = beginning(texts, &view, path)?;
        // A file right beside the code has no folder to name.
        let folder = text.rsplit_once('/').map(|(folder, _)| folder)?;
        let folder = texts.inside(folder)?;
        let kept = plan
            .data
            .iter()
            .any(|data| folder.starts_with(&data.value.path));
        let shown = folder.display();
        (!kept).then(|| {
            let what = format!("writes below `{shown}/`, which is gone with the next release");
            let remedy = format!("`[data] paths = [\"{shown}/\"]` in ship.toml keeps it");
            Finding::new(&CHECK, module.place(*line), what, remedy)
        })
    });
    found.collect()
}

/// The path of `open(path, "wb")` and `upload.save(path)`.
fn written(call: &Call) -> Option<&Expr> {
    match &call.function {
        Expr::Name(name) if name == "open" => {
            let mode = call.argument(1, "mode")?.text()?;
            mode.contains(['w', 'a', 'x'])
                .then(|| call.arguments.first())?
        }
        Expr::Attribute(_, name) if name == "save" => call.arguments.first(),
        _ => None,
    }
}

/// The constant text that a path begins with.
fn beginning<'a>(texts: &Texts<'a>, view: &View<'a>, expr: &Expr) -> Option<String> {
    if let Some(text) = texts.text(view, expr) {
        return Some(text);
    }
    match expr {
        Expr::Joined(parts) => {
            let known = parts.iter().map_while(|part| texts.text(view, part));
            Some(known.collect::<String>()).filter(|text| !text.is_empty())
        }
        Expr::Plus(left, _) => beginning(texts, view, left),
        Expr::Slash(left, _) => Some(beginning(texts, view, left)? + "/"),
        Expr::Call(call) => {
            let function = call.function.dotted()?;
            let first = call
                .arguments
                .first()
                .filter(|_| function.ends_with("path.join"))?;
            Some(beginning(texts, view, first)? + "/")
        }
        _ => None,
    }
}
