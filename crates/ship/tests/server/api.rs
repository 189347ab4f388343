//! The socket as something other than our own command sees it.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use ship_test::{Home, wait_until};

use crate::{SOON, body, home, own_server, up};

/// One request on a connection of its own; gives the status and the body.
#[track_caller]
fn ask(home: &Home, method: &str, path: &str, text: &str) -> (u16, String) {
    let (head, body) = ask_whole(home, method, path, text);
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.expect("a status"), body)
}

/// The same with the whole head.
#[track_caller]
fn ask_whole(home: &Home, method: &str, path: &str, text: &str) -> (String, String) {
    let mut stream = UnixStream::connect(home.folder().join("run/api.sock")).expect("a server");
    let length = text.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: ship\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{text}"
    );
    stream.write_all(request.as_bytes()).expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

#[test]
fn what_is_refused_says_what_it_is_and_what_would_be_answered() {
    let (home, project) = (home(), own_server("blog"));
    up(&home, &project);
    let (head, _) = ask_whole(&home, "PUT", "/v1/apps/blog/env", "");
    assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
    assert!(head.contains("\r\nallow: POST, GET"), "{head}");
    let (head, body) = ask_whole(&home, "POST", "/v1/apps", r#"{"name":"a","project":"x"}"#);
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    let kind = "\r\ncontent-type: application/problem+json";
    assert!(head.contains(kind), "{head}");
    assert!(body.contains("`x` is not an absolute path"), "{body}");
}

#[test]
fn the_server_describes_its_api_as_the_command_does() {
    let (home, project) = (home(), own_server("blog"));
    up(&home, &project);
    let (status, said) = ask(&home, "GET", "/v1/openapi.json", "");
    assert_eq!(status, 200);
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said, home.ship(&["api"]).success().json());
    assert_eq!(said["openapi"], "3.1.1");
}

#[test]
fn what_makes_no_sense_is_refused_as_a_problem_and_nothing_breaks() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    for (method, path, text, status, said) in [
        (
            "POST",
            "/v1/up",
            "{",
            400,
            "the body is not what this route takes",
        ),
        (
            "POST",
            "/v1/up",
            "\u{0}",
            400,
            "the body is not what this route takes",
        ),
        (
            "POST",
            "/v1/apps/blog/stop",
            "[]",
            400,
            "the body is not what this route takes",
        ),
        (
            "POST",
            "/v1/apps/blog/scale",
            "",
            400,
            "the body is not what this route takes",
        ),
        (
            "GET",
            "/v1/apps/nobody",
            "",
            404,
            "there is no app named `nobody`",
        ),
        (
            "POST",
            "/v1/apps/nobody/stop",
            "",
            404,
            "there is no app named `nobody`",
        ),
        ("GET", "/v1/apps/..%2f", "", 404, "is not a name"),
        (
            "GET",
            "/v1/apps/blog/nothing",
            "",
            404,
            "the API has no route",
        ),
        ("PUT", "/v1/status", "", 405, "does not answer PUT"),
        ("GET", "/v1/apps/blog/logs?tail=many", "", 400, "many"),
    ] {
        let (code, problem) = ask(&home, method, path, text);
        assert_eq!(code, status, "{method} {path}: {problem}");
        assert!(problem.contains(said), "{method} {path}: {problem}");
    }
    let long = "x".repeat(5 << 20);
    let mut stream = UnixStream::connect(home.folder().join("run/api.sock")).expect("a server");
    let head = format!(
        "POST /v1/up HTTP/1.1\r\nHost: ship\r\nContent-Length: {}\r\n\r\n",
        long.len()
    );
    // It may hang up before the end: what it has read is too much already.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(long.as_bytes()));
    assert_eq!(ask(&home, "GET", "/v1/status", "").0, 200);
    assert_eq!(body(&url, "/"), "hello from one\n");
}

#[test]
fn a_stop_needs_no_body() {
    let (home, project) = (home(), own_server("blog"));
    up(&home, &project);
    assert_eq!(ask(&home, "POST", "/v1/apps/blog/stop", "").0, 204);
    assert_eq!(ask(&home, "DELETE", "/v1/apps/blog", "").0, 204);
    assert_eq!(ask(&home, "GET", "/v1/apps", ""), (200, "[]".to_owned()));
    assert_eq!(ask(&home, "POST", "/v1/stop", "").0, 204);
    wait_until("everything has ended", SOON, || home.processes().is_empty());
}

#[test]
fn an_app_that_does_not_run_cannot_be_held() {
    let (home, project) = (home(), own_server("blog"));
    up(&home, &project);
    home.ship(&["stop", "--app", "blog"]).success();
    let (status, problem) = ask(&home, "GET", "/v1/apps/blog/attach", "");
    assert_eq!(status, 422, "{problem}");
    assert!(problem.contains("`blog` is not running"), "{problem}");
}
