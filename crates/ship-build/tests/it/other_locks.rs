//! Locks of other tools: what is installed is what they name, or nothing.

use ship_build::Error;
use ship_project::plan::{Dependencies, Interface, LockTool, Sourced};

use crate::bench::Bench;

const APP: &str = "import click\ndef app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']\n";

const PYPROJECT: &str = "[tool.poetry]\nname = \"shop\"\npackage-mode = false\n[tool.poetry.dependencies]\npython = \">=3.9\"\nclick = \"^8.0\"\n[tool.poetry.group.dev.dependencies]\nitsdangerous = \"*\"\n";

/// Of the wheel of click 8.1.7, which is not the newest.
const CLICK: &str = "ae74fb96c20a0277a1d615f1e4d73c8414f5a98db8b799a7931d1582f3390c28";

fn bench(hash: &str) -> Bench {
    let lock = format!(
        "[[package]]\nname = \"click\"\nversion = \"8.1.7\"\noptional = false\npython-versions = \">=3.7\"\ngroups = [\"main\"]\nfiles = [{{file = \"click-8.1.7-py3-none-any.whl\", hash = \"sha256:{hash}\"}}]\n\n[[package]]\nname = \"itsdangerous\"\nversion = \"2.2.0\"\noptional = false\npython-versions = \">=3.8\"\ngroups = [\"dev\"]\nfiles = []\n\n[metadata]\nlock-version = \"2.1\"\npython-versions = \">=3.9\"\n"
    );
    let mut bench = Bench::new(&[
        ("pyproject.toml", PYPROJECT),
        ("poetry.lock", &lock),
        ("main.py", APP),
    ])
    .python(">=3.9")
    .serve("main:app", Interface::Wsgi);
    let locked = Dependencies::Locked {
        tool: LockTool::Poetry,
        lock: "poetry.lock".into(),
        packages: 1,
    };
    bench.plan.dependencies = Some(Sourced::by_default(locked, ""));
    bench
}

#[test]
fn a_poetry_lock_is_followed_to_the_letter_and_without_what_is_for_development() {
    let mut bench = bench(CLICK);
    let built = bench.build().unwrap();
    assert!(!built.chose_versions, "the project has its own lock");
    let lock = std::fs::read_to_string(bench.release(1).join("lock")).unwrap();
    assert!(lock.contains("8.1.7") && lock.contains(CLICK), "{lock}");
    assert!(
        !lock.contains("itsdangerous") && !lock.contains(".tar.gz"),
        "{lock}"
    );
}

#[test]
fn a_file_that_another_lock_does_not_name_is_not_installed() {
    let error = bench(&"0".repeat(64)).build().unwrap_err();
    assert!(matches!(error, Error::OtherFiles { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "no file of `click 8.1.7` on the index is one that `poetry.lock` names"
    );
}

#[test]
fn a_hash_in_a_requirements_file_holds() {
    let mut bench = Bench::new(&[("main.py", APP)])
        .requirements(&format!("click==8.1.7 --hash=sha256:{}\n", "0".repeat(64)))
        .serve("main:app", Interface::Wsgi);
    let error = bench.build().unwrap_err();
    assert!(matches!(error, Error::OtherFiles { .. }), "{error}");
}
