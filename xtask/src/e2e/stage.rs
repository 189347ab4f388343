//! Everything that a run has: the server, `ship`, the index, and what is deployed.

use std::path::PathBuf;
use std::time::Duration;

use ship_api::reply::Instance;

use super::apps::Sample;
use super::checks::Checks;
use super::index::Index;
use super::server::{Server, keeper_of};
use super::ship::Ship;
use crate::Result;

/// How long an app may take until it answers again, on a slow machine.
pub(crate) const AGAIN: Duration = Duration::from_mins(3);

/// What the steps work on.
pub(crate) struct Stage {
    pub(crate) ship: Ship,
    /// The address of the package index, as the server reaches it.
    pub(crate) index: String,
    pub(crate) apps: Vec<Sample>,
    pub(crate) server: Server,
}

/// The processes of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pids {
    pub(crate) keeper: i32,
    pub(crate) program: i32,
    /// Who the program runs as.
    pub(crate) user: u32,
}

impl Stage {
    /// With a server that runs; `host` is how it reaches this machine.
    pub(crate) fn new(program: PathBuf, server: Server, python: &str, host: &str) -> Result<Self> {
        let index = Index::serve(python, super::apps::REQUIREMENTS)?;
        Ok(Self {
            ship: Ship::new(program, &server),
            index: index.url(host),
            apps: Sample::all()?,
            server,
        })
    }

    /// The app of this name.
    pub(crate) fn sample(&self, name: &str) -> &Sample {
        let found = self.apps.iter().find(|app| app.name == name);
        found.expect("every step names an app of the list")
    }

    /// The same, to change it.
    pub(crate) fn sample_mut(&mut self, name: &str) -> &mut Sample {
        let found = self.apps.iter_mut().find(|app| app.name == name);
        found.expect("every step names an app of the list")
    }

    /// Status and page of an app, shortened to its mark where that is on it: `200 notes version 1.`
    pub(crate) fn page(&self, app: &Sample) -> String {
        match self.server.get(&app.host, "/") {
            Ok(answer) => {
                let (status, text, mark) = (answer.status, answer.text(), app.mark(app.version));
                if text.contains(&mark) {
                    format!("{status} {mark}")
                } else {
                    format!("{status} {text:.300}")
                }
            }
            Err(error) => error.to_string(),
        }
    }

    /// Each app answers with the version that its folder holds, at once or within `deadline`.
    pub(crate) fn all_answer(&self, checks: &mut Checks, deadline: Duration) {
        for app in &self.apps {
            let expected = format!("200 {}", app.mark(app.version));
            let what = format!("page of {}", app.name);
            checks.becomes(&what, &expected, deadline, || self.page(app));
        }
    }

    /// The first `web` of an app.
    pub(crate) fn web(&self, app: &str) -> Result<Instance> {
        let instances = self.ship.app(app)?.instances;
        let mut web = instances.into_iter().filter(|it| it.id.local() == "web.1");
        let web = web.next().ok_or_else(|| format!("{app} has no `web.1`"));
        Ok(web?)
    }

    /// The processes of `web.1` of an app.
    pub(crate) fn pids(&self, app: &str) -> Result<Pids> {
        let web = self.web(app)?;
        let processes = self.server.processes()?;
        let program = web
            .pid
            .ok_or_else(|| format!("web.1 of {app} is {} and has no pid", web.state))?;
        let found = processes.iter().find(|process| process.pid == program);
        let found = found.ok_or_else(|| format!("web.1 of {app}: no process {program}"))?;
        let keeper = keeper_of(program, &processes);
        Ok(Pids {
            keeper: keeper.ok_or_else(|| format!("{found:?} has no keeper"))?,
            program,
            user: found.user,
        })
    }

    /// Those of every app, in their order.
    pub(crate) fn all_pids(&self) -> Result<Vec<Pids>> {
        self.apps.iter().map(|app| self.pids(app.name)).collect()
    }

    /// The control process that answers is the one that systemd looks after.
    pub(crate) fn systemd_knows_control(&self, checks: &mut Checks) -> Result<()> {
        let main = self
            .server
            .run("systemctl show --property MainPID --value ship")?;
        let control = self.ship.status()?.pid.to_string();
        checks.same(
            "pid of control, as systemd knows it",
            &control.as_str(),
            &main.trim(),
        );
        Ok(())
    }
}
