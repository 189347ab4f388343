use ship_test::{Load, Project};

use crate::{body, home, up};

#[test]
fn a_restart_gives_new_processes_and_fails_no_request() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let url = up(&home, &project);
    let before = body(&url, "/pid");
    let load = Load::start(&url, 2);
    home.ship_in(project.folder(), &["restart"]).success();
    assert_ne!(body(&url, "/pid"), before);
    let outcome = load.finish();
    assert_eq!(outcome.failed, Vec::<String>::new());
}

#[test]
fn a_process_that_is_not_in_the_plan_is_refused_with_those_that_are() {
    let (home, project) = (home(), Project::fixture("procfile-worker"));
    up(&home, &project);
    let output = home
        .ship_in(project.folder(), &["restart", "clock"])
        .fails_with(1);
    assert!(
        output.stderr.contains("it has web, worker"),
        "{}",
        output.stderr
    );
}
