use ship_test::Project;

use crate::home;

#[test]
fn a_check_reads_and_starts_nothing_and_its_code_says_whether_there_are_errors() {
    let (home, project) = (home(), Project::fixture("procfile-worker"));
    let output = home
        .ship_in(project.folder(), &["check", "--json"])
        .success();
    let findings = &output.json()["findings"];
    assert!(
        findings.as_array().is_some_and(|all| !all.is_empty()),
        "{findings}"
    );
    assert!(home.processes().is_empty());
    let empty = Project::fixture("no-python");
    let output = home.ship_in(empty.folder(), &["check"]).fails_with(1);
    assert!(output.stdout.contains("[no-plan]"), "{}", output.stdout);
    let told = home
        .ship_in(empty.folder(), &["check", "--explain", "debug"])
        .success();
    assert!(told.stdout.contains("debug mode is off"), "{}", told.stdout);
    home.ship_in(empty.folder(), &["check", "--explain", "nothing"])
        .fails_with(1);
}

#[test]
fn a_fix_is_shown_and_written() {
    let (home, project) = (home(), Project::fixture("procfile-worker"));
    project.write(".env", "A=1\n");
    let output = home.ship_in(project.folder(), &["check", "--fix"]);
    assert!(output.stderr.contains("+.env"), "{}", output.stderr);
    let ignored = ship_base::file::read_text(&project.folder().join(".gitignore")).unwrap();
    assert!(ignored.lines().any(|line| line == ".env"), "{ignored}");
}
