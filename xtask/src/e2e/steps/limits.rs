//! What `[limits]` of a manifest says holds by the kernel's hand, for the app that says it and for no
//! other; and it holds again after the unit that carries it was killed.

use crate::Result;
use crate::e2e::checks::Checks;
use crate::e2e::stage::{AGAIN, Stage};

const MANIFEST: &str = "\
[limits]
memory = \"160M\"
cpu = \"0.5\"
tasks = 60
";

/// The same in the kernel's words: bytes, microseconds of a tenth of a second, tasks.
const HELD: [(&str, &str); 3] = [
    ("memory.max", "167772160"),
    ("cpu.max", "50000 100000"),
    ("pids.max", "60"),
];

/// Takes more than it may, when it is asked to.
const GREEDY: &str = r#"from threading import Event, Thread

from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return "MARK"


@app.get("/memory")
def memory():
    return str(len(bytearray(400 << 20)))


@app.get("/threads")
def threads():
    begun, end = [], Event()
    try:
        for _ in range(100):
            thread = Thread(target=end.wait)
            thread.start()
            begun.append(thread)
    except RuntimeError:
        pass
    end.set()
    return str(len(begun))
"#;

pub(super) fn run(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let others = stage.pids("hours")?;
    stage.sample_mut("notes").version += 1;
    let notes = stage.sample("notes");
    notes.write("ship.toml", MANIFEST);
    notes.write(
        "main.py",
        &GREEDY.replace("MARK", &notes.mark(notes.version)),
    );
    stage.ship.deploy(notes)?;
    held(stage, checks, "after a deploy")?;
    tasks(stage, checks)?;
    memory(stage, checks)?;
    checks.same("processes of another app", &others, &stage.pids("hours")?);

    let before = stage.pids("notes")?;
    // It refuses to be started by hand; systemd starts it again where it was killed, and every program
    // of every app with it.
    stage.server.run("systemctl kill --signal=KILL ship-apps")?;
    stage.all_answer(checks, AGAIN);
    checks.differ(
        "program after its unit was killed",
        &before.program,
        &stage.pids("notes")?.program,
    );
    held(stage, checks, "after its unit was killed")?;

    // Later steps want the notes that they know.
    stage.sample("notes").write("ship.toml", "");
    stage.sample_mut("notes").change()?;
    stage.ship.deploy(stage.sample("notes"))?;
    stage.all_answer(checks, AGAIN);
    Ok(())
}

/// The group of the program has the caps of the manifest.
fn held(stage: &Stage, checks: &mut Checks, when: &str) -> Result<()> {
    let program = stage.pids("notes")?.program;
    let line = stage.server.run(&format!("cat /proc/{program}/cgroup"))?;
    let group = line.trim().trim_start_matches("0::").to_owned();
    for (file, expected) in HELD {
        let found = stage
            .server
            .run(&format!("cat /sys/fs/cgroup{group}/{file}"))?;
        checks.same(&format!("{file} {when}"), &expected, &found.trim());
    }
    Ok(())
}

/// Some threads can be started and not a hundred; the app answers on.
fn tasks(stage: &Stage, checks: &mut Checks) -> Result<()> {
    let answer = stage.server.get(&stage.sample("notes").host, "/threads")?;
    let begun: u32 = answer.text().parse().unwrap_or(0);
    checks.holds(
        (1..60).contains(&begun),
        "threads that could be started",
        "some, and fewer than 60",
        &(answer.status, begun),
    );
    stage.all_answer(checks, AGAIN);
    Ok(())
}

/// Whoever takes too much is ended and started again, and the log says why.
fn memory(stage: &Stage, checks: &mut Checks) -> Result<()> {
    let restarts = stage.web("notes")?.restarts;
    let status = stage
        .server
        .get(&stage.sample("notes").host, "/memory")
        .map_or(0, |answer| answer.status);
    checks.same("status of what took too much memory", &502, &status);
    stage.all_answer(checks, AGAIN);
    let after = stage.web("notes")?.restarts;
    checks.same("restarts that `ship ps` shows", &(restarts + 1), &after);
    let log = stage.ship.there(&["logs", "--app", "notes"])?;
    checks.holds(
        log.contains("memory"),
        "log of notes",
        "a word on its memory",
        &log.lines().rev().take(8).collect::<Vec<_>>(),
    );
    Ok(())
}
