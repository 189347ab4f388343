//! A disk that fails, a disk that is full, and death, at any of control's calls that change a disk:
//! after each there is the old state or the new one, and the next command works.
//!
//! Calls are counted in each thread from the moment in which the command begins. The short form tries
//! a few of them, which a seed decides; the long one (`cargo xtask durability`) all there are.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use ship_test::{Home, Project, Strace, eventually, http, wait_until};

use crate::{SOON, home, own_server, up};

/// What changes a disk, or puts it there.
const CALLS: &str = "pwrite64,fsync,fdatasync,syncfs,rename,renameat,renameat2,ftruncate,mkdir,mkdirat,linkat,symlinkat";
/// What becomes of the call.
const FAULTS: [&str; 3] = ["error=EIO", "error=ENOSPC", "signal=KILL"];
/// In the long form no command makes more calls in one thread: beyond, counting has gone wrong.
const MOST: u32 = 400;
/// The short form's choice.
const SEED: u64 = 0x5eed_0005;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBZpyTmkcOKGMoMgu4sK0bKhvQZwzJtHGwMVSVhCQDaD ci\n";

/// A change that a person asks for.
#[derive(Debug, Clone, Copy)]
enum Change {
    Deploy,
    Switch,
    Secret,
    Key,
}

const CHANGES: [Change; 4] = [Change::Deploy, Change::Switch, Change::Secret, Change::Key];

/// A server with an app that has two releases, the second being live.
struct Scene {
    home: Home,
    project: Project,
    url: String,
    /// Counts up: no two states look the same.
    round: u32,
    folder: tempfile::TempDir,
}

/// Runs a command that reads a public key; whether it succeeded.
pub(crate) fn with_key(command: &mut Command) -> bool {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    // One that ended before it read says so by its end.
    let _ = child
        .stdin
        .take()
        .map(|mut input| input.write_all(KEY.as_bytes()));
    child.wait().expect("a child").success()
}

impl Scene {
    fn new() -> Self {
        let (home, project) = (home(), own_server("blog"));
        let url = up(&home, &project);
        let folder = tempfile::tempdir().unwrap();
        let mut scene = Self {
            home,
            project,
            url,
            round: 0,
            folder,
        };
        scene.prepare(Change::Deploy);
        assert!(scene.make(Change::Deploy));
        scene
    }

    /// What there is to be changed, before anything fails.
    fn prepare(&mut self, change: Change) {
        self.round += 1;
        match change {
            Change::Deploy => self
                .project
                .write("greeting.txt", &format!("round {}\n", self.round)),
            Change::Key => {
                let _ = self
                    .home
                    .ship(&["key", "remove", "ci", "--file", &self.keys()]);
            }
            Change::Switch | Change::Secret => {}
        }
    }

    /// Asks for the change; whether it worked.
    fn make(&self, change: Change) -> bool {
        let ship = |words: &[&str]| self.home.ship_in(self.project.folder(), words).code == 0;
        match change {
            Change::Deploy => ship(&["up", "--detach"]),
            Change::Switch => ship(&["rollback"]),
            Change::Secret => ship(&["env", "set", &format!("SECRET={}", self.round)]),
            Change::Key => {
                let keys = self.keys();
                let words = [
                    "key", "add", "ci", "--app", "blog", "--may", "deploy", "--file", &keys,
                ];
                with_key(&mut self.home.command(self.home.folder(), &words))
            }
        }
    }

    /// What the change is about, as people see it. Whatever holds it together is looked at as well.
    fn state(&self, change: Change) -> String {
        match change {
            Change::Deploy | Change::Switch => self.served(),
            Change::Secret => {
                let words = ["env", "get", "SECRET", "--app", "blog"];
                self.home.ship(&words).stdout.trim().to_owned()
            }
            Change::Key => {
                let listed = self.home.ship(&["key", "list", "--json"]).success().json();
                let record = listed.as_array().is_some_and(|keys| !keys.is_empty());
                let line = ship_base::file::read_text_if_there(self.keys().as_ref());
                let line = line.unwrap().is_some_and(|text| text.contains("--key ci"));
                // A record without its line lets nobody in; a line without a record would be half.
                assert!(record || !line, "sshd lets a key in that has no record");
                line.to_string()
            }
        }
    }

