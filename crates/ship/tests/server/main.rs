//! What the control process does when two things happen at once: verbs that meet, callers that go,
//! processes that are killed in the middle (docs/promises.md, P11 to P13).

#![expect(
    clippy::print_stderr,
    reason = "a test says what it skips, and what it tried"
)]

mod api;
mod crash;
mod crash_loop;
mod deploy;
mod durability;
mod faults;
mod job;
mod matrix;
mod older_packages;
mod quic;
mod scale;
mod socket_store;
mod stop;
mod upgrade;

use std::time::Duration;

use ship_test::{Home, Project, Running, eventually, wait_until};

/// The longest that something which happens soon may take on a busy machine.
const SOON: Duration = Duration::from_mins(1);

/// A release command that goes on once there is a file `go` in the data folder, and fails when its
/// own source has gone.
const PATIENT: &str = "import os, time\n\
    print('waiting', flush=True)\n\
    while not os.path.exists(os.environ['SHIP_DATA_DIR'] + '/go'):\n    \
        time.sleep(0.02)\n\
    print(open('greeting.txt').read(), flush=True)\n";

fn home() -> Home {
    Home::new(env!("CARGO_BIN_EXE_ship"))
}

/// What an own server prints when it has got a slow request.
const ASKED: &str = "a slow request has come";

/// An own server under this name.
fn own_server(name: &str) -> Project {
    let from = Project::fixture("own-server");
    let project = Project::named(name);
    for file in ["Procfile", "greeting.txt"] {
        project.write(file, &from.read(file));
    }
    let sleep = "    time.sleep(float";
    let told = format!("    print({ASKED:?}, flush=True)\n{sleep}");
    project.write("server.py", &from.read("server.py").replace(sleep, &told));
    project
}

/// Brings the project up for good and gives its URL.
#[track_caller]
fn up(home: &Home, project: &Project) -> String {
    home.ship_in(project.folder(), &["up", "--detach"])
        .success()
        .url()
}

/// Starts to bring the project up for good, and waits until it has printed `sign`.
#[track_caller]
fn up_until(home: &Home, project: &Project, sign: &str) -> Running {
    let running = home.start_in(project.folder(), &["up", "--detach", "--verbose"]);
    running.wait_for(sign, SOON);
    running
}

/// What is served at `url` and `path`; nothing where that fails.
fn body(url: &str, path: &str) -> String {
    ship_test::http::get_url(&format!("{url}{path}"))
        .map(|answer| answer.text())
        .unwrap_or_default()
}

/// The status at `url`; 0 where nobody answers.
fn status(url: &str) -> u16 {
    ship_test::http::get_url(url).map_or(0, |answer| answer.status)
}

/// Asks for the slow page, and waits until the app has the request in its hands.
fn slow_request(home: &Home, url: &str, seconds: u32) -> std::thread::JoinHandle<String> {
    let (url, page) = (url.to_owned(), format!("/slow?seconds={seconds}"));
    let thread = std::thread::spawn(move || body(&url, &page));
    wait_until("the request is in flight", SOON, || {
        let log = home.ship(&["logs", "--app", "blog", "--grep", ASKED]);
        log.success().stdout.contains(ASKED)
    });
    thread
}

/// The only app as `ship ps` shows it.
#[track_caller]
fn app(home: &Home) -> serde_json::Value {
    let apps = home.ship(&["ps", "--json"]).success().json();
    assert_eq!(apps.as_array().map(Vec::len), Some(1), "{apps}");
    apps[0].clone()
}

/// Its instances: id, release and state.
#[track_caller]
fn instances(home: &Home) -> Vec<String> {
    let instances = app(home)["instances"].as_array().cloned();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    instances
        .unwrap_or_default()
        .iter()
        .map(|one| [text(&one["id"]), text(&one["release"]), text(&one["state"])].join(" "))
        .collect()
}

/// Waits until its instances are these.
#[track_caller]
fn wait_for_instances(home: &Home, wanted: &[&str]) {
    let mut last = Vec::new();
    wait_until(&format!("{wanted:?}"), SOON, || {
        last = instances(home);
        last == wanted
    });
}

/// The process of its first instance.
#[track_caller]
fn pid(home: &Home) -> i32 {
    eventually("a process", SOON, || {
        let pid = app(home)["instances"][0]["pid"].as_i64()?;
        i32::try_from(pid).ok()
    })
}

/// The parent of a process, while it is there: the fourth field of `/proc/<pid>/stat`, after the name
/// in brackets.
#[expect(clippy::disallowed_methods, reason = "/proc is read as a test sees it")]
fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat.rsplit_once(')')?.1;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// A file in the data folder of an app, as if one of its programs had written it.
#[expect(clippy::disallowed_methods, reason = "a test is an app's program here")]
fn write_data(home: &Home, app: &str, file: &str, content: &str) {
    let path = home.folder().join("apps").join(app).join("data").join(file);
    std::fs::write(path, content).expect("a file");
}

/// A file in the data folder of an app.
#[expect(clippy::disallowed_methods, reason = "a test looks at an app's files")]
fn read_data(home: &Home, app: &str, file: &str) -> String {
    let path = home.folder().join("apps").join(app).join("data").join(file);
    std::fs::read_to_string(path).unwrap_or_default()
}
