//! Where the programs, packages and modules of a release are, for every start.

use std::path::{Path, PathBuf};

use ship_base::file::WithPath as _;
use ship_project::plan::Plan;

use crate::error::Error;
use crate::layer;

/// What a program of a release is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// The environment's Python; `None` where the release has none (a static site).
    pub python: Option<PathBuf>,
    /// Goes before PATH, in this order.
    pub path: Vec<PathBuf>,
    /// PYTHONPATH.
    pub python_path: Vec<PathBuf>,
    /// The folder that processes start in.
    pub start_folder: PathBuf,
}

impl Runtime {
    /// The runtime of a whole release whose working copy is `work`.
    pub fn of(release: &Path, work: &Path, plan: &Plan) -> Result<Self, Error> {
        let environment = linked(release, "env")?;
        let layer = linked(release, "layer")?;
        Self::from_parts(environment.as_deref(), layer.as_deref(), work, plan)
    }

    pub(crate) fn from_parts(
        environment: Option<&Path>,
        layer: Option<&Path>,
        work: &Path,
        plan: &Plan,
    ) -> Result<Self, Error> {
        let mut python_path: Vec<PathBuf> = plan
            .import_paths
            .iter()
            .map(|path| work_path(work, path))
            .collect();
        if let Some(layer) = layer {
            let about = layer::about(layer)?;
            python_path.extend(about.paths.iter().map(|path| work_path(work, path)));
            python_path.push(layer.to_owned());
        }
        let mut once = std::collections::BTreeSet::new();
        python_path.retain(|path| once.insert(path.clone()));
        Ok(Self {
            python: environment.map(|environment| environment.join("bin/python")),
            path: [environment, layer]
                .into_iter()
                .flatten()
                .map(|path| path.join("bin"))
                .collect(),
            python_path: if environment.is_some() {
                python_path
            } else {
                Vec::new()
            },
            start_folder: work_path(work, &plan.folder),
        })
    }
}

/// `work` joined with a path of the plan; `.` adds nothing.
pub(crate) fn work_path(work: &Path, path: &Path) -> PathBuf {
    let parts = path.components();
    let parts = parts.filter(|part| !matches!(part, std::path::Component::CurDir));
    parts.fold(work.to_owned(), |path, part| path.join(part))
}

/// Where a link of the release points: the store, by its true path, so that a program's own idea of
/// where it is does not change from release to release.
fn linked(release: &Path, name: &str) -> Result<Option<PathBuf>, Error> {
    let link = release.join(name);
    if !link.is_symlink() {
        return Ok(None);
    }
    Ok(Some(link.canonicalize().with_path("follow", &link)?))
}
