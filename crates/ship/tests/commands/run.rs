use ship_test::Project;

use crate::{home, up};

#[test]
fn the_program_has_the_releases_settings_and_gives_its_own_exit_code() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let project = project.file(".env", "GREETING=from dotenv\n");
    up(&home, &project);
    let code = "import os, sys; print(os.environ['GREETING']); sys.exit(7)";
    let output = home.ship_in(project.folder(), &["run", "--", "python", "-c", code]);
    assert_eq!(output.fails_with(7).stdout, "from dotenv\n");
}

#[test]
fn nothing_of_the_callers_shell_reaches_it() {
    let home = home().with("AWS_SECRET_ACCESS_KEY", "hunter2");
    let project = Project::fixture("own-server");
    up(&home, &project);
    let output = home
        .ship_in(project.folder(), &["run", "--", "env"])
        .success();
    assert!(!output.stdout.contains("hunter2"), "{}", output.stdout);
}

#[test]
fn words_are_not_given_to_a_shell() {
    let (home, project) = (home(), Project::fixture("own-server"));
    up(&home, &project);
    let output = home.ship_in(project.folder(), &["run", "--", "echo", "$HOME; $(id)"]);
    assert_eq!(output.success().stdout, "$HOME; $(id)\n");
}

#[test]
fn a_program_that_is_not_there_ends_with_127() {
    let (home, project) = (home(), Project::fixture("own-server"));
    up(&home, &project);
    let output = home
        .ship_in(project.folder(), &["run", "--", "celery"])
        .fails_with(127);
    assert!(
        output.stderr.contains("no program `celery` in r1"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_signal_ends_the_program_as_it_would_without_us() {
    let (home, project) = (home(), Project::fixture("own-server"));
    up(&home, &project);
    let output = home.ship_in(
        project.folder(),
        &["run", "--", "sh", "-c", "kill -TERM $$"],
    );
    output.fails_with(128 + 15);
}
