//! An installation with one app, and everything that can happen to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;

use super::book::{Book, Mark};
use super::own_authority::OwnAuthority;
use super::program::Program;
use super::{Event, SOON};
use crate::visitor::Place;
use crate::{Home, Project, Running, eventually, wait_until};

const APP: &str = "visited";
const DOMAIN: &str = "visited.example";
const INSTANCES: usize = 2;

/// The app `fixtures/apps/visited`, in a home and with a binary of its own.
pub struct Stage {
    home: Home,
    project: Project,
    program: Program,
    authority: OwnAuthority,
    book: Arc<Book>,
    place: Place,
    version: u32,
    greeting: u32,
    /// Versions that were live, in their order; a rollback takes the last away.
    live: Vec<u32>,
    /// What goes on after its switch, until the old instances have left.
    leaving: Vec<(Mark, Running)>,
    /// Doors whose place another has taken, with the event that did it.
    doors: Vec<i32>,
}

impl Stage {
    /// The first release of the app, live. `grace` is what its old instances have.
    pub fn new(ship: &Path, grace: Duration) -> Self {
        let program = Program::new(ship);
        let home = Home::new(program.path().to_str().expect("a path that is text"));
        let authority = OwnAuthority::new(DOMAIN, &home.folder().join("door/certificates"));
        let project = Project::fixture(APP);
        let manifest = project.read("ship.toml");
        let wanted = format!("grace = \"{}s\"", grace.as_secs());
        assert!(manifest.contains("grace = \"30s\""), "{manifest}");
        project.write("ship.toml", &manifest.replace("grace = \"30s\"", &wanted));
        home.ship_in(project.folder(), &["up", "--detach"])
            .success();
        let status = home.status().expect("the server runs");
        let port = |name: &str| {
            let port = status[name].as_u64().expect("a port");
            u16::try_from(port).expect("a port")
        };
        let local = format!("{APP}.localhost");
        let ports = (port("port"), port("https_port"));
        let place = Place::new(DOMAIN, &local, ports, &authority.root());
        let book = Arc::new(Book::new(grace));
        let stage = Self {
            home,
            project,
            program,
            authority,
            book,
            place,
            version: 1,
            greeting: 0,
            live: vec![1],
            leaving: Vec::new(),
            doors: Vec::new(),
        };
        stage.book.comes(&stage.name());
        stage
    }

    /// Where visitors go.
    pub fn place(&self) -> Place {
        self.place.clone()
    }

    /// What visitors write in.
    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// The installation.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The release and the setting of now, as the app writes them.
    fn name(&self) -> String {
        let version = self.live.last().expect("one is live");
        let greeting = match self.greeting {
            0 => "-".to_owned(),
            number => number.to_string(),
        };
        format!("{version} {greeting}")
    }

    /// Whether there is a release to go back to.
    pub fn can_go_back(&self) -> bool {
        self.live.len() > 1
    }

    /// Has an event happen, and returns when who comes anew does not meet it any more. What it leaves
    /// behind (old instances in their grace, an old door) goes on.
    pub fn perform(&mut self, event: Event) {
        self.look_after();
        match event {
            Event::Release => self.release(),
            Event::Rollback => self.roll_back(),
            Event::Upgrade => self.upgrade(),
            Event::ControlKilled => self.kill_control(),
            Event::InstanceKilled => self.kill_instance(),
            Event::Renewal => self.renew(),
            Event::Configuration => self.configure(),
        }
    }

    fn release(&mut self) {
        self.version += 1;
        let version = self.version;
        self.project.write("version.txt", &format!("{version}\n"));
        self.live.push(version);
        self.switch(Event::Release, &["up", "--detach"]);
    }

    fn roll_back(&mut self) {
        self.live.pop().expect("a release to leave");
        self.switch(Event::Rollback, &["rollback", "--app", APP]);
    }

    fn configure(&mut self) {
        self.greeting += 1;
        let setting = format!("GREETING={}", self.greeting);
        let set = ["env", "set", "--app", APP, &setting];
        self.home.ship(&set).success();
        self.switch(Event::Configuration, &["restart", "--app", APP]);
    }

    fn switch(&mut self, event: Event, command: &[&str]) {
        let name = self.name();
        self.book.comes(&name);
        let mark = self.book.begin(event);
        let running = self.home.start_in(self.project.folder(), command);
        running.wait_for(" live\n", SOON);
        self.book.settle(mark);
        self.book.reigns(&name);
        self.leaving.push((mark, running));
    }

