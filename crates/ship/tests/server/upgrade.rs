//! A new program in the place of the one that runs.

#![expect(
    clippy::disallowed_methods,
    reason = "tests copy programs and look into /proc as they like"
)]

use std::path::{Path, PathBuf};

use ship_test::{Home, Load, wait_until};

use crate::{SOON, body, own_server, quic, up};

/// A copy of the program that can be replaced.
struct Program(tempfile::TempDir);

impl Program {
    fn new() -> Self {
        let program = Self(tempfile::tempdir().unwrap());
        std::fs::copy(env!("CARGO_BIN_EXE_ship"), program.path()).unwrap();
        program
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("ship")
    }

    /// As an upgrade does it: another file under the same name, here with a byte more.
    fn replace_with_another(&self) {
        let mut content = std::fs::read(self.path()).unwrap();
        content.push(b'\n');
        let new = self.0.path().join("new");
        std::fs::copy(self.path(), &new).unwrap();
        std::fs::write(&new, content).unwrap();
        std::fs::rename(&new, self.path()).unwrap();
    }

    fn home(&self) -> Home {
        Home::new(self.path().to_str().unwrap())
    }
}

/// The file that a process runs; ` (deleted)` behind its name where another has taken its place.
fn file_of(pid: i32) -> String {
    let exe = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    exe.display().to_string()
}

fn is_gone(pid: i32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn an_upgrade_replaces_control_and_door_and_no_request_fails() {
    let program = Program::new();
    let (home, project) = (program.home(), own_server("blog"));
    let url = up(&home, &project);
    let served_by = body(&url, "/pid");
    let (control, door) = (home.control(), home.door());
    let load = Load::start(&url, 8);
    program.replace_with_another();
    home.kill(control);
    home.ship(&["ps"]).success();
    wait_until("another door is there", SOON, || home.door() != door);
    let new = home.door();
    assert_eq!(file_of(new), program.path().display().to_string());
    wait_until("the door of before has left", SOON, || is_gone(door));
    // Routes reach the new one.
    project.write("greeting.txt", "good evening");
    up(&home, &project);
    let finished = load.finish();
    assert_eq!(finished.failed, Vec::<String>::new());
    assert!(finished.answered > 0);
    assert_ne!(body(&url, "/pid"), served_by);
    assert_eq!(home.door(), new);
}

/// The socket of HTTP/3 has one reader: the new door has it once the one of before is gone.
#[test]
fn http3_is_back_when_the_door_of_before_has_left() {
    let program = Program::new();
    let (home, project) = (program.home(), own_server("blog"));
    up(&home, &project);
    if !quic::is_spoken(&home) {
        eprintln!("skipped: the UDP port of this door belongs to another program");
        return;
    }
    let (control, door) = (home.control(), home.door());
    program.replace_with_another();
    home.kill(control);
    home.ship(&["ps"]).success();
    wait_until("the door of before has left", SOON, || is_gone(door));
    wait_until("the new one speaks HTTP/3", SOON, || quic::is_spoken(&home));
}

#[test]
fn a_door_that_does_not_come_up_takes_nobodys_place() {
    let program = Program::new();
    let (home, project) = (program.home(), own_server("blog"));
    let url = up(&home, &project);
    let (control, door) = (home.control(), home.door());
    let load = Load::start(&url, 4);
    // Where its socket is to be, it can make none.
    std::fs::create_dir(home.folder().join("run/next.sock")).unwrap();
    program.replace_with_another();
    home.kill(control);
    home.ship(&["ps"]).success();
    let log = home.folder().join("server.log");
    wait_until("it is told", SOON, || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.contains("the door of before goes on")
    });
    assert_eq!(home.door(), door);
    assert_eq!(load.finish().failed, Vec::<String>::new());
}
