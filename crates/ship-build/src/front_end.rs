//! JavaScript front ends: their packages are installed by their lock, their script builds them, and
//! what it makes becomes part of the source of the release, where the back end looks for it.
//!
//! All of it happens in a copy of the source that goes with the build. Installed packages are kept
//! in the store by their lock, and reach the copy as hard links; they are never part of a release.
//! What is made is known by comparing the copy with the source afterwards, so that it does not
//! matter where a bundler is told to write.

mod made;
mod manager;
mod modules;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ship_base::count;
use ship_base::file;
use ship_base::hash::{ContentHash, Hasher};
use ship_project::plan::{AssetStep, FrontEnd, Note, PackageManager, Plan};

use crate::assets::{callers_have, run_step, tool, version_of};
use crate::error::Error;
use crate::event::Phase;
use crate::runtime::{Runtime, work_path};
use crate::shop::Shop;
use crate::source::{Snapshot, copy_tree};
use crate::tool::Tool;

use self::made::Made;

/// Raised when front ends are built in another way.
const RECIPE: &str = "front end 1";

/// OpenSSL 3 refuses the hash that webpack 4 names its modules with.
const OLD_HASH: &str = "ERR_OSSL_EVP_UNSUPPORTED";

/// What a build of front ends came to, for the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Built {
    /// The address of all that decides about it.
    pub(crate) inputs: ContentHash,
    /// What differs from the source.
    pub(crate) made: Made,
}

impl Built {
    /// Takes all of it from a release with the same source.
    pub(crate) fn repeat(&self, release: &Path, source: &Path) -> Result<(), Error> {
        self.made
            .take_over(&release.join("source"), source)
            .map(drop)
    }
}

/// The front ends of a plan.
fn front_ends(plan: &Plan) -> impl Iterator<Item = &FrontEnd> {
    plan.assets.iter().filter_map(|step| match &step.value {
        AssetStep::FrontEnd(front_end) => Some(front_end),
        _ => None,
    })
}

/// What a build has at hand for its front ends.
pub(crate) struct Bench<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) runtime: &'a Runtime,
    /// The source of the release, which what is made goes into.
    pub(crate) source: &'a Path,
    /// What the previous release has of it.
    pub(crate) before: Option<&'a Built>,
}

/// Builds the front ends of a plan, or takes them from the previous release where nothing that
/// decides about them has changed.
pub(crate) fn build(shop: &mut Shop<'_>, bench: &Bench<'_>) -> Result<Option<Built>, Error> {
    let wanted: Vec<&FrontEnd> = front_ends(bench.plan).collect();
    if wanted.is_empty() {
        return Ok(None);
    }
    let present: Vec<&FrontEnd> = wanted
        .into_iter()
        .map(|front_end| bench.is_possible(shop, front_end))
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()?;
    if present.is_empty() {
        return Ok(None);
    }
    shop.phase(Phase::FrontEnd, |shop| {
        let inputs = bench.inputs(shop, &present);
        let previous = shop.request().previous;
        if let (Some(before), Some(release)) = (bench.before, previous)
            && before.inputs == inputs
            && before
                .made
                .take_over(&release.join("source"), bench.source)?
        {
            return Ok((Some(before.clone()), "as before".to_owned()));
        }
        let made = bench.make(shop, &present)?;
        let detail = count::plural(made.files.len(), "file");
        Ok((Some(Built { inputs, made }), detail))
    })
}

