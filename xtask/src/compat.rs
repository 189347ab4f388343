//! `cargo xtask compat FOLDER`: projects that strangers wrote, brought up with no file added, and the
//! page that tells how each went.
//!
//! Which projects, and where each comes from, is in `xtask/compat.toml`; the folder holds them as
//! somebody fetched them beforehand. Nothing of them is in this repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ship_base::file;

use crate::{Result, workspace};

mod clones;
mod given;
mod page;
mod stranger;
mod trial;

use clones::Clones;
use stranger::Stranger;

/// What `cargo xtask compat` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A folder with the projects, each in a folder of its own
    folder: PathBuf,
    /// Lay out what is not there from clones of the repositories, each at OWNER/NAME below this folder
    #[arg(long, value_name = "FOLDER")]
    clones: Option<PathBuf>,
    /// Only these; `docs/compatibility.md` is left alone
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Try this binary instead of building one
    #[arg(long, value_name = "PATH")]
    ship: Option<PathBuf>,
    /// How the trials went, as JSON
    #[arg(long)]
    json: bool,
}

/// Tries them one after the other, and writes the page.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let ship = match &arguments.ship {
        Some(ship) => std::path::absolute(ship)?,
        None => crate::bench::built()?,
    };
    let strangers = wanted(arguments)?;
    let bench = trial::Bench::new(ship)?;
    let mut trials = Vec::new();
    for (number, (name, stranger)) in strangers.iter().enumerate() {
        eprint!("{}/{} {name}: ", number + 1, strangers.len());
        let trial = bench.attempt(name, stranger, &arguments.folder.join(name))?;
        eprintln!("{}", trial.outcome);
        trials.push(trial);
    }
    // All of them as they are before the machine gets anything that one of them lacks.
    for trial in trials.iter_mut().filter(|trial| !trial.outcome.is_up()) {
        if let Some(given) = &strangers[&trial.name].given {
            eprint!("{}, given what it lacks: ", trial.name);
            let outcome =
                bench.attempt_given(&trial.name, given, &arguments.folder.join(&trial.name))?;
            eprintln!("{outcome}");
            trial.given = Some(outcome);
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&trials)?);
    }
    if arguments.only.is_empty() {
        let path = workspace::root().join("docs/compatibility.md");
        file::write_whole_with_mode(&path, page::of(&trials).as_bytes(), 0o644)?;
    }
    eprintln!("{}", page::summary(&trials));
    Ok(ExitCode::SUCCESS)
}

/// The listed projects that are in the folder; one that is not there is told.
fn wanted(arguments: &Arguments) -> Result<BTreeMap<String, Stranger>> {
    let mut strangers = stranger::all()?;
    if let Some(unknown) = arguments
        .only
        .iter()
        .find(|name| !strangers.contains_key(*name))
    {
        return Err(format!("`{unknown}` is not in xtask/compat.toml").into());
    }
    strangers.retain(|name, _| arguments.only.is_empty() || arguments.only.contains(name));
    if let Some(clones) = &arguments.clones {
        lay_out(&strangers, &Clones(clones), &arguments.folder)?;
    }
    strangers.retain(|name, stranger| {
        let is_there = arguments.folder.join(name).is_dir();
        if !is_there {
            eprintln!(
                "{name}: not in {} (from {})",
                arguments.folder.display(),
                stranger.from
            );
        }
        is_there
    });
    if strangers.is_empty() {
        let folder = arguments.folder.display();
        return Err(format!("no project of xtask/compat.toml is in {folder}").into());
    }
    Ok(strangers)
}

/// What is not in `folder` yet, from the clones.
fn lay_out(strangers: &BTreeMap<String, Stranger>, clones: &Clones, folder: &Path) -> Result<()> {
    for (name, stranger) in strangers {
        let folder = folder.join(name);
        if !folder.exists() {
            clones.lay_out(stranger, &folder)?;
        }
    }
    Ok(())
}
