//! What control and door hold for themselves.

use ship_base::file;
use ship_test::Home;

use crate::Result;

/// Bytes of private memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    pub(super) control: u64,
    pub(super) door: u64,
}

impl Memory {
    pub(super) fn of(home: &Home) -> Result<Self> {
        Ok(Self {
            control: private(home.control())?,
            door: private(home.door())?,
        })
    }

    pub(super) fn all(self) -> u64 {
        self.control + self.door
    }
}

/// `Private_Clean` and `Private_Dirty` of `/proc/<pid>/smaps_rollup` (proc_pid_smaps(5)).
fn private(pid: i32) -> Result<u64> {
    let text = file::read_text(format!("/proc/{pid}/smaps_rollup").as_ref())?;
    let lines = text.lines().filter(|line| line.starts_with("Private_"));
    let kibibytes = lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    Ok(kibibytes.sum::<u64>() * 1024)
}
