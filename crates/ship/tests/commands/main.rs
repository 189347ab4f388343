//! Whole-program tests: the real binary, real servers, one file per command.

#![expect(clippy::print_stderr, reason = "a test says what it skips")]

mod cache;
mod check;
mod completions;
mod deploy;
mod destroy;
mod doctor;
mod env;
mod git;
mod init;
mod key;
mod logs;
mod maintenance;
mod plan;
mod promote;
mod ps;
mod releases;
mod remote;
mod restart;
mod run;
mod scale;
mod server;
mod stop;
mod terminal;
mod traffic;
mod trust;
mod up;
mod visitors;

use std::time::Duration;

use ship_test::{Home, Output, Project, filtered};

/// The longest that something which happens soon may take on a busy machine.
const SOON: Duration = Duration::from_mins(1);

fn home() -> Home {
    Home::new(env!("CARGO_BIN_EXE_ship"))
}

/// Brings the project up for good and gives its URL.
#[track_caller]
fn up(home: &Home, project: &Project) -> String {
    home.ship_in(project.folder(), &["up", "--detach"])
        .success()
        .url()
}

/// What is served at `url` and `path`.
#[track_caller]
fn body(url: &str, path: &str) -> String {
    let answer = ship_test::http::get_url(&format!("{url}{path}"));
    answer.expect("an answer").text()
}

/// Code, data and story of a command, comparable between runs.
fn shown(output: &Output, home: &Home, project: &Project) -> String {
    let places = [
        (project.folder().to_str().expect("UTF-8"), "[PROJECT]"),
        (home.folder().to_str().expect("UTF-8"), "[HOME]"),
    ];
    let text = format!(
        "code {}\n-- stdout\n{}-- stderr\n{}",
        output.code, output.stdout, output.stderr
    );
    filtered(&text, &places)
}
