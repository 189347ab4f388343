//! What is tried when today's Python and packages do not fit the code of a project that does not say
//! which it wants: a Python that still has what is missing, and the packages of the day on which its
//! author last changed it.

mod gone;

use std::path::Path;
use std::time::Duration;

use ship_base::clock::Moment;
use ship_project::plan::Dependencies;

use crate::error::Error;
use crate::event::Phase;
use crate::shop::Shop;
use crate::source::Snapshot;
use crate::tool::Tool;

/// uv's name for it: packages published later are not seen, nor are they for building others.
pub(crate) const DAY: &str = "UV_EXCLUDE_NEWER";

/// Packages seldom break what was written for those of last month.
const YOUNGEST: Duration = Duration::from_hours(30 * 24);

/// How long after the newest version that the project names its other packages are taken from.
const SINCE_PIN: Duration = Duration::from_hours(30 * 24);

/// How long `git` may take to tell when the last commit was.
const GIT: Duration = Duration::from_secs(5);

/// Another way to build the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// The last setuptools that had `pkg_resources`. It used to be part of every environment, until
    /// `python -m venv` left it out with Python 3.12 and a later version left the module out: packages
    /// of that time need it, some without saying so.
    Setuptools,
    /// No newer Python than this one.
    Python((u32, u32)),
    /// The packages of this day, `2024-09-12`.
    Day(String),
}

impl Remedy {
    /// What to tell of it, and of the error that it may mend.
    pub fn sentence(&self, error: &dyn std::error::Error) -> String {
        match self {
            Self::Setuptools => {
                "`pkg_resources` is imported: the last setuptools that has it is taken".to_owned()
            }
            Self::Python((major, minor)) => format!(
                "Python {major}.{minor} or older is taken, the last that has what this code wants: {error}"
            ),
            Self::Day(day) => format!(
                "the packages of today do not work with this code ({error}): those of {day} are tried, from when it was written"
            ),
        }
    }

    /// No newer Python than this one.
    pub(crate) fn newest_python(&self) -> Option<(u32, u32)> {
        match self {
            Self::Python(newest) => Some(*newest),
            Self::Setuptools | Self::Day(_) => None,
        }
    }

    /// What is asked for in addition.
    pub(crate) fn requirement(&self) -> Option<&'static str> {
        (*self == Self::Setuptools).then_some("setuptools<81")
    }
}

/// What may be tried when the first release of an app was built and does not start.
#[derive(Debug, Clone)]
pub struct Again {
    pub(crate) tried: Vec<Remedy>,
    pub(crate) pythons: Vec<(u32, u32)>,
    /// Whether the versions of packages are ours to choose.
    pub(crate) chooses_versions: bool,
    /// The day that can be gone back to.
    pub(crate) day: Option<String>,
}

impl Again {
    /// All that the next build has to try, the newest last: what was tried, and what `output`, the
    /// last words of a program, asks for. Nothing where that says nothing of versions.
    pub fn remedies(self, output: &[String]) -> Option<Vec<Remedy>> {
        let next = self.next(output)?;
        let mut remedies = self.tried;
        remedies.push(next);
        Some(remedies)
    }

    fn next(&self, output: &[String]) -> Option<Remedy> {
        let last = output.iter().filter_map(|line| gone::last_with(line)).min();
        let newest = self.tried.iter().filter_map(Remedy::newest_python).min();
        let is_allowed = |last: &(u32, u32)| self.pythons.iter().any(|minor| minor <= last);
        let is_new = |last: &(u32, u32)| newest.is_none_or(|newest| *last < newest);
        if let Some(last) = last.filter(is_new).filter(is_allowed) {
            return Some(Remedy::Python(last));
        }
        if !self.chooses_versions {
            return None;
        }
        let lacks = |line: &String| line.contains("No module named 'pkg_resources'");
        if output.iter().any(lacks) && !self.tried.contains(&Remedy::Setuptools) {
            return Some(Remedy::Setuptools);
        }
        let is_free = !self
            .tried
            .iter()
            .any(|tried| matches!(tried, Remedy::Day(_)));
        let day = self.day.clone().filter(|_| is_free)?;
        output
            .iter()
            .any(|line| is_of_a_version(line))
            .then_some(Remedy::Day(day))
    }
}

/// Whether the last line of a traceback may come from a version of a package: a name that is not
/// there, or that is called in another way.
fn is_of_a_version(line: &str) -> bool {
    const KINDS: [&str; 4] = [
        "AttributeError: ",
        "ImportError: cannot import name ",
        "NameError: ",
        "TypeError: ",
    ];
    let of_module = line.starts_with("ModuleNotFoundError: ") && line.contains('.');
    of_module || KINDS.iter().any(|kind| line.starts_with(kind))
}

