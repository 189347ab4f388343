//! gRPC: <https://grpc.io>. What answers it stands behind the front door as a program that no visitor
//! comes to, and that is told.

use crate::detect::own_server::first_sign;
use crate::plan::Note;
use crate::project::Project;

/// What makes a server, by importable name: <https://grpc.github.io/grpc/python/grpc.html>,
/// <https://grpc.github.io/grpc/python/grpc_asyncio.html>, <https://grpclib.readthedocs.io>.
const SIGNS: [&str; 4] = [
    "grpc.server",
    "grpc.aio.server",
    "grpc.experimental.aio.server",
    "grpclib.server.Server",
];

/// The front door answers HTTP/2 itself and speaks HTTP/1.1 to apps (`ship-door/src/head.rs`); gRPC
/// needs HTTP/2 with its trailers all the way
/// (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).
pub(crate) fn note(project: &Project) -> Option<Note> {
    let mut modules = project.index.own_modules_with(&["grpc", "grpclib"]);
    let place =
        modules.find_map(|module| Some(module.place(first_sign(project, module, &SIGNS)?)))?;
    Some(Note {
        text: "the code answers gRPC, and visitors cannot reach it: the front door speaks HTTP/1.1 to apps, gRPC is HTTP/2 from end to end".to_owned(),
        hint: Some("what the app's own processes ask of each other stays as it is; for visitors, answer JSON, gRPC-Web or Connect over HTTP/1.1 from a web application beside it".to_owned()),
        place: Some(place),
    })
}
