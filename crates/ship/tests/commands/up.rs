use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;
use ship_test::{Project, Running, eventually, wait_until};

use crate::{SOON, body, home, shown, up};

#[test]
fn detached_it_ends_with_the_url_and_the_app_stays() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let output = home
        .ship_in(project.folder(), &["up", "--detach"])
        .success();
    assert!(output.url().starts_with("http://own-server.localhost:"));
    assert_eq!(output.stdout.lines().count(), 1, "{}", output.stdout);
    assert!(output.stderr.contains("r1 live"), "{}", output.stderr);
    assert_eq!(body(&output.url(), "/"), "hello from one\n");
}

#[test]
fn a_change_is_the_next_release_and_no_change_is_none() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let url = up(&home, &project);
    project.write("greeting.txt", "hello from two\n");
    let output = home
        .ship_in(project.folder(), &["up", "--detach"])
        .success();
    assert_eq!(output.url(), url);
    assert!(output.stderr.contains("r2 live"), "{}", output.stderr);
    assert_eq!(body(&url, "/"), "hello from two\n");

    let again = home.ship_in(project.folder(), &["up", "--detach"]);
    let again = again.success();
    assert!(
        again.stderr.contains("r2 live, nothing changed"),
        "{}",
        again.stderr
    );
}

#[test]
fn a_failed_deploy_says_what_still_serves() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let url = up(&home, &project);
    project.write("server.py", "raise SystemExit('the database is gone')\n");
    let output = home.ship_in(project.folder(), &["up", "--detach"]);
    let output = output.fails_with(4);
    for part in [
        "error: ",
        "│ the database is gone",
        "hint: ",
        "r1 still serves",
    ] {
        assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
    }
    assert_eq!(output.stdout, "");
    assert_eq!(body(&url, "/"), "hello from one\n");
}

#[test]
fn a_mistake_in_the_manifest_is_shown_with_its_place() {
    let (home, project) = (home(), Project::fixture("manifest-typo"));
    let output = home.ship_in(project.folder(), &["up", "--detach"]);
    insta::assert_snapshot!(shown(&output, &home, &project), @r#"
    code 3
    -- stdout
    -- stderr
    error: `[web]` has no key `comand`
       --> ship.toml:4:1
        |
      4 | comand = "python server.py"
        | ^^^^^^
      hint: did you mean `command`?
    "#);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let home = home();
    let output = home.ship(&["up", "nowhere"]).fails_with(1);
    assert!(
        output.stderr.contains("nowhere` cannot be used"),
        "{}",
        output.stderr
    );
}

fn attached(home: &ship_test::Home, project: &Project, more: &[&str]) -> Running {
    let arguments = [&["up"], more].concat();
    let running = home.start_in(project.folder(), &arguments);
    running.wait_for("live", SOON * 4);
    running
}

fn url_of(home: &ship_test::Home) -> String {
    let apps = home.ship(&["ps", "--json"]).success().json();
    apps[0]["url"].as_str().expect("a URL").to_owned()
}

#[test]
fn attached_it_shows_the_log_and_ctrl_c_stops_the_app() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let running = attached(&home, &project, &[]);
    body(&url_of(&home), "/pid");
    wait_until("lines from the start and from now", SOON, || {
        let printed = running.printed();
        printed.contains("listening on port") && printed.contains("GET /pid")
    });
    running.signal(Signal::INT);
    let output = running.finish().success();
    assert!(
        output.stderr.contains("`own-server` is stopped"),
        "{}",
        output.stderr
    );
    let apps = home.ship(&["ps", "--json"]).success().json();
    assert_eq!(apps[0]["running"], false);
}

#[test]
fn an_attached_app_outlives_a_killed_control_process() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let running = attached(&home, &project, &[]);
    let url = url_of(&home);
    let pid = body(&url, "/pid");
    home.kill(home.control());
    running.wait_for("was started again", SOON);
    assert_eq!(body(&url, "/pid"), pid);
    wait_until("the log goes on", SOON, || {
        running.printed().matches("GET /pid").count() == 2
    });
    running.signal(Signal::INT);
    running.finish().success();
}

