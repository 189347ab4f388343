use ship_test::{Project, wait_until};

use crate::{SOON, body, home, instances, own_server, status, up, wait_for_instances};

#[test]
fn an_app_without_web_instances_says_so_and_comes_back() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    home.ship_in(project.folder(), &["scale", "web=0"])
        .success();
    assert_eq!(status(&url), 503);
    assert_eq!(instances(&home), Vec::<String>::new());
    home.kill(home.control());
    assert_eq!(instances(&home), Vec::<String>::new(), "it was meant so");
    home.ship_in(project.folder(), &["scale", "web=2"])
        .success();
    assert_eq!(body(&url, "/"), "hello from one\n");
    wait_for_instances(&home, &["blog/web.1 r1 ready", "blog/web.2 r1 ready"]);
}

#[test]
fn a_worker_can_be_scaled_to_nothing_and_stays_so_over_a_deploy() {
    let (home, project) = (home(), Project::fixture("procfile-worker"));
    up(&home, &project);
    home.ship_in(project.folder(), &["scale", "worker=0"])
        .success();
    wait_for_instances(&home, &["procfile-worker/web.1 r1 ready"]);
    project.write("README", "a change\n");
    up(&home, &project);
    wait_for_instances(&home, &["procfile-worker/web.1 r2 ready"]);
}

#[test]
fn a_number_that_cannot_be_meant_and_a_process_that_is_not_there_are_refused() {
    let (home, project) = (home(), own_server("blog"));
    up(&home, &project);
    for (wanted, said) in [
        (
            "web=101",
            "cannot run 101 instances of `web`: 100 are the most",
        ),
        ("wbe=1", "`blog` has no process `wbe`; it has web"),
    ] {
        let output = home.ship_in(project.folder(), &["scale", wanted]);
        let output = output.fails_with(1);
        assert!(output.stderr.contains(said), "{}", output.stderr);
    }
    wait_until("nothing has changed", SOON, || {
        instances(&home) == ["blog/web.1 r1 ready"]
    });
}
