//! A control group (cgroup v2) for one program, where the system has handed one to us.
//!
//! Groups belong to systemd unless it delegates one ("Control Group APIs and Delegation",
//! systemd.io): we only make groups below the one of [`APPS`], or below one that carries the mark of
//! delegation and in which the memory controller is on. Elsewhere the cap does not hold, and the
//! report says so.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use ship_base::file;

const MOUNT: &str = "/sys/fs/cgroup";

/// The unit of a server's control process, whose group its keepers are in. Groups with caps cannot
/// lie there: a group that has some may have no processes of its own ("no internal processes",
/// cgroups(7)), so that systemd could not start control again beside living apps.
const CONTROL: &str = "ship.service";

/// The unit whose group is there for capped programs alone. A process of it that does nothing keeps
/// the group alive.
const APPS: &str = "ship-apps.service";

/// Below the group of [`APPS`]: where the process that does nothing is put.
const HOLDER: &str = "holder";

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
        let made = own_group().and_then(|own| parent(&own)).and_then(|parent| {
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
        set(&self.folder, name, value)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A group with something in it refuses, and stays for the next start to find.
        let _ = rustix::fs::rmdir(&self.folder);
    }
}

fn set(group: &Path, name: &str, value: &str) -> io::Result<()> {
    let file = rustix::fs::open(
        group.join(name),
        OFlags::WRONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    rustix::io::write(&file, value.as_bytes())?;
    Ok(())
}

/// The group this process is in.
fn own_group() -> Result<PathBuf, String> {
    let text = file::read_text(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"));
    let path = path.ok_or("this system has no cgroup v2")?;
    Ok(Path::new(MOUNT).join(path))
}

/// The group below which groups with caps may lie, for a process of the group `own`.
fn parent(own: &Path) -> Result<PathBuf, String> {
    match of_apps(own) {
        Some(group) => prepared(&group).map(|()| group),
        None => delegated(own),
    }
}

/// The group of [`APPS`], for a process of [`CONTROL`].
fn of_apps(own: &Path) -> Option<PathBuf> {
    let control = own.ancestors().find(|group| group.ends_with(CONTROL))?;
    Some(control.with_file_name(APPS))
}

/// Hands the memory controller on to the groups below. Whoever is first does it.
fn prepared(apps: &Path) -> Result<(), String> {
    if !apps.exists() {
        let unit = APPS.trim_end_matches(".service");
        return Err(format!(
            "the unit {unit} does not run: `systemctl start {unit}`"
        ));
    }
    if controls_memory(apps) {
        return Ok(());
    }
    hand_on(apps).map_err(|error| format!("its memory controller could not be handed on: {error}"))
}

fn hand_on(apps: &Path) -> io::Result<()> {
    let holder = apps.join(HOLDER);
    match rustix::fs::mkdir(&holder, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let here = file::read_text(&apps.join("cgroup.procs")).map_err(io::Error::other)?;
    for process in here.lines() {
        match set(&holder, "cgroup.procs", process) {
            Err(error) if error.raw_os_error() != Some(rustix::io::Errno::SRCH.raw_os_error()) => {
                return Err(error);
            }
            // It ended meanwhile.
            _ => {}
        }
    }
    set(apps, "cgroup.subtree_control", "+memory")
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
    fn on_a_server_caps_lie_beside_control_and_the_holder_makes_room_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let slice = folder.path().join("system.slice");
        let own = slice.join(CONTROL);
        let apps = slice.join(APPS);
        let why = parent(&own.join("deeper")).unwrap_err();
        assert!(why.contains("`systemctl start ship-apps`"), "{why}");
        // As systemd leaves it, with a process in it.
        file::create_folder(&apps.join(HOLDER)).unwrap();
        file::write_whole(&apps.join("cgroup.procs"), b"4711\n").unwrap();
        file::write_whole(&apps.join("cgroup.subtree_control"), b"\n").unwrap();
        file::write_whole(&apps.join(HOLDER).join("cgroup.procs"), b"").unwrap();
        assert_eq!(parent(&own), Ok(apps.clone()));
        let read = |path: &str| file::read_text(&apps.join(path)).unwrap();
        assert_eq!(read("holder/cgroup.procs"), "4711");
        assert_eq!(read("cgroup.subtree_control"), "+memory");
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