    /// A release that never calls itself healthy is deployed; nobody is to see it.
    pub fn fail_to_deploy(&self) {
        self.project.write("sick", "");
        let version = self.project.read("version.txt");
        self.project.write("version.txt", "sick\n");
        let manifest = self.project.read("ship.toml");
        let impatient = manifest.replace("ready_within = \"20s\"", "ready_within = \"2s\"");
        self.project.write("ship.toml", &impatient);
        let output = self
            .home
            .ship_in(self.project.folder(), &["up", "--detach"]);
        assert_ne!(output.code, 0, "a sick release went live");
        self.project.write("ship.toml", &manifest);
        self.project.write("version.txt", &version);
        self.project.remove("sick");
    }

    fn upgrade(&mut self) {
        let (control, door) = (self.home.control(), self.home.door());
        // A session of the old program would start the old control again; what it waits for goes on
        // without it.
        for (_, running) in &self.leaving {
            running.signal(Signal::KILL);
        }
        let mark = self.book.begin(Event::Upgrade);
        self.program.replace();
        self.home.kill(control);
        self.home.ship(&["ps"]).success();
        wait_until("another door is in its place", SOON, || {
            self.home.status().is_some_and(|status| {
                let new = status["door"].as_i64();
                new.is_some_and(|new| new != i64::from(door))
            })
        });
        // It has been told to leave before this is answered.
        self.home.ship(&["ps"]).success();
        self.book.end(mark);
        self.doors.push(door);
    }

    fn kill_control(&mut self) {
        let before = self.instances();
        let control = self.home.control();
        let mark = self.book.begin(Event::ControlKilled);
        self.home.kill(control);
        let after = self.instances();
        self.book.end(mark);
        assert_eq!(after, before, "found again, and not started anew");
    }

    fn kill_instance(&mut self) {
        let killed = self.instances()[0];
        let before = self.all_instances();
        let mark = self.book.begin(Event::InstanceKilled);
        self.home.kill(killed);
        wait_until("another instance is there", SOON, || {
            let now = self.newest();
            now.len() == INSTANCES
                && !now.contains(&killed)
                && now.iter().any(|pid| !before.contains(pid))
        });
        self.book.end(mark);
    }

    fn renew(&mut self) {
        let mark = self.book.begin(Event::Renewal);
        let wanted = self.authority.renew();
        wait_until("visitors get the new certificate", SOON, || {
            self.place.certificate().is_some_and(|now| now == wanted)
        });
        self.book.end(mark);
    }

    /// `kill -9` of the door itself; returns when another answers. Requests in its hands are lost.
    pub fn kill_door(&self) {
        let door = self.home.door();
        self.book.door_killed();
        self.home.kill(door);
        wait_until("another door answers", SOON, || {
            self.home.status().is_some_and(|status| {
                let new = status["door"].as_i64();
                new.is_some_and(|new| new != i64::from(door))
            })
        });
    }

    /// The programs of the release of now, once all of them are ready.
    fn instances(&self) -> Vec<i32> {
        eventually("two instances are ready", SOON, || {
            let newest = self.newest();
            (newest.len() == INSTANCES).then_some(newest)
        })
    }

    /// The instance of each place that was ready last: those before it are leaving.
    fn newest(&self) -> Vec<i32> {
        let mut newest = BTreeMap::new();
        for (id, since, pid) in self.ready() {
            let place: &mut (String, i32) = newest.entry(id).or_default();
            if since > place.0 {
                *place = (since, pid);
            }
        }
        newest.into_values().map(|(_, pid)| pid).collect()
    }

    fn all_instances(&self) -> Vec<i32> {
        self.ready().into_iter().map(|(_, _, pid)| pid).collect()
    }

    /// Id, since when it is ready, and process of every instance, as `ship ps` shows them.
    fn ready(&self) -> Vec<(String, String, i32)> {
        let apps = self.home.ship(&["ps", "--json"]).success().json();
        let instances = apps[0]["instances"].as_array().cloned().unwrap_or_default();
        let ready = instances.iter().filter(|one| one["state"] == "ready");
        let each = ready.filter_map(|one| {
            let pid = i32::try_from(one["pid"].as_i64()?).ok()?;
            Some((one["id"].to_string(), one["since"].to_string(), pid))
        });
        each.collect()
    }

    /// Notes what has come to its end meanwhile.
    fn look_after(&mut self) {
        let book = self.book.clone();
        self.leaving.retain_mut(|(mark, running)| {
            let ended = running.has_ended();
            if ended {
                book.end(*mark);
            }
            !ended
        });
        self.doors.retain(|door| !has_ended(*door));
    }

    /// Waits until nothing goes on that an event has left behind, but for old doors.
    pub fn settle(&mut self) {
        wait_until("the old instances have left", 3 * SOON, || {
            self.look_after();
            self.leaving.is_empty() && self.ready().len() == INSTANCES
        });
    }

    /// Old doors that are still there.
    pub fn old_doors(&mut self) -> usize {
        self.look_after();
        self.doors.len()
    }
}

fn has_ended(pid: i32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}
