//! Python: which interpreters are here, which one a project gets, and fetching one that is missing.
//!
//! An interpreter is run once to learn its version; the answer is kept in `store/python/known.json`
//! for as long as the file stays the same.

mod known;
mod places;
mod request;
mod version;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ship_base::clock::Moment;
use ship_base::hash::Hasher;
use ship_base::paths::Folders;
use ship_project::plan::{Note, PythonRequest, Sourced};
use ship_project::python_life;

use crate::cancel::Cancel;
use crate::error::Error;
use crate::event::Phase;
use crate::shop::Shop;
use crate::tool::Tool;
use crate::uv::Variables;
use known::Known;
pub(crate) use places::{installations, others_reach};
use request::Request;
pub use version::Version;

/// What is asked of an interpreter, once. `-I -S` keep everything of the user's out.
const QUESTION: &str = "import json, platform, sys, sysconfig
print(json.dumps({
    'version': '%d.%d.%d' % sys.version_info[:3],
    'final': sys.version_info[3] == 'final',
    'implementation': platform.python_implementation(),
    'abi': sysconfig.get_config_var('SOABI') or sys.implementation.cache_tag,
    'cache_tag': sys.implementation.cache_tag,
    'platform': sysconfig.get_platform(),
}))";

/// A Python on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The real file, behind all links.
    pub path: PathBuf,
    /// What it says of itself.
    pub about: About,
}

/// What an interpreter says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// `3.12.4`
    pub version: Version,
    /// Not an alpha, beta or release candidate.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// `CPython`, `PyPy`
    pub implementation: String,
    /// `cpython-312-x86_64-linux-gnu`; with a `t` where it has no global lock.
    pub abi: String,
    /// `cpython-312`: what its byte code files are named after.
    pub cache_tag: String,
    /// `linux-x86_64`
    pub platform: String,
}

impl Interpreter {
    /// `CPython 3.12.4`
    pub fn label(&self) -> String {
        format!("{} {}", self.about.implementation, self.about.version)
    }

    /// Everything that makes an environment for it useless to another.
    pub(crate) fn identify(&self, hasher: &mut Hasher) {
        hasher
            .field(self.path.as_os_str().as_encoded_bytes())
            .field(self.about.version.to_string())
            .field(&self.about.implementation)
            .field(&self.about.abi)
            .field(&self.about.platform);
    }

    fn is_usable(&self) -> bool {
        self.about.version.minor() >= python_life::OLDEST
    }

    /// Built without the global lock: its ABI is named `cpython-313t`.
    fn is_free_threaded(&self) -> bool {
        let name = format!("{}t-", self.about.version.digits());
        self.about.abi.contains(&name)
    }

    /// What comes first when several fit: finished before unfinished, CPython before others,
    /// with its lock before without, newer before older.
    fn rank(&self) -> (bool, bool, bool, &Version) {
        (
            self.about.is_final,
            self.about.implementation == "CPython",
            !self.is_free_threaded(),
            &self.about.version,
        )
    }
}

/// All Pythons on this machine that can be used, newest first. Version managers' shims are passed
/// over; their installations are not, unless apps run as users who cannot enter the folder they lie
/// in: root's own home on a server. `tools` are the caller's variables.
pub fn discover(tools: &Variables, folders: &Folders) -> Vec<Interpreter> {
    let mut known = Known::read(folders);
    let mut seen = BTreeSet::new();
    let mut here: Vec<Interpreter> = places::files(tools, folders)
        .filter_map(|file| file.canonicalize().ok())
        .filter(|path| seen.insert(path.clone()))
        .filter(|path| !folders.are_shared() || others_reach(path))
        .filter_map(|path| {
            known
                .about(&path, ask)
                .map(|about| Interpreter { path, about })
        })
        .filter(Interpreter::is_usable)
        .collect();
    known.keep(folders);
    here.sort_by(|a, b| b.rank().cmp(&a.rank()));
    here
}

fn ask(path: &Path) -> Option<About> {
    let finished = Tool::new(path, Path::new("/"))
        .args(["-I", "-S", "-c", QUESTION])
        .capture()
        .deadline(Duration::from_secs(20))
        .run(&Cancel::new(), &mut |_| {})
        .ok()?;
    serde_json::from_slice(&finished.stdout).ok()
}

/// The Pythons that fit a project, the best first, at least one: fetched by uv where none is here.
/// The one that the previous release had is the only one while it is there: an interpreter that
/// appears on the machine must not change an app.
pub(crate) fn choose(
    shop: &mut Shop<'_>,
    wanted: &Sourced<PythonRequest>,
    previous: Option<&Path>,
) -> Result<Vec<Interpreter>, Error> {
    let request = Request::of(&wanted.value);
    let fitting = |mut here: Vec<Interpreter>| {
        here.retain(|found| {
            request
                .as_ref()
                .is_some_and(|request| request.allows(found))
        });
        here
    };
    let mut here = fitting(discover(shop.callers(), shop.folders()));
    if let Some(at) = here
        .iter()
        .position(|found| previous == Some(found.path.as_path()))
    {
        return Ok(vec![here.swap_remove(at)]);
    }
    if !here.is_empty() {
        return Ok(here);
    }
    let output = fetch(shop, &wanted.value)?;
    let all = discover(shop.callers(), shop.folders());
    let found = fitting(all.clone());
    if !found.is_empty() {
        return Ok(found);
    }
    if let Some(found) = request
        .as_ref()
        .and_then(|request| other_patch(request, &all))
    {
        let (used, wanted) = (found.about.version, describe(wanted));
        let sentence = format!("Python {used} is used: {wanted} is not here and cannot be fetched");
        shop.report().corrected(sentence);
        return Ok(vec![found.clone()]);
    }
    Err(Error::NoPython {
        wanted: describe(wanted),
        remedy: remedy(wanted, &today()),
        here: all
            .iter()
            .map(|found| found.about.version.to_string())
            .collect(),
        output,
    })
}

