//! The end of everything that a user runs, as that user: `kill(-1)` reaches all that its sender may
//! signal but itself, and the kernel lets no child be born past it (kill(2), fork(2)).

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, getuid, kill_process_group};
use ship_base::file;

use crate::order::Order;
use crate::shim::become_user;

/// How long a killed process may take to let go of what it is at: writing to a slow disk, say.
const PATIENCE: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_millis(2);

/// Becomes the user, ends what it runs, and returns when nothing of it can do anything any more.
pub(crate) fn run(order: &Order) -> io::Result<()> {
    become_user(order)?;
    let uid = getuid().as_raw();
    // As root it would end the machine, and as the person at the laptop their session.
    if uid == 0 || getuid() != geteuid() || order.user.map(|user| user.uid) != Some(uid) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let until = Instant::now() + PATIENCE;
    loop {
        // "All" is said as the group of process 1.
        let _ = kill_process_group(Pid::INIT, Signal::KILL);
        if !anything_lives(uid) {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(GLANCE);
    }
}

/// Whether a process of this user is neither us nor dead; who reaps the dead does not matter.
fn anything_lives(uid: u32) -> bool {
    let own = std::process::id().to_string();
    let processes = file::entries(Path::new("/proc")).unwrap_or_default();
    processes.iter().any(|entry| {
        let status = entry.path().join("status");
        entry.file_name() != own.as_str()
            && entry.file_name().to_string_lossy().parse::<u32>().is_ok()
            && file::read_text(&status).is_ok_and(|status| lives(&status, uid))
    })
}

/// What `/proc/<pid>/status` says: `State:\tZ (zombie)`, `Uid:\t70000\t70000\t70000\t70000`.
fn lives(status: &str, uid: u32) -> bool {
    let field = |name: &str| {
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next().map(str::to_owned)
    };
    let is_dead = field("State:").is_some_and(|state| state == "Z" || state == "X");
    field("Uid:") == Some(uid.to_string()) && !is_dead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_and_the_processes_of_others_do_not_live() {
        let status = "Name:\tsh\nState:\tS (sleeping)\nUid:\t70000\t70000\t70000\t70000\n";
        assert!(lives(status, 70_000));
        assert!(!lives(status, 70_001));
        assert!(!lives(
            &status.replace("S (sleeping)", "Z (zombie)"),
            70_000
        ));
    }
}
