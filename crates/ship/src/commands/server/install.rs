//! `ship server install`, `upgrade` and `uninstall`: on this machine, or by ssh on another.

use std::path::Path;
use std::time::{Duration, Instant};

use ship_api::client::Client;
use ship_api::request::Stop;
use ship_base::fault::FaultKind;
use ship_base::file;
use ship_base::hash::ContentHash;

use super::machine::{self, APPS_UNIT, CONFIG, PROGRAM, STEPS, UNIT, systemctl};
use crate::cli::Context;
use crate::control::Control;
use crate::error::{CommandError, Result};
use crate::remotes::{self, Remotes};
use crate::world::World;

/// How long a started server may take to answer: it starts every app that ran.
const ANSWERS: Duration = Duration::from_mins(1);
/// How often it is asked meanwhile.
const ASK: Duration = Duration::from_millis(100);

/// What the other machine does with the program that arrives on its standard input: it is run only
/// when its hash is the one that was sent. Nothing of ours is put into this text but the hash.
const RECEIVE: &str = "set -eu; umask 077; new=$(mktemp /tmp/ship.XXXXXX); trap 'rm -f \"$new\"' EXIT; \
                       cat >\"$new\"; echo \"HASH  $new\" | sha256sum --check --status || \
                       { echo 'the program did not arrive whole' >&2; exit 1; }; \
                       chmod 700 \"$new\"; \"$new\" server";

/// Installs, or brings an installation to this version.
pub(super) async fn install(
    context: &mut Context,
    destination: Option<&str>,
    dry_run: bool,
) -> Result<()> {
    if let Some(destination) = destination {
        let verb = if dry_run {
            "install --dry-run"
        } else {
            "install"
        };
        return elsewhere(context, destination, verb);
    }
    machine::check()?;
    let mut renewed = false;
    for step in STEPS {
        if (step.is_done)() {
            context.ui.say(&format!("  ✓ {}: there already", step.what));
        } else if dry_run {
            context.ui.say(&format!("  → {}", step.what));
        } else {
            (step.go)()?;
            renewed = true;
            context.ui.say(&format!("  ✓ {}", step.what));
        }
    }
    if dry_run {
        context.ui.say("  nothing was changed");
        return Ok(());
    }
    if renewed {
        // Control alone is started again: apps and front door stay, and so do the requests in them.
        systemctl(&["restart", "ship"])?;
    }
    let status = answers(context).await?;
    context
        .ui
        .say(&format!("  the server runs, version {}", status.version));
    context
        .ui
        .say("  `ship deploy user@host` from a project's folder brings an app here");
    Ok(())
}

async fn answers(context: &Context) -> Result<ship_api::reply::ServerStatus> {
    // Read anew: there was no server's configuration when this process began, perhaps.
    let control = Control::new(&context.world, None)?;
    let deadline = Instant::now() + ANSWERS;
    loop {
        if let Some(client) = control.running().await? {
            return Ok(client.status().await?);
        }
        if Instant::now() > deadline {
            return Err(CommandError::new(
                FaultKind::Outside,
                "the server was started and does not answer",
            )
            .hint("`journalctl -u ship` and `/var/lib/ship/server.log` tell why"));
        }
        tokio::time::sleep(ASK).await;
    }
}

