use ship_test::Project;

use crate::{body, home};

#[test]
fn what_was_tried_at_one_app_serves_at_another_with_its_own_settings() {
    let home = home();
    let project = Project::fixture("own-server");
    let staged = |text: &str| {
        project.write("greeting.txt", text);
        home.ship_in(
            project.folder(),
            &["up", "--detach", "--name", "own-staging"],
        )
        .success()
        .url()
    };
    let promote = ["promote", "--app", "own-staging", "--to", "own-live"];
    let staging = staged("hello from one\n");
    let output = home.ship(&promote).success();
    assert!(output.stderr.contains("r1 live"), "{}", output.stderr);
    let live = output.url();
    assert!(live.contains("//own-live."), "{live}");
    assert_eq!(body(&live, "/"), "hello from one\n");

    // The one that is tried next does not touch what serves.
    staged("hello from two\n");
    assert_eq!(body(&staging, "/"), "hello from two\n");
    assert_eq!(body(&live, "/"), "hello from one\n");
    home.ship(&["env", "set", "--app", "own-live", "ONLY_LIVE=1"])
        .success();
    let output = home.ship(&promote).success();
    assert!(output.stderr.contains("r2 live"), "{}", output.stderr);
    assert_eq!(body(&live, "/"), "hello from two\n");
    let env = home.ship(&["env", "list", "--app", "own-staging"]);
    assert!(!env.success().stdout.contains("ONLY_LIVE"));

    // The same again is nothing new; an older one can be taken as well, and back leads the usual way.
    let output = home.ship(&promote).success();
    assert!(
        output.stderr.contains("r2 live, nothing changed"),
        "{}",
        output.stderr
    );
    let older = [&promote[..], &["r1"]].concat();
    home.ship(&older).success();
    assert_eq!(body(&live, "/"), "hello from one\n");
    home.ship(&["rollback", "--app", "own-live"]).success();
    assert_eq!(body(&live, "/"), "hello from two\n");
    let releases = home.ship(&["releases", "--app", "own-live", "--json"]);
    let count = releases.success().json().as_array().map(Vec::len);
    assert_eq!(count, Some(3));

    // What it came from may go; what it became stays.
    home.ship(&["destroy", "--app", "own-staging", "--yes"])
        .success();
    home.ship(&["restart", "--app", "own-live"]).success();
    assert_eq!(body(&live, "/"), "hello from two\n");
}

#[test]
fn what_cannot_be_promoted_is_told_and_what_serves_serves_on() {
    let home = home();
    let project = Project::fixture("own-server");
    let up = ["up", "--detach", "--name", "own-staging"];
    home.ship_in(project.folder(), &up).success();
    let promote = |words: &[&str], code: i32| {
        let words = [&["promote", "--app", "own-staging"], words].concat();
        home.ship(&words).fails_with(code).stderr
    };
    let itself = promote(&["--to", "own-staging"], 1);
    assert!(itself.contains("cannot be promoted to itself"), "{itself}");
    let never = promote(&["--to", "own-live", "r9"], 1);
    assert!(
        never
            .contains("`own-staging` has no release r9\n  hint: `ship releases --app own-staging`"),
        "{never}"
    );

    let url = home
        .ship(&["promote", "--app", "own-staging", "--to", "own-live"])
        .success()
        .url();
    // It starts where it was tried and not where it is to serve.
    project.write(
        "ship.toml",
        "[release]\ncommand = \"sh -c 'test -z $BROKEN'\"\n",
    );
    project.write("greeting.txt", "hello from two\n");
    home.ship_in(project.folder(), &up).success();
    home.ship(&["env", "set", "--app", "own-live", "BROKEN=1"])
        .success();
    let failed = promote(&["--to", "own-live"], 4);
    assert!(failed.contains("r1 still serves"), "{failed}");
    assert_eq!(body(&url, "/"), "hello from one\n");
}
