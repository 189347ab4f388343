//! A fresh server: systemd, cgroup v2, nothing on the ports of visitors. It gets what the guide asks
//! for, Debian's Python, and reaches a package index.

use std::path::PathBuf;

use crate::Result;
use crate::e2e::Arguments;
use crate::e2e::checks::Checks;
use crate::e2e::server::Server;
use crate::e2e::stage::Stage;

const PYTHON: &str = "command -v python3 >/dev/null && exit 0
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -yqq --no-install-recommends python3 python3-venv >/dev/null";

/// Makes it.
pub(in crate::e2e) fn boot(
    arguments: &Arguments,
    program: PathBuf,
    checks: &mut Checks,
) -> Result<Stage> {
    let maker = std::path::absolute(&arguments.server)?;
    let server = Server::start(maker, arguments.keep)?;
    let facts = server.run(
        "cat /proc/1/comm; stat -f -c %T /sys/fs/cgroup; . /etc/os-release; echo $PRETTY_NAME; uname -r",
    )?;
    let facts: Vec<&str> = facts.lines().collect();
    checks.same(
        "what runs and limits programs",
        &["systemd", "cgroup2fs"][..],
        &facts[..2],
    );
    checks.note(facts[2..].join(", Linux "));
    let refused = server.get("fresh.test", "/").is_err();
    checks.holds(
        refused,
        "port 80 before the installation",
        "no answer",
        "an answer",
    );

    server.run(PYTHON)?;
    let python = server.run("python3 -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])'")?;
    let python = python.trim();
    checks.note(format!("Python {python}"));
    let stage = Stage::new(program, server, python, &arguments.index_host)?;
    let index = format!("{}/uv/", stage.index);
    let asked = format!(
        "python3 -c 'import urllib.request as u; print(u.urlopen(\"{index}\", timeout=60).status)'"
    );
    let status = stage.server.run(&asked)?;
    checks.same(
        "status of the package index, asked from the server",
        &"200",
        &status.trim(),
    );
    Ok(stage)
}
