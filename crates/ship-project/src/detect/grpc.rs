//! gRPC: <https://grpc.io>. The front door speaks HTTP/2 with what answers it.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting, first_sign};
use crate::plan::{Note, Process, Protocol, Role};
use crate::project::Project;
use crate::python::module::Module;

pub(super) const ROW: Row = Row {
    key: "grpc",
    label: "gRPC",
    package: "grpcio",
    classes: &[],
};

/// What makes a server: <https://grpc.github.io/grpc/python/grpc.html>,
/// <https://grpc.github.io/grpc/python/grpc_asyncio.html>, <https://grpclib.readthedocs.io>.
pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &[
        "grpc.server",
        "grpc.aio.server",
        "grpc.experimental.aio.server",
        "grpclib.server.Server",
    ],
    start: Starting::Script,
    note: None,
};

/// What the author of a server should know: how callers come to it, or why none does.
pub(crate) fn note(project: &Project, processes: &[Process]) -> Option<Note> {
    let mut modules = project.index.own_modules_with(&["grpc", "grpclib"]);
    let (module, line) =
        modules.find_map(|module| Some((module, first_sign(project, module, SERVER.signs)?)))?;
    let is_reached = processes.iter().any(|process| {
        matches!(
            process.role,
            Role::Web {
                protocol: Protocol::H2c,
                ..
            }
        )
    });
    if !is_reached {
        return Some(Note {
            text: "the code answers gRPC, and visitors cannot reach it: they come to what answers HTTP".to_owned(),
            hint: Some("what the app's own processes ask of each other stays as it is; for visitors, make it an app of its own, with `command` and `protocol = \"h2c\"` in `[web]`".to_owned()),
            place: Some(module.place(line)),
        });
    }
    let own_tls = first_call(module, "add_secure_port");
    let own_tls = own_tls.filter(|_| first_call(module, "add_insecure_port").is_none());
    let Some(line) = own_tls else {
        return Some(Note {
            text: "callers come by TLS: to the app's name and the front door's port for HTTPS".to_owned(),
            hint: Some("on this machine `ship trust --print >ca.pem` gives them the authority of its certificate".to_owned()),
            place: Some(module.place(line)),
        });
    };
    Some(Note {
        text:
            "the server speaks TLS itself, and the front door asks it without: TLS ends at the door"
                .to_owned(),
        hint: Some(
            "`add_insecure_port` in place of `add_secure_port`; nobody else can reach it"
                .to_owned(),
        ),
        place: Some(module.place(line)),
    })
}

/// Where a method with this name is called.
fn first_call(module: &Module, method: &str) -> Option<u32> {
    use crate::python::expr::Expr;
    let is = |function: &Expr| matches!(function, Expr::Attribute(_, name) if name == method);
    let mut calls = module.calls.iter();
    calls.find_map(|(call, line)| is(&call.function).then_some(*line))
}
