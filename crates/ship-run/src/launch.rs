//! A keeper's process, from its start to the word that it has begun.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use ship_base::file;
use tokio::task::spawn_blocking;

use crate::announcement::Announcement;
use crate::error::Error;
use crate::files::Files;
use crate::fork_server::ForkServer;
use crate::remains;
use crate::spec::Spec;

/// Starts the keeper's process, gives it its spec, and waits for it to say that it has begun.
pub(crate) async fn launch(
    server: &Arc<ForkServer>,
    spec: &Spec,
    files: &Files,
) -> Result<(), Error> {
    let failed = |source| Error::Start {
        instance: spec.instance.clone(),
        program: server.program().to_owned(),
        source,
    };
    let errors = file::append(&files.errors(), 0o600)?;
    let text = serde_json::to_vec(spec).map_err(|error| failed(error.into()))?;
    let server = server.clone();
    let told = spawn_blocking(move || {
        let (keeper, stream) = server.fork(&errors)?;
        let told = tell(stream, &text);
        if told.is_err() {
            keeper.into_iter().for_each(remains::kill);
        }
        told
    });
    let told = told
        .await
        .map_err(|error| failed(io::Error::other(error)))?;
    let instance = spec.instance.clone();
    match told.map_err(failed)? {
        Announcement::Began => Ok(()),
        Announcement::Taken => Err(Error::Taken {
            instance,
            release: spec.release,
        }),
        Announcement::Failed(why) => Err(Error::Begin { instance, why }),
    }
}

/// Writes the spec and reads the announcement; the keeper closes its end right after.
fn tell(mut stream: UnixStream, spec: &[u8]) -> io::Result<Announcement> {
    stream.write_all(spec)?;
    stream.shutdown(Shutdown::Write)?;
    let mut said = Vec::new();
    stream.read_to_end(&mut said).map_err(timed_out)?;
    if said.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&said)?)
}

/// A socket that waited for too long says that it would have to wait (socket(7), `SO_RCVTIMEO`).
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