#[test]
fn an_app_that_is_stopped_elsewhere_ends_the_session() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let running = attached(&home, &project, &[]);
    home.ship_in(project.folder(), &["stop"]).success();
    let output = running.finish().success();
    assert!(output.stderr.contains("was stopped"), "{}", output.stderr);
}

#[test]
fn under_watch_every_change_is_a_release_and_a_broken_one_changes_nothing() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let running = attached(&home, &project, &["--watch"]);
    let url = url_of(&home);
    project.write("greeting.txt", "hello from two\n");
    wait_until("the second release serves", SOON, || {
        body(&url, "/") == "hello from two\n"
    });
    let server = project.read("server.py");
    project.write("server.py", "raise SystemExit('half a thought')\n");
    running.wait_for("│ half a thought", SOON);
    assert_eq!(body(&url, "/"), "hello from two\n");
    project.write("server.py", &server);
    project.write("greeting.txt", "hello from four\n");
    wait_until("the mended release serves", SOON, || {
        body(&url, "/") == "hello from four\n"
    });
    running.signal(Signal::INT);
    running.finish().success();
}

#[test]
fn ctrl_c_in_a_deploy_cancels_it_and_says_what_serves() {
    let (home, project) = (home(), Project::fixture("slow-start"));
    project.write("ship.toml", "[env]\nSLOW_START = \"600\"\n");
    let running = home.start_in(project.folder(), &["up", "--verbose"]);
    wait_until("the instance starts", SOON * 4, || {
        let apps = home.ship(&["ps", "--json"]);
        apps.code == 0
            && !apps.json()[0]["instances"]
                .as_array()
                .is_none_or(Vec::is_empty)
    });
    running.signal(Signal::INT);
    let output = running.finish().fails_with(130);
    assert!(output.stderr.contains("cancelled"), "{}", output.stderr);
    eventually("nothing is left of it", SOON, || {
        let apps = home.ship(&["ps", "--json"]).success().json();
        apps[0]["instances"]
            .as_array()
            .is_none_or(Vec::is_empty)
            .then_some(())
    });
}

#[test]
fn sockets_and_data_are_this_users_alone() {
    let (home, project) = (home(), Project::fixture("own-server"));
    up(&home, &project);
    let mode = home.folder().metadata().expect("a folder").permissions();
    assert_eq!(mode.mode() & 0o777, 0o700);
}

#[test]
fn a_second_ctrl_c_does_not_wait_for_what_will_not_end() {
    let (home, project) = (home(), Project::fixture("ignores-sigterm"));
    project.write("ship.toml", "[web]\ngrace = \"10m\"\n");
    let running = attached(&home, &project, &[]);
    running.signal(Signal::INT);
    running.wait_for("Ctrl-C again: at once", SOON);
    running.signal(Signal::INT);
    let output = running.finish().success();
    assert!(output.stderr.contains("is stopped"), "{}", output.stderr);
}

#[test]
fn the_files_of_a_release_lie_ready_compressed() {
    let (home, project) = (home(), Project::named("pages"));
    let page = "<p>one talk and another</p>\n".repeat(100);
    project.write("public/index.html", &page);
    let url = up(&home, &project);
    for coding in ["br", "zstd", "gzip"] {
        let fields = [("Accept-Encoding", coding)];
        let answer = ship_test::http::get_url_with(&format!("{url}/"), &fields).unwrap();
        assert_eq!(answer.header("content-encoding"), Some(coding));
        // Ready: its length was known before it was sent.
        let length = answer.header("content-length").unwrap();
        assert!(
            length.parse::<usize>().unwrap() < page.len() / 10,
            "{length}"
        );
    }
    assert_eq!(body(&url, "/"), page);
}
