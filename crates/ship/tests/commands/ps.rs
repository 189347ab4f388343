use ship_test::Project;

use crate::{home, up};

#[test]
fn a_machine_without_apps_needs_no_server_to_say_so() {
    let home = home();
    let output = home.ship(&["ps"]).success();
    assert!(output.stderr.contains("nothing was brought up yet"));
    assert_eq!(home.ship(&["ps", "--json"]).success().stdout, "[]\n");
    assert!(home.processes().is_empty());
}

#[test]
fn every_instance_is_listed_with_its_state() {
    let (home, project) = (home(), Project::fixture("procfile-worker"));
    let url = up(&home, &project);
    let text = home.ship(&["ps"]).success().stdout;
    for part in [url.as_str(), "r1 detached", "web.1", "worker.1", "ready"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let apps = home.ship(&["ps", "--json"]).success().json();
    let instances = apps[0]["instances"].as_array().expect("a list");
    assert_eq!(instances.len(), 2);
    assert!(instances.iter().all(|i| i["pid"].is_i64()), "{apps}");
}

#[test]
fn an_app_that_is_not_there_is_an_error() {
    let (home, project) = (home(), Project::fixture("own-server"));
    up(&home, &project);
    let output = home.ship(&["ps", "--app", "blog"]).fails_with(1);
    assert!(
        output.stderr.contains("no app named `blog`"),
        "{}",
        output.stderr
    );
}
