//! The long-lived roles of the one binary; none of them is a command of a person.

use std::ffi::{CStr, OsString};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ship_base::fault::FaultKind;
use ship_base::hint;
use ship_sandbox::descriptors;
use ship_server::SocketStore;
use tracing_subscriber::EnvFilter;

use crate::config::Config;
use crate::error::{CommandError, Result};
use crate::exit;
use crate::problem_view;
use crate::ui::Ui;
use crate::world::World;

/// How long a server without any app to run stays: long enough for the next command.
const IDLE: Duration = Duration::from_mins(5);
/// The most threads that the door of a laptop serves with.
const MOST_CORES: usize = 4;

/// What this process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// `ship keep`: the parent of one instance.
    Keeper,
    /// `ship door`: the front door.
    Door,
    /// `ship door next`: one that is to take the place of another.
    NextDoor,
    /// `ship server run`: control.
    Server,
}

impl Role {
    /// The role that these arguments name; `None` for a command.
    pub(crate) fn of(arguments: &[OsString]) -> Option<Self> {
        let word = |index: usize| arguments.get(index).and_then(|word| word.to_str());
        match (word(1)?, arguments.len()) {
            ("keep", _) => Some(Self::Keeper),
            ("door", 2) => Some(Self::Door),
            ("door", 3) if word(2) == Some("next") => Some(Self::NextDoor),
            ("server", 3) if word(2) == Some("run") => Some(Self::Server),
            _ => None,
        }
    }
}

/// `ship keep`.
pub(crate) fn keeper() -> ExitCode {
    ship_run::keep::main()
}

/// `ship door`.
pub(crate) fn door(world: &World, is_next: bool) -> ExitCode {
    show_as(c"ship-door");
    ship_sandbox::keep_freed_memory();
    log_to_stderr(world);
    ended(run_door(world, is_next))
}

fn run_door(world: &World, is_next: bool) -> Result<()> {
    let folders = world.folders()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let config = ship_door::Config {
        socket: folders.door_socket(),
        first_socket: is_next.then(|| folders.next_door_socket()),
        folder: folders.door(),
        cores: cores.min(MOST_CORES),
        developer: !world.is_server(),
    };
    ship_door::run(config).map_err(|error| CommandError::of(error.fault(), &error))
}

/// `ship server run`.
pub(crate) fn server(world: &World) -> ExitCode {
    // A session of our own, so that no terminal takes us with it. It fails for a process that
    // leads a group already, and that is right: such a one was started in the foreground.
    let _ = rustix::process::setsid();
    show_as(c"ship-server");
    log_to_stderr(world);
    ended(run_server(world))
}

/// What a service manager offers to its services, and has given to this one (sd_notify(3),
/// sd_listen_fds(3)); nothing where there is none.
fn socket_store(world: &World) -> SocketStore {
    let text = |name| {
        world
            .variable(name)
            .and_then(|text| text.into_string().ok())
    };
    let Some(manager) = world.variable("NOTIFY_SOCKET") else {
        return SocketStore::default();
    };
    // They stand there for the children of who was meant, too.
    let is_for_us = text("LISTEN_PID").is_some_and(|pid| pid == std::process::id().to_string());
    let count = text("LISTEN_FDS").and_then(|count| count.parse().ok());
    let given = count
        .filter(|_| is_for_us)
        .map(descriptors::take_given)
        .and_then(Result::ok)
        .unwrap_or_default();
    let names = text("LISTEN_FDNAMES").unwrap_or_default();
    let named = names.split(':').map(str::to_owned).zip(given);
    let given = named.filter_map(|(name, socket)| Some((name, socket?)));
    SocketStore::new(manager.into(), given.collect())
}

fn run_server(world: &World) -> Result<()> {
    let sockets = socket_store(world);
    let machine = world.is_server().then(Config::read).transpose()?.flatten();
    machine.iter().for_each(Config::warn_if_open);
    let mut tools = crate::control::tool_environment(world);
    if let Some(index) = machine.as_ref().and_then(|machine| machine.index.clone()) {
        // uv and pip each read their own.
        for name in ["UV_DEFAULT_INDEX", "PIP_INDEX_URL"] {
            tools.insert(name.to_owned(), index.clone().into());
        }
    }
    let config = ship_server::Config {
        folders: world.folders()?,
        program: World::program(),
        developer: machine.is_none(),
        idle: machine.is_none().then_some(IDLE),
        room: machine
            .as_ref()
            .map_or_else(ship_server::Room::default, |machine| machine.room.caps()),
        public: machine.map(|machine| ship_server::Public {
            http: machine.http,
            https: machine.https,
            http3: machine.http3,
            acme: machine.acme.authority(),
        }),
        sockets: Arc::new(sockets),
        role_environment: crate::control::role_environment(world),
        tools,
    };
    ship_server::run(config).map_err(|error| CommandError::of(error.fault(), &error))
}

/// The name that `top` and `pstree` show: started through `/proc/self/exe` it would be `exe`.
fn show_as(name: &CStr) {
    let _ = rustix::thread::set_name(name);
}

/// `SHIP_LOG` takes what `tracing_subscriber::EnvFilter` understands; `info` by default.
fn log_to_stderr(world: &World) {
    let filter = world.variable("SHIP_LOG").and_then(|filter| {
        let filter = filter.into_string().ok()?;
        EnvFilter::try_new(filter).ok()
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new("info")))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}

/// A role's last words go where its log goes.
fn ended(result: Result<()>) -> ExitCode {
    let problem = match result {
        Ok(()) | Err(CommandError::NobodyReads) => return ExitCode::from(exit::OK),
        Err(CommandError::Interrupted) => return ExitCode::from(exit::INTERRUPTED),
        Err(CommandError::Failed(problem)) => problem,
    };
    if problem.kind == FaultKind::Bug {
        tracing::error!("{}", hint::chain(&*problem));
    }
    let mut ui = Ui::of_process(false);
    ui.say(&problem_view::render(&problem));
    ExitCode::from(exit::of(problem.kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(words: &[&str]) -> Option<Role> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        Role::of(&words)
    }

    #[test]
    fn roles_are_told_from_commands_by_their_exact_words() {
        assert_eq!(role(&["ship: blog web.1 r7", "keep"]), Some(Role::Keeper));
        assert_eq!(role(&["ship: door", "door"]), Some(Role::Door));
        assert_eq!(role(&["ship", "server", "run"]), Some(Role::Server));
        assert_eq!(role(&["ship", "server", "run", "--help"]), None);
        assert_eq!(role(&["ship", "server", "stop"]), None);
        assert_eq!(role(&["ship", "up"]), None);
        assert_eq!(role(&["ship"]), None);
    }
}
