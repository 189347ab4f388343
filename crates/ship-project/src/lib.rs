//! Reads a project: what it is, what it needs, how it runs, and why.
//!
//! [`read`] gives a [`Reading`]: the [`plan::Plan`], in which every decision names its reason and
//! the place it was read from, and the settings of `.env`. The other main types are
//! [`plan::Start`], which becomes the command of an instance, and [`web_server::WebServer`].
//!
//! It does not start processes, use the network or write, and executes nothing of the project: a
//! plan is safe to make of anything, and the same on any system. Whether the object it names really
//! is an application, the build proves later.
//!
//! The story is in `assemble.rs`: manifest, then Procfile, then detection (`detect.rs`, a table).

mod asked;
mod assemble;
pub mod check;
pub mod command;
pub mod cron;
mod describe;
mod detect;
mod drawn;
pub mod error;
mod excerpt;
mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod init;
mod left_out;
pub mod locked;
pub mod manifest;
mod misnamed;
mod packages;
pub mod plan;
mod project;
mod proposals;
mod python;
pub mod python_life;
mod python_wanted;
mod several;
mod start;
mod tree;
mod web;
pub mod web_server;
mod workspace;

use std::path::{Path, PathBuf};

use crate::assemble::Sources;
pub use crate::describe::Row;
pub use crate::error::Error;
pub use crate::excerpt::Excerpt;
pub use crate::files::dotenv::{DotenvEntry, parse as parse_dotenv};
use crate::files::procfile;
use crate::manifest::Manifest;
pub use crate::manifest::size;
use crate::plan::Plan;
use crate::project::Project;
use crate::workspace::Whereabouts;

/// What a project says: the plan, and the settings of its `.env`.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What will be built, run and routed.
    pub plan: Plan,
    /// The settings of `.env`, in order; not part of the plan because they are secret.
    pub dotenv: Vec<DotenvEntry>,
}

/// Reads the project. Blocking; no network, no processes, nothing is executed or written.
///
/// Fails where a file of it cannot be read or understood, and where there is nothing to run.
pub fn read(project: &Path) -> Result<Reading, Error> {
    let (sources, at) = sources(project)?;
    let mut plan = assemble::assemble(&sources)?;
    plan.above = at.above();
    Ok(Reading {
        plan,
        dotenv: sources.project.dotenv,
    })
}

fn sources(project: &Path) -> Result<(Sources, Whereabouts), Error> {
    if !project.is_dir() {
        return Err(Error::NotAFolder {
            path: project.to_owned(),
        });
    }
    // `shop/.` and `shop` are one: messages name it as people write it.
    let project: &Path = &project.components().collect::<PathBuf>();
    let manifest = read_manifest(project)?;
    let at = Whereabouts::of(project)?;
    let project = Project::read(&at, &manifest)?;
    python_wanted::refuse_python_2(&project)?;
    let file = project.folder.join("Procfile");
    let procfile = match project.tree.text(&file)? {
        Some(text) => procfile::parse(&file, &text)?,
        None => Vec::new(),
    };
    let left_out = left_out::read(&project, &procfile);
    let sources = Sources {
        project,
        manifest,
        procfile,
        left_out,
    };
    Ok((sources, at))
}

fn read_manifest(project: &Path) -> Result<Manifest, Error> {
    let path = project.join(manifest::FILE);
    match ship_base::file::read_text_if_there(&path)? {
        Some(text) => manifest::read::parse(&text),
        None => Ok(Manifest::default()),
    }
}
