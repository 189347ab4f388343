//! What a program is told that was not written for it, by the module `sitecustomize`, which Python
//! imports before anything else. Ours does nothing without its variables.
//!
//! Ports: a program that is its own server and asks for a port of its own choice listens on the one
//! that its instance was given, on the loopback interface. So its instances stand beside each other,
//! the new release beside the old one while they are switched, and what says `0.0.0.0` is not
//! reachable from outside. Only that process gets `SHIP_OWN_PORT` (`start.rs` of ship-project).
//!
//! Hosts: Django allows the names that the door routes to the app (`SHIP_HOSTS`) beside those of its
//! settings. The door lets no others through, so that nothing is lost of what `ALLOWED_HOSTS` is for.

use std::path::Path;

use ship_base::file;

use crate::error::Error;

/// The module.
pub(super) const SCRIPT: &str = include_str!("../scripts/sitecustomize.py");

/// Puts it into the layer, for whoever the app runs as: Python passes silently over a module that it
/// may not read.
pub(super) fn add(folder: &Path) -> Result<(), Error> {
    Ok(file::write_whole_with_mode(
        &folder.join("sitecustomize.py"),
        SCRIPT.as_bytes(),
        0o644,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// What stands in for gRPC's own modules: its library listens without Python's sockets.
    const SERVER: &str =
        "class _Server:\n    def add_insecure_port(self, address):\n        print(address)\n";

    const PROGRAM: &str = "\
import grpc._server
import grpc.aio._server
server = grpc._server._Server()
for address in ['[::]:50051', '0.0.0.0:50051', 'unix:/run/a:1', '[::]:9090', 'localhost']:
    server.add_insecure_port(address)
grpc.aio._server.Server().add_insecure_port('[::]:50051')
";

    #[test]
    fn a_port_of_grpc_s_own_library_is_exchanged_as_well() {
        let folder = tempfile::tempdir().unwrap();
        add(folder.path()).unwrap();
        let grpc = folder.path().join("grpc");
        let write = |name: &str, text: &str| {
            let file = grpc.join(name);
            file::create_folder(file.parent().unwrap()).unwrap();
            file::write_whole(&file, text.as_bytes()).unwrap();
        };
        write("__init__.py", "");
        write("_server.py", SERVER);
        write("aio/__init__.py", "");
        write("aio/_server.py", &SERVER.replace("_Server", "Server"));
        let said = |own_port: &str| {
            let output = Command::new("python3")
                .args(["-c", PROGRAM])
                .env("PYTHONPATH", folder.path())
                .env("SHIP_OWN_PORT", own_port)
                .env("PORT", "40123")
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let given = "127.0.0.1:40123\n127.0.0.1:40123\nunix:/run/a:1\n[::]:9090\nlocalhost\n127.0.0.1:40123\n";
        assert_eq!(said("50051"), given);
        // The first one that it listens on.
        assert_eq!(said("first"), given);
    }
}
