use ship_test::Project;

use crate::home;

#[test]
fn a_manifest_is_written_once_and_gives_the_same_plan() {
    let (home, project) = (home(), Project::fixture("procfile-worker"));
    let processes = |when: &str| {
        let plan = home
            .ship_in(project.folder(), &["plan", "--json"])
            .success()
            .json();
        let all = plan["processes"]
            .as_array()
            .unwrap_or_else(|| panic!("{when}: {plan}"))
            .clone();
        all.iter()
            .map(|process| process["start"]["value"].to_string())
            .collect::<Vec<_>>()
    };
    let before = processes("before");
    home.ship_in(project.folder(), &["init"]).success();
    let mut after = processes("after");
    let mut wanted = before;
    after.sort();
    wanted.sort();
    assert_eq!(after, wanted);
    let again = home.ship_in(project.folder(), &["init"]).fails_with(1);
    assert!(
        again.stderr.contains("`ship.toml` is there already"),
        "{}",
        again.stderr
    );
    let printed = home
        .ship_in(project.folder(), &["init", "--print"])
        .success();
    assert!(
        printed.stdout.contains("[process.worker]"),
        "{}",
        printed.stdout
    );
    home.ship_in(project.folder(), &["init", "--force"])
        .success();
}
