//! Where the built application is looked at before anybody sees it.
//!
//! A working copy and a data folder of its own, both gone when the build ends: what importing an
//! application writes (`db.create_all()` at module level is common) reaches nobody's data.

use std::path::{Path, PathBuf};

use ship_base::file;
use ship_project::plan::Plan;

use crate::build::Request;
use crate::error::Error;
use crate::runtime::Runtime;
use crate::tool::Tool;
use crate::work::{Seeds, prepare_trial};

/// A working copy for the build alone.
#[derive(Debug)]
pub(crate) struct Trial {
    folder: PathBuf,
    runtime: Runtime,
    variables: Vec<(&'static str, String)>,
}

impl Trial {
    /// Makes the working copy. `runtime` gives the release's programs for a working copy.
    pub(crate) fn prepare(
        request: &Request<'_>,
        plan: &Plan,
        source: &Path,
        runtime: impl FnOnce(&Path) -> Result<Runtime, Error>,
    ) -> Result<Self, Error> {
        let folder = request.into.join("trial");
        let (work, data) = (folder.join("work"), folder.join("data"));
        let seeds = Seeds {
            app_data: &request.folders.app_data(request.app),
            owner: request.builder.map(|builder| builder.app),
            project: &request.source(),
        };
        prepare_trial(source, &work, &data, plan, &seeds, request.cancel)?;
        let runtime = runtime(&work)?;
        Ok(Self {
            variables: variables(request, &runtime, &data),
            folder,
            runtime,
        })
    }

    /// The folder that holds all of it.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The working copy.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// What `SHIP_DATA_DIR` says.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder that processes start in.
    pub(crate) fn start_folder(&self) -> PathBuf {
        self.runtime.start_folder.clone()
    }

    /// A file of ours, beside what the application can expect.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A run of the release's Python with its settings, in the folder that processes start in.
    pub(crate) fn python(&self, request: &Request<'_>) -> Tool {
        let python = self
            .runtime
            .python
            .clone()
            .unwrap_or_else(|| "python3".into());
        let tool = Tool::new(python, &self.runtime.start_folder)
            .writes_to(&self.folder)
            .envs(request.settings);
        self.variables
            .iter()
            .fold(tool, |tool, (name, value)| tool.env(name, value))
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        // The draft around it goes or becomes a release; in that a leftover would do no harm.
        let _ = file::remove_folder(&self.folder);
    }
}

/// What a start sets beside the author's settings, as far as it can be known before.
fn variables(request: &Request<'_>, runtime: &Runtime, data: &Path) -> Vec<(&'static str, String)> {
    let data = data.display().to_string();
    let defaults = [
        ("LANG", "C.UTF-8".to_owned()),
        ("PYTHONUNBUFFERED", "1".to_owned()),
        ("WEB_CONCURRENCY", "1".to_owned()),
        ("PORT", "8000".to_owned()),
        ("HOME", data.clone()),
        ("SHIP_URL", format!("http://{}.localhost", request.app)),
    ];
    let defaults = defaults
        .into_iter()
        .filter(|(name, _)| !request.settings.contains_key(*name));
    let fixed = [
        ("PATH", search_path(request, runtime)),
        ("PYTHONPATH", joined(&runtime.python_path)),
        ("SHIP_APP", request.app.to_string()),
        ("SHIP_DATA_DIR", data),
        ("SHIP_RELEASE", "r0".to_owned()),
    ];
    defaults.chain(fixed).collect()
}

/// The release's programs, then the caller's.
pub(crate) fn search_path(request: &Request<'_>, runtime: &Runtime) -> String {
    const SYSTEM: &str = "/usr/local/bin:/usr/bin:/bin";
    let callers = request.tools.get("PATH").map(|path| path.reveal().as_str());
    let callers = callers.filter(|path| !path.is_empty()).unwrap_or(SYSTEM);
    if runtime.path.is_empty() {
        return callers.to_owned();
    }
    format!("{}:{callers}", joined(&runtime.path))
}

pub(crate) fn joined(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(":")
}
