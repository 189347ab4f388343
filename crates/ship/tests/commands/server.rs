use ship_test::{Project, wait_until};

use crate::{SOON, home, up};

#[test]
fn stopping_the_server_leaves_no_process() {
    let (home, project) = (home(), Project::fixture("procfile-worker"));
    up(&home, &project);
    assert!(home.processes().len() >= 4);
    home.ship(&["server", "stop"]).success();
    wait_until("everything has ended", SOON, || home.processes().is_empty());
    assert_eq!(
        home.ship(&["server", "status"]).success().stdout,
        "no server runs\n"
    );
}

#[test]
fn commands_that_come_at_once_share_one_server() {
    let (home, project) = (home(), Project::fixture("own-server"));
    up(&home, &project);
    home.ship(&["server", "stop"]).success();
    let together: Vec<_> = (0..4)
        .map(|_| home.start_in(home.folder(), &["ps", "--json"]))
        .collect();
    for running in together {
        running.finish().success();
    }
}

#[test]
fn a_server_that_cannot_come_up_shows_why() {
    let home = home();
    // A folder where the database should be.
    #[expect(clippy::disallowed_methods, reason = "a test breaks things")]
    std::fs::create_dir_all(home.folder().join("ship.db")).expect("a folder");
    let output = home.ship(&["ps"]).fails_with(4);
    assert!(
        output.stderr.contains("the server did not come up"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("ship.db"), "{}", output.stderr);
}
