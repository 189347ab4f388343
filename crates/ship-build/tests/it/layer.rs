//! What an environment lacks: a web server, and packages that are folders of the project.

use ship_project::plan::{Dependencies, Interface, Sourced};
use ship_project::web_server::WebServer;

use crate::bench::{Bench, served};

const WSGI: &str = "def app(environ, start_response):\n    return []\n";

#[test]
fn granian_is_added_without_touching_the_environment() {
    // Granian needs click: the one that is locked must be the one it gets.
    let mut bench = Bench::new(&[("main.py", WSGI)])
        .requirements("click==8.1.7\n")
        .python(">=3.10")
        .serve("main:app", Interface::Wsgi);
    let built = bench.build().unwrap();
    assert!(built.layer.is_some());
    let layer = bench.folders.environment(&built.layer.unwrap());
    assert!(layer.join("granian").is_dir() && !layer.join("click").exists());
    let version = bench.python_in(1, &built.plan, "granian --version");
    assert!(version.starts_with("granian 2."), "{version}");
    let click = bench.python_in(
        1,
        &built.plan,
        "python -c 'import click, importlib.metadata as m; print(m.version(\"click\"))'",
    );
    assert_eq!(click, "8.1.7");

    bench.break_uv();
    bench.write("main.py", &format!("{WSGI}\n# changed\n"));
    assert_eq!(bench.build().unwrap().layer, built.layer);
}

#[test]
fn a_python_too_old_for_granian_gets_what_runs_on_it() {
    let mut bench = Bench::new(&[("main.py", WSGI)])
        .python("3.8")
        .serve("main:app", Interface::Wsgi);
    bench.tools.insert(
        "UV_PYTHON_INSTALL_MIRROR".to_owned(),
        "file:///nowhere".to_owned().into(),
    );
    let built = match bench.build() {
        Err(ship_build::Error::NoPython { .. }) => return, // there is no 3.8 here
        other => other.unwrap(),
    };
    assert_eq!(served(&built.plan).server, WebServer::Gunicorn);
    assert_eq!(bench.corrections().len(), 1);
    let version = bench.python_in(1, &built.plan, "gunicorn --version");
    assert!(version.starts_with("gunicorn"), "{version}");
}

#[test]
fn where_the_project_s_packages_forbid_granian_another_server_is_added() {
    let mut bench = Bench::new(&[("main.py", WSGI)])
        .requirements("click<8\n")
        .serve("main:app", Interface::Wsgi);
    let built = bench.build().unwrap();
    assert_eq!(served(&built.plan).server, WebServer::Gunicorn);
    assert!(bench.corrections()[0].starts_with("Granian does not go with"));
}

#[test]
fn an_author_s_own_command_gets_the_server_it_names() {
    let mut bench = Bench::new(&[("main.py", WSGI)]).serve("main:app", Interface::Wsgi);
    let command = ship_project::command::CommandLine::parse("gunicorn main:app -w 2").unwrap();
    let authored = ship_project::plan::Authored::understand(command);
    bench.plan.processes[0].start.value = ship_project::plan::Start::Command(authored);
    let built = bench.build().unwrap();
    let version = bench.python_in(1, &built.plan, "gunicorn --version");
    assert!(version.starts_with("gunicorn"), "{version}");
}

const PYPROJECT: &str = r#"
[project]
name = "shop"
version = "1.2.3"
requires-python = ">=3.8"
dependencies = ["gunicorn", "prices"]

[project.scripts]
shop-report = "shop.report:main"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.uv.sources]
prices = { path = "libs/prices", editable = true }
"#;

#[test]
fn packages_of_the_project_run_from_the_working_copy() {
    let mut bench = Bench::new(&[
        ("pyproject.toml", PYPROJECT),
        ("src/shop/__init__.py", WSGI),
        ("src/shop/report.py", "import prices\ndef main():\n    print('total', prices.TOTAL)\n"),
        ("libs/prices/pyproject.toml", "[project]\nname = \"prices\"\nversion = \"1\"\n[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n"),
        ("libs/prices/src/prices/__init__.py", "TOTAL = 1\n"),
    ])
    .serve_with("shop:app", Interface::Wsgi, WebServer::Gunicorn);
    let file = "pyproject.toml".into();
    bench.plan.dependencies = Some(Sourced::by_default(Dependencies::Pyproject { file }, ""));
    bench.plan.import_paths = vec![".".into(), "src".into()];
    let built = bench.build().unwrap();
    assert_eq!(bench.python_in(1, &built.plan, "shop-report"), "total 1");
    let version = bench.python_in(
        1,
        &built.plan,
        "python -c 'import importlib.metadata as m; print(m.version(\"shop\"))'",
    );
    assert_eq!(version, "1.2.3");

    // A change of code makes no new layer and needs no uv.
    bench.break_uv();
    bench.write("libs/prices/src/prices/__init__.py", "TOTAL = 2\n");
    let again = bench.build().unwrap();
    assert_eq!(again.layer, built.layer);
    assert_eq!(bench.python_in(2, &again.plan, "shop-report"), "total 2");
}

#[test]
fn a_package_outside_of_the_project_is_refused_by_name() {
    let mut bench = Bench::new(&[("main.py", WSGI)])
        .requirements("gunicorn\n-e ../prices\n")
        .serve_with("main:app", Interface::Wsgi, WebServer::Gunicorn);
    let outside = bench.project().join("../prices");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(
        outside.join("pyproject.toml"),
        "[project]\nname = \"prices\"\nversion = \"1\"\n",
    )
    .unwrap();
    let failure = bench.failure();
    assert!(failure.contains("prices"), "{failure}");
}