/// What is known of a project whose build failed.
#[derive(Debug)]
pub(crate) struct Failed<'a> {
    pub(crate) dependencies: Option<&'a Dependencies>,
    /// The minor versions of the Pythons that the project allows.
    pub(crate) pythons: &'a [(u32, u32)],
    pub(crate) snapshot: &'a Snapshot,
    /// When the newest of the versions that the project names was published.
    pub(crate) newest_pin: Option<Moment>,
    pub(crate) error: &'a Error,
}

/// What to try next: where the versions are ours to choose, and each once.
pub(crate) fn of(shop: &Shop<'_>, failed: &Failed<'_>) -> Option<Remedy> {
    if let Some(last) = python(shop, failed) {
        return Some(Remedy::Python(last));
    }
    if !chooses_versions(failed.dependencies) {
        return None;
    }
    if lacks_setuptools(failed.error) && !shop.tried().contains(&Remedy::Setuptools) {
        return Some(Remedy::Setuptools);
    }
    day(shop, failed).map(Remedy::Day)
}

/// The last Python that has what was missed, where the project allows that one or an older.
fn python(shop: &Shop<'_>, failed: &Failed<'_>) -> Option<(u32, u32)> {
    if shop.request().previous.is_some() {
        return None;
    }
    let lines = match failed.error {
        Error::Proof(failure) => failure.lines(),
        Error::Tool {
            phase: Phase::Lock | Phase::Environment,
            output,
            ..
        } => output.clone(),
        _ => return None,
    };
    let last = lines
        .iter()
        .filter_map(|line| gone::last_with(line))
        .min()?;
    let is_new = shop.newest_python().is_none_or(|newest| last < newest);
    let is_allowed = failed.pythons.iter().any(|minor| *minor <= last);
    (is_new && is_allowed).then_some(last)
}

fn lacks_setuptools(error: &Error) -> bool {
    matches!(error, Error::Proof(failure) if failure.missing_module() == Some("pkg_resources"))
}

fn day(shop: &Shop<'_>, failed: &Failed<'_>) -> Option<String> {
    let is_of_packages = is_of_packages(failed.error);
    is_of_packages
        .then(|| day_of(shop, failed.snapshot, failed.newest_pin))
        .flatten()
}

/// The day that can be gone back to: for an app that never ran, one that did has its versions.
pub(crate) fn day_of(
    shop: &Shop<'_>,
    snapshot: &Snapshot,
    newest_pin: Option<Moment>,
) -> Option<String> {
    let request = shop.request();
    let is_free =
        request.previous.is_none() && shop.day().is_none() && !request.tools.contains_key(DAY);
    if !is_free {
        return None;
    }
    let project = request.source();
    let changed = committed(shop, &project).or_else(|| snapshot.changed(&project));
    let pinned = newest_pin.map(|newest| newest.after(SINCE_PIN));
    let day = changed.into_iter().chain(pinned).min()?;
    (day.elapsed() > YOUNGEST).then(|| day.day())
}

/// Also where every requirement has a version: what they require in turn is still open, and so is
/// what they are built with.
pub(crate) fn chooses_versions(dependencies: Option<&Dependencies>) -> bool {
    matches!(
        dependencies,
        Some(
            Dependencies::Requirements { .. }
                | Dependencies::Pyproject { .. }
                | Dependencies::Setup { .. }
                | Dependencies::Listed { .. }
                | Dependencies::Unnamed { .. }
        )
    )
}

/// Whether other versions may mend it.
fn is_of_packages(error: &Error) -> bool {
    match error {
        Error::Proof(failure) => failure.may_be_of_packages(),
        Error::Tool {
            phase: Phase::Lock | Phase::Environment,
            output,
            ..
        } => {
            let has = |words: &str| output.iter().any(|line| line.contains(words));
            has("build") && !has("Failed to fetch") && !has("dns error")
        }
        _ => false,
    }
}

/// When the last commit of `project` was, where it is in a repository that git lets us read.
///
/// Not on a server: what git is told in a repository may name programs to be run, and the builder
/// cannot enter the project.
fn committed(shop: &Shop<'_>, project: &Path) -> Option<Moment> {
    if shop.owner().is_some() {
        return None;
    }
    let run = Tool::new("git", project)
        .envs(shop.callers())
        .args(["log", "-1", "--format=%ct", "--", "."])
        .capture()
        .deadline(GIT)
        .run(shop.cancel(), &mut |_| {})
        .ok()?;
    let seconds = String::from_utf8_lossy(&run.stdout).trim().parse::<i64>();
    let is_told = run.succeeded().then_some(seconds)?;
    Some(Moment::from_millis(is_told.ok()?.checked_mul(1000)?))
}
