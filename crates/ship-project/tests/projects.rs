//! A test is a folder: `tests/projects/<name>/` is a project as somebody would have it, and its
//! `plan.snap` what `ship plan` makes of it, with the command of every process.
//!
//! To add a case, add a folder, run the tests with `INSTA_UPDATE=always`, and read its `plan.snap`.
#![expect(
    clippy::disallowed_methods,
    reason = "tests lay out and copy files as they like"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ship_base::hint::Hints as _;
use ship_project::plan::{Plan, Process};
use ship_project::web_server::Listen;
use ship_project::{Error, Reading, read};

fn projects() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects");
    let entries = ship_base::file::entries(&folder).unwrap();
    entries.iter().map(std::fs::DirEntry::path).collect()
}

fn told(result: Result<Reading, Error>, project: &Path) -> String {
    let here = project.display().to_string();
    match result {
        Ok(reading) => plan(&reading),
        Err(error) => refusal(&error).replace(&here, "."),
    }
}

fn refusal(error: &Error) -> String {
    let mut text = format!("error: {error}\n");
    for hint in error.hints() {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
}

fn plan(reading: &Reading) -> String {
    let plan = &reading.plan;
    let mut text = String::new();
    for row in plan.rows() {
        let line = format!("{:<14} {:<62} {}", row.label, row.what, row.why);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push('\n');
    for process in &plan.processes {
        text.push_str(&command(process));
    }
    let paths: Vec<String> = plan
        .import_paths
        .iter()
        .map(|p| p.display().to_string())
        .collect();
    let _ = writeln!(
        text,
        "starts in {}, imports from {paths:?}",
        plan.folder.display()
    );
    for data in &plan.data {
        let kind = if data.value.folder { "folder" } else { "file" };
        let _ = writeln!(text, "keeps the {kind} {}", data.value.path.display());
    }
    for (name, value) in &plan.env {
        let _ = writeln!(text, "sets {name}={}", value.value);
    }
    for entry in &reading.dotenv {
        let _ = writeln!(text, "dotenv {} ({})", entry.name, entry.place);
    }
    for note in &plan.notes {
        let place = note
            .place
            .as_ref()
            .map(|place| format!(" ({place})"))
            .unwrap_or_default();
        let _ = writeln!(text, "note: {}{place}", note.text);
        if let Some(hint) = &note.hint {
            let _ = writeln!(text, "  hint: {hint}");
        }
    }
    text
}

fn command(process: &Process) -> String {
    let start = &process.start.value;
    let socket = Listen::Unix("/run/web.1".into());
    let port = Listen::Tcp(([127, 0, 0, 1], 0).into());
    let listen = if start.listens_on_unix() {
        &socket
    } else {
        &port
    };
    let listen = process.is_web().then_some(listen);
    let argv = start.argv(listen, 2, &BTreeMap::new());
    let mut text = format!("{} runs {argv:?}\n", process.name);
    if let ship_project::plan::Start::Object(served) = start {
        for other in &served.others {
            let _ = writeln!(text, "  or serves {other}");
        }
    }
    text
}

#[test]
fn every_project_has_the_plan_beside_it() {
    for project in projects() {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&project);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_input_file(&project);
        let text = told(read(&project), &project);
        settings.bind(|| insta::assert_snapshot!("plan", text));
    }
}

fn copy(from: &Path, to: &Path, order: impl Fn(&mut Vec<PathBuf>) + Copy) {
    std::fs::create_dir_all(to).unwrap();
    let entries = ship_base::file::entries(from).unwrap();
    let mut paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    order(&mut paths);
    for path in paths {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target, order);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}

fn plan_of(project: &Path) -> Option<Plan> {
    let mut plan = read(project).ok()?.plan;
    // The folder's own name is the only thing a copy may change.
    plan.name.value = "same".parse().unwrap();
    Some(plan)
}

#[test]
fn a_plan_is_the_same_twice_and_in_whatever_order_files_were_made() {
    for project in projects() {
        let folder = tempfile::tempdir().unwrap();
        let (forward, backward) = (
            folder.path().join("forward"),
            folder.path().join("backward"),
        );
        copy(&project, &forward, |_| {});
        copy(&project, &backward, |paths| paths.reverse());
        let plan = plan_of(&project);
        assert_eq!(plan_of(&project), plan, "{}", project.display());
        assert_eq!(plan_of(&forward), plan, "{}", project.display());
        assert_eq!(plan_of(&backward), plan, "{}", project.display());
    }
}

#[test]
fn a_plan_reads_back_from_its_json() {
    for project in projects() {
        if let Ok(reading) = read(&project) {
            let text = serde_json::to_string(&reading.plan).unwrap();
            let back: Plan = serde_json::from_str(&text).unwrap();
            assert_eq!(back, reading.plan, "{}", project.display());
        }
    }
}

#[test]
fn a_member_of_a_workspace_is_read_with_the_lock_above_it() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects/uv-workspace");
    let member = read(&workspace.join("packages/api")).unwrap().plan;
    assert_eq!(member.above.as_deref(), Some(Path::new("../..")));
    assert_eq!(member.name.value.as_str(), "api");
    // Everything is said from the workspace, as when it is read itself.
    let whole = read(&workspace).unwrap().plan;
    assert_eq!(whole.above, None);
    assert_eq!(member.dependencies, whole.dependencies);
    assert_eq!(member.processes, whole.processes);
    assert_eq!(member.folder, whole.folder);
}

