//! What the kernel says of processes.

use std::time::Duration;

use ship_base::file;

use crate::Result;

/// What the kernel counts in: `USER_HZ` is 100 on every machine we run on.
const TICK: Duration = Duration::from_millis(10);

/// A process and all that descend from it.
pub(crate) fn descendants(of: u32) -> Result<Vec<u32>> {
    let mut found = vec![of];
    let mut parents = Vec::new();
    for entry in file::entries("/proc".as_ref())? {
        let name = entry.file_name();
        if let Some(pid) = name.to_str().and_then(|name| name.parse().ok())
            && let Ok(stat) = Stat::of(pid)
        {
            parents.push((pid, stat.parent));
        }
    }
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        let children = parents.iter().filter(|(_, its)| *its == parent);
        found.extend(children.map(|(pid, _)| *pid));
        at += 1;
    }
    Ok(found)
}

/// Processor time of these, in user and kernel mode.
pub(crate) fn processor(pids: Vec<u32>) -> Result<Duration> {
    let each = pids.into_iter().map(Stat::of);
    each.map(|stat| stat.map(|stat| stat.processor)).sum()
}

/// Bytes that only these hold (`Private_*` of proc_pid_smaps(5)).
pub(crate) fn memory(pids: Vec<u32>) -> Result<u64> {
    let mut kibibytes = 0;
    for pid in pids {
        let text = file::read_text(format!("/proc/{pid}/smaps_rollup").as_ref())?;
        let private = text.lines().filter(|line| line.starts_with("Private_"));
        kibibytes += private
            .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
            .sum::<u64>();
    }
    Ok(kibibytes * 1024)
}

/// Fields of `/proc/<pid>/stat` (proc_pid_stat(5)).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    processor: Duration,
}

impl Stat {
    fn of(pid: u32) -> Result<Self> {
        let text = file::read_text(format!("/proc/{pid}/stat").as_ref())?;
        Self::parse(&text).ok_or_else(|| format!("/proc/{pid}/stat is not as expected").into())
    }

    fn parse(text: &str) -> Option<Self> {
        // The name, in brackets, may hold anything. Behind it the state is field 3.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            processor: TICK * u32::try_from(ticks(11)? + ticks(12)?).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_kernel_time_are_added_whatever_the_name_is() {
        let line = "7 (a) b (c) S 3 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 100 0 0";
        let stat = Stat::parse(line).unwrap();
        assert_eq!(stat.parent, 3);
        assert_eq!(stat.processor, Duration::from_secs(2));
    }

    #[test]
    fn what_a_process_started_belongs_to_it() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let all = descendants(std::process::id()).unwrap();
        assert!(all.contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
