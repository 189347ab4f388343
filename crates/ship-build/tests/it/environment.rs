//! Environments, locks and byte code.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ship_build::event::Phase;
use ship_project::plan::{Dependencies, Interface, Sourced};
use ship_project::web_server::WebServer;

use crate::bench::Bench;

const APP: &str = "import click\ndef app(environ, start_response):\n    start_response('200 OK', [])\n    return [click.__name__.encode()]\n";

fn bench() -> Bench {
    // click alone: no packages of its own, and gunicorn needs only `packaging`.
    Bench::new(&[("main.py", APP)])
        .requirements("click\ngunicorn\n")
        .serve_with("main:app", Interface::Wsgi, WebServer::Gunicorn)
}

#[test]
fn same_lock_again_does_not_run_uv() {
    let mut bench = bench();
    let first = bench.build().unwrap();
    bench.break_uv();
    bench.write("main.py", &APP.replace("200 OK", "201 Created"));
    let second = bench.build().unwrap();
    assert_eq!(first.environment, second.environment);
    assert_ne!(first.content, second.content);
    assert!(!bench.did(Phase::Lock) && !bench.did(Phase::ByteCode));
}

#[test]
fn nothing_new_gives_the_same_address_without_another_proof() {
    let mut bench = bench();
    let first = bench.build().unwrap();
    let second = bench.build().unwrap();
    assert_eq!(first.content, second.content);
    assert!(!bench.did(Phase::Proof));
    // The release is whole all the same.
    assert!(bench.release(2).join("source/main.py").is_file());
    bench.set("GREETING", "hello");
    bench.build().unwrap();
    assert!(
        bench.did(Phase::Proof),
        "settings may change what an import does"
    );
}

#[test]
fn a_release_says_what_it_was_built_with() {
    let mut bench = bench();
    let built = bench.build().unwrap();
    let release = bench.release(1);
    let lock = fs::read_to_string(release.join("lock")).unwrap();
    assert!(lock.contains("name = \"click\"") && lock.contains("sha256"));
    assert!(built.chose_versions);
    let environment = release.join("env").canonicalize().unwrap();
    let address = built.environment.unwrap();
    assert_eq!(
        environment,
        bench.folders.environment(&address).canonicalize().unwrap()
    );
    assert!(release.join("plan.json").is_file() && release.join("build.json").is_file());
    assert!(built.python.is_some());
}

#[test]
fn one_more_package_moves_no_other_and_compiles_only_itself() {
    let mut bench = bench()
        .without_sharing()
        .requirements("click==8.1.7\ngunicorn\n");
    bench.build().unwrap();
    // The version that was chosen stays, though the requirement now allows a newer one.
    let mut bench = bench.requirements("click\ngunicorn\nitsdangerous\n");
    bench.build().unwrap();
    let lock = fs::read_to_string(bench.release(2).join("lock")).unwrap();
    assert!(lock.contains("version = \"8.1.7\""), "{lock}");
    let compiled = bench.events.iter().find_map(|event| match event {
        ship_build::event::Event::Done {
            phase: Phase::ByteCode,
            detail,
            ..
        } => Some(detail),
        _ => None,
    });
    assert_eq!(compiled.map(String::as_str), Some("1 package"));
}

#[test]
fn environments_share_byte_code_and_python_uses_it() {
    let mut bench = bench().without_sharing();
    let built = bench.build().unwrap();
    let code = bench.python_in(
        1,
        &built.plan,
        "python -c 'import click; print(click.__cached__)'",
    );
    let metadata = Path::new(&code).metadata().unwrap();
    assert_eq!(
        metadata.nlink(),
        2,
        "one name in the store, one in the environment"
    );
    // PEP 552: the second word is the flags, 1 is hash-based and unchecked.
    assert_eq!(fs::read(&code).unwrap()[4..8], [1, 0, 0, 0]);
}

#[test]
fn byte_code_of_the_project_is_taken_over_where_nothing_changed() {
    let mut bench = bench();
    bench.write("other.py", "x = 1\n");
    bench.build().unwrap();
    bench.write("main.py", &APP.replace("200 OK", "201 Created"));
    bench.build().unwrap();
    let inodes = |module: &str| {
        [1, 2].map(|number| {
            let folder = bench.release(number).join("source/__pycache__");
            let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
            let mut named = files.filter(|f| f.file_name().to_string_lossy().starts_with(module));
            named.next().unwrap().metadata().unwrap().ino()
        })
    };
    let [old, new] = inodes("other.");
    assert_eq!(old, new);
    let [old, new] = inodes("main.");
    assert_ne!(old, new);
}

#[test]
fn an_environment_is_whole_or_not_there() {
    let mut bench = bench().requirements("click\nno-such-package-of-shipsmith\n");
    bench.build().unwrap_err();
    let left: Vec<_> = fs::read_dir(bench.folders.environments())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name != ".locks")
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let mut bench = bench.requirements("click\ngunicorn\n");
    bench.build().unwrap();
}

#[test]
fn packages_that_only_the_imports_name_are_locked() {
    let mut bench = bench();
    fs::remove_file(bench.project().join("requirements.txt")).unwrap();
    let add = vec!["click".to_owned(), "gunicorn".to_owned()];
    bench.plan.dependencies = Some(Sourced::by_default(Dependencies::Unnamed { add }, ""));
    bench.build().unwrap();
    let lock = fs::read_to_string(bench.release(1).join("lock")).unwrap();
    assert!(lock.contains("name = \"click\""));
}

const PYPROJECT: &str = r#"
[project]
name = "shop"
version = "1"
requires-python = ">=3.10"
dependencies = ["click==8.1.7", "prices"]

[dependency-groups]
dev = ["itsdangerous"]

[tool.uv.sources]
prices = { workspace = true }

[tool.uv.workspace]
members = ["packages/*"]
"#;

#[test]
fn a_uv_lock_is_followed_to_the_letter_and_without_what_is_for_development() {
    let mut bench = Bench::new(&[
        ("pyproject.toml", PYPROJECT),
        ("main.py", &APP.replace("import click", "import click, prices")),
        (
            "packages/prices/pyproject.toml",
            "[project]\nname = \"prices\"\nversion = \"1\"\n[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n",
        ),
        ("packages/prices/src/prices/__init__.py", "TOTAL = 1\n"),
    ])
    .python(">=3.10")
    .serve("main:app", Interface::Wsgi);
    bench.uv(&["lock", "--quiet"]);
    let lock = Dependencies::UvLock {
        member: None,
        lock: "uv.lock".into(),
        packages: 2,
    };
    bench.plan.dependencies = Some(Sourced::by_default(lock, ""));
    let built = bench.build().unwrap();
    assert!(!built.chose_versions, "the project has its own lock");
    let installed = "python -c 'import importlib.metadata as m; print(sorted(d.name for d in m.distributions()))'";
    assert_eq!(
        bench.python_in(1, &built.plan, installed),
        "['click', 'granian', 'prices']"
    );

    bench.break_uv();
    bench.write("packages/prices/src/prices/__init__.py", "TOTAL = 2\n");
    let again = bench.build().unwrap();
    assert_eq!(
        (again.environment, again.layer),
        (built.environment, built.layer)
    );
    let total = "python -c 'import prices; print(prices.TOTAL)'";
    assert_eq!(bench.python_in(2, &again.plan, total), "2");
}