#[test]
fn what_lies_below_a_workspace_and_is_no_member_is_read_alone() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("uv.lock", "version = 1\n");
    write(
        "extra/pyproject.toml",
        "[project]\nname = \"extra\"\ndependencies = [\"flask\"]\n",
    );
    write(
        "extra/app.py",
        "import flask\napp = flask.Flask(__name__)\n",
    );
    let plan = read(&folder.path().join("extra")).unwrap().plan;
    assert_eq!(plan.above, None);
}

#[test]
fn reading_executes_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ran = folder.path().join("ran");
    let code =
        format!("open({ran:?}, 'w').close()\nfrom flask import Flask\napp = Flask(__name__)\n");
    let project = folder.path().join("shop");
    std::fs::create_dir(&project).unwrap();
    for file in [
        "app.py",
        "manage.py",
        "setup.py",
        "conftest.py",
        "gunicorn.conf.py",
        "sitecustomize.py",
    ] {
        std::fs::write(project.join(file), &code).unwrap();
    }
    read(&project).unwrap();
    assert!(!ran.exists());
    assert_eq!(ship_base::file::entries(&project).unwrap().len(), 6);
}

#[test]
fn what_cannot_be_a_project_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let missing = read(&folder.path().join("gone")).unwrap_err();
    assert!(missing.to_string().ends_with("gone` is not a folder"));
    let empty = read(folder.path()).unwrap_err();
    assert!(matches!(empty, Error::Nothing { .. }), "{empty}");
    let here = read(&folder.path().join("./.")).unwrap_err();
    assert_eq!(here.to_string(), empty.to_string());
}

#[test]
fn code_that_nests_without_end_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // The deepest that is read, and what goes beyond.
    for depth in [190, 100_000] {
        let links = if depth == 190 { 1_900 } else { depth };
        for text in [
            format!("app = {}1{}", "(".repeat(depth), ")".repeat(depth)),
            format!("app = {}", "f(".repeat(depth)),
            format!(
                "app = {}x{}",
                "f'{".repeat(depth.min(190)),
                "}'".repeat(depth.min(190))
            ),
            format!("app = {}1", "1 + ".repeat(links / 2)),
            format!("app = {}1", "2 ** ".repeat(links / 2)),
            format!("app = {}1", "not ".repeat(links)),
            format!("app = {}1", "lambda: ".repeat(links / 2)),
            format!("app = {}1", "a if b else ".repeat(links / 4)),
            format!("app = x{}", ".a".repeat(links / 2)),
            format!("app = x{}", "()".repeat(links / 2)),
            (0..depth.min(1000))
                .map(|n| " ".repeat(n) + "if 1:\n")
                .collect::<String>(),
        ] {
            std::fs::write(folder.path().join("main.py"), text).unwrap();
            assert!(read(folder.path()).is_err());
        }
    }
}