/// Stops everything and takes the program away; what apps are and have stays unless `purge`.
pub(super) async fn uninstall(
    context: &mut Context,
    destination: Option<&str>,
    purge: bool,
) -> Result<()> {
    if let Some(destination) = destination {
        let verb = if purge {
            "uninstall --purge"
        } else {
            "uninstall"
        };
        return elsewhere(context, destination, verb);
    }
    if !rustix::process::getuid().is_root() {
        return Err(CommandError::user("uninstalling a server needs root"));
    }
    let control = Control::new(&context.world, None)?;
    let is_server = Path::new(CONFIG).exists();
    let stopped = stop_everything(context, &control, is_server).await?;
    if Path::new(UNIT).exists() {
        systemctl(&["disable", "--now", "--quiet", "ship"])?;
        file::remove(Path::new(UNIT))?;
        if Path::new(APPS_UNIT).exists() {
            // It refuses to be stopped; nothing is left in it but its own process.
            let _ = systemctl(&["kill", "ship-apps"]);
            file::remove(Path::new(APPS_UNIT))?;
        }
        systemctl(&["daemon-reload"])?;
        context.ui.say("  ✓ the units are gone");
    }
    if is_server && stopped {
        // Sockets that nobody listens on any more. Where control did not answer, keepers may live,
        // and what is there is how they are found.
        file::remove_folder(control.folders().runtime())?;
    }
    let data = control.folders().data().to_owned();
    if purge && is_server {
        file::remove_folder(&data)?;
        context
            .ui
            .say("  ✓ apps, their data and their releases are gone");
    }
    if is_server {
        file::remove(Path::new(CONFIG))?;
        file::remove_folder_if_empty(Path::new(CONFIG).parent().unwrap_or(Path::new("/")))?;
    }
    file::remove(Path::new(PROGRAM))?;
    context.ui.say("  ✓ the program is gone");
    if !purge && data.exists() {
        let kept = data.display();
        context
            .ui
            .say(&format!("  what apps are and have is kept in {kept}"));
    }
    Ok(())
}

/// Ends apps and front door, which outlive control: where it does not run, it is started for that.
/// `false` where none answers.
async fn stop_everything(
    context: &mut Context,
    control: &Control,
    is_server: bool,
) -> Result<bool> {
    let socket = control.folders().api_socket();
    let mut client = Client::connect(&socket).await.ok();
    if client.is_none() && is_server {
        let started = systemctl(&["start", "ship"]).is_ok() && answers(context).await.is_ok();
        if started {
            client = Client::connect(&socket).await.ok();
        } else {
            context
                .ui
                .say("  ! the server does not start: apps that still run are not stopped");
        }
    }
    let Some(client) = client else {
        return Ok(false);
    };
    client.stop_server(&Stop::default()).await?;
    context
        .ui
        .say("  ✓ every app and the front door are stopped");
    Ok(true)
}

/// Copies this very program there, and lets it do the same on that machine.
fn elsewhere(context: &mut Context, destination: &str, verb: &str) -> Result<()> {
    let there = Remotes::read(&context.world)?.destination(destination)?;
    context.ui.say(&format!("{there}:"));
    let program = file::read(&World::program())?;
    let receive = RECEIVE.replace("HASH", &ContentHash::of(&program).to_string());
    let command = format!("{receive} {verb}");
    let dial = remotes::ssh(&context.world, &there, &[&command]);
    let ended = remotes::start_there(&dial, &program)?;
    match ended {
        Some(0) => Ok(()),
        // What went wrong was said there, in the same words.
        Some(255) | None => Err(remotes::no_way(&there.to_string())),
        Some(code) => Err(CommandError::new(
            FaultKind::Outside,
            format!("{there} is not as it should be"),
        )
        .cause(format!("`ship server {verb}` ended there with {code}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ship_api::Dial;

    fn receive(content: &[u8], hash: ContentHash) -> (Option<i32>, bool) {
        let folder = tempfile::tempdir().unwrap();
        let marker = folder.path().join("ran");
        let command = format!(
            "{} {}",
            RECEIVE.replace("HASH", &hash.to_string()),
            marker.display()
        );
        let shell = Dial {
            destination: String::new(),
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), command.into()],
        };
        (
            remotes::start_there(&shell, content).unwrap_or_default(),
            marker.exists(),
        )
    }

    #[test]
    fn a_program_that_did_not_arrive_whole_is_not_run() {
        let program = b"#!/bin/sh\ntouch \"$2\"\n";
        let hash = ContentHash::of(program);
        assert_eq!(receive(program, hash), (Some(0), true));
        assert_eq!(receive(&program[..12], hash), (Some(1), false));
    }
}
