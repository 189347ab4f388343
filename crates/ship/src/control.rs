//! The way to the server: who answers on the socket, and how one is started where nobody does.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ship_api::Dial;
use ship_api::client::{self, Client};
use ship_base::fault::FaultKind;
use ship_base::file;
use ship_base::lock::Lock;
use ship_base::paths::Folders;
use ship_base::secret::Secret;

use crate::error::{CommandError, Result};
use crate::variables::{self, ROLES, TOOLS};
use crate::world::World;

/// How long a started server may take to answer: it finds living keepers again first.
const START: Duration = Duration::from_secs(15);
/// How often one is started: the first may have met one that was about to end.
const STARTS: u32 = 2;
/// How often it is asked meanwhile.
const ASK: Duration = Duration::from_millis(5);
/// What is said of one that does not.
const NOT_UP: &str = "the server did not come up";
/// How many of its last lines are shown when it does not come up.
const LAST_LINES: usize = 12;
/// A server log beyond this is put aside when a server starts: two of them are kept at most.
const LOG_CAP: u64 = 5_000_000;

/// The server of this user.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    folders: Folders,
    environment: BTreeMap<OsString, OsString>,
    program: PathBuf,
    far: Option<Dial>,
    /// systemd starts it, not we.
    is_installed: bool,
}

impl Control {
    /// The one that this world's folders belong to.
    pub(crate) fn new(world: &World, far: Option<Dial>) -> Result<Self> {
        Ok(Self {
            folders: world.folders()?,
            environment: server_environment(world),
            program: World::program(),
            far,
            is_installed: world.is_server(),
        })
    }

    /// Its folders.
    pub(crate) fn folders(&self) -> &Folders {
        &self.folders
    }

    /// Whether it is another machine's.
    pub(crate) fn is_far(&self) -> bool {
        self.far.is_some()
    }

    /// Whether anything was ever brought up here.
    pub(crate) fn was_used(&self) -> bool {
        self.far.is_some() || self.folders.database().exists()
    }

    /// The server if it runs. A connection alone does not tell: one that was killed a moment ago
    /// may still have its socket. One far away is taken to run.
    pub(crate) async fn running(&self) -> Result<Option<Client>> {
        if let Some(dial) = &self.far {
            // The first request shows whether it is there: every one is a program of its own.
            return Ok(Some(Client::through(dial.clone())));
        }
        match tokio::time::timeout(START, self.answers()).await {
            Ok(Ok(client)) => Ok(Some(client)),
            Ok(Err(error)) if error.is_gone() => Ok(None),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(self.failed("the server is there and does not answer", &late())),
        }
    }

    async fn answers(&self) -> client::Result<Client> {
        let client = Client::connect(&self.folders.api_socket()).await?;
        client.status().await.map(|_| client)
    }

    /// The server; started where it does not run.
    pub(crate) async fn connect(&self) -> Result<Client> {
        if let Some(client) = self.running().await? {
            return Ok(client);
        }
        if self.is_installed {
            return Err(CommandError::new(
                FaultKind::Outside,
                "the server of this machine does not run",
            )
            .hint("`systemctl start ship` starts it; `journalctl -u ship` tells why it ended"));
        }
        self.folders.create()?;
        self.start_and_wait().await
    }

    fn start(&self) -> Result<Child> {
        let log = self.folders.server_log();
        put_aside(&log)?;
        let out = file::append(&log, 0o600)?;
        let error = file::append(&log, 0o600)?;
        Command::new(&self.program)
            .arg0("ship:")
            .args(["server", "run"])
            .env_clear()
            .envs(&self.environment)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(error)
            .spawn()
            .map_err(|error| {
                CommandError::new(FaultKind::Outside, "cannot start the server").cause(error)
            })
    }

    /// Starts a server and waits until it answers, or the one that was quicker than ours does.
    async fn start_and_wait(&self) -> Result<Client> {
        let deadline = Instant::now() + START;
        let mut server = self.start()?;
        let mut starts = 1;
        loop {
            if let Some(client) = self.running().await? {
                return Ok(client);
            }
            let ended = server.try_wait().ok().flatten();
            if let Some(ended) = ended.filter(|_| !self.is_held()) {
                if starts == STARTS {
                    return Err(self.failed(NOT_UP, &format!("it ended: {ended}")));
                }
                server = self.start()?;
                starts += 1;
            }
            if Instant::now() > deadline {
                return Err(self.failed(NOT_UP, &late()));
            }
            tokio::time::sleep(ASK).await;
        }
    }

    /// Whether a server lives, also one that does not answer yet or no more. Two commands may start
    /// a server at once, or one may start while another is about to end: a server that finds the
    /// lock taken ends.
    pub(crate) fn is_held(&self) -> bool {
        matches!(Lock::try_now(&self.folders.server_lock()), Ok(None))
    }

    fn failed(&self, message: &str, cause: &str) -> CommandError {
        let log = self.folders.server_log();
        let problem = ship_api::problem::Problem {
            causes: vec![cause.to_owned()],
            output: last_lines(&log),
            hints: vec![
                format!("the whole log: `less {}`", log.display()),
                "`ship doctor` looks at the machine".to_owned(),
            ],
            ..ship_api::problem::Problem::new(FaultKind::Outside, message)
        };
        problem.into()
    }
}

fn late() -> String {
    format!("no answer within {} s", START.as_secs())
}

/// What the server is started with: what it hands on to its roles and to the tools of builds.
fn server_environment(world: &World) -> BTreeMap<OsString, OsString> {
    let mut environment = role_environment(world);
    let tools = tool_environment(world).into_iter();
    environment.extend(tools.map(|(name, value)| (name.into(), value.into_inner().into())));
    environment
}

/// What door and keepers are started with.
pub(crate) fn role_environment(world: &World) -> BTreeMap<OsString, OsString> {
    let named = |name: &std::ffi::OsStr| {
        name.to_str()
            .is_some_and(|name| variables::is_in(ROLES, name))
    };
    world
        .variables()
        .filter(|(name, _)| named(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What the tools of a build are started with. Values that are not UTF-8 are left out.
pub(crate) fn tool_environment(world: &World) -> BTreeMap<String, Secret<String>> {
    world
        .variables()
        .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
        .filter(|(name, _)| variables::is_in(TOOLS, name))
        .map(|(name, value)| (name.to_owned(), Secret::new(value.to_owned())))
        .collect()
}

fn put_aside(log: &std::path::Path) -> Result<()> {
    if log.metadata().is_ok_and(|log| log.len() > LOG_CAP) {
        file::rename_synced(log, &log.with_extension("log.old"))?;
    }
    Ok(())
}

fn last_lines(log: &std::path::Path) -> Vec<String> {
    let content = file::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&content);
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(LAST_LINES);
    lines[first..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_the_shell_reach_neither_roles_nor_tools() {
        let variables = [
            ("PATH", "/bin"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("UV_OFFLINE", "1"),
        ];
        let world = World::made("/".as_ref(), &variables);
        let roles: Vec<_> = role_environment(&world).into_keys().collect();
        assert_eq!(roles, ["PATH"]);
        let tools: Vec<_> = tool_environment(&world).into_keys().collect();
        assert_eq!(tools, ["PATH", "UV_OFFLINE"]);
    }
}
