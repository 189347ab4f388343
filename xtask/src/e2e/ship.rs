//! `ship` as somebody has it who deploys from a machine of their own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde::de::DeserializeOwned;
use ship_api::event::DeployEvent;
use ship_api::reply::{App, Release, ServerStatus};
use ship_base::name::ReleaseId;

use super::apps::Sample;
use super::server::Server;
use crate::Result;

/// A program with a home of its own, and where it goes.
pub(crate) struct Ship {
    program: PathBuf,
    home: PathBuf,
    ssh: PathBuf,
    destination: String,
}

/// How a deploy ended: what visitors reach.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) release: ReleaseId,
    /// No new release was made.
    pub(crate) unchanged: bool,
    pub(crate) took: Duration,
}

/// A deploy that is under way.
pub(crate) struct Deploying {
    child: Child,
    events: Receiver<DeployEvent>,
}

impl Ship {
    /// This program, for this server.
    pub(crate) fn new(program: PathBuf, server: &Server) -> Self {
        Self {
            program,
            home: server.folder().join("home"),
            ssh: server.ssh(),
            destination: server.destination(),
        }
    }

    /// The same person with another program.
    pub(crate) fn with_program(&self, program: PathBuf) -> Self {
        Self {
            program,
            home: self.home.clone(),
            ssh: self.ssh.clone(),
            destination: self.destination.clone(),
        }
    }

    /// The program.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// `ship server VERB DEST`; gives its story.
    pub(crate) fn server(&self, verb: &str, options: &[&str]) -> Result<String> {
        let mut arguments = vec!["server", verb, &self.destination];
        arguments.extend(options);
        self.must(&arguments).map(|(_, story)| story)
    }

    /// A command about the server, with `-r DEST`; gives its data.
    pub(crate) fn there(&self, arguments: &[&str]) -> Result<String> {
        let mut all = arguments.to_vec();
        all.extend(["-r", &self.destination]);
        self.must(&all).map(|(data, _)| data)
    }

    /// What runs there.
    pub(crate) fn apps(&self) -> Result<Vec<App>> {
        self.read(&["ps", "--json"])
    }

    /// One of them.
    pub(crate) fn app(&self, name: &str) -> Result<App> {
        let mut apps = self.apps()?;
        apps.retain(|app| app.name.as_str() == name);
        apps.pop()
            .ok_or_else(|| format!("`ship ps` does not know {name}").into())
    }

    /// An app's releases.
    pub(crate) fn releases(&self, name: &str) -> Result<Vec<Release>> {
        self.read(&["releases", "--json", "--app", name])
    }

    /// The server itself; an error where none runs.
    pub(crate) fn status(&self) -> Result<ServerStatus> {
        let status: Option<ServerStatus> = self.read(&["server", "status", "--json"])?;
        status.ok_or_else(|| "no server runs".into())
    }

    /// Deploys, and waits for the end.
    pub(crate) fn deploy(&self, app: &Sample) -> Result<Live> {
        let (data, _) = self.must(&self.deploy_line(app))?;
        let live = data.lines().find_map(live);
        live.ok_or_else(|| format!("the deploy of {} ended and went not live", app.name).into())
    }

    /// Begins a deploy.
    pub(crate) fn begin_deploy(&self, app: &Sample) -> Result<Deploying> {
        let mut child = self
            .command(&self.deploy_line(app))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().expect("it is piped");
        let (tell, events) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(stdout)
                .lines()
                .map_while(std::io::Result::ok);
            let read = lines.filter_map(|line| serde_json::from_str(&line).ok());
            // Whoever listened has heard enough.
            read.map_while(|event| tell.send(event).ok()).for_each(drop);
        });
        Ok(Deploying { child, events })
    }

    fn deploy_line<'a>(&'a self, app: &'a Sample) -> Vec<&'a str> {
        let folder = app.folder().to_str().expect("a temporary folder is text");
        let (to, domain) = (&self.destination, &app.host);
        vec!["deploy", to, folder, "--domain", domain, "--json"]
    }

    fn read<T: DeserializeOwned>(&self, arguments: &[&str]) -> Result<T> {
        let data = self.there(arguments)?;
        serde_json::from_str(&data).map_err(|error| {
            let words = arguments.join(" ");
            format!("`ship {words}` printed what is not understood: {error}: {data}").into()
        })
    }

    /// Data and story of a command that ends well.
    fn must(&self, arguments: &[&str]) -> Result<(String, String)> {
        let output = self.command(arguments).stdin(Stdio::null()).output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (data, story) = (text(&output.stdout), text(&output.stderr));
        if output.status.success() {
            return Ok((data, story));
        }
        let (words, status) = (arguments.join(" "), output.status);
        Err(format!("`ship {words}` ended with {status}: {}", story.trim_end()).into())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("SHIP_HOME", &self.home)
            .env("SHIP_SSH", &self.ssh)
            .env("NO_COLOR", "1");
        command
    }
}

impl Deploying {
    /// Waits for an event; an error where the deploy ends before.
    pub(crate) fn wait_for(
        &self,
        wanted: impl Fn(&DeployEvent) -> bool,
        deadline: Duration,
    ) -> Result<()> {
        loop {
            match self.events.recv_timeout(deadline) {
                Ok(event) if wanted(&event) => return Ok(()),
                Ok(DeployEvent::Failed { problem }) => return Err(problem.message.into()),
                Ok(_) => {}
                Err(_) => return Err("the deploy never came to the moment of the cut".into()),
            }
        }
    }

    /// Waits for its end: whether it went well, and its story.
    pub(crate) fn finish(mut self) -> Result<(bool, String)> {
        let mut story = String::new();
        if let Some(stderr) = self.child.stderr.as_mut() {
            stderr.read_to_string(&mut story)?;
        }
        Ok((self.child.wait()?.success(), story))
    }
}

/// The event that says what visitors reach.
fn live(line: &str) -> Option<Live> {
    match serde_json::from_str(line).ok()? {
        DeployEvent::Live {
            release,
            unchanged,
            took,
            ..
        } => Some(Live {
            release,
            unchanged,
            took,
        }),
        _ => None,
    }
}
