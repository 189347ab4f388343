//! Deploy keys, through a real sshd on loopback.

use std::process::{Command, Stdio};

use ship_test::{Home, Output, Project, Sshd};

use crate::{body, home};

/// A server that `shop` was deployed to, with the key `ci` for `blog`: its owner, whoever has the
/// key, the server itself.
struct Scene {
    owner: Home,
    ci: Home,
    server: Home,
    sshd: Sshd,
}

fn project(name: &str) -> Project {
    Project::fixture("own-server").file("ship.toml", &format!("name = \"{name}\"\n"))
}

impl Scene {
    fn new() -> Option<Self> {
        let server = home();
        let Some(sshd) = Sshd::start(&server) else {
            eprintln!("skipped: this machine has no sshd");
            return None;
        };
        let scene = Self {
            owner: home().with("SHIP_SSH", &sshd.client()),
            ci: home().with("SHIP_SSH", &sshd.stranger()),
            server,
            sshd,
        };
        let shop = project("shop");
        let to = scene.sshd.destination();
        scene
            .owner
            .ship_in(shop.folder(), &["deploy", &to])
            .success();
        let file = scene.sshd.authorized_keys().display().to_string();
        let words = [
            "key",
            "add",
            "ci",
            "--app",
            "blog",
            "--may",
            "deploy,logs",
            "--file",
            &file,
        ];
        scene.add(&words).success();
        Some(scene)
    }

    /// A command on the server that reads the key.
    fn add(&self, words: &[&str]) -> Output {
        let key = ship_base::file::open(&self.sshd.strangers_key()).unwrap();
        let mut command = self.server.command(self.server.folder(), words);
        let output = command.stdin(Stdio::from(key)).output().unwrap();
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Whoever has the key asks.
    fn asks(&self, words: &[&str]) -> Output {
        let to = self.sshd.destination();
        self.ci.ship(&[words, &["-r", &to]].concat())
    }
}

#[test]
fn a_key_may_what_it_was_given_and_nothing_else() {
    let Some(scene) = Scene::new() else { return };
    let blog = project("blog");
    let to = scene.sshd.destination();
    let output = scene.ci.ship_in(blog.folder(), &["deploy", &to]).success();
    assert_eq!(body(&output.url(), "/"), "hello from one\n");
    let log = scene.asks(&["logs", "--app", "blog", "-n", "5"]).success();
    assert!(log.stdout.contains("GET /"), "{}", log.stdout);

    for refused in [
        &["logs", "--app", "shop"][..],
        &["releases", "--app", "shop"],
        &["rollback", "--app", "shop"],
        // From another's into its own, and from its own into another's.
        &["promote", "--app", "shop", "--to", "blog"],
        &["promote", "--app", "blog", "--to", "shop"],
        &["env", "list", "--app", "blog"],
        &["env", "set", "A=b", "--app", "blog"],
        &["stop", "--app", "blog"],
        &["destroy", "--app", "blog", "--yes"],
        &["ps"],
        &["server", "status"],
        &["key", "list"],
        &["audit"],
    ] {
        let output = scene.asks(refused).fails_with(1);
        let told = "the key `ci` may not ask for";
        assert!(
            output.stderr.contains(told),
            "{refused:?}: {}",
            output.stderr
        );
    }
    let shop = project("shop");
    let output = scene.ci.ship_in(shop.folder(), &["deploy", &to]);
    assert!(output.fails_with(1).stderr.contains("may not ask for"));

    let verified = scene.server.ship(&["audit", "--verify"]).success();
    assert!(verified.stdout.contains("unbroken"), "{}", verified.stdout);
    let audit = scene.server.ship(&["audit", "--json"]).success().json();
    let has = |who: &str, what: &str, app: &str, outcome: &str| {
        let entries = audit.as_array().unwrap();
        entries.iter().any(|entry| {
            entry["who"] == who
                && entry["what"] == what
                && entry["app"] == app
                && entry["outcome"] == outcome
        })
    };
    for (what, app, outcome) in [
        ("deploy", "blog", "begun"),
        ("deploy", "blog", "done"),
        ("GET /v1/apps/shop/logs", "shop", "refused"),
        ("DELETE /v1/apps/blog", "blog", "refused"),
    ] {
        assert!(has("key ci", what, app, outcome), "{what}: {audit:#}");
    }
    assert!(!has("key ci", "deploy", "shop", "begun"), "{audit:#}");
}

#[test]
fn a_key_gets_no_shell_and_after_its_removal_nothing() {
    let Some(scene) = Scene::new() else { return };
    let file = scene.sshd.authorized_keys();
    let (host, port) = (
        "127.0.0.1",
        scene.sshd.destination().replace("127.0.0.1:", ""),
    );
    let marker = scene.server.folder().join("marker");
    let words = format!("touch {}", marker.display());
    for command in [
        &["-p", &port, host, &words][..],
        &["-tt", "-p", &port, host],
    ] {
        let ssh = Command::new(scene.sshd.stranger())
            .args(command)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ssh.stdout);
        assert!(!said.contains('$') && !said.contains('#'), "{said}");
    }
    assert!(!marker.exists());
    // A name that was never given, said by whoever can start a program there, opens nothing.
    let listed = scene
        .server
        .ship(&["key", "list", "--json"])
        .success()
        .json();
    assert_eq!(listed[0]["name"], "ci");
    assert_eq!(listed[0]["may"], serde_json::json!(["deploy", "logs"]));

