//! What a release says of itself: its plan, its facts, its addresses.

use std::path::{Path, PathBuf};

use ship_base::file;
use ship_base::hash::{ContentHash, Hasher};
use ship_project::plan::{Dependencies, Plan};

use super::packages::{Environment, identify};
use super::{Build, Built, PINS};
use crate::error::Error;
use crate::facts::Facts;
use crate::remedy::{self, Again};
use crate::source::Snapshot;
use crate::{assets, front_end, site};

impl Build<'_> {
    pub(super) fn content(
        &self,
        snapshot: &Snapshot,
        environment: Option<&Environment>,
        front_end: Option<&front_end::Built>,
    ) -> Result<ContentHash, Error> {
        let data: Vec<PathBuf> = self
            .plan
            .data
            .iter()
            .map(|data| data.value.path.clone())
            .collect();
        let mut hasher = Hasher::new();
        hasher
            .field("release 1")
            .field(snapshot.content(&data).to_string());
        hasher.field(plan_text(&self.plan)?);
        // What is built may depend on settings and on the day, which the source does not tell.
        assets::address_of(&self.shop.request().into.join(site::SITE), &mut hasher)?;
        if let Some(built) = front_end {
            hasher.field(built.inputs.to_string());
        }
        identify(environment, &mut hasher);
        Ok(hasher.finish())
    }

    fn again(&self, snapshot: &Snapshot) -> Option<Again> {
        let request = self.shop.request();
        let is_first = request.previous.is_none() && self.plan.python.is_some();
        let dependencies = request.plan.dependencies.as_ref();
        is_first.then(|| Again {
            tried: self.shop.tried().to_vec(),
            pythons: self.pythons.clone(),
            chooses_versions: remedy::chooses_versions(dependencies.map(|named| &named.value)),
            day: remedy::day_of(&self.shop, snapshot, self.newest_pin),
        })
    }

    /// Writes everything of the release that is not source or assets.
    pub(super) fn write(
        self,
        snapshot: &Snapshot,
        facts: Facts,
        environment: Option<&Environment>,
    ) -> Result<Built, Error> {
        let request = self.shop.request();
        for data in &self.plan.data {
            remove(&self.source.join(&data.value.path))?;
        }
        write_plan(request.into, &self.plan)?;
        let mut facts = Facts {
            uv: self.shop.uv_version(),
            ..facts
        };
        let mut chose_versions = false;
        if let Some(environment) = environment {
            let lock = &environment.lock;
            file::write_whole(&request.into.join("lock"), lock.text.as_bytes())?;
            file::write_whole(&request.into.join(PINS), lock.pins().as_bytes())?;
            chose_versions = environment.lock_is_new && leaves_versions_open(&self.plan);
            facts.lock_inputs = Some(environment.lock_inputs);
            facts.environment = Some(environment.address);
            facts.layer = environment.layer.as_ref().map(|layer| layer.address);
            facts = facts.with_python(&environment.python);
            link(request.into, "env", environment.address)?;
            if let Some(layer) = &environment.layer {
                link(request.into, "layer", layer.address)?;
            }
        }
        facts.write(request.into)?;
        self.shop.cancel().check()?;
        Ok(Built {
            content: facts.content,
            environment: facts.environment,
            layer: facts.layer,
            python: facts.python.map(|(_, version)| version),
            again: self.again(snapshot),
            plan: self.plan,
            chose_versions,
        })
    }
}

/// Whether the project names packages without an exact version each.
fn leaves_versions_open(plan: &Plan) -> bool {
    match plan
        .dependencies
        .as_ref()
        .map(|dependencies| &dependencies.value)
    {
        locked if is_locked(locked) => false,
        Some(Dependencies::Requirements { pinned, .. }) => !pinned,
        Some(Dependencies::Unnamed { add }) => !add.is_empty(),
        _ => true,
    }
}

/// Whether the project brings its own lock, or needs none.
pub(super) fn is_locked(dependencies: Option<&Dependencies>) -> bool {
    matches!(
        dependencies,
        None | Some(
            Dependencies::UvLock { .. } | Dependencies::Locked { .. } | Dependencies::Pylock { .. }
        )
    )
}

/// A release stands at `apps/<app>/releases/<n>`, environments at `store/env/<address>`.
fn link(release: &Path, name: &str, address: ContentHash) -> Result<(), Error> {
    let target = Path::new("../../../../store/env").join(address.short());
    Ok(file::symlink(&target, &release.join(name))?)
}

fn remove(path: &Path) -> Result<(), Error> {
    if path.is_dir() && !path.is_symlink() {
        return Ok(file::remove_folder(path)?);
    }
    Ok(file::remove(path)?)
}

pub(super) fn read_plan(release: &Path) -> Result<Plan, Error> {
    let path = release.join("plan.json");
    serde_json::from_str(&file::read_text(&path)?).map_err(|source| Error::Unreadable {
        what: format!("`{}`", path.display()),
        source: source.into(),
    })
}

pub(crate) fn write_plan(release: &Path, plan: &Plan) -> Result<(), Error> {
    Ok(file::write_whole(
        &release.join("plan.json"),
        &plan_text(plan)?,
    )?)
}

pub(crate) fn plan_text(plan: &Plan) -> Result<Vec<u8>, Error> {
    serde_json::to_vec_pretty(plan).map_err(|source| Error::Unreadable {
        what: "a path of the plan, which is not UTF-8".to_owned(),
        source: source.into(),
    })
}
