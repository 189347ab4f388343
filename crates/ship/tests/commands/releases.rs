use ship_test::Project;

use crate::{body, home, up};

#[test]
fn rollback_brings_back_the_release_before_and_any_that_is_kept() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let url = up(&home, &project);
    for text in ["hello from two\n", "hello from three\n"] {
        project.write("greeting.txt", text);
        up(&home, &project);
    }
    let output = home.ship_in(project.folder(), &["rollback"]).success();
    assert!(output.stderr.contains("r2 live"), "{}", output.stderr);
    assert_eq!(body(&url, "/"), "hello from two\n");
    home.ship_in(project.folder(), &["rollback", "r1"])
        .success();
    assert_eq!(body(&url, "/"), "hello from one\n");

    let releases = home
        .ship_in(project.folder(), &["releases", "--json"])
        .success()
        .json();
    let releases = releases.as_array().expect("a list");
    let marks: Vec<String> = releases
        .iter()
        .map(|release| format!("{}{}", release["id"], release["mark"]).replace('"', ""))
        .collect();
    assert_eq!(marks, ["r3", "r2previous", "r1live"]);
}

#[test]
fn a_release_that_never_was_is_named() {
    let (home, project) = (home(), Project::fixture("own-server"));
    up(&home, &project);
    let output = home
        .ship_in(project.folder(), &["rollback", "r9"])
        .fails_with(1);
    assert!(
        output.stderr.contains("`ship releases --app own-server`"),
        "{}",
        output.stderr
    );
    let output = home
        .ship_in(project.folder(), &["rollback", "nine"])
        .fails_with(2);
    assert!(
        output.stderr.contains("releases are named `r1`"),
        "{}",
        output.stderr
    );
}
