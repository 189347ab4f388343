use ship_test::Project;

use crate::{home, shown};

#[test]
fn a_plan_is_shown_without_starting_anything() {
    let (home, project) = (home(), Project::fixture("procfile-worker"));
    let output = home.ship_in(project.folder(), &["plan"]);
    insta::assert_snapshot!(shown(&output, &home, &project), @"
    code 0
    -- stdout
      procfile-worker  Procfile · no packages        from Procfile
      web              python web.py                 from Procfile:2
      worker           python worker.py --every 0.2  from Procfile:3
      release          python release.py             from Procfile:4
    -- stderr
    ");
    assert!(home.processes().is_empty());
    assert!(!home.folder().join("ship.db").exists());
}

#[test]
fn the_plan_as_json_has_every_process() {
    let (home, project) = (home(), Project::fixture("procfile-worker"));
    let plan = home
        .ship_in(project.folder(), &["plan", "--json"])
        .success()
        .json();
    let processes = plan["processes"].as_array().expect("a list");
    let names: Vec<&str> = processes
        .iter()
        .filter_map(|p| p["name"].as_str())
        .collect();
    assert_eq!(names, ["web", "worker"]);
}

#[test]
fn a_folder_without_python_says_what_was_looked_at() {
    let (home, project) = (home(), Project::fixture("no-python"));
    let output = home.ship_in(project.folder(), &["plan"]).fails_with(1);
    assert!(
        output.stderr.contains("no Python here"),
        "{}",
        output.stderr
    );
}
