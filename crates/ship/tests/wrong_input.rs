//! Wrong input, one test each: what a person reads, and that nothing is left half done. The
//! messages are snapshots, because they are what the test is about.
#![expect(clippy::print_stderr, reason = "a test says what it skips")]

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use ship_test::{Home, Output, Project, filtered, wait_until};

/// The longest that something which happens soon may take on a busy machine.
const SOON: Duration = Duration::from_mins(2);

fn home() -> Home {
    Home::new(env!("CARGO_BIN_EXE_ship"))
}

/// The story from `error:` on, comparable between runs.
fn error(output: &Output, home: &Home, project: &Project) -> String {
    let places = [
        (project.folder().to_str().expect("UTF-8"), "[PROJECT]"),
        (home.folder().to_str().expect("UTF-8"), "[HOME]"),
    ];
    let story = filtered(&output.stderr, &places);
    let from = story.find("error:").unwrap_or(0);
    format!("code {}\n{}", output.code, &story[from..])
}

/// What `ship up` says of a fixture that must not come up.
#[track_caller]
fn refused(fixture: &str) -> String {
    let (home, project) = (home(), Project::fixture(fixture));
    let output = home.ship_in(project.folder(), &["up", "--detach"]);
    assert_ne!(output.code, 0, "{}", output.stderr);
    assert_eq!(output.stdout, "");
    nothing_is_left(&home);
    error(&output, &home, &project)
}

/// No draft, no environment in the making, no instance.
#[track_caller]
fn nothing_is_left(home: &Home) {
    let left = below(&home.folder().join("apps"), ".tmp-");
    assert_eq!(left, Vec::<String>::new(), "half made releases");
    let left = below(&home.folder().join("store/env"), ".make-");
    assert_eq!(left, Vec::<String>::new(), "half made environments");
    let ps = home.ship(&["ps", "--json"]).success().json();
    for app in ps.as_array().into_iter().flatten() {
        assert_eq!(app["instances"], serde_json::json!([]));
    }
}

/// The names below `folder`, two levels deep, that begin with `start`.
#[expect(
    clippy::disallowed_methods,
    reason = "the disk is looked at as a test sees it"
)]
fn below(folder: &Path, start: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(start) {
                found.push(name);
            } else if depth < 2 {
                folders.push((entry.path(), depth + 1));
            }
        }
    }
    found
}

