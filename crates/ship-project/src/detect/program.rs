//! Programs of the project that are run as they are: which file starts one, and which port it asks
//! for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::command::CommandLine;
use crate::detect::objects::{import_paths, rank_of, start_folder};
use crate::detect::own_server::imports;
use crate::plan::{OwnPort, Place};
use crate::project::Project;
use crate::python::expr::{Call, Expr};
use crate::python::module::Module;

/// A program that is not an object behind a server.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) command: CommandLine,
    /// How it comes to listen where it should; `None` for a web server that is told by flags, and
    /// for a worker.
    pub(crate) own_port: Option<OwnPort>,
    /// It answers HTTP; else it is a worker.
    pub(crate) is_web: bool,
    pub(crate) reason: String,
    pub(crate) place: Place,
}

/// How a file is run.
pub(super) struct Run {
    pub(super) words: Vec<String>,
    /// The file, relative to `folder`.
    pub(super) file: String,
    pub(super) folder: PathBuf,
    pub(super) import_paths: Vec<PathBuf>,
}

/// `python app.py` in the file's folder; `python -m shop.main` where it is part of a package.
pub(super) fn run(project: &Project, module: &Module) -> Run {
    let (root, name) = project.index.import_name(&module.file);
    let folder = start_folder(&root);
    let file = module.file.strip_prefix(&folder).unwrap_or(&module.file);
    let file = file.display().to_string();
    let mut words = vec!["python".to_owned()];
    if name.contains('.') {
        let name = name.strip_suffix(".__main__").unwrap_or(&name);
        words.extend(["-m".to_owned(), name.to_owned()]);
    } else {
        words.push(file.clone());
    }
    Run {
        words,
        file,
        import_paths: import_paths(&root),
        folder,
    }
}

/// Among `serving` and the modules that import one of them, the file that starts the program: one
/// with a main block, a package's `__main__.py`, or one that starts it on its top level.
pub(super) fn entry<'a>(project: &'a Project, serving: &[&'a Module]) -> Option<&'a Module> {
    let mut near: BTreeSet<&Path> = serving.iter().map(|module| &*module.file).collect();
    if near.is_empty() {
        return None;
    }
    let all: Vec<&Module> = project.index.own_modules().collect();
    // Who imports who imports what serves: two steps reach `__main__` → `main` → `server`.
    for _ in 0..2 {
        let next: Vec<&Path> = all
            .iter()
            .filter(|module| {
                let imported = imports(project, module);
                imported.iter().any(|file| near.contains(file.as_path()))
            })
            .map(|module| &*module.file)
            .collect();
        near.extend(next);
    }
    let key = |module: &&'a Module| {
        let serves = serving.iter().any(|other| other.file == module.file);
        let kind = match (serves, has_main(module), module.stem() == "__main__") {
            (true, true, _) => 0,
            (_, _, true) => 1,
            (false, true, _) => 2,
            (true, false, _) if !module.top.calls.is_empty() => 3,
            _ => return None,
        };
        Some((
            kind,
            rank_of(module),
            module.file.components().count(),
            module.file.clone(),
        ))
    };
    let near = all
        .into_iter()
        .filter(|module| near.contains(&*module.file));
    let ranked = near.filter_map(|module| Some((key(&module)?, module)));
    ranked
        .min_by(|(a, _), (b, _)| a.cmp(b))
        .map(|(_, module)| module)
}

/// Whether it has `if __name__ == "__main__"` with something in it.
pub(super) fn has_main(module: &Module) -> bool {
    !module.main.calls.is_empty() || !module.main.bindings.is_empty()
}

/// The port that the program asks for, where its code names exactly one and does not read `PORT`.
pub(super) fn asked(entry: &Module, serving: &[&Module]) -> OwnPort {
    let modules = serving.iter().copied().chain([entry]);
    let mut texts = modules.clone().flat_map(|module| &module.texts);
    if texts.any(|(text, _)| text == "PORT") {
        return OwnPort::Given;
    }
    let ports: BTreeSet<u16> = modules
        .flat_map(|module| {
            module
                .calls
                .iter()
                .filter_map(|(call, _)| port_of(module, call))
        })
        .collect();
    match (ports.len(), ports.first()) {
        (1, Some(port)) => OwnPort::Asked(*port),
        _ => OwnPort::First,
    }
}

/// `port=8888`, `define("port", default=8888)`, `app.listen(8888)`, `HTTPServer(("", 8888), …)`.
fn port_of(module: &Module, call: &Call) -> Option<u16> {
    const LISTENS: [&str; 10] = [
        "add_insecure_port",
        "listen",
        "bind",
        "listenTCP",
        "run",
        "run_app",
        "HTTPServer",
        "ThreadingHTTPServer",
        "TCPServer",
        "make_server",
    ];
    let number = |expr: &Expr| port_number(module, expr);
    if let Some(port) = call.keyword("port").and_then(number) {
        return Some(port);
    }
    let is_option = call.arguments.first().and_then(Expr::text) == Some("port");
    if let Some(port) = call.keyword("default").filter(|_| is_option) {
        return number(port);
    }
    let name = match &call.function {
        Expr::Attribute(_, name) | Expr::Name(name) => name.as_str(),
        _ => "",
    };
    if !LISTENS.contains(&name) {
        return None;
    }
    call.arguments
        .iter()
        .take(2)
        .find_map(|argument| match argument {
            Expr::List(parts) => parts.get(1).and_then(number),
            // gRPC's: `[::]:50051`.
            Expr::Text(address) => address.rsplit_once(':')?.1.parse().ok(),
            other => number(other),
        })
}

fn port_number(module: &Module, expr: &Expr) -> Option<u16> {
    match expr {
        Expr::Number(number) => u16::try_from(*number).ok().filter(|port| *port > 0),
        Expr::Name(name) => match module.top.binding(name).map(|binding| &binding.value) {
            Some(Expr::Number(number)) => u16::try_from(*number).ok().filter(|port| *port > 0),
            _ => None,
        },
        _ => None,
    }
}

/// For reasons: `…, each instance with a port of its own in place of 8888`.
pub(super) fn spoken(port: OwnPort) -> String {
    match port {
        OwnPort::Given => "which is told its port".to_owned(),
        OwnPort::Asked(port) => format!("each instance with a port of its own in place of {port}"),
        OwnPort::First => "each instance with a port of its own".to_owned(),
    }
}
