//! Through a real sshd on loopback: the laptop and the server are two homes of one machine.

use ship_test::{Home, Project, Sshd, wait_until};

use crate::{SOON, body, home};

/// A laptop, a server, and the ssh between them; `None` where this machine has no sshd.
fn far() -> Option<(Home, Home, Sshd)> {
    let server = home();
    let Some(sshd) = Sshd::start(&server) else {
        eprintln!("skipped: this machine has no sshd");
        return None;
    };
    let laptop = home().with("SHIP_SSH", &sshd.client());
    Some((laptop, server, sshd))
}

#[test]
fn a_project_is_deployed_over_ssh_and_only_what_changed_travels_again() {
    let Some((laptop, server, sshd)) = far() else {
        return;
    };
    let project = Project::fixture("own-server");
    project.write("weight.bin", &"x".repeat(100_000));
    project.write(".env", "SECRET_OF_THE_LAPTOP=1\n");
    let to = sshd.destination();
    let output = laptop.ship_in(project.folder(), &["deploy", &to]).success();
    let url = output.url();
    assert_eq!(body(&url, "/"), "hello from one\n");
    assert!(output.stderr.contains("✓ send"), "{}", output.stderr);

    project.write("greeting.txt", "hello from two\n");
    let before = sshd.logins();
    let output = laptop.ship_in(project.folder(), &["deploy"]).success();
    assert_eq!(sshd.logins() - before, 1, "a password would be asked once");
    assert_eq!(body(&url, "/"), "hello from two\n");
    assert!(output.stderr.contains("B of 1"), "{}", output.stderr);

    let far = laptop.ship_in(project.folder(), &["releases", "-r", &to, "--json"]);
    assert_eq!(far.success().json().as_array().map(Vec::len), Some(2));
    let env = laptop.ship_in(project.folder(), &["env", "list", "-r", &to]);
    assert!(!env.success().stdout.contains("SECRET_OF_THE_LAPTOP"));
    let status = laptop.ship(&["server", "status", "-r", &to, "--json"]);
    assert_eq!(
        status.success().json()["running"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(
        laptop.ship(&["ps", "--json"]).success().stdout,
        "[]\n",
        "nothing runs on the laptop"
    );
    assert_eq!(server.ship(&["ps"]).success().stdout.lines().count(), 2);

    project.write("server.py", "raise SystemExit('half a thought')\n");
    let output = laptop.ship_in(project.folder(), &["deploy", "--json"]);
    let output = output.fails_with(4);
    assert!(
        output.stderr.contains("r2 still serves"),
        "{}",
        output.stderr
    );
    let last = output.stdout.lines().last().unwrap_or_default();
    assert!(last.contains("\"event\":\"failed\""), "{last}");
    assert_eq!(body(&url, "/"), "hello from two\n");
}

#[test]
fn ctrl_c_cancels_the_deploy_on_the_server() {
    let Some((laptop, server, sshd)) = far() else {
        return;
    };
    let project = Project::fixture("slow-start");
    project.write("ship.toml", "[env]\nSLOW_START = \"600\"\n");
    let to = sshd.destination();
    let running = laptop.start_in(project.folder(), &["deploy", &to]);
    let instances = || {
        let apps = server.ship(&["ps", "--json"]);
        apps.json()[0]["instances"].as_array().map_or(0, Vec::len)
    };
    wait_until("the instance starts", SOON * 4, || instances() > 0);
    running.signal(rustix::process::Signal::INT);
    let output = running.finish().fails_with(130);
    assert!(output.stderr.contains("cancelled"), "{}", output.stderr);
    wait_until("nothing is left of it", SOON, || instances() == 0);
}

#[test]
fn what_ssh_says_is_shown_with_what_to_do() {
    let Some((_, _server, sshd)) = far() else {
        return;
    };
    let to = sshd.destination();
    let said = |ssh: &str, to: &str| {
        let output = home().with("SHIP_SSH", ssh).ship(&["ps", "-r", to]);
        output
            .fails_with(4)
            .stderr
            .replace(&sshd.destination(), "[FAR]")
    };
    let unknown = said(&sshd.client_that_does_not_know_it(), &to);
    assert!(
        unknown.contains("│ Host key verification failed."),
        "{unknown}"
    );
    assert!(unknown.contains("compare it"), "{unknown}");
    let stranger = said(&sshd.stranger(), &to);
    assert!(stranger.contains("Permission denied"), "{stranger}");
    assert!(stranger.contains("hint: `ssh-copy-id"), "{stranger}");
    let refused = said(&sshd.client(), "127.0.0.1:1");
    assert!(refused.contains("Connection refused"), "{refused}");
    let none = said("/no/such/ssh", &to);
    assert!(none.contains("No such file"), "{none}");
}
