use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};
use ship_test::{Load, Project, eventually, wait_until};

use crate::{
    PATIENT, SOON, app, body, home, instances, own_server, parent, pid, slow_request, up, up_until,
    wait_for_instances, write_data,
};

/// Slow enough that a test can do something before it is ready.
const SLOW: &str = "import os, time\n\
    while not os.path.exists(os.environ['SHIP_DATA_DIR'] + '/go'):\n    \
        time.sleep(0.02)\n\
    exec(open('server.py').read())\n";

#[test]
fn control_and_door_killed_together_are_both_back_with_the_next_command() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    let before = body(&url, "/pid");
    let door = home.door();
    home.kill(home.control());
    home.kill(door);
    wait_for_instances(&home, &["blog/web.1 r1 ready"]);
    // On the same port, unless another program has taken it while nobody held it.
    let url = app(&home)["url"].as_str().expect("a URL").to_owned();
    assert_eq!(body(&url, "/pid"), before, "the same instance");
}

#[test]
fn control_killed_during_the_release_command_leaves_the_old_release_alone() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    let before = home.processes().len();
    let load = Load::start(&url, 4);
    project.write("wait.py", PATIENT);
    project.write("ship.toml", "[release]\ncommand = \"python wait.py\"\n");
    let deploy = up_until(&home, &project, "waiting");
    home.kill(home.control());
    let output = deploy.finish().fails_with(4);
    assert!(
        output.stderr.contains("r1 still serves"),
        "{}",
        output.stderr
    );
    wait_until("the release command has ended", SOON, || {
        home.processes().len() == before
    });
    wait_for_instances(&home, &["blog/web.1 r1 ready"]);
    let failed = load.finish().failed;
    assert_eq!(failed, Vec::<String>::new());
    write_data(&home, "blog", "go", "");
    up(&home, &project);
}

#[test]
fn control_killed_while_instances_start_leaves_the_old_release_alone() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    let load = Load::start(&url, 4);
    project.write("slow.py", SLOW);
    project.write("Procfile", "web: python slow.py\n");
    let deploy = home.start_in(project.folder(), &["up", "--detach"]);
    wait_until("the new instance starts", SOON, || {
        instances(&home).len() == 2
    });
    home.kill(home.control());
    deploy.finish().fails_with(4);
    wait_for_instances(&home, &["blog/web.1 r1 ready"]);
    let failed = load.finish().failed;
    assert_eq!(failed, Vec::<String>::new());
    write_data(&home, "blog", "go", "");
    up(&home, &project);
    assert_eq!(instances(&home).len(), 1);
}

#[test]
fn control_killed_while_the_old_release_leaves_keeps_the_new_one() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    let in_flight = slow_request(&home, &url, 4);
    let load = Load::start(&url, 4);
    project.write("greeting.txt", "hello from two\n");
    let deploy = up_until(&home, &project, "r2 live");
    home.kill(home.control());
    wait_for_instances(&home, &["blog/web.1 r2 ready"]);
    assert_eq!(body(&url, "/"), "hello from two\n");
    assert_eq!(in_flight.join().expect("an answer"), "hello from one\n");
    let failed = load.finish().failed;
    assert_eq!(failed, Vec::<String>::new());
    deploy.finish();
}

#[test]
fn a_killed_fork_server_costs_nobody_anything() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    let load = Load::start(&url, 4);
    let server = parent(pid(&home))
        .and_then(parent)
        .expect("the process above the keeper");
    home.kill(server);
    project.write("greeting.txt", "hello from two\n");
    up(&home, &project);
    assert_eq!(body(&url, "/"), "hello from two\n");
    let failed = load.finish().failed;
    assert_eq!(failed, Vec::<String>::new());
    assert_eq!(instances(&home).len(), 1);
}

#[test]
fn a_keeper_killed_while_its_instance_starts_fails_the_deploy_and_leaves_nothing() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    let before = home.processes().len();
    project.write("slow.py", SLOW);
    project.write("Procfile", "web: python slow.py\n");
    let deploy = home.start_in(project.folder(), &["up", "--detach"]);
    let keeper = eventually("the keeper of the new instance", SOON, || {
        let app = app(&home);
        let instances = app["instances"].as_array()?;
        let new = instances.iter().find(|one| one["release"] == "r2")?;
        parent(i32::try_from(new["pid"].as_i64()?).ok()?)
    });
    home.kill(keeper);
    let output = deploy.finish().fails_with(4);
    assert!(
        output.stderr.contains("its keeper was killed"),
        "{}",
        output.stderr
    );
    wait_for_instances(&home, &["blog/web.1 r1 ready"]);
    wait_until("nothing of the new release is left", SOON, || {
        home.processes().len() == before
    });
    assert_eq!(body(&url, "/"), "hello from one\n");
}

#[test]
fn a_door_killed_during_a_deploy_does_not_fail_it() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    project.write("slow.py", SLOW);
    project.write("Procfile", "web: python slow.py\n");
    let deploy = home.start_in(project.folder(), &["up", "--detach"]);
    wait_until("the new instance starts", SOON, || {
        instances(&home).len() == 2
    });
    write_data(&home, "blog", "go", "");
    // One after the other, so that one is hit by the swap: the instance is ready in a moment.
    let mut killed = 0;
    for _ in 0..5 {
        // The one that was killed is told until control has seen its end.
        killed = eventually("another door", SOON, || {
            i32::try_from(home.status()?["door"].as_i64()?)
                .ok()
                .filter(|door| *door != killed)
        });
        home.kill(killed);
    }
    deploy.finish().success();
    wait_for_instances(&home, &["blog/web.1 r2 ready"]);
    assert_eq!(body(&url, "/"), "hello from one\n");
}

#[test]
fn a_crashed_instance_is_in_the_routes_again_when_it_is_back() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    for _ in 0..3 {
        let before = body(&url, "/pid");
        body(&url, "/leave?code=3");
        wait_until("it is back", SOON, || {
            let now = body(&url, "/pid");
            now.trim().parse::<u32>().is_ok() && now != before
        });
    }
}

#[test]
fn the_end_of_control_is_prompt_and_nothing_notices() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    let before = body(&url, "/pid");
    let follower = home.start_in(project.folder(), &["logs", "--follow"]);
    follower.wait_for("listening", SOON);
    let control = home.control();
    let load = Load::start(&url, 4);
    kill_process(Pid::from_raw(control).expect("a process"), Signal::TERM).expect("it lives");
    wait_until("it has ended", SOON, || {
        !Path::new("/proc")
            .join(control.to_string())
            .join("exe")
            .exists()
    });
    follower.finish();
    assert_eq!(body(&url, "/pid"), before);
    wait_for_instances(&home, &["blog/web.1 r1 ready"]);
    assert_eq!(body(&url, "/pid"), before);
    let failed = load.finish().failed;
    assert_eq!(failed, Vec::<String>::new());
}

#[test]
fn a_stop_finds_the_keeper_that_replaces_a_killed_one() {
    let (home, project) = (home(), Project::fixture("ignores-sigterm"));
    project.write("ship.toml", "[web]\ngrace = \"1s\"\n");
    up(&home, &project);
    home.kill(parent(pid(&home)).expect("it lives"));
    home.ship_in(project.folder(), &["stop"]).success();
    assert_eq!(instances(&home), Vec::<String>::new());
    let left = home.processes();
    assert_eq!(left.len(), 2, "control and door alone: {left:?}");
}
