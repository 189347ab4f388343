//! What an application is, and how failures to import it are told.

use insta::assert_snapshot;
use ship_project::plan::{Interface, Start};
use ship_project::web_server::WebServer;

use crate::bench::{Bench, object_ref, served};

const ASGI: &str = "async def app(scope, receive, send):\n    pass\n";
const WSGI: &str = "def app(environ, start_response):\n    return []\n";

/// Serves with a server that is there, so that the tests need no package at all.
fn bench(source: &str, object: &str) -> Bench {
    Bench::new(&[("main.py", source)])
        .with_common_environments()
        .requirements("gunicorn\nuvicorn\n")
        .serve_with(object, Interface::Wsgi, WebServer::Gunicorn)
}

#[test]
fn interfaces_are_told_by_signature() {
    let shapes = [
        (WSGI, Interface::Wsgi),
        (ASGI, Interface::Asgi),
        (
            "class App:\n    def __call__(self, environ, start_response): pass\napp = App()\n",
            Interface::Wsgi,
        ),
        (
            "class App:\n    async def __call__(self, scope, receive, send): pass\napp = App()\n",
            Interface::Asgi,
        ),
        (
            "class app:\n    def __init__(self, environ, start_response): pass\n    def __iter__(self): pass\n",
            Interface::Wsgi,
        ),
        (
            "import functools\nasync def inner(scope, receive, send): pass\n@functools.wraps(inner)\ndef app(*args, **kwargs): return inner(*args, **kwargs)\n",
            Interface::Asgi,
        ),
        (
            "class Wrap:\n    def __init__(self, app): self.app = app\n    def __call__(self, environ, start_response): pass\napp = Wrap(None)\n",
            Interface::Wsgi,
        ),
        (
            "def create():\n    async def inner(scope, receive, send): pass\n    return inner\napp = create()\n",
            Interface::Asgi,
        ),
        (
            "def app(environ, start_response, extra=None): return []\n",
            Interface::Wsgi,
        ),
    ];
    let mut bench = bench(WSGI, "main:app");
    for (source, interface) in shapes {
        bench.write("main.py", source);
        let built = bench
            .build()
            .unwrap_or_else(|error| panic!("{error}: {source}"));
        assert_eq!(served(&built.plan).interface, Some(interface), "{source}");
        let server = match interface {
            Interface::Wsgi => WebServer::Gunicorn,
            Interface::Asgi => WebServer::Uvicorn,
        };
        assert_eq!(served(&built.plan).server, server);
    }
}

#[test]
fn a_factory_is_called_and_noted_as_one() {
    let source = "def create_app(config=None):\n    def app(environ, start_response): return []\n    return app\n";
    let mut bench = bench(source, "main:create_app");
    let built = bench.build().unwrap();
    assert!(served(&built.plan).object.factory);
    assert_eq!(
        bench.corrections(),
        ["`main:create_app` is a factory of the application"]
    );
}

#[test]
fn the_first_candidate_that_is_an_application_is_taken() {
    let mut bench = bench("app = object()\n", "main:app");
    bench.write("web.py", WSGI);
    if let Start::Object(served) = &mut bench.plan.processes[0].start.value {
        served.others = vec![object_ref("absent:app"), object_ref("web:app")];
    }
    let built = bench.build().unwrap();
    assert_eq!(served(&built.plan).object.to_string(), "web:app");
}

#[test]
fn one_that_breaks_is_not_replaced_by_another() {
    let broken = [
        "import payments_of_nobody\napp = 1\n",
        "assert False\n",
        "import shop\n",
    ];
    for source in broken {
        let mut bench = bench(source, "main:app");
        bench.write("shop.py", "def f(:\n");
        bench.write("tool.py", WSGI);
        if let Start::Object(served) = &mut bench.plan.processes[0].start.value {
            served.others = vec![object_ref("tool:app")];
        }
        let told = bench.failure();
        assert!(
            told.starts_with("error: cannot import `main:app`"),
            "{told}"
        );
        assert!(
            told.trim_end().ends_with(
                "hint: if `tool:app` is meant instead: `[web]` `app = \"tool:app\"` in ship.toml"
            ),
            "{told}"
        );
    }
}

