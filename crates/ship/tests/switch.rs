//! No visitor notices a deploy, a rollback, a restart, or the death of control or keeper
//! (docs/promises.md, P13): each happens under a load that counts every failed request.

use std::time::Duration;

use ship_test::{Home, Load, Project, eventually, wait_until};

const SHORT: Duration = Duration::from_mins(1);

/// A WSGI app that says which version it is, slowly enough that requests are always in flight.
fn version(number: u32) -> String {
    format!(
        "import time\n\n\
         def application(environ, start_response):\n    \
             time.sleep(0.02)\n    \
             start_response('200 OK', [('Content-Type', 'text/plain')])\n    \
             return [b'version {number}']\n"
    )
}

struct Scene {
    home: Home,
    project: Project,
    url: String,
}

impl Scene {
    fn new(name: &str) -> Self {
        let home = Home::new(env!("CARGO_BIN_EXE_ship"));
        let project = Project::named(name).file("wsgi.py", &version(1));
        let url = home
            .ship_in(project.folder(), &["up", "--detach"])
            .success()
            .url();
        Self { home, project, url }
    }

    fn deploy(&self, number: u32) {
        self.project.write("wsgi.py", &version(number));
        self.home
            .ship_in(self.project.folder(), &["up", "--detach"])
            .success();
    }

    fn body(&self) -> String {
        ship_test::http::get_url(&self.url)
            .map(|answer| answer.text())
            .unwrap_or_default()
    }

    fn load(&self) -> Load {
        let load = Load::start(&self.url, 6);
        wait_until("the load is answered", SHORT, || load.answered() > 20);
        load
    }
}

#[track_caller]
fn none_failed(load: Load) {
    let outcome = load.finish();
    assert_eq!(
        outcome.failed,
        Vec::<String>::new(),
        "of {} requests",
        outcome.answered
    );
}

#[test]
fn no_request_fails_while_releases_are_switched_and_rolled_back() {
    let scene = Scene::new("switches");
    let load = scene.load();
    for number in 2..=4 {
        scene.deploy(number);
        assert_eq!(scene.body(), format!("version {number}"));
    }
    scene
        .home
        .ship(&["rollback", "--app", "switches"])
        .success();
    assert_eq!(scene.body(), "version 3");
    scene.home.ship(&["restart", "--app", "switches"]).success();
    scene
        .home
        .ship(&["scale", "web=2", "--app", "switches"])
        .success();
    scene
        .home
        .ship(&["scale", "web=1", "--app", "switches"])
        .success();
    none_failed(load);
}

#[test]
fn a_killed_control_process_is_not_noticed_and_finds_everything_again() {
    let scene = Scene::new("control");
    let load = scene.load();
    let before = instance_pids(&scene.home, "control");
    for _ in 0..3 {
        scene.home.kill(scene.home.control());
        let after = instance_pids(&scene.home, "control");
        assert_eq!(
            after, before,
            "the instances were found again, not started anew"
        );
    }
    scene.deploy(2);
    assert_eq!(scene.body(), "version 2");
    none_failed(load);
}

#[test]
fn a_killed_keeper_takes_its_instance_along_and_another_is_started() {
    let scene = Scene::new("keeper");
    scene
        .home
        .ship(&["scale", "web=2", "--app", "keeper"])
        .success();
    let load = scene.load();
    let before = instance_pids(&scene.home, "keeper");
    let keeper = parent(before[0]);
    scene.home.kill(keeper);
    let pids = eventually("a new instance is ready", SHORT, || {
        let pids = instance_pids(&scene.home, "keeper");
        (pids.len() == 2 && !pids.contains(&before[0])).then_some(pids)
    });
    assert!(
        pids.contains(&before[1]),
        "the other instance was left alone"
    );
    // Requests that were inside the killed instance cannot be saved; new ones must not fail.
    let outcome = load.finish();
    assert!(outcome.failed.len() <= 6, "{:?}", outcome.failed);
    assert_eq!(scene.body(), "version 1");
}

#[test]
fn a_killed_door_is_replaced_with_its_sockets_and_refuses_nobody() {
    let scene = Scene::new("door");
    let load = scene.load();
    let door = scene.home.door();
    scene.home.kill(door);
    wait_until("another door answers", SHORT, || {
        scene.home.status().is_some_and(|status| {
            status["door"]
                .as_i64()
                .is_some_and(|pid| pid != i64::from(door))
        })
    });
    assert_eq!(scene.body(), "version 1");
    let outcome = load.finish();
    let refused = outcome
        .failed
        .iter()
        .filter(|failure| failure.contains("refused"));
    assert_eq!(refused.count(), 0, "{:?}", outcome.failed);
    // Only what was in the dead door's hands: at most one request per thread of the load.
    assert!(outcome.failed.len() <= 6, "{:?}", outcome.failed);
}

#[test]
fn a_failed_deploy_changes_nothing_for_visitors() {
    let scene = Scene::new("failing");
    let load = scene.load();
    for broken in [
        "def application(:\n",
        "raise RuntimeError('no')\n",
        "import nothing_of_this_name\n",
        "def application(environ, start_response):\n    raise RuntimeError('no')\n",
    ] {
        scene.project.write("wsgi.py", broken);
        let output = scene
            .home
            .ship_in(scene.project.folder(), &["up", "--detach"]);
        assert_ne!(output.code, 0, "{broken:?} went live");
        assert!(
            output.stderr.contains("r1 still serves"),
            "{}",
            output.stderr
        );
    }
    assert_eq!(scene.body(), "version 1");
    none_failed(load);
}

/// The processes of the instances of an app that are ready, in the order of their index.
fn instance_pids(home: &Home, app: &str) -> Vec<i32> {
    let ps = home.ship(&["ps", "--json", "--app", app]).success().json();
    let apps = ps.as_array().cloned().unwrap_or_else(|| vec![ps]);
    let instances = apps
        .iter()
        .flat_map(|app| app["instances"].as_array().cloned().unwrap_or_default());
    let ready = instances.filter(|instance| instance["state"] == "ready");
    ready
        .filter_map(|instance| i32::try_from(instance["pid"].as_i64()?).ok())
        .collect()
}

/// The parent of a process: the fourth field of `/proc/<pid>/stat`, after the name in brackets.
#[expect(clippy::disallowed_methods, reason = "/proc is read as a test sees it")]
fn parent(pid: i32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    fields.split_whitespace().nth(1).unwrap().parse().unwrap()
}
