use ship_test::{Load, wait_until};

use crate::{PATIENT, SOON, body, home, own_server, slow_request, up, up_until, write_data};

#[test]
fn two_deploys_at_once_go_one_after_the_other_and_the_last_state_is_live() {
    let (home, project) = (home(), own_server("blog"));
    project.write("wait.py", PATIENT);
    project.write("ship.toml", "[release]\ncommand = \"python wait.py\"\n");
    let first = up_until(&home, &project, "waiting");
    let second = home.start_in(project.folder(), &["up", "--detach"]);
    second.wait_for("ship up, for", SOON);
    // Read only when its turn has come: what was true when it was asked for is not any more.
    project.write("greeting.txt", "hello from two\n");
    project.write("ship.toml", "");
    write_data(&home, "blog", "go", "");
    let url = first.finish().success().url();
    let output = second.finish().success();
    assert!(output.stderr.contains("r2 live"), "{}", output.stderr);
    assert_eq!(body(&url, "/"), "hello from two\n");
}

#[test]
fn a_release_that_leaves_takes_nothing_along_of_the_one_that_starts() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    let in_flight = slow_request(&home, &url, 4);
    project.write("greeting.txt", "hello from two\n");
    // It is live, and waits for the request that the first release has in hand.
    let second = up_until(&home, &project, "r2 live");
    project.write("wait.py", PATIENT);
    project.write("greeting.txt", "hello from three\n");
    project.write("ship.toml", "[release]\ncommand = \"python wait.py\"\n");
    let third = up_until(&home, &project, "waiting");
    second.finish().success();
    in_flight.join().expect("an answer");
    wait_until("the first release's folder is gone", SOON, || {
        !home.folder().join("apps/blog/work/1").exists()
    });
    write_data(&home, "blog", "go", "");
    third.finish().success();
    assert_eq!(body(&url, "/"), "hello from three\n");
}

#[test]
fn a_program_that_somebody_runs_in_an_old_release_keeps_its_folder() {
    let (home, project) = (home(), own_server("blog"));
    project.write("wait.py", PATIENT);
    let url = up(&home, &project);
    let run = home.start_in(project.folder(), &["run", "--", "python", "wait.py"]);
    run.wait_for("waiting", SOON);
    for greeting in ["hello from two\n", "hello from three\n"] {
        project.write("greeting.txt", greeting);
        up(&home, &project);
    }
    wait_until("the second release's folder is gone", SOON, || {
        !home.folder().join("apps/blog/work/2").exists()
    });
    write_data(&home, "blog", "go", "");
    let output = run.finish().success();
    assert!(
        output.stdout.contains("hello from one"),
        "{}",
        output.stdout
    );
    assert_eq!(body(&url, "/"), "hello from three\n");
}

#[test]
fn a_cancelled_deploy_leaves_no_process_and_no_release() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    let before = home.processes().len();
    project.write("wait.py", PATIENT);
    project.write("ship.toml", "[release]\ncommand = \"python wait.py\"\n");
    let deploy = up_until(&home, &project, "waiting");
    deploy.signal(rustix::process::Signal::KILL);
    wait_until("its program has ended", SOON, || {
        home.processes().len() == before
    });
    wait_until("the release is gone", SOON, || {
        let releases = home.ship(&["releases", "--app", "blog", "--json"]);
        releases.success().json().as_array().map(Vec::len) == Some(1)
    });
    assert_eq!(body(&url, "/"), "hello from one\n");
}

#[test]
fn settings_that_only_one_process_has_seen_are_brought_to_all_by_the_next_deploy() {
    let (home, project) = (home(), own_server("blog"));
    project.write(
        "Procfile",
        "web: python server.py\nworker: python -c 'import time; time.sleep(9999)'\n",
    );
    let url = up(&home, &project);
    home.ship(&["env", "set", "--app", "blog", "COLOUR=green"])
        .success();
    home.ship(&["restart", "--app", "blog", "worker"]).success();
    assert_eq!(body(&url, "/setting?name=COLOUR"), "");
    up(&home, &project);
    assert_eq!(body(&url, "/setting?name=COLOUR"), "green");
}

#[test]
fn a_domain_of_another_app_is_refused_before_the_build() {
    let home = home();
    let manifest = "domains = [\"Example.test\"]\n";
    let (first, second) = (own_server("first"), own_server("second"));
    first.write("ship.toml", manifest);
    second.write("ship.toml", &manifest.to_lowercase());
    up(&home, &first);
    let output = home.ship_in(second.folder(), &["up", "--detach"]);
    let output = output.fails_with(1);
    for part in [
        "error: `example.test` is already a domain of `first`",
        "`ship stop --app first`",
    ] {
        assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
    }
    home.ship(&["stop", "--app", "first"]).success();
    up(&home, &second);
}

#[test]
fn no_request_fails_when_the_new_release_is_swapped_in_the_moment_it_is_ready() {
    let (home, project) = (home(), own_server("blog"));
    let url = up(&home, &project);
    let load = Load::start(&url, 4);
    wait_until("the load is answered", SOON, || load.answered() > 20);
    for number in 2..8 {
        let greeting = format!("hello from {number}\n");
        project.write("greeting.txt", &greeting);
        up(&home, &project);
        assert_eq!(body(&url, "/"), greeting);
    }
    let outcome = load.finish();
    assert_eq!(outcome.failed, Vec::<String>::new());
}
