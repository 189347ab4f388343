use ship_test::{Project, wait_until};

use crate::{SOON, body, home, up};

#[test]
fn a_stopped_app_keeps_its_releases_and_comes_back() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let url = up(&home, &project);
    let output = home.ship_in(project.folder(), &["stop"]).success();
    assert!(
        output.stderr.contains("`own-server` is stopped"),
        "{}",
        output.stderr
    );
    let apps = home.ship(&["ps", "--json"]).success().json();
    assert_eq!(apps[0]["running"], false);
    assert_eq!(apps[0]["current"], "r1");
    assert_eq!(up(&home, &project), url);
    assert_eq!(body(&url, "/"), "hello from one\n");
}

#[test]
fn now_does_not_wait_for_programs_that_will_not_end() {
    let (home, project) = (home(), Project::fixture("ignores-sigterm"));
    project.write("ship.toml", "[web]\ngrace = \"10m\"\n");
    let url = up(&home, &project);
    let pids = body(&url, "/");
    home.ship_in(project.folder(), &["stop", "--now"]).success();
    for pid in pids.split_whitespace() {
        wait_until("the process has ended", SOON, || !lives(pid));
    }
}

/// A process that has ended and that nobody asked about (state Z) does not live.
fn lives(pid: &str) -> bool {
    let status = ship_base::file::read_text(format!("/proc/{pid}/status").as_ref());
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}
