//! What our own processes hold for themselves at rest: private memory, which goes when they go.
//!
//! Shared pages (the binary itself) are held once however many keepers there are.

use std::path::Path;
use std::time::Duration;

use ship_base::file;
use ship_test::{Load, Project, wait_until};

use super::figure::{Figure, Value};
use super::installation::Installation;
use crate::Result;

/// So many requests first: memory at rest is what is left after work.
const REQUESTS: u64 = 2000;

/// Keeper, control and door, after some work.
pub(crate) fn measure(ship: &Path) -> Result<Vec<Figure>> {
    eprintln!("memory: after {REQUESTS} requests");
    let installation = Installation::new(ship, &[])?;
    let project = Project::fixture("plain-wsgi");
    let url = installation.up(project.folder());
    let load = Load::start(&url, 6);
    wait_until("the load is answered", Duration::from_mins(5), || {
        load.answered() >= REQUESTS
    });
    load.finish();

    let app = installation.app("plain-wsgi")?;
    let program = app.instances.first().and_then(|instance| instance.pid);
    let keeper = parent(program.ok_or("no instance runs")?)?;
    let goal = Value::Bytes(1_000_000);
    let memory = |pid| private(pid).map(Value::Bytes);
    Ok(vec![
        Figure::new("private memory of a keeper", memory(keeper)?).at_most(goal),
        Figure::new(
            "private memory of control",
            memory(installation.home.control())?,
        ),
        Figure::new(
            "private memory of the door",
            memory(installation.home.door())?,
        )
        .at_most(Value::Bytes(15_000_000)),
    ])
}

/// The bytes that only this process holds: `Private_Clean` and `Private_Dirty` of
/// `/proc/<pid>/smaps_rollup` (proc_pid_smaps(5)).
fn private(pid: i32) -> Result<u64> {
    let text = file::read_text(format!("/proc/{pid}/smaps_rollup").as_ref())?;
    let kibibytes = text
        .lines()
        .filter(|line| line.starts_with("Private_"))
        .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    Ok(kibibytes.sum::<u64>() * 1024)
}

/// The parent of a process: the second field after the name in `/proc/<pid>/stat`.
fn parent(pid: i32) -> Result<i32> {
    let stat = file::read_text(format!("/proc/{pid}/stat").as_ref())?;
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields);
    let parent = fields.and_then(|fields| fields.split_whitespace().nth(1));
    Ok(parent.ok_or("no parent in /proc")?.parse()?)
}
