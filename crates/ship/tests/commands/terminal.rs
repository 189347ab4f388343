//! What a person sees and types, at a real terminal.

use ship_test::{Project, wait_until};

use crate::{SOON, body, home, up};

/// What Ctrl-C types.
const CTRL_C: &str = "\x03";

#[test]
fn progress_is_drawn_over_itself_and_what_was_done_stays() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let terminal = home.start_at_terminal(project.folder(), &["up", "--detach"]);
    let drawn = terminal.finish().success().stdout;
    let (done, erased) = ("✓ web.1 ready", "\x1b[");
    assert!(drawn.contains(done) && drawn.contains("r1 live"), "{drawn}");
    assert!(drawn.contains(erased), "nothing was drawn over: {drawn}");
    let last = drawn.lines().last().unwrap_or_default();
    assert!(last.starts_with("http://own-server.localhost:"), "{drawn}");
}

#[test]
fn a_watched_project_is_ended_by_ctrl_c_which_says_so() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let mut terminal = home.start_at_terminal(project.folder(), &["up", "--watch"]);
    terminal.shows("r1 live", SOON * 4);
    let url = home.ship(&["ps", "--json"]).success().json()[0]["url"].clone();
    let url = url.as_str().expect("it serves").to_owned();
    project.write("greeting.txt", "hello from two\n");
    wait_until("the change serves", SOON, || {
        body(&url, "/") == "hello from two\n"
    });
    terminal.shows("r2 live", SOON);
    terminal.type_in(CTRL_C);
    let drawn = terminal.finish().success().stdout;
    assert!(drawn.contains("stopped"), "{drawn}");
    assert!(ship_test::http::get_url(&url).is_err() || body(&url, "/") != "hello from two\n");
}

#[test]
fn what_destroys_asks_and_only_the_right_name_goes_on() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let url = up(&home, &project);
    for (typed, code) in [("yes\n", 1), (CTRL_C, 130)] {
        let mut terminal = home.start_at_terminal(project.folder(), &["destroy"]);
        terminal.shows("type its name to go on: ", SOON);
        terminal.type_in(typed);
        terminal.finish().fails_with(code);
        assert_eq!(body(&url, "/"), "hello from one\n");
    }
    let mut terminal = home.start_at_terminal(project.folder(), &["destroy"]);
    terminal.shows("type its name to go on: ", SOON);
    terminal.type_in("own-server\n");
    let drawn = terminal.finish().success().stdout;
    assert!(drawn.contains("`own-server` is gone"), "{drawn}");
}

#[test]
fn a_secret_is_asked_for_and_not_shown() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let mut terminal = home.start_at_terminal(project.folder(), &["env", "set", "TOKEN"]);
    terminal.shows("TOKEN", SOON);
    terminal.type_in("hunter2\n");
    let drawn = terminal.finish().success().stdout;
    assert!(!drawn.contains("hunter2"), "{drawn}");
    up(&home, &project);
    let get = home.ship_in(project.folder(), &["env", "get", "TOKEN"]);
    assert_eq!(get.success().stdout, "hunter2\n");
}

#[test]
fn a_one_off_command_has_the_terminal() {
    let (home, project) = (home(), Project::fixture("own-server"));
    up(&home, &project);
    let program = "name = input('who? '); print('hello', name, __import__('sys').stdout.isatty())";
    let run = ["run", "--", "python", "-c", program];
    let mut terminal = home.start_at_terminal(project.folder(), &run);
    terminal.shows("who? ", SOON);
    terminal.type_in("world\n");
    let drawn = terminal.finish().success().stdout;
    assert!(drawn.contains("hello world True"), "{drawn}");
}