#[test]
fn a_folder_without_python_says_what_was_looked_for() {
    insta::assert_snapshot!(refused("no-python"), @r#"
    code 1
    error: found nothing to run in `[PROJECT]`
      hint: looked at every file: no Python here, and no `index.html`
      hint: say what to serve in `ship.toml`: `[web]` with `app = "module:object"` or `command = "…"`
    "#);
}

#[test]
fn a_syntax_error_is_shown_with_its_place() {
    insta::assert_snapshot!(refused("syntax-error"), @r#"
    code 1
    error: the Python code does not parse: `(` is never closed
       --> main.py:5:19
        |
      5 |     start_response("200 OK", [("Content-Type", "text/plain")]
        |                   ^
    "#);
}

#[test]
fn a_typo_in_the_manifest_is_shown_with_its_place_and_the_right_word() {
    insta::assert_snapshot!(refused("manifest-typo"), @r#"
    code 3
    error: `[web]` has no key `comand`
       --> ship.toml:4:1
        |
      4 | comand = "python server.py"
        | ^^^^^^
      hint: did you mean `command`?
    "#);
}

#[test]
fn an_import_error_names_the_missing_package() {
    insta::assert_snapshot!(refused("import-error"), @r#"
    code 1
    error: cannot import `main:app`: ModuleNotFoundError: No module named 'greetings_that_nobody_wrote'
      │ main.py:3
      │     import greetings_that_nobody_wrote
      hint: name the project's packages: `echo greetings-that-nobody-wrote >> requirements.txt`
    "#);
}

#[test]
fn a_setting_that_is_read_and_not_there_is_named() {
    insta::assert_snapshot!(refused("missing-env"), @r#"
    code 1
    error: cannot import `main:app`: KeyError: 'SECRET_WORD'
      │ main.py:5
      │     WORD = os.environ["SECRET_WORD"]
      hint: `ship env set --app missing-env SECRET_WORD=…`, or a line in .env
    "#);
}

#[test]
fn a_setting_that_the_manifest_requires_is_named_before_the_build() {
    insta::assert_snapshot!(refused("required-env"), @r#"
    code 1
    error: 1 setting of `required-env` has no value: SECRET_WORD
      hint: `ship env set --app required-env SECRET_WORD=…`, or a line in .env
    "#);
}

#[test]
fn an_app_that_exits_at_once_shows_its_last_words() {
    insta::assert_snapshot!(refused("exits-at-once"), @r#"
    code 4
    error: `web` of `exits-at-once` ended with exit code 1
      │ reading the configuration
      │ no configuration at all: giving up
      hint: `ship logs --app exits-at-once --release r1` shows all it wrote
    "#);
}

#[test]
fn a_program_that_has_done_its_work_is_told_where_it_belongs() {
    let (home, project) = (home(), Project::named("report"));
    project.write(
        "main.py",
        "if __name__ == \"__main__\":\n    print(\"sent\")\n",
    );
    let output = home.ship_in(project.folder(), &["up", "--detach"]);
    insta::assert_snapshot!(error(&output, &home, &project), @r#"
    code 4
    error: `worker` of `report` ended with exit code 0
      │ sent
      hint: it ended by itself, and a process has to stay: what runs once is `ship run COMMAND`, what runs at times a `[job.NAME]` with `schedule` and `command` in ship.toml
      hint: `ship logs --app report --release r1` shows all it wrote
    "#);
}

#[test]
fn an_app_that_never_listens_is_told_so() {
    insta::assert_snapshot!(refused("never-listens"), @r#"
    code 4
    error: `web` of `never-listens` did not become ready within [TIME]
      cause: nothing listens on the port it was given
      │ thinking
      hint: `ship logs --app never-listens --release r1` shows all it wrote
    "#);
}

#[test]
fn an_app_that_answers_500_is_told_so() {
    let told = refused("answers-500");
    assert!(told.contains("│ the database said no"), "{told}");
    // How often it was asked depends on the machine.
    let once: Vec<&str> = told.lines().filter(|line| !line.contains('│')).collect();
    insta::assert_snapshot!(once.join("\n"), @r#"
    code 4
    error: `web` of `answers-500` did not become ready within [TIME]
      cause: it answers 500 on /
      hint: `ship logs --app answers-500 --release r1` shows all it wrote
    "#);
}

#[test]
fn a_failing_release_command_shows_its_last_words() {
    insta::assert_snapshot!(refused("failing-release"), @r#"
    code 4
    error: the release command of `failing-release` ended with exit code 1: python release.py
      │ moving the orders
      │ table `orders` has no column `price`
      hint: `ship logs --app failing-release --process release` shows all it wrote
    "#);
}

#[test]
fn a_failing_migration_shows_what_the_database_said() {
    let told = refused("failing-migration");
    assert!(
        told.starts_with("code 4\nerror: the release command of `failing-migration`"),
        "{told}"
    );
    assert!(told.contains("migrate"), "{told}");
}

#[test]
fn a_lock_that_does_not_fit_is_told_with_the_remedy() {
    let told = refused("lock-mismatch");
    assert!(
        told.contains("uv.lock") && told.contains("uv lock"),
        "{told}"
    );
}

#[test]
fn an_unknown_python_is_told_with_those_that_are_here() {
    let told = refused("unknown-python");
    assert!(
        told.contains("no Python fits `3.99` (.python-version:1)"),
        "{told}"
    );
    assert!(told.contains("hint:"), "{told}");
}

#[test]
fn a_port_that_is_taken_is_refused_with_its_holder() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (home, project) = (home(), Project::fixture("own-server"));
    let output = home.ship_in(project.folder(), &["up", "--detach", "--port", &port]);
    let output = output.fails_with(4);
    assert!(
        output
            .stderr
            .contains(&format!("error: port {port} is taken by wrong_input")),
        "{}",
        output.stderr
    );
    nothing_is_left(&home);
}

#[test]
fn two_projects_of_one_name_are_told_apart() {
    let home = home();
    let (one, other) = (
        Project::fixture("own-server"),
        Project::fixture("own-server"),
    );
    home.ship_in(one.folder(), &["up", "--detach"]).success();
    let output = home
        .ship_in(other.folder(), &["up", "--detach"])
        .fails_with(1);
    let first = one.folder().to_str().unwrap();
    let shown = error(&output, &home, &other).replace(first, "[OTHER]");
    insta::assert_snapshot!(shown, @r#"
    code 1
    error: `own-server` is already the name of another project: [OTHER]
      hint: give this one another name: `ship up --name own-server-2`, or `name = "…"` in ship.toml
    "#);
}

#[test]
fn an_index_that_is_away_is_told_and_no_other_server_is_tried() {
    let cache = tempfile::tempdir().unwrap();
    let home = home()
        .with("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
        .with("UV_HTTP_RETRIES", "0")
        .with("UV_CACHE_DIR", cache.path().to_str().unwrap());
    let project = Project::fixture("plain-wsgi");
    let output = home.ship_in(project.folder(), &["up", "--detach"]);
    let output = output.fails_with(4);
    assert!(
        output.stderr.contains("hint: is the network there?"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("Gunicorn"), "{}", output.stderr);
    nothing_is_left(&home);
}

#[test]
fn ctrl_c_in_every_phase_leaves_nothing_and_the_next_try_works() {
    let home = home();
    let project = Project::fixture("plain-wsgi").file(
        "ship.toml",
        "[release]\ncommand = \"python -c 'import time; time.sleep(1)'\"\n",
    );
    for phase in [
        "plain-wsgi",
        "✓ source",
        "✓ python",
        "✓ environment",
        "✓ proof",
        "✓ release",
    ] {
        let running = home.start_in(project.folder(), &["up", "--detach"]);
        running.wait_for(phase, SOON);
        running.signal(Signal::INT);
        let output = running.finish();
        // A signal that comes after the last phase finds the app live.
        assert!(
            matches!(output.code, 130 | 0),
            "{phase}: {} {}",
            output.code,
            output.stderr
        );
        if output.code == 0 {
            home.ship(&["stop", "--app", "plain-wsgi"]).success();
        }
        wait_until("nothing is left", SOON, || {
            below(&home.folder().join("apps"), ".tmp-").is_empty()
                && below(&home.folder().join("store/env"), ".make-").is_empty()
        });
    }
    home.ship_in(project.folder(), &["up", "--detach"])
        .success();
}

#[test]
fn a_full_disk_is_told_and_what_serves_goes_on() {
    let Some(disk) = SmallDisk::new() else {
        eprintln!("skipped: mounting a small disk needs root and `mount`");
        return;
    };
    let home = Home::in_folder(env!("CARGO_BIN_EXE_ship"), &disk.folder);
    let project = Project::fixture("own-server");
    let url = home
        .ship_in(project.folder(), &["up", "--detach"])
        .success()
        .url();
    grow(&project.folder().join("big.bin"), 300 << 20);
    let output = home.ship_in(project.folder(), &["up", "--detach"]);
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(
        output.stderr.contains("No space left on device"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("hint: the disk is full"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("r1 still serves"),
        "{}",
        output.stderr
    );
    assert_eq!(
        ship_test::http::get_url(&url).unwrap().text(),
        "hello from one\n"
    );
    project.write("big.bin", "small");
    home.ship_in(project.folder(), &["up", "--detach"])
        .success();
}

#[test]
fn a_read_only_disk_is_told() {
    let Some(disk) = SmallDisk::new() else {
        eprintln!("skipped: mounting a small disk needs root and `mount`");
        return;
    };
    disk.make_read_only();
    let home = Home::in_folder(env!("CARGO_BIN_EXE_ship"), &disk.folder);
    let output = home.ship_in(Project::fixture("own-server").folder(), &["up", "--detach"]);
    let output = output.fails_with(4);
    assert!(
        output.stderr.contains("Read-only file system"),
        "{}",
        output.stderr
    );
    assert!(
        output
            .stderr
            .contains("hint: the file system is mounted read-only"),
        "{}",
        output.stderr
    );
}

/// Makes a file of zeros that takes no room until it is copied.
#[expect(clippy::disallowed_methods, reason = "a test makes its own file")]
fn grow(path: &Path, size: u64) {
    std::fs::File::create(path).unwrap().set_len(size).unwrap();
}

/// A file system of 250 MB, enough for uv and a small app, on a loop device of its own; where there
/// are none, in memory.
struct SmallDisk {
    _parent: tempfile::TempDir,
    folder: std::path::PathBuf,
}

impl SmallDisk {
    /// `None` where this user may not mount.
    fn new() -> Option<Self> {
        let parent = tempfile::Builder::new().prefix("d").tempdir().unwrap();
        let folder = parent.path().join("m");
        #[expect(clippy::disallowed_methods, reason = "a test makes its own folder")]
        std::fs::create_dir_all(&folder).unwrap();
        let mounted = mount_loop_device(&parent.path().join("image"), &folder) || {
            eprintln!("no loop device can be had: trying a file system in memory");
            let options = ["-t", "tmpfs", "-o", "size=250m,mode=700", "tmpfs"];
            mount(&options, &folder)
        };
        mounted.then_some(Self {
            _parent: parent,
            folder,
        })
    }

    fn make_read_only(&self) {
        assert!(mount(&["-o", "remount,ro"], &self.folder));
    }
}

fn mount_loop_device(image: &Path, folder: &Path) -> bool {
    grow(image, 250 << 20);
    let image = image.to_str().expect("UTF-8");
    let mut format = std::process::Command::new("mkfs.ext4");
    let formatted = format.args(["-q", "-F", "-m", "0", image]).status();
    formatted.is_ok_and(|status| status.success()) && mount(&["-o", "loop", image], folder)
}

fn mount(options: &[&str], folder: &Path) -> bool {
    let mut command = std::process::Command::new("mount");
    command
        .args(options)
        .arg(folder)
        .stderr(std::process::Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: what still runs there lets go when it ends.
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.folder)
            .status();
    }
}
