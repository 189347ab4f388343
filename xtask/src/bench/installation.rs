//! An installation in a temporary folder, and deploys that tell how long
//! each of their steps took.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ship_api::client::Client;
use ship_api::event::DeployEvent;
use ship_api::reply::App;
use ship_api::request::Up;
use ship_base::name::AppName;
use ship_base::paths::Folders;
use ship_base::secret::Secret;
use ship_test::Home;

use crate::Result;

/// An installation; dropping it ends everything in it.
pub(crate) struct Installation {
    pub(crate) home: Home,
    runtime: tokio::runtime::Runtime,
}

/// One deploy, as its events told.
pub(crate) struct Deploy {
    steps: Vec<(String, Duration, String)>,
    /// From the request to the moment visitors reached it.
    pub(crate) took: Duration,
}

impl Installation {
    /// An empty one of this binary, with these variables for everything it runs.
    pub(crate) fn new(ship: &Path, variables: &[(&str, &str)]) -> Result<Self> {
        let home = Home::new(ship.to_str().ok_or("the binary's path is no text")?);
        let home = variables
            .iter()
            .fold(home, |home, (name, value)| home.with(name, value));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self { home, runtime })
    }

    /// `ship up --detach`, as a person does it; gives the URL.
    pub(crate) fn up(&self, project: &Path) -> String {
        self.home
            .ship_in(project, &["up", "--detach"])
            .success()
            .url()
    }

    /// The same over the socket, with the time of every step. Control must run already.
    pub(crate) fn deploy(&self, project: &Path) -> Result<Deploy> {
        let up = Up {
            project: project.to_owned(),
            name: None,
            port: None,
            detach: true,
            tools: self.tools(project),
        };
        self.runtime.block_on(async {
            let mut events = self.client().await?.up(&up).await?;
            let mut deploy = Deploy {
                steps: Vec::new(),
                took: Duration::ZERO,
            };
            while let Some(event) = events.next().await? {
                match event {
                    DeployEvent::Done { step, took, detail } => {
                        deploy.steps.push((step, took, detail));
                    }
                    DeployEvent::Live { took, .. } => deploy.took = took,
                    DeployEvent::Failed { problem } => return Err(problem.message.into()),
                    _ => {}
                }
            }
            Ok(deploy)
        })
    }

    /// An app with its instances.
    pub(crate) fn app(&self, name: &str) -> Result<App> {
        let name: AppName = name.parse()?;
        self.runtime
            .block_on(async { Ok(self.client().await?.app(&name).await?) })
    }

    /// The folders of this installation.
    pub(crate) fn folders(&self) -> Folders {
        Folders::under(self.home.folder().to_owned())
    }

    async fn client(&self) -> Result<Client> {
        Ok(Client::connect(&self.folders().api_socket()).await?)
    }

    /// What the command would hand over of its environment.
    fn tools(&self, project: &Path) -> BTreeMap<String, Secret<String>> {
        let command = self.home.command(project, &[]);
        let variables = command.get_envs().filter_map(|(name, value)| {
            let value = value?.to_str()?.to_owned();
            Some((name.to_str()?.to_owned(), value.into()))
        });
        variables.collect()
    }
}

impl Deploy {
    /// The time of all steps of this name together.
    pub(crate) fn step(&self, name: &str) -> Duration {
        let steps = self.steps.iter().filter(|(step, _, _)| step == name);
        steps.map(|(_, took, _)| *took).sum()
    }

    /// What the first step of this name told: `199 packages`.
    pub(crate) fn detail(&self, name: &str) -> &str {
        let step = self.steps.iter().find(|(step, _, _)| step == name);
        step.map_or("", |(_, _, detail)| detail)
    }
}
