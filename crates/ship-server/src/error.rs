//! What can go wrong, and how it is told.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ship_api::problem::Problem;
use ship_base::count;
use ship_base::fault::FaultKind;
use ship_base::file::FileError;
use ship_base::hint::{self, Hints};
use ship_base::name::{AppName, KeyName, ProcessName, ReleaseId};
use ship_build::last_words::LastWords;

/// A failure of the control process or of something it was asked to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder of ours.
    #[error(transparent)]
    File(#[from] FileError),
    /// The records.
    #[error(transparent)]
    Store(#[from] ship_store::Error),
    /// A release's plan.
    #[error("cannot understand `{}`", path.display())]
    Plan {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The project could not be read.
    #[error(transparent)]
    Project(#[from] ship_project::Error),
    /// The build failed.
    #[error(transparent)]
    Build(#[from] ship_build::Error),
    /// The logs.
    #[error(transparent)]
    Observe(#[from] ship_observe::Error),
    /// A keeper could not be started or reached.
    #[error(transparent)]
    Run(#[from] ship_run::Error),
    /// The door could not be started or reached.
    #[error(transparent)]
    Door(#[from] ship_door::Error),
    /// A key asked for what it was not given.
    #[error("the key `{key}` may not ask for `{route}`")]
    Forbidden {
        /// Its name.
        key: KeyName,
        /// What was asked.
        route: String,
    },
    /// Two keys would have one name.
    #[error("there is a key `{key}` already")]
    KeyTaken {
        /// Its name.
        key: KeyName,
    },
    /// No key has this name.
    #[error("there is no key `{key}`")]
    NoKey {
        /// The name.
        key: KeyName,
    },
    /// Another control process has this installation.
    #[error("another control process already serves these folders")]
    AlreadyRuns,
    /// The API socket.
    #[error("cannot listen on `{socket}`")]
    Socket {
        /// Where.
        socket: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The process could not set itself up.
    #[error("cannot set up {what}")]
    Setup {
        /// `signals`, `an event loop`.
        what: &'static str,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A port that was asked for.
    #[error("port {port} is taken{}", by(.holder.as_deref()))]
    Port {
        /// Which.
        port: u16,
        /// Who has it.
        holder: Option<String>,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A port that the system keeps for root.
    #[error("port {port} is for root alone")]
    PortForbidden {
        /// Which.
        port: u16,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The door lives and does not answer.
    #[error("the front door does not answer within {}", count::duration(*within))]
    DoorSilent {
        /// How long it was given.
        within: Duration,
    },
    /// The door ended or did not answer.
    #[error("the front door did not start: {why}")]
    DoorDown {
        /// What was seen.
        why: String,
    },
    /// Nobody knows this app.
    #[error("there is no app named `{app}`")]
    NoApp {
        /// The name.
        app: String,
    },
    /// The app never came up.
    #[error("`{app}` has no release yet")]
    NoRelease {
        /// Which app.
        app: AppName,
    },
    /// The app is stopped.
    #[error("`{app}` is not running")]
    NotRunning {
        /// Which app.
        app: AppName,
    },
    /// A release that is not kept.
    #[error("`{app}` has no release {release}")]
    NoSuchRelease {
        /// Which app.
        app: AppName,
        /// Which release; `before the first` when there is no previous one.
        release: String,
    },
    /// An app that never was live has no release for another.
    #[error("`{app}` has no release to promote")]
    NothingToPromote {
        /// Which app.
        app: AppName,
    },
    /// The name belongs to another folder.
    #[error("`{app}` is already the name of another project: {project}")]
    NameTaken {
        /// Which app.
        app: AppName,
        /// Its folder.
        project: String,
    },
    /// A source that no honest command sends.
    #[error(transparent)]
    Source(#[from] ship_api::source::SourceError),
    /// A batch of content that cannot be opened.
    #[error("the content that was sent cannot be read")]
    Batch(#[source] io::Error),
    /// A `--domain` that is none.
    #[error("`{domain}` is not a domain")]
    Domain {
        /// What was given.
        domain: String,
    },
    /// A wildcard whose certificate nobody can be asked for.
    #[error(
        "`{domain}` can have no certificate: for a wildcard, the authority wants to see a record in its DNS"
    )]
    Wildcard {
        /// Which.
        domain: String,
    },
    /// Content that was offered and is not here, or not what it was.
    #[error("the content of `{path}` did not arrive whole")]
    Content {
        /// Relative to the project.
        path: String,
    },
    /// Settings that the manifest requires.
    #[error("{} of `{app}` {} no value: {}", count::plural(names.len(), "setting"), has(names.len()), names.join(", "))]
    MissingSettings {
        /// Which app.
        app: AppName,
        /// Which names.
        names: Vec<String>,
    },
    /// A setting that is to have the users of a route and has something else.
    #[error(
        "`{name}` of `{app}` is to have the users of the route `{prefix}`, and has none, or words that are no user"
    )]
    Users {
        /// Which app.
        app: AppName,
        /// Which setting.
        name: String,
        /// The route that asks.
        prefix: String,
    },
    /// There is no randomness to draw a secret from.
    #[error("cannot draw a secret: the system gives no random bytes")]
    Random(#[source] io::Error),
    /// The disk is nearly full.
    #[error(
        "no deploy begins with {} free for `{}`: {} are kept for the front door, certificates and records",
        count::bytes(*free), folder.display(), count::bytes(*reserve)
    )]
    NoRoom {
        /// Where our data lies.
        folder: PathBuf,
        /// The bytes that are free there.
        free: u64,
        /// The bytes that are kept free.
        reserve: u64,
    },
    /// A name that is no variable.
    #[error("`{name}` cannot be the name of a variable")]
    VariableName {
        /// The name.
        name: String,
    },
    /// A process that the plan does not have.
    #[error("`{app}` has no process `{process}`; it has {}", known.join(", "))]
    NoProcess {
        /// Which app.
        app: AppName,
        /// What was asked for.
        process: ProcessName,
        /// What there is.
        known: Vec<String>,
    },
    /// Far too many copies.
    #[error("cannot run {wanted} instances of `{process}`: {most} are the most")]
    TooMany {
        /// Which process.
        process: ProcessName,
        /// What was asked for.
        wanted: u32,
        /// The most.
        most: u32,
    },
    /// Jobs have no instances.
    #[error("`{process}` is a job: it runs once at its time")]
    NoInstances {
        /// Which.
        process: ProcessName,
    },
    /// The release command failed.
    #[error("the release command of `{app}` {ended}: {command}")]
    ReleaseCommand {
        /// Which app.
        app: AppName,
        /// How it ended, as a phrase: `ended with exit code 1`.
        ended: String,
        /// The command.
        command: String,
        /// What it wrote last.
        words: Box<LastWords>,
    },
    /// What should be a network is none.
    #[error("`{network}` is no network")]
    Network {
        /// What was given.
        network: String,
    },
    /// An instance ended, or did not answer in time.
    #[error("`{process}` of `{app}` {what}")]
    NotReady {
        /// Which app.
        app: AppName,
        /// Which process.
        process: ProcessName,
        /// Of which release.
        release: ReleaseId,
        /// `did not become ready within 30 s`, `ended with exit code 1`.
        what: String,
        /// It came to its end by itself, and all was well.
        finished: bool,
        /// `nothing listens on the socket it was given`.
        cause: Option<String>,
        /// What it wrote last.
        words: Box<LastWords>,
    },
    /// The caller went, or pressed Ctrl-C.
    #[error("cancelled")]
    Cancelled,
    /// Somebody stopped the app during the deploy.
    #[error("given up: the app is being stopped")]
    Interrupted,
    /// This process is about to end.
    #[error("given up: the control process is about to end")]
    Ending,
    /// Another app serves a domain already.
    #[error("`{domain}` is already a domain of `{other}`")]
    DomainTaken {
        /// The domain.
        domain: String,
        /// Whose it is.
        other: AppName,
    },
    /// An app is its own source already.
    #[error("`{app}` cannot be promoted to itself")]
    ToItself {
        /// Which.
        app: AppName,
    },
    /// The request makes no sense.
    #[error("{0}")]
    Request(String),
    /// Ours.
    #[error("a bug in Shipsmith: {0}")]
    Bug(&'static str),
}

impl Error {
    /// A process that was not ready in time.
    pub(crate) fn late(within: Duration) -> String {
        format!("did not become ready within {}", count::duration(within))
    }

    /// A process that answers, and only badly.
    pub(crate) fn late_after_answer() -> String {
        let unwell = count::duration(ship_run::UNWELL);
        format!("did not become ready within {unwell} of its first answer")
    }

    /// Whose move it is.
    pub fn fault(&self) -> FaultKind {
        match self {
            Self::Project(error) => error.fault(),
            Self::Build(error) => error.fault(),
            Self::Store(error) => error.fault(),
            Self::Run(error) => error.fault(),
            Self::Door(error) => error.fault(),
            Self::File(_)
            | Self::Observe(_)
            | Self::Socket { .. }
            | Self::Setup { .. }
            | Self::Port { .. }
            | Self::PortForbidden { .. }
            | Self::DoorDown { .. }
            | Self::DoorSilent { .. }
            | Self::AlreadyRuns
            | Self::Batch(_)
            | Self::Content { .. }
            | Self::Ending
            | Self::Random(_)
            | Self::NoRoom { .. }
            | Self::ReleaseCommand { .. }
            | Self::NotReady { .. } => FaultKind::Outside,
            Self::Request(_) => FaultKind::Usage,
            Self::Bug(_) => FaultKind::Bug,
            _ => FaultKind::User,
        }
    }

    /// The error as it travels; `still` says what serves on.
    pub(crate) fn problem(&self, still: Option<String>) -> Problem {
        let mut causes = hint::causes(self);
        if let Self::NotReady {
            cause: Some(cause), ..
        } = self
        {
            causes.insert(0, cause.clone());
        }
        causes.extend(self.last_words().and_then(|words| words.reason.clone()));
        Problem {
            kind: self.fault(),
            message: self.to_string(),
            causes,
            hints: self.hints(),
            output: self.output(),
            still,
        }
    }

    /// The last lines of the tool or program that failed.
    pub(crate) fn output(&self) -> Vec<String> {
        match self {
            Self::Build(error) => error.output(),
            _ => self
                .last_words()
                .map(|words| words.lines.clone())
                .unwrap_or_default(),
        }
    }
}

impl Hints for Error {
    fn hints(&self) -> Vec<String> {
        let of_words = self.last_words().and_then(|words| words.hint.clone());
        let mut hints: Vec<String> = of_words.into_iter().collect();
        hints.extend(self.own_hints());
        hints
    }
}

impl Error {
    /// What a program of the app wrote before it failed.
    fn last_words(&self) -> Option<&LastWords> {
        match self {
            Self::ReleaseCommand { words, .. } | Self::NotReady { words, .. } => Some(words),
            _ => None,
        }
    }

    fn own_hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoRoom { .. } => "`ship server doctor` says what takes the disk; `[room]` of \
                                    /etc/ship/server.toml has what is kept free"
                .to_owned(),
            Self::File(error) => return error.hints(),
            Self::Store(error) => return error.hints(),
            Self::Project(error) => return error.hints(),
            Self::Build(error) => return error.hints(),
            Self::Run(error) => return error.hints(),
            Self::Door(error) => return error.hints(),
            Self::ToItself { app } => {
                format!("`ship rollback --app {app}` goes back to one of its own releases")
            }
            Self::Port { .. } => {
                "leave `--port` out to take the next free one, or name another".to_owned()
            }
            Self::PortForbidden { port, .. } => {
                return vec![
                    format!("`sudo sysctl net.ipv4.ip_unprivileged_port_start={port}` opens it and those above to everybody here, until the next boot; or name one from 1024 on"),
                    "on a server, `sudo ship server install` has ports 80 and 443 kept for Shipsmith".to_owned(),
                ];
            }
            Self::DoorDown { .. } | Self::DoorSilent { .. } => {
                "`ship doctor` looks at the machine".to_owned()
            }
            Self::NoApp { .. } => {
                "`ship ps` lists the apps; `ship up` in a project's folder makes one".to_owned()
            }
            Self::Forbidden { .. } => {
                "whoever runs the server can see and change what it may: `ship key list`".to_owned()
            }
            Self::KeyTaken { key } => {
                format!("give this one another name, or `ship key remove {key}` first")
            }
            Self::NoKey { .. } => "`ship key list` shows the keys".to_owned(),
            Self::NoRelease { .. } | Self::NotRunning { .. } => "`ship up` brings it up".to_owned(),
            Self::NoSuchRelease { app, .. } => {
                format!("`ship releases --app {app}` lists what is kept")
            }
            Self::NothingToPromote { app } => {
                format!("`ship deploy --to {app}` brings one live there; `ship promote` takes it on")
            }
            Self::NameTaken { app, .. } => format!(
                "give this one another name: `ship up --name {app}-2`, or `name = \"…\"` in ship.toml"
            ),
            Self::DomainTaken { other, .. } => {
                format!("take it out of one of the two, or `ship stop --app {other}`")
            }
            Self::Domain { .. } => {
                "the bare name that visitors use: `--domain talkshow.example`".to_owned()
            }
            Self::Wildcard { .. } => "in `/etc/ship/server.toml`, below `[acme.dns]`: `server` and `key` of a DNS server that takes \
                 changes (RFC 2136), or `hook`, a program that sets records at your provider; then \
                 `systemctl restart ship`. Or a certificate of your own in `/var/lib/ship/door/certificates`"
                .to_owned(),
            Self::Batch(_) | Self::Content { .. } => {
                "the same command again: only what is missing is sent".to_owned()
            }
            Self::Ending => "`ship up` again: nothing half made is left".to_owned(),
            Self::MissingSettings { app, names } => {
                format!(
                    "`ship env set --app {app} {}=…`, or a line in .env",
                    names[0]
                )
            }
            Self::Users { app, name, .. } => {
                format!("a name and a password each: `ship env set --app {app} {name}='anna:correct-horse ben:battery-staple'`")
            }
            Self::Network { .. } => {
                "an address such as `192.0.2.7`, or a network such as `192.0.2.0/24` or `2001:db8::/32`".to_owned()
            }
            Self::NotReady {
                app,
                release,
                process,
                finished: true,
                ..
            } => {
                return vec![
                    ended_by_itself(process.as_str()),
                    format!("`ship logs --app {app} --release {release}` shows all it wrote"),
                ];
            }
            Self::NotReady { app, release, .. } => {
                format!("`ship logs --app {app} --release {release}` shows all it wrote")
            }
            Self::ReleaseCommand { app, .. } => {
                format!("`ship logs --app {app} --process release` shows all it wrote")
            }
            _ => return Vec::new(),
        };
        vec![hint]
    }
}

/// What to do about a program that has done its work and is gone.
fn ended_by_itself(process: &str) -> String {
    let stays = match process {
        "web" => "`web` has to stay and answer visitors",
        _ => "a process has to stay",
    };
    format!(
        "it ended by itself, and {stays}: what runs once is `ship run COMMAND`, what runs at times a `[job.NAME]` with `schedule` and `command` in ship.toml"
    )
}

fn by(holder: Option<&str>) -> String {
    holder
        .map(|holder| format!(" by {holder}"))
        .unwrap_or_default()
}

fn has(count: usize) -> &'static str {
    if count == 1 { "has" } else { "have" }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_release_command_without_its_database_says_which_one_is_away() {
        let app: AppName = "blog".parse().unwrap();
        let lines = vec![
            r#"OperationalError: connection to server at "db", port 5432 failed: Connection refused"#.to_owned(),
            "\tIs the server running on that host?".to_owned(),
        ];
        let error = Error::ReleaseCommand {
            ended: "ended with exit code 1".to_owned(),
            command: "python manage.py migrate".to_owned(),
            words: Box::new(LastWords::read(&app, Path::new("/nowhere"), lines)),
            app,
        };
        let hints = error.hints();
        assert!(
            hints[0].starts_with("Postgres at db:5432 does not answer"),
            "{hints:?}"
        );
        assert_eq!(
            hints[1],
            "`ship logs --app blog --process release` shows all it wrote"
        );
    }
}