/// Puts those that were out on `day` first, the newest of them at the front. Where none was, the
/// oldest comes first: it is the likeliest to run the code of that day.
pub(crate) fn of_the_day(pythons: &mut [Interpreter], day: &str) {
    let was_out = |python: &Interpreter| python_life::was_out(python.about.version.minor(), day);
    if pythons.iter().any(was_out) {
        pythons.sort_by_key(|python| !was_out(python));
    } else {
        pythons.reverse();
    }
}

/// What to tell of a Python that gets no fixes any more, with where the project asks for it.
pub(crate) fn ended(wanted: &Sourced<PythonRequest>, used: &Interpreter) -> Option<Note> {
    let minor = used.about.version.minor();
    let end = python_life::ended(minor, &today())?;
    let (major, minor) = minor;
    Some(Note {
        text: format!("Python {major}.{minor} has had no security fixes since {end}"),
        hint: Some(
            "move to one that has them once the project runs on it: `echo 3.13 > .python-version`"
                .to_owned(),
        ),
        place: wanted.places.first().cloned(),
    })
}

/// `2026-11-26`
fn today() -> String {
    Moment::now().day()
}

/// Why a Python cannot be had, and where to ask for another.
fn remedy(wanted: &Sourced<PythonRequest>, today: &str) -> Vec<String> {
    let PythonRequest { request, requires } = &wanted.value;
    let asked = [Some(request.as_str()), requires.as_deref()];
    let asked = asked.into_iter().flatten().find(|text| !text.is_empty());
    let minor = asked.and_then(python_life::minor);
    let mut remedy = Vec::new();
    if let Some((minor, end)) = minor.and_then(|m| Some((m, python_life::ended(m, today)?)))
        && minor < python_life::OLDEST
    {
        let ((major, minor), (_, oldest)) = (minor, python_life::OLDEST);
        remedy.push(format!(
            "Python {major}.{minor} ended on {end}, and 3.{oldest} is the oldest that is used here"
        ));
    }
    if request.contains("jit") {
        remedy.push(
            "there is no such build: CPython 3.14 has its JIT built in, `ship env set PYTHON_JIT=1` turns it on".to_owned(),
        );
    }
    remedy
}

/// The newest patch release of the minor version that is asked for to its third number: patches mend
/// errors and break nothing (PEP 602). Only where that version itself cannot be had, which is common
/// with those that an old `runtime.txt` names.
fn other_patch<'a>(request: &Request, here: &'a [Interpreter]) -> Option<&'a Interpreter> {
    let wanted = request.exact()?;
    here.iter()
        .find(|found| found.about.version.minor() == wanted.minor() && request.is_of(found))
}

/// Asks uv for a Python; gives its last words, which matter when it could not.
fn fetch(shop: &mut Shop<'_>, wanted: &PythonRequest) -> Result<Vec<String>, Error> {
    let request = [Some(wanted.request.as_str()), wanted.requires.as_deref()];
    let request = request.into_iter().flatten().find(|text| !text.is_empty());
    let uv = shop.uv()?;
    let run = uv
        .tool(shop.callers(), shop.folders().data())
        .env("UV_PYTHON_DOWNLOADS", "manual")
        .args([
            "python",
            "install",
            "--no-bin",
            "--no-config",
            "--install-dir",
        ])
        .arg(shop.folders().pythons())
        .args(request);
    Ok(shop.run_ourselves(Phase::Python, run)?.told())
}

/// `` `3.14` (.python-version) ``
fn describe(wanted: &Sourced<PythonRequest>) -> String {
    let PythonRequest { request, requires } = &wanted.value;
    let text = match (request.as_str(), requires.as_deref()) {
        ("", Some(requires)) => requires,
        ("", None) => ">=3.8",
        (request, _) => request,
    };
    let places: Vec<_> = wanted.places.iter().map(ToString::to_string).collect();
    if places.is_empty() {
        format!("`{text}`")
    } else {
        format!("`{text}` ({})", places.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ship_project::plan::Place;

    #[test]
    fn the_wish_is_shown_with_its_place() {
        let request = PythonRequest {
            request: "3.14".to_owned(),
            requires: None,
        };
        let wanted = Sourced::from(request, Place::line(".python-version", 1));
        assert_eq!(describe(&wanted), "`3.14` (.python-version:1)");
    }
}
