//! A control group (cgroup v2) for one program, where the system has handed one to us.
//!
//! Groups belong to systemd unless it delegates one ("Control Group APIs and Delegation",
//! systemd.io): we only make groups below the one of [`APPS`], or below one that carries the mark of
//! delegation and in which the controllers are on that the caps need. Elsewhere caps do not hold, and
//! the report says so.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use ship_base::file;

use crate::spec::Caps;

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

/// How long a start waits for the group of [`APPS`] while systemd starts that unit anew: it ends and
/// begins within a tenth of a second (`RestartSec`).
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(20);

/// The time over which a share of the processor is counted, in microseconds: the kernel's own default
/// ("CPU Interface Files", kernel.org, admin-guide/cgroup-v2).
const PERIOD: u64 = 100_000;

/// Whether caps hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// The kernel holds all of them.
    Holds,
    /// Nothing holds them.
    Open {
        /// A fragment in our voice.
        why: String,
    },
}

/// Why there is no group.
#[derive(Debug, Clone, PartialEq, Eq)]
enum No {
    /// In a moment there may be one.
    Now(String),
    /// There will be none.
    Ever(String),
}

impl No {
    fn why(self) -> String {
        match self {
            Self::Now(why) | Self::Ever(why) => why,
        }
    }
}

/// A group that is removed when this value is dropped and nothing runs in it any more.
#[derive(Debug)]
pub struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    /// A new group called `name` that holds these caps, where that can be.
    pub(crate) fn for_caps(name: &str, caps: &Caps) -> (Option<Held>, Option<Self>) {
        if caps.is_none() {
            return (None, None);
        }
        let made = own_group()
            .map_err(No::Ever)
            .and_then(|own| Self::below(&own, name, caps, PATIENCE));
        match made {
            Ok(group) => (Some(Held::Holds), Some(group)),
            Err(no) => (Some(Held::Open { why: no.why() }), None),
        }
    }

    /// Tried again for a while where it may be there in a moment: a program that starts while the
    /// group of [`APPS`] is made anew must not run without its caps.
    fn below(own: &Path, name: &str, caps: &Caps, patience: Duration) -> Result<Self, No> {
        let began = Instant::now();
        loop {
            let made = parent(own, caps).and_then(|parent| {
                Self::create(&parent.join(format!("ship-{name}")), caps).map_err(|error| {
                    could_not(&parent, "its control group could not be made", &error)
                })
            });
            match made {
                Err(No::Now(_)) if began.elapsed() < patience => std::thread::sleep(LOOK),
                made => return made,
            }
        }
    }

    /// Makes the group; `memory.oom.group` lets the kernel end the program as a whole instead of
    /// leaving half of it.
    fn create(folder: &Path, caps: &Caps) -> io::Result<Self> {
        match rustix::fs::mkdir(folder, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let group = Self {
            folder: folder.to_owned(),
        };
        // What a group of this name had before, of a start that left something running, goes too.
        if let Some(bytes) = caps.memory {
            group.set("memory.max", &bytes.to_string())?;
            // Without this, a capped program would go on in swap, slowly, instead of ending.
            let _ = group.set("memory.swap.max", "0");
            let _ = group.set("memory.oom.group", "1");
        }
        if let Some(thousandths) = caps.cpu {
            let quota = u64::from(thousandths) * PERIOD / 1000;
            group.set("cpu.max", &format!("{quota} {PERIOD}"))?;
        }
        if let Some(tasks) = caps.tasks {
            group.set("pids.max", &tasks.to_string())?;
        }
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
        self.count("memory.events", "oom_kill ")
    }

    /// How often something in the group could not be started, since there were too many tasks.
    pub fn refused_tasks(&self) -> u64 {
        self.count("pids.events", "max ")
    }

    fn count(&self, events: &str, word: &str) -> u64 {
        let events = file::read_text(&self.folder.join(events)).unwrap_or_default();
        events
            .lines()
            .find_map(|line| line.strip_prefix(word))
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
fn parent(own: &Path, caps: &Caps) -> Result<PathBuf, No> {
    match of_apps(own) {
        Some(group) => prepared(&group, caps).map(|()| group),
        None => delegated(own, caps).map_err(No::Ever),
    }
}

/// The group of [`APPS`], for a process of [`CONTROL`].
fn of_apps(own: &Path) -> Option<PathBuf> {
    let control = own.ancestors().find(|group| group.ends_with(CONTROL))?;
    Some(control.with_file_name(APPS))
}

/// The names of the controllers that these caps need.
fn needed(caps: &Caps) -> impl Iterator<Item = &'static str> {
    let all = [
        (caps.memory.is_some(), "memory"),
        (caps.cpu.is_some(), "cpu"),
        (caps.tasks.is_some(), "pids"),
    ];
    all.into_iter().filter(|one| one.0).map(|one| one.1)
}

/// Hands the controllers on to the groups below. Whoever is first does it.
fn prepared(apps: &Path, caps: &Caps) -> Result<(), No> {
    if !apps.exists() {
        let unit = APPS.trim_end_matches(".service");
        return Err(No::Now(format!(
            "the unit {unit} does not run: `systemctl start {unit}`"
        )));
    }
    if needed(caps).all(|name| controls(apps, name)) {
        return Ok(());
    }
    hand_on(apps, caps)
        .map_err(|error| could_not(apps, "its controllers could not be handed on", &error))
}

/// A group that systemd takes away and makes anew is neither there nor ready for a moment.
fn could_not(group: &Path, what: &str, error: &io::Error) -> No {
    let why = format!("{what}: {error}");
    if group.ends_with(APPS) {
        No::Now(why)
    } else {
        No::Ever(why)
    }
}

fn hand_on(apps: &Path, caps: &Caps) -> io::Result<()> {
    let holder = apps.join(HOLDER);
    match rustix::fs::mkdir(&holder, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let processes =
        |group: &Path| file::read_text(&group.join("cgroup.procs")).map_err(io::Error::other);
    let here = processes(apps)?;
    for process in here.lines() {
        match set(&holder, "cgroup.procs", process) {
            Err(error) if error.raw_os_error() != Some(rustix::io::Errno::SRCH.raw_os_error()) => {
                return Err(error);
            }
            // It ended meanwhile.
            _ => {}
        }
    }
    // systemd has made the group, and not put its process in yet: into a group that hands
    // controllers on it could not any more.
    if here.is_empty() && processes(&holder)?.is_empty() {
        return Err(io::Error::other("the unit is just starting"));
    }
    needed(caps).try_for_each(|name| set(apps, "cgroup.subtree_control", &format!("+{name}")))
}

/// The nearest group at or above `own` that may have groups of ours with these caps.
fn delegated(own: &Path, caps: &Caps) -> Result<PathBuf, String> {
    own.ancestors()
        .take_while(|group| group.starts_with(MOUNT))
        .take(2)
        .find(|group| is_delegated(group) && needed(caps).all(|name| controls(group, name)))
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

fn controls(group: &Path, controller: &str) -> bool {
    file::read_text(&group.join("cgroup.subtree_control")).is_ok_and(|controllers| {
        controllers
            .split_whitespace()
            .any(|name| name == controller)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: Caps = Caps {
        memory: Some(1 << 20),
        cpu: Some(1500),
        tasks: Some(64),
    };

    /// The files that the kernel would put in a new group.
    fn pretend_group(folder: &Path) {
        file::create_folder(folder).unwrap();
        for name in [
            "memory.max",
            "memory.swap.max",
            "memory.oom.group",
            "cpu.max",
            "pids.max",
            "cgroup.kill",
        ] {
            file::append(&folder.join(name), 0o600).unwrap();
        }
        file::write_whole(&folder.join("memory.events"), b"low 0\noom 3\noom_kill 2\n").unwrap();
        file::write_whole(&folder.join("pids.events"), b"max 7\n").unwrap();
    }

    #[test]
    fn a_group_gets_its_caps_and_tells_of_what_reached_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ship-blog.web.1.r7");
        pretend_group(&path);
        let group = Cgroup::create(&path, &CAPS).unwrap();
        let read = |name: &str| file::read_text(&path.join(name)).unwrap();
        assert_eq!(read("memory.max"), "1048576");
        assert_eq!(read("memory.swap.max"), "0");
        assert_eq!(read("memory.oom.group"), "1");
        assert_eq!(read("cpu.max"), "150000 100000");
        assert_eq!(read("pids.max"), "64");
        assert_eq!(group.out_of_memory_kills(), 2);
        assert_eq!(group.refused_tasks(), 7);
        group.kill().unwrap();
        assert_eq!(read("cgroup.kill"), "1");
        assert_eq!(group.entrance(), path.join("cgroup.procs"));
    }

    #[test]
    fn what_has_no_cap_is_left_to_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ship-blog.web.1.r7");
        pretend_group(&path);
        let tasks = Caps {
            tasks: Some(8),
            ..Caps::default()
        };
        let _group = Cgroup::create(&path, &tasks).unwrap();
        let read = |name: &str| file::read_text(&path.join(name)).unwrap();
        assert_eq!(
            (read("memory.max"), read("cpu.max")),
            (String::new(), String::new())
        );
        assert_eq!(read("pids.max"), "8");
        assert_eq!(needed(&tasks).collect::<Vec<_>>(), ["pids"]);
    }

    /// The group of the unit as systemd leaves it, with a process in it.
    fn pretend_unit(apps: &Path) {
        file::create_folder(&apps.join(HOLDER)).unwrap();
        file::write_whole(&apps.join("cgroup.subtree_control"), b"\n").unwrap();
        file::write_whole(&apps.join(HOLDER).join("cgroup.procs"), b"").unwrap();
        file::write_whole(&apps.join("cgroup.procs"), b"4711\n").unwrap();
    }

    #[test]
    fn on_a_server_caps_lie_beside_control_and_the_holder_makes_room_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let slice = folder.path().join("system.slice");
        let own = slice.join(CONTROL);
        let apps = slice.join(APPS);
        let why = parent(&own.join("deeper"), &CAPS).unwrap_err().why();
        assert!(why.contains("`systemctl start ship-apps`"), "{why}");
        pretend_unit(&apps);
        let memory = Caps {
            memory: Some(1),
            ..Caps::default()
        };
        assert_eq!(parent(&own, &memory), Ok(apps.clone()));
        let read = |path: &str| file::read_text(&apps.join(path)).unwrap();
        assert_eq!(read("holder/cgroup.procs"), "4711");
        assert_eq!(read("cgroup.subtree_control"), "+memory");
    }

    #[test]
    fn a_unit_that_has_no_process_yet_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let apps = folder.path().join(APPS);
        pretend_unit(&apps);
        file::replace(&apps.join("cgroup.procs"), b"").unwrap();
        assert!(matches!(prepared(&apps, &CAPS), Err(No::Now(_))));
        let control = file::read_text(&apps.join("cgroup.subtree_control")).unwrap();
        assert_eq!(control, "\n");
    }

    #[test]
    fn a_start_waits_for_the_unit_that_is_started_anew() {
        let folder = tempfile::tempdir().unwrap();
        let slice = folder.path().join("system.slice");
        let (own, apps) = (slice.join(CONTROL), slice.join(APPS));
        let started = std::thread::spawn({
            let apps = apps.clone();
            move || {
                // As the kernel has it after `subtree_control` was written: here it is a plain file.
                pretend_group(&apps.join("ship-blog"));
                file::write_whole(&apps.join("cgroup.subtree_control"), b"cpu memory pids\n")
                    .unwrap();
            }
        });
        let hours = Duration::from_hours(1);
        let group = Cgroup::below(&own, "blog", &CAPS, hours).unwrap();
        started.join().unwrap();
        let max = file::read_text(&apps.join("ship-blog/pids.max")).unwrap();
        assert_eq!(max, "64");
        drop(group);
    }

    #[test]
    fn an_undelegated_group_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        file::write_whole(
            &folder.path().join("cgroup.subtree_control"),
            b"cpu memory pids\n",
        )
        .unwrap();
        assert!(
            ["cpu", "memory", "pids"]
                .iter()
                .all(|name| controls(folder.path(), name))
        );
        assert!(!controls(folder.path(), "io"));
        assert!(!is_delegated(folder.path()));
        assert_eq!(
            delegated(folder.path(), &CAPS),
            Err("no control group was handed to us".to_owned())
        );
    }
}
