use ship_test::{Project, wait_until};

use crate::{SOON, body, home, up};

#[test]
fn logs_span_releases_and_stay_when_the_app_is_stopped() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let url = up(&home, &project);
    body(&url, "/?from=one");
    project.write("greeting.txt", "hello from two\n");
    up(&home, &project);
    body(&url, "/?from=two");
    home.ship_in(project.folder(), &["stop"]).success();

    let all = home.ship_in(project.folder(), &["logs"]).success().stdout;
    assert!(all.contains("r1 web.1 GET /?from=one"), "{all}");
    assert!(all.contains("r2 web.1 GET /?from=two"), "{all}");
    let second = home.ship_in(
        project.folder(),
        &["logs", "--release", "r2", "--grep", "GET /?"],
    );
    let second = second.success().stdout;
    assert_eq!(second.lines().count(), 1, "{second}");
}

#[test]
fn a_crash_is_in_the_log_with_its_reason() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let url = up(&home, &project);
    body(&url, "/leave?code=3");
    let logs = ["logs", "--process", "web", "--json"];
    wait_until("the end is logged", SOON, || {
        let text = home.ship_in(project.folder(), &logs).success().stdout;
        let lines = text.lines().map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("one JSON object a line")
        });
        lines.into_iter().any(|line| {
            line["stream"] == "ship" && line["text"].as_str().is_some_and(|text| text.contains('3'))
        })
    });
}

#[test]
fn following_shows_what_comes_and_survives_the_control_process() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let url = up(&home, &project);
    let following = home.start_in(project.folder(), &["logs", "-f", "-n", "1"]);
    let says = |what: &str| {
        following.wait_for(what, SOON);
    };
    wait_until("the first line", SOON, || !following.printed().is_empty());
    body(&url, "/?first");
    says("GET /?first");
    home.kill(home.control());
    body(&url, "/?second");
    says("GET /?second");
    assert_eq!(following.printed().matches("GET /?first").count(), 1);
    following.signal(rustix::process::Signal::INT);
}

#[test]
fn a_reader_that_goes_is_no_error() {
    use std::process::Stdio;
    let (home, project) = (home(), Project::fixture("own-server"));
    let url = up(&home, &project);
    body(&url, "/");
    let mut following = home
        .command(project.folder(), &["logs", "-f"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(following.stdout.take());
    wait_until("it ends by itself", SOON, || {
        body(&url, "/");
        following.try_wait().expect("a child").is_some()
    });
    let output = following.wait_with_output().expect("a child");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}

#[test]
fn the_requests_of_an_app_are_shown_as_web_logs_are() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let url = up(&home, &project);
    body(&url, "/pid");
    let shown = |arguments: &[&str]| {
        wait_until("the request is written", SOON, || {
            let output = home.ship_in(project.folder(), arguments).success();
            output.stdout.contains("/pid")
        });
        home.ship_in(project.folder(), arguments).success().stdout
    };
    let text = shown(&["logs", "--access"]);
    assert!(text.contains("\"GET /pid HTTP/1.1\" 200 "), "{text}");
    assert!(text.contains("\"ship-test\""), "{text}");
    let json = shown(&["logs", "--access", "--json"]);
    let line = json.lines().find(|line| line.contains("/pid")).unwrap();
    let request: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&request["status"], &request["release"]),
        (&200.into(), &"r1".into())
    );
    // What the app itself wrote is another log.
    let own = home.ship_in(project.folder(), &["logs"]).success();
    assert!(!own.stdout.contains("took_ms"), "{}", own.stdout);
}