#[test]
fn a_module_that_is_nowhere_is_no_package_to_add() {
    let mut bench = bench(WSGI, "wsgi:application");
    assert_snapshot!(bench.failure(), @"
    error: cannot import `wsgi:application`: ModuleNotFoundError: No module named 'wsgi'
    hint: the plan names `wsgi:application`, and neither the project nor a package has a module `wsgi`: name the one that holds the application
    ");
}

#[test]
fn a_module_that_an_ignore_file_keeps_out_is_named() {
    let mut bench = bench(&format!("import local_config\n{WSGI}"), "main:app");
    bench.write("local_config.py", "KEY = 1\n");
    bench.write(".gitignore", "local_config.py\n");
    assert_snapshot!(bench.failure(), @"
    error: cannot import `main:app`: ModuleNotFoundError: No module named 'local_config'
      | main.py:1
      |     import local_config
    hint: `local_config.py` is in the project, but an ignore file keeps it out of releases: `echo '!local_config.py' >> .shipignore`
    ");
}

#[test]
fn what_the_application_prints_and_starts_does_not_disturb() {
    let source = format!(
        "import threading, time, atexit\nprint('{{\"application\": null}}')\nthreading.Thread(target=time.sleep, args=(600,)).start()\natexit.register(time.sleep, 600)\n{WSGI}"
    );
    bench(&source, "main:app").build().unwrap();
}

#[test]
fn writing_at_import_reaches_neither_project_nor_data() {
    let source = format!(
        "open('written', 'w').close()\nimport os\nopen(os.environ['SHIP_DATA_DIR'] + '/x', 'w').close()\n{WSGI}"
    );
    let mut bench = bench(&source, "main:app");
    bench.build().unwrap();
    assert!(!bench.project().join("written").exists());
    assert!(!bench.release(1).join("source/written").exists());
    assert!(!bench.folders.app_data(&bench.app()).join("x").exists());
}

#[test]
fn syntax_error_shows_place_and_line() {
    let failure = bench("import shop\n", "main:app");
    failure.write("shop.py", "x = 1\ndef f(:\n    pass\n");
    let mut failure = failure.python("3.12");
    assert_snapshot!(failure.failure(), @r#"
    error: cannot import `main:app`: SyntaxError: invalid syntax
      | shop.py:2
      |     def f(:
    hint: look at shop.py:2
    "#);
}

#[test]
fn import_error_names_the_package_to_add() {
    let mut bench = bench("import flask_login\n", "main:app");
    assert_snapshot!(bench.failure(), @r#"
    error: cannot import `main:app`: ModuleNotFoundError: No module named 'flask_login'
      | main.py:1
      |     import flask_login
    hint: is `flask-login` missing among the packages? `echo flask-login >> requirements.txt`
    "#);
}

#[test]
fn missing_variable_says_how_to_set_it() {
    let mut bench = bench(&format!("import settings\n{WSGI}"), "main:app");
    bench.write(
        "settings.py",
        "import os\n\nKEY = os.environ['SECRET_KEY']\n",
    );
    assert_snapshot!(bench.failure(), @r#"
    error: cannot import `main:app`: KeyError: 'SECRET_KEY'
      | settings.py:3
      |     KEY = os.environ['SECRET_KEY']
    hint: `ship env set --app shop SECRET_KEY=…`, or a line in .env
    "#);
    bench.set("SECRET_KEY", "x");
    bench.build().unwrap();
}

#[test]
fn a_variable_that_is_read_without_a_default_and_not_set_is_named() {
    let mut bench = bench(&format!("import settings, db\n{WSGI}"), "main:app");
    bench.write(
        "settings.py",
        "import os\n\nLEVEL = os.getenv('LEVEL')\nURL = os.environ.get('DATABASE_URL', None)\n",
    );
    bench.write("db.py", "import settings\n\nurl = settings.URL.strip()\n");
    assert_snapshot!(bench.failure(), @r#"
    error: cannot import `main:app`: AttributeError: 'NoneType' object has no attribute 'strip'
      | db.py:3
      |     url = settings.URL.strip()
    hint: `settings.py:4` reads `DATABASE_URL`, which is not set: `ship env set --app shop DATABASE_URL=…`, or a line in .env
    "#);
    bench.set("DATABASE_URL", "sqlite://");
    bench.build().unwrap();
}

#[test]
fn variables_that_have_nothing_to_do_with_a_failure_are_not_named() {
    let source = "import os\nlevel = os.getenv('LEVEL')\nport = os.getenv('PORT_', '1')\nNone.x\n";
    assert_snapshot!(bench(source, "main:app").failure(), @r#"
    error: cannot import `main:app`: AttributeError: 'NoneType' object has no attribute 'x'
      | main.py:4
      |     None.x
    "#);
}

#[test]
fn what_an_exception_came_from_is_told() {
    let source = "try:\n    raise OSError('libpq is away')\nexcept OSError as error:\n    raise ValueError('no driver') from error\n";
    assert_snapshot!(bench(source, "main:app").failure(), @r#"
    error: cannot import `main:app`: ValueError: no driver
      | main.py:4
      |     raise ValueError('no driver') from error
      | from OSError: libpq is away
    "#);
}

#[test]
fn a_message_of_many_lines_is_told_from_its_first_line_on() {
    let source = "raise ValueError('2 errors for Settings\\nNAME\\n  Field required')\n";
    assert_snapshot!(bench(source, "main:app").failure(), @r#"
    error: cannot import `main:app`: ValueError: 2 errors for Settings
      | NAME
      |   Field required
      | main.py:1
      |     raise ValueError('2 errors for Settings\nNAME\n  Field required')
    "#);
}

#[test]
fn a_database_that_does_not_answer_is_named() {
    let source =
        "raise OSError('connection to server at \"db\", port 5433 failed: Connection refused')\n";
    assert_snapshot!(bench(source, "main:app").failure(), @r#"
    error: cannot import `main:app`: OSError: connection to server at "db", port 5433 failed: Connection refused
      | main.py:1
      |     raise OSError('connection to server at "db", port 5433 failed: Connection refused')
    hint: Postgres at db:5433 does not answer: is it running? Where it is elsewhere: `ship env set --app shop DATABASE_URL=postgres://…`, or by the name that the project reads its address from
    "#);
}

#[test]
fn settings_may_look_at_the_command_line() {
    let source =
        format!("import sys\nassert sys.argv == ['gunicorn', 'main:app'], sys.argv\n{WSGI}");
    bench(&source, "main:app").build().unwrap();
}

#[test]
fn a_file_that_is_ignored_and_needed_is_named() {
    let mut bench = bench("open('conf/local.json')\n", "main:app");
    bench.write(".gitignore", "local.json\n");
    bench.write("conf/local.json", "{}");
    assert_snapshot!(bench.failure(), @r#"
    error: cannot import `main:app`: FileNotFoundError: [Errno 2] No such file or directory: 'conf/local.json'
      | main.py:1
      |     open('conf/local.json')
    hint: `conf/local.json` is in the project, but an ignore file keeps it out of releases: `echo '!conf/local.json' >> .shipignore`
    "#);
    bench.write(".shipignore", "!conf/local.json\n");
    bench.write("main.py", &format!("open('conf/local.json')\n{WSGI}"));
    bench.build().unwrap();
}

#[test]
fn an_author_s_own_command_is_proven_where_its_object_is_certain() {
    let mut bench = bench(WSGI, "main:app");
    let command = |line| {
        let command = ship_project::command::CommandLine::parse(line).unwrap();
        Start::Command(ship_project::plan::Authored::understand(command))
    };
    bench.plan.processes[0].start.value = command("gunicorn main:absent -w 2");
    let failure = bench.failure();
    assert!(
        failure.contains("module `main` has no `absent`"),
        "{failure}"
    );
    bench.plan.processes[0].start.value = command("gunicorn main:app -w 2");
    let built = bench.build().unwrap();
    assert_eq!(
        built.plan, bench.plan,
        "the author's command stays as it is"
    );
}

#[test]
fn all_missing_settings_are_told_at_once() {
    let mut bench = bench(WSGI, "main:app");
    bench.write("conf.py", "import os\n\nURL = os.environ['DATABASE_URL']\n");
    bench.write(
        "main.py",
        "import os\nKEY = os.environ['SECRET_KEY']\nimport conf\nassert conf.URL.startswith('sqlite')\nN = int(os.environ['POOL_SIZE'])\n",
    );
    assert_snapshot!(bench.failure(), @r#"
    error: cannot import `main:app`: KeyError: 'SECRET_KEY'
      | main.py:2
      |     KEY = os.environ['SECRET_KEY']
    hint: `ship env set --app shop SECRET_KEY=…`, or a line in .env
    hint: `ship env set --app shop DATABASE_URL=…`, or a line in .env
    hint: `ship env set --app shop POOL_SIZE=…`, or a line in .env
    "#);
}

#[test]
fn a_missing_attribute_names_those_that_are_there() {
    let mut bench = bench(&WSGI.replace("app", "application"), "main:app");
    assert_snapshot!(bench.failure(), @r#"
    error: cannot import `main:app`: module `main` has no `app`
    hint: it has `application`; name the right one in ship.toml: `[web]` `app = "module:name"`
    "#);
}

#[test]
fn what_is_no_application_is_refused() {
    let mut bench = bench("app = {}\n", "main:app");
    assert_snapshot!(bench.failure(), @r#"
    error: cannot serve `main:app`: `app` is neither a WSGI nor an ASGI application but `builtins.dict`
    hint: name the application in ship.toml: `[web]` `app = "module:name"`
    "#);
}

#[test]
fn a_module_that_ends_the_program_is_told_so() {
    let mut bench = bench("import sys\nsys.exit(3)\n", "main:app");
    assert_snapshot!(bench.failure(), @r#"
    error: cannot import `main:app`: SystemExit: 3
      | main.py:2
      |     sys.exit(3)
    hint: the module ends the program while it is imported: put that below `if __name__ == "__main__":`
    "#);
}

#[test]
fn an_import_that_never_ends_says_where_it_hangs() {
    let mut bench = bench("import time\ntime.sleep(600)\n", "main:app");
    if let ship_project::plan::Role::Web { ready_within, .. } = &mut bench.plan.processes[0].role {
        *ready_within = std::time::Duration::from_secs(2);
    }
    let failure = bench.failure();
    assert!(
        failure.contains("Python did not end within 2.0 s"),
        "{failure}"
    );
    assert!(
        failure.contains("\"main.py\", line 2 in <module>"),
        "{failure}"
    );
}

#[test]
fn a_crash_of_the_interpreter_is_told() {
    let mut bench = bench("import os\nos.kill(os.getpid(), 11)\n", "main:app");
    let failure = bench.failure();
    assert!(
        failure.starts_with("error: cannot import `main:app`: Python was ended by signal 11\n"),
        "{failure}"
    );
    assert!(
        failure.contains("\"main.py\", line 2 in <module>"),
        "{failure}"
    );
    assert!(
        failure.contains("hint: a compiled package crashed"),
        "{failure}"
    );
}
