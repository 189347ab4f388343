//! Ways past the door that a program opens itself.

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::python::expr::{Call, Expr};
use crate::python::index::View;
use crate::python::module::Module;

pub(super) const CHECK: Check = Check {
    id: "public-tunnel",
    severity: Severity::Warning,
    title: "no program opens a tunnel past the door",
    why: "`share=True` asks somebody else's servers to lead strangers to the program, under an address of theirs: what the door sees to (HTTPS under your name, passwords, limits, the log of requests) does not hold there, and the start waits for those servers. It is made for a notebook that nobody can reach otherwise. What is seen: `launch(share=True)` of Gradio, and `ngrok.connect` of pyngrok.",
    remedy: "Leave it out: `ship up` gives the app an address, and a server its domain.",
    fix: None,
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let modules = subject.modules_with(&["share", "ngrok"]);
    modules
        .flat_map(|module| of_module(subject, module))
        .collect()
}

fn of_module(subject: &Subject<'_>, module: &Module) -> Vec<Finding> {
    let view = View::of(module);
    let index = &subject.project().index;
    let has_gradio = module.scopes().into_iter().any(|scope| {
        let mut imports = scope.imports.iter();
        imports.any(|import| import.module.split('.').next() == Some("gradio"))
    });
    let what = |call: &Call| {
        let is_launch = matches!(&call.function, Expr::Attribute(_, name) if name == "launch");
        if has_gradio && is_launch && call.keyword("share") == Some(&Expr::Truth(true)) {
            return Some("`share=True`: Gradio opens a tunnel, and strangers come past the door");
        }
        let function = index.outside(&view, &call.function)?;
        let is_tunnel = ["pyngrok.ngrok.connect", "ngrok.connect", "ngrok.forward"];
        is_tunnel
            .contains(&function.as_str())
            .then_some("ngrok opens a tunnel, and strangers come past the door")
    };
    let found = module.calls.iter().filter_map(|(call, line)| {
        let remedy = "leave it out: `ship up` gives the app an address";
        Some(Finding::new(
            &CHECK,
            module.place(*line),
            what(call)?,
            remedy,
        ))
    });
    found.collect()
}
