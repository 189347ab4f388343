//! The service manager keeps the door's sockets: control and door may end together.

use std::collections::BTreeMap;
use std::io::{IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use ship_test::{Home, wait_until};

use crate::{SOON, home, own_server, up, wait_for_instances};

/// As much of a service manager as sd_notify(3) and sd_listen_fds(3) tell of the store.
struct Manager {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
    kept: BTreeMap<String, OwnedFd>,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        socket.set_nonblocking(true).expect("a socket");
        Self {
            folder,
            socket,
            kept: BTreeMap::new(),
        }
    }

    /// Starts control as its service; what is kept stands at the numbers from 3 on.
    fn start(&self, home: &Home) -> Child {
        let names: Vec<&str> = self.kept.keys().map(String::as_str).collect();
        let given = format!(
            "LISTEN_PID=$$ LISTEN_FDS={} LISTEN_FDNAMES={} exec \"$@\" 3<&0 4<&1 0</dev/null 1>/dev/null",
            names.len(),
            names.join(":"),
        );
        let starter = ["sh", "-c", &given, "sh"];
        let mut command = home.started_by(&starter, home.folder(), &["server", "run"]);
        command.env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        let mut descriptors = self
            .kept
            .values()
            .map(|kept| kept.try_clone().expect("a copy"));
        for end in [0, 1] {
            let given = descriptors.next().map_or(Stdio::null(), Stdio::from);
            if end == 0 {
                command.stdin(given);
            } else {
                command.stdout(given);
            }
        }
        command.spawn().expect("control")
    }

    /// Hears what it is told until it keeps sockets for these schemes, and no other.
    #[track_caller]
    fn keeps(&mut self, schemes: &[&str]) {
        wait_until(&format!("{schemes:?} are kept"), SOON, || {
            while self.hear() {}
            let kept = self
                .kept
                .keys()
                .map(|name| name.split_once('-').expect("a port").0);
            kept.eq(schemes.iter().copied())
        });
    }

    fn hear(&mut self) -> bool {
        let mut words = [0; 1024];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut along = RecvAncillaryBuffer::new(&mut space);
        let mut buffers = [IoSliceMut::new(&mut words)];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let Ok(heard) = recvmsg(&self.socket, &mut buffers, &mut along, flags) else {
            return false;
        };
        let mut sockets = along.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(sockets) => sockets.collect(),
            _ => Vec::new(),
        });
        let words = String::from_utf8_lossy(&words[..heard.bytes]).into_owned();
        let name = words.split_once("FDNAME=").expect("a name").1.to_owned();
        if words.starts_with("FDSTORE=1\n") {
            self.kept.insert(name, sockets.next().expect("a socket"));
        } else {
            assert!(words.starts_with("FDSTOREREMOVE=1\n"), "{words}");
            self.kept.remove(&name);
        }
        true
    }
}

fn end(mut process: Child) {
    process.kill().expect("the process is there");
    process.wait().expect("its end");
}

#[test]
fn who_comes_while_control_and_door_are_both_dead_waits_and_is_answered() {
    let (home, project, mut manager) = (home(), own_server("blog"), Manager::new());
    let control = manager.start(&home);
    wait_until("control answers", SOON, || home.status().is_some());
    let url = up(&home, &project);
    manager.keeps(&["http", "https"]);
    let door = home.door();
    end(control);
    home.kill(door);
    // Nobody is there who could accept.
    let port: u16 = url
        .rsplit_once(':')
        .expect("a port")
        .1
        .parse()
        .expect("a port");
    let mut waiting = TcpStream::connect(("127.0.0.1", port)).expect("a place in the queue");
    waiting
        .write_all(b"GET / HTTP/1.0\r\nHost: blog.localhost\r\n\r\n")
        .expect("room for a request");
    let mut control = manager.start(&home);
    let mut answer = String::new();
    waiting.set_read_timeout(Some(SOON)).expect("a socket");
    waiting.read_to_string(&mut answer).expect("an answer");
    assert!(answer.ends_with("hello from one\n"), "{answer}");
    wait_for_instances(&home, &["blog/web.1 r1 ready"]);
    // The next door has the same sockets, and they are still kept.
    manager.keeps(&["http", "https"]);
    home.ship(&["server", "stop"]).success();
    manager.keeps(&[]);
    control.wait().expect("its end");
}

/// A socket on which nobody accepts is worse than none: visitors would wait for ever.
#[test]
fn sockets_that_nobody_needs_any_more_are_given_up() {
    let (home, project, mut manager) = (home(), own_server("blog"), Manager::new());
    let control = manager.start(&home);
    wait_until("control answers", SOON, || home.status().is_some());
    up(&home, &project);
    let door = home.door();
    manager.keeps(&["http", "https"]);
    // Not even the app wants to run any more, but nobody lives to say so to the manager.
    home.ship(&["stop", "--app", "blog"]).success();
    end(control);
    home.kill(door);
    let mut control = manager.start(&home);
    manager.keeps(&[]);
    home.ship(&["server", "stop"]).success();
    control.wait().expect("its end");
}