    /// What visitors get, once the instances are those of the release that is current, and no other.
    fn served(&self) -> String {
        let mut last = serde_json::Value::Null;
        wait_until("one instance of the current release", SOON, || {
            last = self.home.ship(&["ps", "--json"]).json()[0].clone();
            let instances = last["instances"].as_array().cloned().unwrap_or_default();
            !last["current"].is_null()
                && instances.len() == 1
                && instances[0]["release"] == last["current"]
                && instances[0]["state"] == "ready"
        });
        let greeting = eventually("an answer", SOON, || {
            http::get_url(&self.url)
                .ok()
                .filter(|answer| answer.status == 200)
        });
        format!("{} {}", last["current"], greeting.text().trim())
    }

    fn keys(&self) -> String {
        let path: PathBuf = self.folder.path().join("ssh/authorized_keys");
        path.to_str().unwrap().to_owned()
    }

    /// One change with a fault at its `nth` call; whether there was such a call.
    fn try_with(&mut self, change: Change, fault: &str, nth: u32) -> Option<bool> {
        self.prepare(change);
        let old = self.state(change);
        let control = self.home.control();
        let log = self.folder.path().join("log");
        let inject = format!("inject={CALLS}:{fault}:when={nth}");
        let trace = format!("trace={CALLS}");
        let strace = Strace::attach(control, &["-e", &trace, "-e", &inject], &log)?;
        let worked = self.make(change);
        let seen = strace.finish();
        // What it holds in memory may differ from what is on the disk: the next one reads that.
        if self
            .home
            .status()
            .is_some_and(|status| status["pid"] == control)
        {
            self.home.kill(control);
        }
        let after = self.state(change);
        let what = format!("{change:?}, {fault} at call {nth}");
        if worked {
            assert_ne!(after, old, "{what}: it was said to have worked");
        }
        if after == old {
            if matches!(change, Change::Key) {
                // A record without a line is in the way of its own name, as the message says.
                self.prepare(change);
            }
            assert!(self.make(change), "{what}: the next try works");
            assert_ne!(self.state(change), old, "{what}: the next try is seen");
        }
        Some(seen.contains("INJECTED") || seen.contains("killed by SIGKILL"))
    }
}

fn scene() -> Option<Scene> {
    if Strace::is_here() {
        return Some(Scene::new());
    }
    eprintln!("skipped: this machine has no strace");
    None
}

#[test]
fn a_fault_at_any_call_leaves_the_old_state_or_the_new_and_the_next_command_works() {
    let Some(mut scene) = scene() else {
        return;
    };
    let mut chance = SEED;
    for change in CHANGES {
        for fault in FAULTS {
            // Marsaglia's xorshift; nothing here needs more than numbers that differ.
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            let nth = 1 + u32::try_from(chance % 5).unwrap_or_default();
            if scene.try_with(change, fault, nth).is_none() {
                eprintln!("skipped: strace may not hang on to a process here");
                return;
            }
        }
    }
}

#[test]
#[ignore = "takes long: `cargo xtask durability`"]
fn a_fault_at_every_call_leaves_the_old_state_or_the_new_and_the_next_command_works() {
    let mut scene = scene().expect("strace");
    for change in CHANGES {
        for fault in FAULTS {
            let calls = (1..MOST).find(|nth| {
                !scene
                    .try_with(change, fault, *nth)
                    .expect("strace may hang on to a process")
            });
            let calls = calls.expect("a command does not go on for ever");
            assert!(calls > 1, "{change:?}, {fault}: nothing was reached");
            eprintln!("{change:?}, {fault}: {} calls", calls - 1);
        }
    }
}
