//! From a process of a plan to what its keeper is told.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use ship_base::name::{InstanceId, ProcessName};
use ship_build::Runtime;
use ship_project::command::CommandLine;
use ship_project::plan::{Plan, Process, Protocol, Role};
use ship_project::web_server;
use ship_run::spec::{Health, Listen, Restart, Spec};
use ship_sandbox::Caps;

use crate::app::App;
use crate::candidate::Candidate;
use crate::environment::{self, Variables};
use crate::error::Error;
use crate::owner;
use crate::server::Server;

/// A process without a health check counts as ready once it has lived this long: one that cannot
/// import what it needs, or finds no database, ends sooner.
const SETTLE: Duration = Duration::from_secs(1);
/// How long a process without a health check may take to live for [`SETTLE`], its restarts included.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
/// Bytes of log that each process of an app may keep.
const LOG_CAP: u64 = 64 << 20;
/// Processes and threads that an instance may have on a server, where its plan does not say: four
/// workers with forty threads each, three times over.
const TASKS: u32 = 512;

/// Which copy of what is to be started.
pub(crate) struct Wanted<'a> {
    pub(crate) app: &'a App,
    pub(crate) of: &'a Candidate,
    pub(crate) process: &'a Process,
    pub(crate) index: u32,
    /// Tells the copies of one release apart when they are replaced: `ship restart`.
    pub(crate) generation: u32,
}

/// Everything the keeper of `wanted` needs to know.
pub(crate) fn of_instance(server: &Server, wanted: &Wanted) -> Result<Spec, Error> {
    let Wanted {
        app, of, process, ..
    } = *wanted;
    let runtime = runtime(server, app, of)?;
    let env = variables(server, app, of, &runtime);
    let instance = InstanceId::new(app.name.clone(), process.name.clone(), wanted.index);
    let listen = listen(server, wanted, &instance);
    let told = listen.as_ref().map(web_server_listen);
    let plain = plain(&env);
    Ok(Spec {
        argv: process
            .start
            .value
            .argv(told.as_ref(), environment::workers(), &plain),
        env,
        folder: runtime.start_folder,
        health: health(server, &of.plan, process),
        settle: SETTLE,
        restart: if matches!(process.role, Role::Job { .. }) {
            Restart::Never
        } else {
            Restart::Always
        },
        grace: process.grace,
        logs: server.folders.process_logs(&app.name, &process.name),
        log_cap: LOG_CAP,
        keepers: generation_folder(server, wanted.generation),
        caps: caps(server, &of.plan),
        instance,
        release: of.release,
        listen,
    })
}

/// A command of a release that runs once: the release command.
pub(crate) fn of_command(
    server: &Server,
    app: &App,
    of: &Candidate,
    name: &ProcessName,
    command: &CommandLine,
    generation: u32,
    grace: Duration,
) -> Result<Spec, Error> {
    let runtime = runtime(server, app, of)?;
    let env = variables(server, app, of, &runtime);
    Ok(Spec {
        instance: InstanceId::new(app.name.clone(), name.clone(), 1),
        release: of.release,
        argv: command.resolve(&plain(&env)),
        env,
        folder: runtime.start_folder,
        listen: None,
        health: None,
        settle: Duration::ZERO,
        restart: Restart::Never,
        grace,
        logs: server.folders.process_logs(&app.name, name),
        log_cap: LOG_CAP,
        keepers: generation_folder(server, generation),
        // Memory and processor are those of what serves; a migration may need more once.
        caps: Caps {
            tasks: caps(server, &of.plan).tasks,
            ..Caps::default()
        },
    })
}

/// What an instance may take. On a server, what starts processes without end takes the machine from
/// nobody.
fn caps(server: &Server, plan: &Plan) -> Caps {
    let tasks = server.config.public.is_some().then_some(TASKS);
    Caps {
        memory: plan.limits.memory,
        cpu: plan.limits.cpu,
        tasks: plan.limits.tasks.or(tasks),
    }
}

fn plain(variables: &Variables) -> BTreeMap<String, String> {
    variables
        .iter()
        .map(|(name, value)| (name.clone(), value.reveal().clone()))
        .collect()
}

/// The keepers' folder of one generation.
pub(crate) fn generation_folder(server: &Server, generation: u32) -> PathBuf {
    server.folders.keepers().join(generation.to_string())
}

/// Where the programs of a release are.
pub(crate) fn runtime(server: &Server, app: &App, of: &Candidate) -> Result<Runtime, Error> {
    let folder = server.folders.release(&app.name, of.release);
    let work = server.folders.work(&app.name, of.release);
    Ok(Runtime::of(&folder, &work, &of.plan)?)
}

/// The whole environment of a release's programs.
pub(crate) fn variables(
    server: &Server,
    app: &App,
    of: &Candidate,
    runtime: &Runtime,
) -> Variables {
    let url = server.url_to_be(&of.plan);
    let settings = of.settings.clone();
    environment::of_release(
        &server.folders,
        &app.name,
        of.release,
        runtime,
        url.as_deref(),
        &of.plan.refused_hosts,
        settings,
    )
}

/// A unix socket where the server can, else a loopback port that the keeper chooses.
fn listen(server: &Server, wanted: &Wanted, instance: &InstanceId) -> Option<Listen> {
    if !wanted.process.is_web() {
        return None;
    }
    if !wanted.process.start.value.listens_on_unix() {
        return Some(Listen::Port);
    }
    let socket = owner::socket(server, instance, wanted.of.release);
    let mut name = socket.into_os_string();
    name.push(format!(".{}", wanted.generation));
    Some(Listen::Unix(name.into()))
}

/// The same for the program's flags. Port 0 is written as `$PORT`, which the keeper replaces.
fn web_server_listen(listen: &Listen) -> web_server::Listen {
    match listen {
        Listen::Unix(path) => web_server::Listen::Unix(path.clone()),
        Listen::Port => web_server::Listen::Tcp((Ipv4Addr::LOCALHOST, 0).into()),
    }
}

fn health(server: &Server, plan: &Plan, process: &Process) -> Option<Health> {
    let Role::Web {
        health, protocol, ..
    } = &process.role
    else {
        return None;
    };
    if *protocol == Protocol::H2c {
        return Some(Health::H2c);
    }
    Some(Health::Http1 {
        path: health.clone(),
        host: server.authority(plan),
        // What visitors of a server use; an app that redirects plain HTTP answers 301, not a loop.
        scheme: "https".to_owned(),
    })
}

/// How long a process may take to become ready.
pub(crate) fn ready_within(process: &Process) -> Duration {
    match process.role {
        Role::Web { ready_within, .. } => ready_within,
        _ => SETTLED_WITHIN,
    }
}

/// The plan's process with this name, or an error that lists what there is.
pub(crate) fn process<'a>(
    app: &App,
    plan: &'a Plan,
    name: &ProcessName,
) -> Result<&'a Process, Error> {
    plan.process(name).ok_or_else(|| Error::NoProcess {
        app: app.name.clone(),
        process: name.clone(),
        known: plan
            .processes
            .iter()
            .map(|process| process.name.to_string())
            .collect(),
    })
}
