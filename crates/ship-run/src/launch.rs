//! A keeper's process, from its start to the word that it has begun.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use ship_base::file;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::announcement::Announcement;
use crate::error::Error;
use crate::files::Files;
use crate::keeper::PATIENCE;
use crate::process::ProcessKey;
use crate::spec::Spec;

/// Starts the keeper's process, gives it its spec, and waits for it to say that it has begun.
pub(crate) async fn launch(program: &Path, spec: &Spec, files: &Files) -> Result<(), Error> {
    let failed = |source| Error::Start {
        instance: spec.instance.clone(),
        program: program.to_owned(),
        source,
    };
    let errors = file::append(&files.errors(), 0o600)?;
    let mut child = command(program, spec, errors).spawn().map_err(failed)?;
    let key = ProcessKey::of(child.id().cast_signed());
    let text = serde_json::to_vec(spec).map_err(|error| failed(error.into()))?;
    let told = spawn_blocking(move || (tell(&mut child, &text), child));
    let Ok(told) = timeout(PATIENCE, told).await else {
        key.map(|key| key.signal(Signal::KILL));
        return Err(failed(io::ErrorKind::TimedOut.into()));
    };
    let (announcement, child) = told.map_err(|error| failed(io::Error::other(error)))?;
    let announcement = announcement.map_err(failed)?;
    let instance = spec.instance.clone();
    match announcement {
        // Its exit status is taken by the follower.
        Announcement::Began => return Ok(()),
        Announcement::Taken => wait(child).await.map(|()| Error::Taken {
            instance,
            release: spec.release,
        }),
        Announcement::Failed(why) => wait(child).await.map(|()| Error::Begin { instance, why }),
    }
    .map_or_else(|source| Err(failed(source)), Err)
}

fn command(program: &Path, spec: &Spec, errors: File) -> Command {
    let (app, local, release) = (&spec.instance.app, spec.instance.local(), spec.release);
    let mut command = Command::new(program);
    command
        .arg0(format!("ship: {app} {local} {release}"))
        .arg("keep")
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(errors));
    command
}

/// Writes the spec and reads the announcement; the keeper closes its output right after.
fn tell(child: &mut Child, spec: &[u8]) -> io::Result<Announcement> {
    let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    stdin.write_all(spec)?;
    drop(stdin);
    let mut said = Vec::new();
    let mut stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    stdout.read_to_end(&mut said)?;
    if said.is_empty() {
        child.wait()?;
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&said)?)
}

async fn wait(mut child: Child) -> io::Result<()> {
    spawn_blocking(move || child.wait())
        .await
        .map_err(io::Error::other)??;
    Ok(())
}