impl Bench<'_> {
    /// The front end, unless the machine lacks its programs and the project brings what it makes.
    fn is_possible<'f>(
        &self,
        shop: &mut Shop<'_>,
        front_end: &'f FrontEnd,
    ) -> Result<Option<&'f FrontEnd>, Error> {
        let program = front_end.manager.program();
        if manager::words(shop.request(), front_end, self.source).is_some() {
            if !callers_have(shop.request(), program) {
                let package = manager::package(front_end, self.source);
                shop.report().note(Note {
                    text: format!(
                        "there is no `{program}` on this machine: npm fetches `{package}`"
                    ),
                    hint: None,
                    place: None,
                });
            }
            return Ok(Some(front_end));
        }
        let output = front_end.output.as_ref();
        let Some(output) = output.filter(|output| self.source.join(output).is_dir()) else {
            return Err(Error::NoFrontEndTool {
                program,
                folder: front_end.folder.clone(),
                output: output.cloned(),
            });
        };
        shop.report().note(Note {
            text: format!(
                "there is no `{program}` on this machine: `{}` is used as the project has it",
                output.display()
            ),
            hint: None,
            place: None,
        });
        Ok(None)
    }

    /// The address of everything that decides about what is made. The Python code is left out,
    /// unless the configuration speaks of it: stylesheets are made from templates at times.
    fn inputs(&self, shop: &Shop<'_>, wanted: &[&FrontEnd]) -> ContentHash {
        let mut hasher = Hasher::new();
        hasher.field(RECIPE);
        for (name, value) in shop.request().settings {
            hasher.field(name).field(value.reveal());
        }
        for front_end in wanted {
            let text = serde_json::to_vec(front_end).unwrap_or_default();
            hasher.field(text).field(self.versions(shop, front_end));
            let folder = work_path(Path::new(""), &front_end.folder);
            let reach = Reach::of(&self.source.join(&folder));
            self.snapshot.hash_of(&mut hasher, |path| {
                let is_python = path.extension().is_some_and(|ending| ending == "py");
                (reach.outside || path.starts_with(&folder)) && (reach.python || !is_python)
            });
        }
        hasher.finish()
    }

    /// The versions of Node and of the package manager.
    fn versions(&self, shop: &Shop<'_>, front_end: &FrontEnd) -> String {
        let program = front_end.manager.program();
        let manager = if callers_have(shop.request(), program) {
            version_of(shop, program)
        } else {
            manager::package(front_end, self.source)
        };
        match front_end.manager {
            PackageManager::Bun => manager,
            _ => format!("{} {manager}", version_of(shop, "node")),
        }
    }

    fn make(&self, shop: &mut Shop<'_>, wanted: &[&FrontEnd]) -> Result<Made, Error> {
        let scratch = Scratch {
            folder: shop.request().into.join("front-end"),
        };
        copy_tree(self.source, &scratch.folder, shop.cancel())?;
        for front_end in wanted {
            modules::bring(shop, self, front_end, &scratch.folder)?;
            self.run_script(shop, front_end, &scratch.folder)?;
        }
        Made::bring_into(&scratch.folder, self.source, wanted)
    }

    fn run_script(
        &self,
        shop: &mut Shop<'_>,
        front_end: &FrontEnd,
        scratch: &Path,
    ) -> Result<(), Error> {
        let program = front_end.manager.program();
        let words = ["run", front_end.script.as_str()];
        let command = format!("{program} {}", words.join(" "));
        let script = |shop: &Shop<'_>| self.tool(shop, front_end, scratch, &words);
        let first = script(shop);
        match run_step(shop, first, &command) {
            Err(Error::Step { output, .. }) if output.iter().any(|l| l.contains(OLD_HASH)) => {
                shop.report().corrected(format!(
                    "`{command}` needs the hashes of an older OpenSSL: NODE_OPTIONS=--openssl-legacy-provider is set"
                ));
                let again = script(shop).env("NODE_OPTIONS", "--openssl-legacy-provider");
                run_step(shop, again, &command)
            }
            other => other,
        }
    }

    /// A run of the front end's package manager in its folder. `CI` is not set: some scripts make
    /// errors of their warnings then.
    fn tool(&self, shop: &Shop<'_>, front_end: &FrontEnd, scratch: &Path, words: &[&str]) -> Tool {
        let folder = work_path(scratch, &front_end.folder);
        let request = shop.request();
        let manager = manager::words(request, front_end, self.source).unwrap_or_default();
        let words = words.iter().copied().map(str::to_owned);
        let argv = manager.into_iter().chain(words).collect();
        let tool = tool(request, argv, self.runtime, &folder)
            .writes_to(scratch)
            .without("CI")
            .env("NPM_CONFIG_UPDATE_NOTIFIER", "false")
            .env("ADBLOCK", "1")
            .env("DISABLE_OPENCOLLECTIVE", "1");
        if request.settings.contains_key("NODE_ENV") {
            tool
        } else {
            tool.env("NODE_ENV", "production")
        }
    }
}

/// What of the project a front end reads beside its own folder, as its own files tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reach {
    /// Files outside of its folder: `content: ["../templates/**/*.html"]`.
    outside: bool,
    /// Python code: `content: ["../**/*.py"]`.
    python: bool,
}

impl Reach {
    /// Looks at configuration and stylesheets at the top of the folder and of its `src`.
    fn of(folder: &Path) -> Self {
        let mut reach = Self {
            outside: false,
            python: false,
        };
        for place in [folder.to_owned(), folder.join("src")] {
            for entry in file::entries_if_there(&place).unwrap_or_default() {
                let path = entry.path();
                let ending = path.extension().and_then(|ending| ending.to_str());
                let is_told = matches!(
                    ending,
                    Some("js" | "cjs" | "mjs" | "ts" | "cts" | "mts" | "json" | "css" | "scss")
                );
                let is_lock = path
                    .file_name()
                    .is_some_and(|name| name == "package-lock.json");
                if is_told
                    && !is_lock
                    && let Ok(text) = file::read_text(&path)
                {
                    let leaves = ["\"../", "'../", "`../", "'..'", "\"..\""];
                    reach.outside |= leaves.iter().any(|leave| text.contains(leave));
                    reach.python |= [".py'", ".py\"", ".py`"]
                        .iter()
                        .any(|end| text.contains(end));
                }
            }
        }
        reach
    }
}

/// The copy in which all happens.
struct Scratch {
    folder: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The draft around it goes or becomes a release; in that a leftover would do no harm.
        let _ = file::remove_folder(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_front_end_reads_beside_its_folder_is_seen_in_its_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let reach = |name: &str, text: &str| {
            file::write_whole(&folder.path().join(name), text.as_bytes()).unwrap();
            let reach = Reach::of(folder.path());
            (reach.outside, reach.python)
        };
        let plain = "import { x } from './x'\nbuild: { outDir: 'dist' }";
        assert_eq!(reach("vite.config.js", plain), (false, false));
        assert_eq!(reach("package-lock.json", "\"../x\""), (false, false));
        let templates = "content: ['../templates/**/*.html']";
        assert_eq!(reach("tailwind.config.js", templates), (true, false));
        let python = "content: ['../**/*.py']";
        assert_eq!(reach("tailwind.config.js", python), (true, true));
    }
}
