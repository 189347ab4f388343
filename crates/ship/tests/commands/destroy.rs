use ship_test::Project;

use crate::{home, up};

#[test]
fn nothing_of_a_destroyed_app_is_left_but_the_project() {
    let (home, project) = (home(), Project::fixture("own-server"));
    up(&home, &project);
    let output = home.ship_in(project.folder(), &["destroy"]).fails_with(2);
    assert!(
        output
            .stderr
            .contains("`ship destroy --app own-server --yes`"),
        "{}",
        output.stderr
    );
    home.ship_in(project.folder(), &["destroy", "--yes"])
        .success();
    assert_eq!(home.ship(&["ps", "--json"]).success().stdout, "[]\n");
    assert!(!home.folder().join("apps/own-server").exists());
    assert!(project.folder().join("server.py").exists());
}
