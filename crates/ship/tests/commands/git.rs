//! `git push` as a deploy, through a real sshd on loopback and the machine's own git.

use std::path::PathBuf;
use std::process::Command;

use ship_test::{Home, Output, Project, Sshd};

use crate::{body, home};

/// A server, and a repository whose owner pushes to it.
struct Scene {
    server: Home,
    sshd: Sshd,
    project: Project,
}

impl Scene {
    fn new() -> Option<Self> {
        let server = home();
        let Some(sshd) = Sshd::start(&server) else {
            eprintln!("skipped: this machine has no sshd");
            return None;
        };
        let project = Project::fixture("own-server");
        let scene = Self {
            server,
            sshd,
            project,
        };
        scene.git(&["init", "--quiet", "--initial-branch=main"], "");
        scene.commit("first");
        Some(scene)
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"], "");
        self.git(&["commit", "--quiet", "--message", message], "");
    }

    /// git in the project, which comes in with `ssh`.
    fn git(&self, words: &[&str], ssh: &str) -> Output {
        let output = Command::new("git")
            .current_dir(self.project.folder())
            .args(["-c", "user.name=Ana", "-c", "user.email=ana@example.org"])
            .args(words)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_SSH", ssh)
            .env("GIT_SSH_VARIANT", "ssh")
            .output()
            .expect("git starts");
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn address(&self, app: &str) -> String {
        format!("ssh://{}/{app}", self.sshd.destination())
    }

    /// The owner of the server pushes.
    fn push(&self, app: &str, what: &str) -> Output {
        let words = [
            "push",
            "--receive-pack=ship git receive-pack",
            &self.address(app),
            what,
        ];
        self.git(&words, &self.sshd.client())
    }

    fn url(&self, app: &str) -> String {
        let listed = self.server.ship(&["ps", "--json"]).success().json();
        let apps = listed.as_array().expect("a list");
        let app = apps.iter().find(|entry| entry["name"] == app);
        app.expect("it is there")["url"]
            .as_str()
            .expect("it runs")
            .to_owned()
    }

    /// Where a commit is laid out while it is deployed.
    fn checked_out(&self, app: &str) -> PathBuf {
        let app = self.server.folder().join("apps").join(app);
        app.join("git.checkout")
    }
}

#[test]
fn a_push_is_a_deploy_and_one_that_fails_changes_nothing() {
    let Some(scene) = Scene::new() else { return };
    let pushed = scene.push("blog", "main").success();
    assert!(pushed.stderr.contains("remote:"), "{}", pushed.stderr);
    assert!(pushed.stderr.contains("r1 live"), "{}", pushed.stderr);
    let url = scene.url("blog");
    assert_eq!(body(&url, "/"), "hello from one\n");

    scene.project.write("Procfile", "web: python missing.py\n");
    scene.commit("broken");
    let refused = scene.push("blog", "main").fails_with(1);
    assert!(
        refused.stderr.contains("pre-receive hook declined"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("still serves"),
        "{}",
        refused.stderr
    );
    assert_eq!(body(&url, "/"), "hello from one\n");

    // Nothing of it was kept: the same branch can be pushed again, also after a git that was killed
    // while it laid the commit out.
    let killed = scene.checked_out("blog");
    ship_base::file::create_folder(&killed).expect("a folder");
    ship_base::file::write_whole(&killed.join("index.lock"), b"").expect("a file");
    scene.project.write("Procfile", "web: python server.py\n");
    scene.project.write("greeting.txt", "hello from two\n");
    scene.commit("mended");
    scene.push("blog", "main").success();
    assert_eq!(body(&url, "/"), "hello from two\n");
    assert!(!scene.checked_out("blog").exists());
}

#[test]
fn only_the_branch_that_is_deployed_is_taken() {
    let Some(scene) = Scene::new() else { return };
    let refused = scene.push("blog", "main:feature").fails_with(1);
    assert!(
        refused
            .stderr
            .contains("`feature` is not the branch that is deployed"),
        "{}",
        refused.stderr
    );
    let refused = scene.push("../blog", "main").fails_with(128);
    assert!(
        refused.stderr.contains("is not an app to push to"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_key_pushes_to_its_own_app_without_more_words() {
    let Some(scene) = Scene::new() else { return };
    scene.push("shop", "main").success();
    let file = scene.sshd.authorized_keys().display().to_string();
    let words = [
        "key", "add", "ci", "--app", "blog", "--may", "deploy", "--file", &file,
    ];
    let key = ship_base::file::open(&scene.sshd.strangers_key()).expect("a key");
    let added = scene
        .server
        .command(scene.server.folder(), &words)
        .stdin(key)
        .status();
    assert!(added.expect("it starts").success());

    let push = |app: &str| {
        let words = ["push", &scene.address(app), "main"];
        scene.git(&words, &scene.sshd.stranger())
    };
    push("blog").success();
    assert_eq!(body(&scene.url("blog"), "/"), "hello from one\n");
    let refused = push("shop").fails_with(128);
    assert!(
        refused.stderr.contains("the key `ci` may not ask for"),
        "{}",
        refused.stderr
    );
    let audit = scene.server.ship(&["audit", "--json"]).success().json();
    let entries = audit.as_array().expect("a list");
    assert!(
        entries.iter().any(|entry| entry["who"] == "key ci"
            && entry["what"] == "deploy"
            && entry["app"] == "blog"
            && entry["outcome"] == "done"),
        "{audit:#}"
    );
}