    let before = ship_base::file::read_text(&file).unwrap();
    assert_eq!(before.lines().count(), 2, "{before}");
    let path = file.display().to_string();
    let again = [
        "key", "add", "ci", "--app", "shop", "--may", "logs", "--file", &path,
    ];
    assert!(scene.add(&again).fails_with(1).stderr.contains("already"));
    let other = [
        "key", "add", "two", "--app", "shop", "--may", "logs", "--file", &path,
    ];
    assert!(
        scene
            .add(&other)
            .fails_with(1)
            .stderr
            .contains("there already")
    );
    assert_eq!(ship_base::file::read_text(&file).unwrap(), before);

    scene
        .server
        .ship(&["key", "remove", "ci", "--file", &path])
        .success();
    let after = ship_base::file::read_text(&file).unwrap();
    assert_eq!(after.lines().count(), 1, "the owner's stays: {after}");
    let output = scene.asks(&["logs", "--app", "blog"]).fails_with(4);
    assert!(
        output.stderr.contains("Permission denied"),
        "{}",
        output.stderr
    );
    assert_eq!(
        scene
            .server
            .ship(&["key", "list", "--json"])
            .success()
            .stdout,
        "[]\n"
    );
    // A line that was put back by hand is that of a key which may nothing.
    ship_base::file::write_whole(&file, before.as_bytes()).unwrap();
    let output = scene.asks(&["logs", "--app", "blog"]).fails_with(1);
    assert!(
        output.stderr.contains("may not ask for"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_key_is_added_on_a_server_far_away() {
    let Some(scene) = Scene::new() else { return };
    // sshd starts commands with the HOME of whoever comes in: `--file` is what a test needs instead.
    let to = scene.sshd.destination();
    let words = ["key", "remove", "nobody", "-r", &to];
    let output = scene.owner.ship(&words).fails_with(4);
    assert!(
        output.stderr.contains("there is no key `nobody`"),
        "{}",
        output.stderr
    );
    let listed = scene.owner.ship(&["key", "list", "-r", &to]).success();
    assert!(listed.stdout.contains("deploy, logs"), "{}", listed.stdout);
    let audit = scene.owner.ship(&["audit", "-r", &to]).success();
    assert!(audit.stdout.contains("key add"), "{}", audit.stdout);
}
