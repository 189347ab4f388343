//! What processes hold and take, read from `/proc`.

use std::path::Path;
use std::time::Duration;

use ship_base::file;

/// The memory of these processes in bytes, shared pages divided among all who share them: `Pss` of
/// `/proc/<pid>/smaps_rollup` (proc_pid_smaps(5)). One that ended holds nothing.
pub(super) fn memory(pids: &[i32]) -> u64 {
    let of = |pid: &i32| {
        let text = read(*pid, "smaps_rollup");
        let line = text.lines().find(|line| line.starts_with("Pss:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        kibibytes.unwrap_or(0) * 1024
    };
    pids.iter().map(of).sum()
}

/// The processor time that all their threads have had: user and kernel, in ticks of 10 ms of
/// `/proc/<pid>/stat` (proc_pid_stat(5)), or in nanoseconds of each thread's `schedstat` where the
/// kernel has it.
pub(super) fn processor(pids: &[i32]) -> Duration {
    pids.iter()
        .map(|pid| precise(*pid).unwrap_or_else(|| ticks(*pid)))
        .sum()
}

fn precise(pid: i32) -> Option<Duration> {
    let threads = file::entries(Path::new(&format!("/proc/{pid}/task"))).ok()?;
    let mut all = Duration::ZERO;
    for thread in threads {
        let text = file::read_text(&thread.path().join("schedstat")).ok()?;
        all += Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?);
    }
    Some(all)
}

fn ticks(pid: i32) -> Duration {
    let stat = read(pid, "stat");
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    // `utime` and `stime` are the 14th and 15th field, the name being the 2nd.
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = times.filter_map(|time| time.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// A process with all that descend from it.
pub(super) fn tree(root: i32) -> Vec<i32> {
    let parents = parents();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(parent) = tree.get(next).copied() {
        tree.extend(
            parents
                .iter()
                .filter(|pair| pair.1 == parent)
                .map(|pair| pair.0),
        );
        next += 1;
    }
    tree
}

/// Every process of the machine.
pub(super) fn all() -> Vec<i32> {
    let entries = file::entries(Path::new("/proc")).unwrap_or_default();
    let names = entries.iter().map(std::fs::DirEntry::file_name);
    names
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect()
}

/// Every process with its parent.
fn parents() -> Vec<(i32, i32)> {
    let with_parent = |pid: i32| {
        let stat = read(pid, "stat");
        let (_, fields) = stat.rsplit_once(')')?;
        Some((pid, fields.split_whitespace().nth(1)?.parse().ok()?))
    };
    all().into_iter().filter_map(with_parent).collect()
}

/// Whether a process is there and has not ended: one that waits for its parent to look has.
pub(super) fn lives(pid: i32) -> bool {
    let stat = read(pid, "stat");
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    state.is_some_and(|state| !state.starts_with('Z'))
}

/// Whether a process runs this program.
pub(super) fn runs(pid: i32, program: &Path) -> bool {
    rustix::fs::readlink(format!("/proc/{pid}/exe"), Vec::new())
        .is_ok_and(|path| path.as_bytes() == program.as_os_str().as_encoded_bytes())
}

/// The arguments of a process, the name first.
pub(super) fn arguments(pid: i32) -> Vec<String> {
    read(pid, "cmdline")
        .split('\0')
        .map(str::to_owned)
        .collect()
}

fn read(pid: i32, name: &str) -> String {
    file::read_text(Path::new(&format!("/proc/{pid}/{name}"))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_holds_memory_and_has_had_time() {
        let me = std::process::id().cast_signed();
        assert!(memory(&[me]) > 100_000);
        assert!(tree(me).contains(&me));
        let before = processor(&[me]);
        while processor(&[me]) == before {
            std::hint::spin_loop();
        }
    }
}
