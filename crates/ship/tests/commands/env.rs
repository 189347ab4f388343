use std::io::Write as _;
use std::process::Stdio;

use ship_test::Project;

use crate::{body, home, up};

#[test]
fn a_setting_reaches_the_app_with_the_next_restart() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let url = up(&home, &project);
    let ship = |arguments: &[&str]| home.ship_in(project.folder(), arguments);
    let output = ship(&["env", "set", "COLOUR=blue $HOME 'x'"]).success();
    assert!(
        output.stderr.contains("`ship restart`"),
        "{}",
        output.stderr
    );
    assert_eq!(
        ship(&["env", "get", "COLOUR"]).success().stdout,
        "blue $HOME 'x'\n"
    );
    ship(&["restart"]).success();
    assert_eq!(body(&url, "/setting?name=COLOUR"), "blue $HOME 'x'");
    ship(&["env", "unset", "COLOUR"]).success();
    ship(&["restart"]).success();
    assert_eq!(body(&url, "/setting?name=COLOUR"), "");
}

#[test]
fn values_are_hidden_unless_they_are_asked_for() {
    let (home, project) = (home(), Project::fixture("own-server"));
    up(&home, &project);
    let ship = |arguments: &[&str]| home.ship_in(project.folder(), arguments);
    ship(&["env", "set", "SECRET_KEY=hunter2"]).success();
    let listed = ship(&["env", "list"]).success().stdout;
    assert!(
        listed.contains("SECRET_KEY") && listed.contains("****"),
        "{listed}"
    );
    assert!(!listed.contains("hunter2"), "{listed}");
    assert!(
        !ship(&["env", "list", "--json"])
            .success()
            .stdout
            .contains("hunter2")
    );
    assert!(
        ship(&["env", "list", "--reveal"])
            .success()
            .stdout
            .contains("hunter2")
    );
}

#[test]
fn a_value_can_come_through_a_pipe_and_is_in_no_argument() {
    let (home, project) = (home(), Project::fixture("own-server"));
    up(&home, &project);
    let mut set = home
        .command(project.folder(), &["env", "set", "TOKEN"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut pipe = set.stdin.take().expect("piped");
    pipe.write_all(b"from a pipe\n").expect("it reads");
    drop(pipe);
    assert!(set.wait().expect("a child").success());
    let get = home.ship_in(project.folder(), &["env", "get", "TOKEN"]);
    assert_eq!(get.success().stdout, "from a pipe\n");
}

#[test]
fn a_file_is_imported_as_it_stands() {
    let (home, project) = (home(), Project::fixture("own-server"));
    up(&home, &project);
    project.write(
        "production.env",
        "# ours\nexport A='one two'\nB=\"three\\nfour\"\n",
    );
    let ship = |arguments: &[&str]| home.ship_in(project.folder(), arguments);
    ship(&["env", "import", "production.env"]).success();
    assert_eq!(ship(&["env", "get", "A"]).success().stdout, "one two\n");
    assert_eq!(ship(&["env", "get", "B"]).success().stdout, "three\nfour\n");
}

#[test]
fn a_required_setting_can_be_given_before_anything_runs() {
    let (home, project) = (home(), Project::fixture("required-env"));
    let ship = |arguments: &[&str]| home.ship_in(project.folder(), arguments);
    let output = ship(&["up", "--detach"]).fails_with(1);
    assert!(output.stderr.contains("SECRET_WORD"), "{}", output.stderr);
    ship(&["env", "set", "SECRET_WORD=abracadabra"]).success();
    let url = ship(&["up", "--detach"]).success().url();
    assert_eq!(body(&url, "/"), "the word has 11 letters\n");
}

#[test]
fn what_an_app_needs_can_be_set_before_it_ever_came_up() {
    let (home, project) = (home(), Project::fixture("required-env"));
    let ship = |arguments: &[&str]| home.ship_in(project.folder(), arguments);
    let set = ship(&["env", "set", "SECRET_WORD=hunter2"]).success();
    insta::assert_snapshot!(set.stderr, @"set 1 setting of `required-env`; `ship up` brings it up with that");
    ship(&["up", "--detach"]).success();
    // A name that is mistyped makes no app.
    let mistyped = ship(&["env", "set", "--app", "bolg", "A=1"]).fails_with(1);
    assert!(mistyped.stderr.contains("`bolg`"), "{}", mistyped.stderr);
}

#[test]
fn a_key_that_nobody_set_is_drawn_once_and_kept() {
    let (home, project) = (home(), Project::fixture("own-server"));
    project.write(
        "app.json",
        r#"{"env": {"SIGNING": {"generator": "secret"}}}"#,
    );
    let ship = |arguments: &[&str]| home.ship_in(project.folder(), arguments);
    let first = ship(&["up", "--detach"]).success();
    assert!(
        first
            .stderr
            .contains("`SIGNING`, which app.json:1 asks for, was drawn"),
        "{}",
        first.stderr
    );
    let drawn = ship(&["env", "get", "SIGNING"]).success().stdout;
    let drawn = drawn.trim_end();
    assert_eq!(drawn.len(), 64, "{drawn}");
    let url = first.stdout.trim();
    assert_eq!(body(url, "/setting?name=SIGNING"), drawn);
    project.write("changed.txt", "");
    let second = ship(&["up", "--detach"]).success();
    assert!(!second.stderr.contains("SIGNING`,"), "{}", second.stderr);
    assert_eq!(body(url, "/setting?name=SIGNING"), drawn);
}
