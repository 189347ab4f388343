//! From a lock to an environment: a project with some two hundred packages, beside uv alone.
//!
//! The packages are named in `packages.txt` and resolved when this runs. Each side has a cache of
//! its own, so that cold means cold for both; both use the same uv and the same Python.

use std::path::Path;
use std::time::Duration;

use ship_test::Project;
use tempfile::TempDir;

use super::figure::{Figure, Value};
use super::installation::{Deploy, Installation};
use super::uv::{Peer, Uv};
use crate::Result;

const PACKAGES: &str = include_str!("packages.txt");

/// What the changed lock has besides.
const ONE_MORE: &str = "roman-numerals-py";

const APP: &str = "def app(environ, start_response):\n    \
                   start_response('200 OK', [('Content-Type', 'text/plain')])\n    \
                   return [b'hello']\n";

/// Cold, warm, with one package more, and unchanged.
pub(crate) fn measure(ship: &Path) -> Result<Vec<Figure>> {
    let uv = Uv::of(ship)?;
    let caches = tempfile::tempdir()?;
    let project = Project::named("many").file("main.py", APP);
    lock(&uv, &project, &caches, None)?;

    eprintln!("environment: ours, nothing cached");
    let first = installation(ship, &uv, &caches)?;
    let cold = first.deploy(project.folder())?;
    project.write("main.py", &format!("{APP}\n# changed\n"));
    let unchanged = first.deploy(project.folder())?;
    drop(first);

    eprintln!("environment: ours, packages cached");
    let second = installation(ship, &uv, &caches)?;
    let warm = second.deploy(project.folder())?;

    eprintln!("environment: uv alone");
    let peer = Peer::measure(&uv, project.folder(), caches.path())?;

    eprintln!("environment: one package more");
    lock(&uv, &project, &caches, Some(ONE_MORE))?;
    let more = second.deploy(project.folder())?;

    Ok(figures(&cold, &warm, &more, &unchanged, &peer))
}

fn figures(
    cold: &Deploy,
    warm: &Deploy,
    more: &Deploy,
    unchanged: &Deploy,
    peer: &Peer,
) -> Vec<Figure> {
    let packages = Value::Count(leading_number(cold.detail("lock")));
    let figure = |name: &str, value: Duration| Figure::new(format!("environment, {name}"), value);
    vec![
        Figure::new("packages in the lock", packages),
        figure("cold", packages_in_place(cold))
            .beside("uv sync", peer.cold.took)
            .beside("with its files on disk", peer.cold.on_disk),
        figure("warm cache", packages_in_place(warm))
            .beside("uv sync", peer.warm.took)
            .beside("with its files on disk", peer.warm.on_disk),
        figure("byte code of all packages", warm.step("byte code"))
            .beside("uv sync --compile-bytecode", peer.byte_code),
        figure("one package more, with byte code", whole(more)).beside(
            "uv sync --compile-bytecode, anew",
            peer.warm.took + peer.byte_code,
        ),
        figure("unchanged lock", whole(unchanged)).beside("uv sync", peer.unchanged),
    ]
}

/// From the lock to an environment whose files are on disk, byte code and all.
fn whole(deploy: &Deploy) -> Duration {
    deploy.step("lock") + deploy.step("environment")
}

/// The same without compiling.
fn packages_in_place(deploy: &Deploy) -> Duration {
    whole(deploy).saturating_sub(deploy.step("byte code"))
}

/// The number that a step's detail begins with: `199 packages`.
fn leading_number(detail: &str) -> u64 {
    let number = detail.split(' ').next().unwrap_or_default();
    number.parse().unwrap_or_default()
}

/// Writes `pyproject.toml` and resolves it, with a cache that neither side uses.
fn lock(uv: &Uv, project: &Project, caches: &TempDir, one_more: Option<&str>) -> Result<()> {
    let names = PACKAGES.lines().chain(one_more);
    let names: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    let pyproject = format!(
        "[project]\nname = \"many\"\nversion = \"1\"\nrequires-python = \"=={}.*\"\n\
         dependencies = [{}]\n",
        uv.python_minor,
        names.join(", ")
    );
    project.write("pyproject.toml", &pyproject);
    uv.run(project.folder(), &caches.path().join("lock"), &["lock"])?;
    Ok(())
}

/// An installation with a cache of ours, whose control runs already.
fn installation(ship: &Path, uv: &Uv, caches: &TempDir) -> Result<Installation> {
    let cache = caches.path().join("ours").display().to_string();
    let program = uv.program.display().to_string();
    let variables = [("UV_CACHE_DIR", cache.as_str()), ("SHIP_UV", &program)];
    let installation = Installation::new(ship, &variables)?;
    installation.up(Project::fixture("own-server").folder());
    Ok(installation)
}
