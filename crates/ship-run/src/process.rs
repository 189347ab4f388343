//! Processes as `/proc` shows them (proc(5)): who they are, whom they descend from, what they hold.
//!
//! A process is known by its number and its start time, because numbers are used again.

use std::collections::HashSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use ship_base::file;

/// A process, known by its start time as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessKey {
    /// The process number.
    pub pid: i32,
    /// Field 22 of `/proc/<pid>/stat`, in clock ticks since boot.
    pub start: u64,
}

impl ProcessKey {
    /// The process that has this number now; `None` when there is none.
    pub fn of(pid: i32) -> Option<Self> {
        Stat::of(pid).map(|stat| stat.key)
    }

    /// This process.
    pub fn own() -> Option<Self> {
        Self::of(std::process::id().cast_signed())
    }

    /// Whether it runs: not ended, not a zombie, not another one of the same number.
    pub fn is_alive(&self) -> bool {
        Stat::of(self.pid).is_some_and(|stat| stat.key == *self && stat.is_alive())
    }

    /// Sends `signal`; `false` when the process is gone.
    ///
    /// The pidfd is taken first and the start time compared after: from then on no other process
    /// can be hit, even when the number is used again in between.
    pub(crate) fn signal(&self, signal: Signal) -> bool {
        let Some(pid) = Pid::from_raw(self.pid) else {
            return false;
        };
        let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else {
            return false;
        };
        Self::of(self.pid) == Some(*self) && pidfd_send_signal(&pidfd, signal).is_ok()
    }
}

/// One line of `/proc/<pid>/stat`, as far as it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) key: ProcessKey,
    pub(crate) parent: i32,
    pub(crate) session: i32,
    state: u8,
}

impl Stat {
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let mut text = Vec::with_capacity(400);
        let file = file::open(&entry(pid, "stat")).ok()?;
        file.take(4096).read_to_end(&mut text).ok()?;
        Self::parse(pid, &text)
    }

    /// The name in field 2 may hold anything, parentheses too: fields count from the last `)`.
    fn parse(pid: i32, text: &[u8]) -> Option<Self> {
        let after_name = text.iter().rposition(|byte| *byte == b')')? + 1;
        let rest = std::str::from_utf8(&text[after_name..]).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?.bytes().next()?;
        let parent = fields.next()?.parse().ok()?;
        let session = fields.nth(1)?.parse().ok()?;
        let start = fields.nth(15)?.parse().ok()?;
        Some(Self {
            key: ProcessKey { pid, start },
            parent,
            session,
            state,
        })
    }

    /// Neither a zombie nor on its way out.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// The living processes that `pid` has started, and those that they have, in no order; without
/// `pid` itself. What changes while it is read may be missing: ask again until nothing is left.
pub fn descendants(pid: i32) -> Vec<ProcessKey> {
    let all = all();
    let mut family = HashSet::from([pid]);
    let mut found = Vec::new();
    // A child may stand before its parent in the list, where numbers have started again at 1.
    loop {
        let before = found.len();
        for stat in &all {
            if family.contains(&stat.parent) && family.insert(stat.key.pid) {
                found.push(*stat);
            }
        }
        if found.len() == before {
            found.retain(Stat::is_alive);
            return found.into_iter().map(|stat| stat.key).collect();
        }
    }
}

/// Every process of the machine.
pub(crate) fn all() -> Vec<Stat> {
    let Ok(folder) = rustix::fs::open(
        "/proc",
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    ) else {
        return Vec::new();
    };
    let Ok(entries) = rustix::fs::Dir::new(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok())
        .filter_map(Stat::of)
        .collect()
}

/// The memory of a process and its descendants in bytes, shared pages divided among those who
/// share them (Pss of `smaps_rollup`); `None` when the process is gone or not ours to look at.
pub fn memory_of(key: ProcessKey) -> Option<u64> {
    if !key.is_alive() {
        return None;
    }
    let own = proportional_size(key.pid)?;
    let rest = descendants(key.pid);
    Some(
        own + rest
            .iter()
            .filter_map(|key| proportional_size(key.pid))
            .sum::<u64>(),
    )
}

fn proportional_size(pid: i32) -> Option<u64> {
    let text = file::read_text(&entry(pid, "smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// `/proc/<pid>/<name>`.
pub(crate) fn entry(pid: i32, name: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_parentheses_does_not_shift_the_fields() {
        let line = b"42 (a) b (c)) S 7 42 41 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 9001 0 0";
        let stat = Stat::parse(42, line).unwrap();
        assert_eq!(
            stat.key,
            ProcessKey {
                pid: 42,
                start: 9001
            }
        );
        assert_eq!((stat.parent, stat.session), (7, 41));
    }

    #[test]
    fn this_process_is_alive_and_another_start_time_is_not() {
        let own = ProcessKey::own().unwrap();
        assert!(own.is_alive());
        let earlier = ProcessKey {
            start: own.start - 1,
            ..own
        };
        assert!(!earlier.is_alive());
        assert!(!earlier.signal(Signal::KILL));
    }

    #[test]
    fn memory_is_measured() {
        assert!(memory_of(ProcessKey::own().unwrap()).unwrap() > 100_000);
    }
}
