//! One start: where the program listens and what it is given.

use std::io;
use std::path::Path;

use ship_base::file;
use ship_base::paths::instance_file_name;
use ship_sandbox::{Program, Shim};

use super::{SHIM, port};
use crate::files::{self, MARKER};
use crate::process::ProcessKey;
use crate::spec::{Address, Listen, Spec};

/// Starts the program, again and again.
#[derive(Debug)]
pub(super) struct Starter {
    me: ProcessKey,
    port: Option<u16>,
}

impl Starter {
    /// For the programs of this keeper.
    pub(super) fn new(me: ProcessKey) -> Self {
        Self { me, port: None }
    }

    /// Where the next run is to listen; nothing lies in its way there.
    pub(super) fn address(&mut self, spec: &Spec) -> io::Result<Option<Address>> {
        Ok(match &spec.listen {
            None => None,
            Some(Listen::Unix(path)) => {
                clear_socket(path)?;
                Some(Address::Unix(path.clone()))
            }
            Some(Listen::Port) => {
                let port = port::choose(self.port)?;
                self.port = Some(port);
                Some(Address::Tcp(port::address(port)))
            }
        })
    }

    /// The program, running.
    pub(super) fn start(
        &self,
        spec: &Spec,
        address: Option<&Address>,
    ) -> Result<Program, ship_sandbox::Error> {
        ship_sandbox::spawn(&self.sandbox(spec, address), &shim(spec))
    }

    fn sandbox(&self, spec: &Spec, address: Option<&Address>) -> ship_sandbox::Spec {
        let mut env = spec.env.clone();
        let mut argv = spec.argv.clone();
        env.insert(MARKER.to_owned(), files::marker(self.me).into());
        env.entry("SHIP_INSTANCE".to_owned())
            .or_insert_with(|| spec.instance.to_string().into());
        if let Some(Address::Tcp(address)) = address {
            let port = address.port();
            env.insert("PORT".to_owned(), port.to_string().into());
            argv = argv
                .iter()
                .map(|argument| port::fill(argument, port))
                .collect();
        }
        ship_sandbox::Spec {
            name: instance_file_name(&spec.instance, spec.release),
            argv,
            env,
            folder: spec.folder.clone(),
            user: None,
            stdin: Vec::new(),
            caps: spec.caps,
        }
    }
}

/// This binary, also when its file has been replaced by a newer one meanwhile.
fn shim(spec: &Spec) -> Shim {
    let instance = &spec.instance;
    shim_called(format!(
        "ship: {} {} starts",
        instance.app,
        instance.local()
    ))
}

/// The shim of `ship-sandbox`, under this name in process lists.
pub fn shim_called(title: String) -> Shim {
    Shim {
        program: "/proc/self/exe".into(),
        title,
        arguments: vec!["keep".into(), SHIM.into()],
    }
}

/// Removes what lies at a socket's path, and sees that its folder is there.
pub(super) fn clear_socket(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        file::create_folder(folder).map_err(|error| error.source)?;
    }
    file::remove(path).map_err(|error| error.source)
}
