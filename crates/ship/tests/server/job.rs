use std::time::Duration;

use ship_test::{Project, eventually};

use crate::{app, home, read_data, up};

/// Jobs have the granularity of a minute.
const A_MINUTE_AND_MORE: Duration = Duration::from_mins(2);

#[test]
fn a_due_job_runs_once_its_lines_are_in_the_log_and_its_outcome_is_recorded() {
    let (home, project) = (home(), Project::fixture("cron-job"));
    up(&home, &project);
    assert!(app(&home)["jobs"][0]["next"].is_string());
    let outcome = eventually("the job has run", A_MINUTE_AND_MORE, || {
        let job = app(&home)["jobs"][0].clone();
        job["outcome"].as_str().map(str::to_owned)
    });
    assert_eq!(outcome, "ended with exit code 0");
    let log = home.ship_in(project.folder(), &["logs", "--process", "stamp"]);
    assert!(log.success().stdout.contains("stamped"));
    let stamps = read_data(&home, "cron-job", "stamps.txt");
    assert_eq!(stamps.lines().next(), Some("stamped"));
    assert_eq!(app(&home)["instances"].as_array().map(Vec::len), Some(0));
}
