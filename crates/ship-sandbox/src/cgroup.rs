//! A control group (cgroup v2) for one program, where the system has handed one to us.
//!
//! Groups belong to systemd unless it delegates one ("Control Group APIs and Delegation",
//! systemd.io): we only make groups below one that carries its mark of delegation and in which the
//! memory controller is on. Elsewhere the cap does not hold, and the report says so.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use ship_base::file;

const MOUNT: &str = "/sys/fs/cgroup";

/// Whether a cap on memory holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemoryCap {
    /// The kernel holds it.
    Holds {
        /// The cap in bytes.
        bytes: u64,
    },
    /// Nothing holds it.
    Open {
        /// A fragment in our voice.
        why: String,
    },
}

/// A group that is removed when this value is dropped and nothing runs in it any more.
#[derive(Debug)]
pub struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    /// A new group called `name` that caps memory at `bytes`, where that can be.
    pub(crate) fn for_memory(name: &str, bytes: Option<u64>) -> (Option<MemoryCap>, Option<Self>) {
        let Some(bytes) = bytes else {
            return (None, None);
        };
        let made = own_group()
            .and_then(|own| delegated(&own))
            .and_then(|parent| {
                Self::create(&parent.join(format!("ship-{name}")), bytes)
                    .map_err(|error| format!("its control group could not be made: {error}"))
            });
        match made {
            Ok(group) => (Some(MemoryCap::Holds { bytes }), Some(group)),
            Err(why) => (Some(MemoryCap::Open { why }), None),
        }
    }

    /// Makes the group; `memory.oom.group` lets the kernel end the program as a whole instead of
    /// leaving half of it.
    fn create(folder: &Path, bytes: u64) -> io::Result<Self> {
        match rustix::fs::mkdir(folder, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let group = Self {
            folder: folder.to_owned(),
        };
        group.set("memory.max", &bytes.to_string())?;
        // Without this, a capped program would go on in swap, slowly, instead of ending.
        let _ = group.set("memory.swap.max", "0");
        let _ = group.set("memory.oom.group", "1");
        Ok(group)
    }

    /// The file a process enters the group through.
    pub(crate) fn entrance(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// Kills everything in the group at once (`cgroup.kill`, Linux 5.14).
    pub fn kill(&self) -> io::Result<()> {
        self.set("cgroup.kill", "1")
    }

    /// How often the kernel ended something in the group for want of memory.
    pub fn out_of_memory_kills(&self) -> u64 {
        let events = file::read_text(&self.folder.join("memory.events")).unwrap_or_default();
        events
            .lines()
            .find_map(|line| line.strip_prefix("oom_kill "))
            .and_then(|count| count.trim().parse().ok())
            .unwrap_or(0)
    }

    fn set(&self, name: &str, value: &str) -> io::Result<()> {
        let path = self.folder.join(name);
        let file = rustix::fs::open(&path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::io::write(&file, value.as_bytes())?;
        Ok(())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A group with something in it refuses, and stays for the next start to find.
        let _ = rustix::fs::rmdir(&self.folder);
    }
}

/// The group this process is in.
fn own_group() -> Result<PathBuf, String> {
    let text = file::read_text(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"));
    let path = path.ok_or("this system has no cgroup v2")?;
    Ok(Path::new(MOUNT).join(path))
}

/// The nearest group at or above `own` that may have groups of ours with a cap on memory.
fn delegated(own: &Path) -> Result<PathBuf, String> {
    own.ancestors()
        .take_while(|group| group.starts_with(MOUNT))
        .take(2)
        .find(|group| is_delegated(group) && controls_memory(group))
        .map(Path::to_owned)
        .ok_or_else(|| "no control group was handed to us".to_owned())
}

/// systemd marks what it delegates: `user.delegate` to users, `trusted.delegate` to services.
fn is_delegated(group: &Path) -> bool {
    let mut value = [0_u8; 8];
    ["user.delegate", "trusted.delegate"].iter().any(|name| {
        rustix::fs::getxattr(group, *name, &mut value).is_ok_and(|length| &value[..length] == b"1")
    })
}

fn controls_memory(group: &Path) -> bool {
    file::read_text(&group.join("cgroup.subtree_control"))
        .is_ok_and(|controllers| controllers.split_whitespace().any(|name| name == "memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files that the kernel would put in a new group.
    fn pretend_group(folder: &Path) {
        file::create_folder(folder).unwrap();
        for name in [
            "memory.max",
            "memory.swap.max",
            "memory.oom.group",
            "cgroup.kill",
        ] {
            file::append(&folder.join(name), 0o600).unwrap();
        }
        file::write_whole(&folder.join("memory.events"), b"low 0\noom 3\noom_kill 2\n").unwrap();
    }

    #[test]
    fn a_group_gets_its_cap_and_tells_of_kills() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ship-blog.web.1.r7");
        pretend_group(&path);
        let group = Cgroup::create(&path, 1 << 20).unwrap();
        let read = |name: &str| file::read_text(&path.join(name)).unwrap();
        assert_eq!(read("memory.max"), "1048576");
        assert_eq!(read("memory.swap.max"), "0");
        assert_eq!(read("memory.oom.group"), "1");
        assert_eq!(group.out_of_memory_kills(), 2);
        group.kill().unwrap();
        assert_eq!(read("cgroup.kill"), "1");
        assert_eq!(group.entrance(), path.join("cgroup.procs"));
    }

    #[test]
    fn an_undelegated_group_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        file::write_whole(
            &folder.path().join("cgroup.subtree_control"),
            b"cpu memory pids\n",
        )
        .unwrap();
        assert!(controls_memory(folder.path()));
        assert!(!is_delegated(folder.path()));
        assert_eq!(
            delegated(folder.path()),
            Err("no control group was handed to us".to_owned())
        );
    }
}
