use rustix::process::Signal;
use ship_test::{Project, wait_until};

use crate::{PATIENT, SOON, app, home, instances, own_server, slow_request, status, up, up_until};

#[test]
fn a_stop_ends_the_deploy_that_is_under_way() {
    let (home, project) = (home(), own_server("blog"));
    project.write("wait.py", PATIENT);
    project.write("ship.toml", "[release]\ncommand = \"python wait.py\"\n");
    let deploy = up_until(&home, &project, "waiting");
    home.ship_in(project.folder(), &["stop"]).success();
    let output = deploy.finish().fails_with(1);
    assert!(
        output.stderr.contains("the app is being stopped"),
        "{}",
        output.stderr
    );
    assert_eq!(instances(&home), Vec::<String>::new());
    assert_eq!(app(&home)["running"], false);
    let left = home.processes();
    assert_eq!(left.len(), 2, "control and door alone: {left:?}");
}

#[test]
fn a_stop_is_done_though_its_caller_goes() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    let in_flight = slow_request(&home, &url, 3);
    let caller = home.start_in(project.folder(), &["stop"]);
    wait_until("the stop has begun", SOON, || status(&url) == 404);
    caller.signal(Signal::KILL);
    assert_eq!(in_flight.join().expect("an answer"), "hello from one\n");
    wait_until("nothing is left", SOON, || instances(&home).is_empty());
    assert_eq!(app(&home)["running"], false);
}

#[test]
fn a_stop_in_a_hurry_shortens_the_one_before() {
    let (home, project) = (home(), Project::fixture("ignores-sigterm"));
    project.write("ship.toml", "[web]\ngrace = \"10m\"\n");
    up(&home, &project);
    let patient = home.start_in(project.folder(), &["stop"]);
    wait_until("the stop has begun", SOON, || {
        instances(&home).concat().ends_with("stopping")
    });
    home.ship_in(project.folder(), &["stop", "--now"]).success();
    patient.finish().success();
    assert_eq!(instances(&home), Vec::<String>::new());
}

#[test]
fn a_stop_in_a_hurry_does_not_wait_for_requests_in_flight() {
    let (home, project) = (home(), own_server("blog"));
    project.write(
        "ship.toml",
        "[web]\ncommand = \"python server.py\"\ngrace = \"10m\"\n",
    );
    let url = up(&home, &project);
    let slow = slow_request(&home, &url, 600);
    home.ship_in(project.folder(), &["stop", "--now"]).success();
    assert_eq!(instances(&home), Vec::<String>::new());
    slow.join().expect("the caller got an answer or an end");
}

#[test]
fn an_app_whose_caller_is_killed_is_stopped() {
    let (home, project) = (home(), own_server("blog"));
    let caller = home.start_in(project.folder(), &["up"]);
    caller.wait_for("live", SOON);
    caller.signal(Signal::KILL);
    wait_until("the app is stopped", SOON, || {
        app(&home)["running"] == false && instances(&home).is_empty()
    });
}

#[test]
fn an_app_that_is_destroyed_elsewhere_ends_the_session() {
    let (home, project) = (home(), own_server("blog"));
    let caller = home.start_in(project.folder(), &["up"]);
    caller.wait_for("live", SOON);
    home.ship(&["destroy", "--app", "blog", "--yes"]).success();
    let output = caller.finish().success();
    assert!(output.stderr.contains("was stopped"), "{}", output.stderr);
    assert!(!home.folder().join("apps/blog").exists());
}

#[test]
fn who_waits_for_an_app_that_is_destroyed_is_told() {
    let (home, project) = (home(), own_server("blog"));
    project.write("wait.py", PATIENT);
    project.write("ship.toml", "[release]\ncommand = \"python wait.py\"\n");
    let first = up_until(&home, &project, "waiting");
    let second = home.start_in(project.folder(), &["up", "--detach"]);
    second.wait_for("ship up, for", SOON);
    home.ship(&["destroy", "--app", "blog", "--yes"]).success();
    first.finish().fails_with(1);
    second.finish().fails_with(1);
    assert_eq!(home.ship(&["ps", "--json"]).success().stdout, "[]\n");
    assert!(!home.folder().join("apps/blog").exists());
}

#[test]
fn the_end_of_the_server_ends_deploys_and_leaves_no_process() {
    let (home, project) = (home(), own_server("blog"));
    project.write("wait.py", PATIENT);
    project.write("ship.toml", "[release]\ncommand = \"python wait.py\"\n");
    let deploy = up_until(&home, &project, "waiting");
    home.ship(&["server", "stop"]).success();
    deploy.finish();
    wait_until("everything has ended", SOON, || home.processes().is_empty());
}
