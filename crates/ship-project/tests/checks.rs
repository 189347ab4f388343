//! What `ship check` finds, and what it does not.
#![expect(
    clippy::disallowed_methods,
    reason = "tests lay out files as they like"
)]

use std::path::Path;

use ship_project::check::{Given, Report, Severity, check, patches};

fn given() -> Given {
    Given {
        today: "2026-11-26".to_owned(),
        memory: Some(1 << 30),
        ..Given::default()
    }
}

fn lay(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Report) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("shop");
    lay(&root, files);
    let report = check(&root, &given()).unwrap();
    (folder, report)
}

/// `error debug shop/settings.py:3`
fn told(files: &[(&str, &str)]) -> Vec<String> {
    let (_folder, report) = project(files);
    let findings = report.findings.iter();
    findings
        .map(|finding| {
            let severity = format!("{:?}", finding.severity).to_lowercase();
            let place = finding
                .place
                .as_ref()
                .map_or(String::new(), |place| format!(" {place}"));
            format!("{severity} {}{place}", finding.id)
        })
        .collect()
}

fn has(files: &[(&str, &str)], wanted: &str) -> bool {
    told(files).iter().any(|finding| finding == wanted)
}

const MANAGE: (&str, &str) = (
    "manage.py",
    "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
);
const WSGI: (&str, &str) = (
    "shop/wsgi.py",
    "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
);

fn django<'a>(settings: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut files = vec![
        MANAGE,
        WSGI,
        ("shop/__init__.py", ""),
        ("shop/settings.py", settings),
    ];
    files.extend(more);
    files
}

fn flask(app: &str) -> Vec<(&str, &str)> {
    vec![
        ("app.py", app),
        ("requirements.txt", "flask==3.1.2\n"),
        (".python-version", "3.13\n"),
    ]
}

#[test]
fn a_django_site_as_startproject_makes_it_is_told_what_it_lacks() {
    let settings = "from pathlib import Path\nSECRET_KEY = 'django-insecure-1'\nDEBUG = True\nALLOWED_HOSTS = []\n\
                    INSTALLED_APPS = ['orders']\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db.sqlite3'}}\n";
    let models = "from django.db import models\nclass Order(models.Model):\n    paid = models.BooleanField()\n";
    let more = [
        ("orders/__init__.py", ""),
        ("orders/models.py", models),
        ("requirements.txt", "Django==4.1.2\ngunicorn\n"),
        ("runtime.txt", "python-3.8.1\n"),
        ("db.sqlite3", "SQLite format 3\0"),
    ];
    assert_eq!(
        told(&django(settings, &more)),
        [
            "error missing-migrations orders/models.py",
            "error debug shop/settings.py:3",
            "error secret-key shop/settings.py:2",
            "warning vulnerable requirements.txt:1",
            "warning django-ended requirements.txt:1",
            "warning python-ended runtime.txt:1",
            "warning unpinned requirements.txt:2",
            "warning stored-in-source db.sqlite3",
            "advice health",
        ]
    );
}

#[test]
fn a_project_that_is_ready_is_told_nothing() {
    let app = "import os\nfrom flask import Flask\napp = Flask(__name__)\napp.secret_key = os.environ['SECRET_KEY']\n\
               @app.get('/healthz')\ndef well():\n    return 'ok'\n\
               if __name__ == '__main__':\n    app.run(debug=True)\n";
    let mut files = flask(app);
    files.push((
        "ship.toml",
        "[web]\nhealth = \"/healthz\"\n[env]\nSECRET_KEY = \"given\"\n",
    ));
    assert_eq!(told(&files), Vec::<String>::new());
}

#[test]
fn a_key_in_the_source_is_found_however_it_is_set() {
    let start = "import os\nfrom flask import Flask\napp = Flask(__name__)\n";
    for (line, severity) in [
        ("app.secret_key = 'x'", "error"),
        ("app.config['SECRET_KEY'] = 'x'", "error"),
        ("app.config.update(SECRET_KEY='x')", "error"),
        ("class Config:\n    SECRET_KEY = 'x'", "error"),
        ("app.secret_key = os.environ.get('KEY', 'x')", "warning"),
        ("app.secret_key = os.environ.get('KEY') or 'x'", "warning"),
    ] {
        let code = format!("{start}{line}\n");
        let found = told(&flask(&code));
        let wanted = format!("{severity} secret-key app.py:");
        assert!(
            found.iter().any(|finding| finding.starts_with(&wanted)),
            "{line}: {found:?}"
        );
    }
    for line in [
        "app.secret_key = os.environ['KEY']",
        "app.secret_key = os.environ.get('KEY')",
        "class TestConfig:\n    SECRET_KEY = 'x'",
    ] {
        let code = format!("{start}{line}\n");
        assert!(
            !told(&flask(&code))
                .iter()
                .any(|finding| finding.contains("secret-key")),
            "{line}"
        );
    }
}

#[test]
fn a_variable_without_a_default_is_missing_until_somebody_sets_it() {
    let app = "import os\nfrom flask import Flask\nURL = os.environ['SHOP_URL']\napp = Flask(__name__)\n\
               def pay():\n    return os.environ['PAY_KEY']\n\
               if 'EXTRA' in os.environ:\n    extra = os.environ['EXTRA']\n";
    assert!(has(&flask(app), "error missing-setting app.py:3"));
    assert!(has(&flask(app), "warning missing-setting app.py:6"));
    assert!(!has(&flask(app), "error missing-setting app.py:8"));
    let mut set = flask(app);
    set.push((".env", "SHOP_URL=x\nPAY_KEY=y\n"));
    assert!(
        !told(&set)
            .iter()
            .any(|finding| finding.contains("missing-setting"))
    );
}

#[test]
fn settings_of_pydantic_need_what_has_no_value() {
    let app = "from fastapi import FastAPI\nfrom pydantic_settings import BaseSettings\n\
               class Settings(BaseSettings):\n    database_url: str\n    debug: bool = False\n    model_config = {'env_prefix': 'SHOP_'}\n\
               settings = Settings()\napp = FastAPI()\n";
    let files = [("main.py", app), ("requirements.txt", "fastapi==0.116.0\n")];
    let (_folder, report) = project(&files);
    let missing: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.id == "missing-setting")
        .map(|finding| finding.what.split('`').nth(1).unwrap())
        .collect();
    assert_eq!(missing, ["SHOP_DATABASE_URL"]);
}

#[test]
fn code_that_is_not_served_is_not_judged() {
    let app = "from flask import Flask\napp = Flask(__name__)\n";
    let mut files = flask(app);
    files.push((
        "tools/other.py",
        "from flask import Flask\nx = Flask(__name__)\nx.secret_key = 'x'\nx.debug = True\n",
    ));
    let found = told(&files);
    assert!(
        found.iter().all(|finding| !finding.contains("tools/")),
        "{found:?}"
    );
}

#[test]
fn what_git_knows_of_env_is_an_error_and_an_ignored_one_is_nothing() {
    let app = "from flask import Flask\napp = Flask(__name__)\n";
    let mut files = flask(app);
    files.push((".env", "KEY=1\n"));
    assert!(has(&files, "warning env-in-git .env"));
    files.push((".gitignore", ".env\n"));
    assert!(
        !told(&files)
            .iter()
            .any(|finding| finding.contains("env-in-git"))
    );
    // Version 2 of the index, with one entry.
    let mut index = b"DIRC\0\0\0\x02\0\0\0\x01".to_vec();
    index.extend([0; 62]);
    index.extend(b".env\0\0\0\0\0\0");
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("shop");
    lay(&root, &files);
    std::fs::create_dir(root.join(".git")).unwrap();
    std::fs::write(root.join(".git/index"), index).unwrap();
    let report = check(&root, &given()).unwrap();
    let tracked = report
        .findings
        .iter()
        .find(|finding| finding.id == "env-in-git")
        .unwrap();
    assert_eq!(tracked.severity, Severity::Error);
}

#[test]
fn keys_and_dumps_are_no_source() {
    let app = "from flask import Flask\napp = Flask(__name__)\n";
    let dump = "-- PostgreSQL database dump\nCREATE TABLE a (b int);\nINSERT INTO a VALUES (1);\n";
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\n";
    let mut files = flask(app);
    files.extend([
        ("deploy.pem", key),
        ("backup.sql", dump),
        ("schema.sql", "CREATE TABLE a (b int);\n"),
        ("tests/key.pem", key),
    ]);
    let found = told(&files);
    assert!(
        found.contains(&"error private-key deploy.pem".to_owned()),
        "{found:?}"
    );
    assert!(
        found.contains(&"warning database-dump backup.sql".to_owned()),
        "{found:?}"
    );
    assert!(
        !found
            .iter()
            .any(|finding| finding.contains("schema.sql") || finding.contains("tests/")),
        "{found:?}"
    );
}

#[test]
fn hosts_and_origins_must_fit_the_domains() {
    let settings = "SECRET_KEY = x()\nDEBUG = False\nALLOWED_HOSTS = ['www.shop.example']\nCSRF_TRUSTED_ORIGINS = ['shop.example']\n";
    let more = [
        (
            "ship.toml",
            "domains = [\"shop.example\", \"www.shop.example\"]\n",
        ),
        ("requirements.txt", "django==5.2.8\n"),
    ];
    let (_folder, report) = project(&django(settings, &more));
    let whats: Vec<&str> = report
        .findings
        .iter()
        .filter(|f| f.id == "allowed-hosts" || f.id == "csrf-origins")
        .map(|f| f.what.as_str())
        .collect();
    insta::assert_snapshot!(whats.join("\n"), @"
    `CSRF_TRUSTED_ORIGINS` has `shop.example` without a scheme: Django 4 and later refuse to start commands
    `ALLOWED_HOSTS` has no `shop.example`: Django answers there only where Shipsmith runs it
    ");
}

#[test]
fn what_is_written_beside_the_code_is_told_unless_it_is_kept() {
    let app = "import os\nfrom flask import Flask, request\napp = Flask(__name__)\n\
               @app.post('/')\ndef up():\n    file = request.files['f']\n    file.save(os.path.join('static/uploads', file.filename))\n    return ''\n";
    assert!(has(&flask(app), "warning writes-beside app.py:7"));
    let mut kept = flask(app);
    kept.push(("ship.toml", "[data]\npaths = [\"static/uploads/\"]\n"));
    assert!(
        !told(&kept)
            .iter()
            .any(|finding| finding.contains("writes-beside"))
    );
}

#[test]
fn workers_must_fit_into_their_memory() {
    let app = "from flask import Flask\napp = Flask(__name__)\n";
    let mut files = flask(app);
    files[1] = ("requirements.txt", "flask==3.1.2\ngunicorn==23.0.0\n");
    files.extend([
        ("Procfile", "web: gunicorn app:app -w 8\n"),
        ("ship.toml", "[limits]\nmemory = \"256M\"\n"),
    ]);
    assert!(has(&files, "warning memory Procfile:1"));
    files.pop();
    assert!(
        !told(&files)
            .iter()
            .any(|finding| finding.contains("memory"))
    );
}

#[test]
fn a_development_server_is_advice_where_it_is_replaced_and_an_error_where_it_runs() {
    let app = "from flask import Flask\napp = Flask(__name__)\n";
    let mut files = flask(app);
    files.push(("Procfile", "web: flask run\n"));
    assert!(has(&files, "advice development-server Procfile:1"));
    files.push(("ship.toml", "[web]\ncommand = \"flask run\"\n"));
    assert!(has(&files, "error development-server ship.toml:2"));
}

#[test]
fn a_file_of_pyramid_for_development_is_found_without_a_line_that_names_it() {
    let ini = "[app:main]\nuse = egg:fair\npyramid.includes =\n    pyramid_debugtoolbar\n[server:main]\nuse = egg:waitress#main\n";
    let mut files = vec![
        ("requirements.txt", "pyramid==2.0.2\nwaitress==3.0.2\n"),
        (
            "fair/__init__.py",
            "def main(global_config, **settings):\n    return None\n",
        ),
        ("development.ini", ini),
    ];
    assert!(
        has(&files, "error development-server development.ini:2"),
        "{:?}",
        told(&files)
    );
    files.push((
        "production.ini",
        "[app:main]\nuse = egg:fair\n[server:main]\nuse = egg:waitress#main\n",
    ));
    assert!(
        !has(&files, "error development-server"),
        "{:?}",
        told(&files)
    );
}

#[test]
fn a_preview_of_pages_that_are_built_is_advice() {
    let files = [
        ("requirements.txt", "mkdocs==1.6.1\n"),
        ("mkdocs.yml", "site_name: Fair\n"),
        ("docs/index.md", "# Fair\n"),
        ("Procfile", "web: mkdocs serve\ndev: flask run\n"),
    ];
    assert!(has(&files, "advice development-server Procfile:1"));
}

#[test]
fn what_is_for_development_is_found_wherever_a_line_has_it() {
    let app = "from flask import Flask\napp = Flask(__name__)\nif __name__ == '__main__':\n    app.run()\n";
    for (line, severity) in [
        ("gunicorn app:app --reload", "advice"),
        ("cd . && gunicorn app:app --reload --bind :$PORT", "advice"),
        ("FLASK_ENV=development flask run --port=$PORT", "advice"),
        ("python app.py --debug", "advice"),
        ("watchfiles 'gunicorn app:app'", "advice"),
        ("python app.py --config live.toml", "error"),
        ("honcho start -f Procfile.dev", "error"),
        ("MODE=$MODE flask run", "error"),
    ] {
        let procfile = format!("web: {line}\n");
        let mut files = flask(app);
        files.push(("Procfile", &procfile));
        let wanted = format!("{severity} development-server Procfile:1");
        assert!(has(&files, &wanted), "{line}: {:?}", told(&files));
    }
}

#[test]
fn a_program_that_runs_an_event_loop_is_no_development_server() {
    let app = "import asyncio\nfrom aiohttp import web\nasync def main():\n    pass\n\
               if __name__ == '__main__':\n    asyncio.run(main())\n";
    let mut files = flask(app);
    files.push(("Procfile", "web: python app.py\n"));
    let found = told(&files);
    let is_server = |finding: &String| finding.contains("development-server");
    assert!(!found.iter().any(is_server), "{found:?}");
}

#[test]
fn a_mode_for_development_is_told_where_the_program_itself_serves() {
    let uvicorn = |arguments: &str| {
        format!(
            "def main():\n    import uvicorn\n    from fastapi import FastAPI\n    api = FastAPI()\n    uvicorn.run(api, {arguments})\n\
             if __name__ == '__main__':\n    main()\n"
        )
    };
    let tornado = "import tornado.web\nDEBUG = True\n\ndef main():\n    app = tornado.web.Application([], debug=DEBUG)\n    app.listen(8888)\n\
                   if __name__ == '__main__':\n    main()\n";
    let nicegui =
        |arguments: &str| format!("from nicegui import ui\nui.label('x')\nui.run({arguments})\n");
    for (code, wanted) in [
        (uvicorn("reload=True"), "warning development-mode main.py:5"),
        (tornado.to_owned(), "error development-mode main.py:5"),
        (nicegui(""), "warning development-mode main.py:3"),
    ] {
        let files = [("main.py", code.as_str())];
        assert!(has(&files, wanted), "{code}: {:?}", told(&files));
    }
    for code in [
        uvicorn("port=8000"),
        uvicorn("reload=os.environ.get('RELOAD') == '1'"),
        nicegui("reload=False"),
    ] {
        let found = told(&[("main.py", &code)]);
        let is_mode = |finding: &String| finding.contains("development-mode");
        assert!(!found.iter().any(is_mode), "{code}: {found:?}");
    }
}

#[test]
fn a_mode_for_development_is_told_where_a_command_runs_the_file_and_not_where_it_is_served() {
    let app = "from sanic import Sanic\nfrom tools import check\napp = Sanic('shop')\n\
               if __name__ == '__main__':\n    app.run(dev=True)\n";
    let tools = "import asyncio\nasync def check():\n    pass\ndef run():\n    asyncio.run(check(), debug=True)\n\
                 if __name__ == '__main__':\n    server.run(debug=True)\n";
    let mut files = vec![("app.py", app), ("tools.py", tools)];
    let is_mode = |finding: &String| finding.contains("development-mode");
    assert!(!told(&files).iter().any(is_mode), "{:?}", told(&files));
    files.push((
        "ship.toml",
        "[web]\ncommand = \"env A=b python -u app.py\"\n",
    ));
    let found: Vec<String> = told(&files).into_iter().filter(is_mode).collect();
    assert_eq!(found, ["error development-mode app.py:5"]);
}

#[test]
fn a_setting_that_a_function_of_the_project_reads_is_missing_until_somebody_sets_it() {
    let env = "import os\ndef env(name, default=None):\n    try:\n        return os.environ[name]\n    except KeyError:\n        if default is not None:\n            return default\n        raise RuntimeError(name)\n";
    let app = "from flask import Flask\nfrom env import env\napp = Flask(__name__)\nURL = env('SHOP_URL')\nMODE = env('SHOP_MODE', 'live')\n\
               def pay():\n    return env('PAY_KEY')\n";
    let mut files = flask(app);
    files.push(("env.py", env));
    let is_missing = |finding: &String| finding.contains("missing-setting");
    let found: Vec<String> = told(&files).into_iter().filter(is_missing).collect();
    assert_eq!(
        found,
        [
            "error missing-setting app.py:4",
            "warning missing-setting app.py:7"
        ]
    );
    files.push((".env", "SHOP_URL=x\nPAY_KEY=y\n"));
    assert!(!told(&files).iter().any(is_missing));
}

#[test]
fn without_a_plan_the_rest_is_still_looked_at() {
    let found = told(&[
        ("lib.py", "TOKEN = 1\n"),
        ("id_rsa", "-----BEGIN OPENSSH PRIVATE KEY-----\n"),
    ]);
    assert_eq!(found, ["error no-plan", "error private-key id_rsa"]);
}

#[test]
fn a_fix_changes_what_it_understands_and_leaves_nothing_to_fix() {
    let settings = "\"\"\"Settings.\"\"\"\nfrom pathlib import Path\n\nDEBUG = True\nALLOWED_HOSTS = [\"*\"]\n";
    let more = [
        (".env", "A=1\n"),
        (".venv/pyvenv.cfg", "version = 3.12.3\n"),
        ("requirements.txt", "django==5.2.8\n"),
    ];
    let (folder, report) = project(&django(settings, &more));
    let changes = patches(&report.findings);
    let shown: Vec<String> = changes
        .iter()
        .map(|patch| format!("{}\n{}", patch.file.display(), patch.lines().join("\n")))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    .gitignore
    +.env
    .python-version
    +3.12
    shop/settings.py
    +import os
    -DEBUG = True
    +DEBUG = os.environ.get("DEBUG") == "1"
    "#);
    let root = folder.path().join("shop");
    for patch in changes {
        std::fs::write(root.join(&patch.file), patch.new).unwrap();
    }
    let after = check(&root, &given()).unwrap();
    assert!(
        after.findings.iter().all(|finding| finding.fix.is_none()),
        "{:?}",
        after.findings
    );
    assert!(
        after.findings.iter().all(|finding| finding.id != "debug"),
        "{:?}",
        after.findings
    );
}

#[test]
fn a_line_that_is_more_than_debug_is_true_is_left_to_its_author() {
    for settings in [
        "import os\nDEBUG = True  # for now\n",
        "import os\nif True:\n    DEBUG = True\n",
        "import os\nDEBUG = True; X = 1\n",
        "import os\r\nDEBUG = True\r\n",
    ] {
        let (_folder, report) = project(&django(settings, &[]));
        let debug = report
            .findings
            .iter()
            .find(|finding| finding.id == "debug")
            .unwrap();
        assert!(debug.fix.is_none(), "{settings}");
    }
}

#[test]
fn files_that_name_different_pythons_are_told() {
    let mut files = flask("from flask import Flask\napp = Flask(__name__)\n");
    files.push(("runtime.txt", "python-3.12.4\n"));
    assert!(has(&files, "warning python-unnamed runtime.txt:1"));
    files[2] = (".python-version", "3.12");
    assert!(!has(&files, "warning python-unnamed runtime.txt:1"));
}

#[test]
fn a_python_that_cannot_be_is_told() {
    let app = "from flask import Flask\napp = Flask(__name__)\n";
    for (version, what) in [
        ("3.11", "`requires-python` is `>=3.12`"),
        ("3.99", "Python 3.99 is not known"),
        ("my-env", "`my-env` names no Python"),
    ] {
        let mut files = flask(app);
        files[2] = (".python-version", version);
        files.push((
            "pyproject.toml",
            "[project]\nname = \"shop\"\nrequires-python = \">=3.12\"\n",
        ));
        let (_folder, report) = project(&files);
        let told = report.findings.iter().find(|it| it.id == "python-unnamed");
        assert!(told.unwrap().what.contains(what), "{told:?}");
        assert_eq!(told.unwrap().severity, Severity::Warning, "{version}");
    }
    for version in ["3.12", "cp313", ">=3.12", "3", "pypy"] {
        let mut files = flask(app);
        files[2] = (".python-version", version);
        files.push((
            "pyproject.toml",
            "[project]\nname = \"shop\"\nrequires-python = \">=3.12.4\"\n",
        ));
        let found = told(&files);
        assert!(
            !found.iter().any(|it| it.contains("python-unnamed")),
            "{version}: {found:?}"
        );
    }
}

#[test]
fn of_several_holes_the_one_that_is_mended_last_is_told() {
    let app = "from flask import Flask\napp = Flask(__name__)\n";
    let mut files = flask(app);
    files[1] = (
        "requirements.txt",
        "flask==3.1.2\nrequests==2.30.0\nurllib3==2.6.0\n",
    );
    let (_folder, report) = project(&files);
    let holes = report.findings.iter().filter(|it| it.id == "vulnerable");
    let told: Vec<&str> = holes.map(|it| it.what.as_str()).collect();
    insta::assert_snapshot!(told.join("\n"), @"requests 2.30.0: the passwords of `.netrc` reach other servers (CVE-2024-47081, mended in 2.32.4)");
}

/// What is told of `debug` for these settings of Django.
fn debug_of(settings: &str) -> Vec<String> {
    let settings = format!("import os\nSECRET_KEY = os.environ['KEY']\n{settings}");
    let mut told = told(&django(&settings, &[]));
    told.retain(|finding| finding.contains(" debug "));
    told
}

#[test]
fn debug_is_on_where_nothing_that_it_asks_for_turns_it_off() {
    for settings in [
        "DEBUG = 1\n",
        "DEBUG = 'RENDER' not in os.environ\n",
        "DEBUG = not os.environ.get('PRODUCTION')\n",
        "DEBUG = os.environ.get('STAGE', 'desk') != 'live'\n",
        "DEBUG = bool(os.environ.get('DEBUG', True))\n",
        // Any text is true.
        "DEBUG = os.environ.get('DEBUG', 'False')\n",
        "DEBUG = True\nif os.environ.get('STAGE') == 'live':\n    DEBUG = False\n",
    ] {
        assert_eq!(
            debug_of(settings),
            ["error debug shop/settings.py:3"],
            "{settings}"
        );
    }
    for settings in [
        "DEBUG = 0\n",
        "DEBUG = 'DESK' in os.environ\n",
        "DEBUG = os.environ.get('DEBUG', 'no').lower() in ('1', 'true')\n",
        "DEBUG = False\nif os.environ.get('DESK'):\n    DEBUG = True\n",
        "STAGE = os.environ.get('STAGE', 'live')\nif STAGE == 'desk':\n    DEBUG = True\nelse:\n    DEBUG = False\n",
        "DEBUG = unheard_of()\n",
    ] {
        assert!(debug_of(settings).is_empty(), "{settings}");
    }
    let settings =
        "import os\nSECRET_KEY = os.environ['KEY']\nDEBUG = 'RENDER' not in os.environ\n";
    assert!(!has(
        &django(settings, &[(".env", "RENDER=no\n")]),
        "error debug shop/settings.py:3"
    ));
}

#[test]
fn debug_of_local_settings_that_are_part_of_the_source_counts() {
    let settings = "SECRET_KEY = KEY\nDEBUG = False\ntry:\n    from .local import *\nexcept ImportError:\n    pass\n";
    let local = ("shop/local.py", "DEBUG = True\n");
    let files = django(settings, &[local]);
    assert!(has(&files, "error debug shop/local.py:1"));
    let ignored = django(settings, &[local, (".shipignore", "local.py\n")]);
    assert!(!told(&ignored).iter().any(|it| it.contains(" debug ")));
    // What is said behind it counts.
    let late = settings.to_owned() + "DEBUG = False\n";
    let files = django(&late, &[local]);
    assert!(!told(&files).iter().any(|it| it.contains(" debug ")));
}

#[test]
fn debug_of_a_configuration_of_flask_is_told_however_it_is_given() {
    let config = "class Config:\n    DEBUG = False\nclass Desk(Config):\n    DEBUG = True\nclass Own(Desk):\n    pass\n";
    for (line, wanted) in [
        ("app.config.update(DEBUG=True)", "app.py:4"),
        ("app.config.from_mapping({'DEBUG': True})", "app.py:4"),
        ("app.config.from_object(config.Desk)", "config.py:4"),
        ("app.config.from_object('config.Own')", "config.py:4"),
        ("app.config.from_object(config.Own())", "config.py:4"),
        ("app.config.from_object(config.Config)", ""),
        ("app.config.from_object('config')", ""),
        ("app.config.update(DEBUG=False)", ""),
        ("app.jobs.update(DEBUG=True)", ""),
    ] {
        let app =
            format!("import config\nfrom flask import Flask\napp = Flask(__name__)\n{line}\n");
        let mut files = flask(&app);
        files.push(("config.py", config));
        let mut told = told(&files);
        told.retain(|finding| finding.contains(" debug "));
        let wanted: Vec<String> = [wanted]
            .iter()
            .filter(|place| !place.is_empty())
            .map(|place| format!("error debug {place}"))
            .collect();
        assert_eq!(told, wanted, "{line}");
    }
}

#[test]
fn what_has_a_default_of_any_kind_is_not_missing() {
    let settings = "import os\nimport environ\nenv = environ.Env()\nos.environ.setdefault('MODE', 'live')\n\
                    MODE = os.environ['MODE']\nSIZE = env.int('SIZE', 20)\nNAME = env('NAME', str, 'shop')\n\
                    KEY = env('KEY')\nRATE = env('RATE', int)\nSECRET_KEY = KEY\n";
    let mut told = told(&django(settings, &[]));
    told.retain(|finding| finding.contains(" missing-setting "));
    let wanted = ["KEY", "RATE"].map(|name| {
        let line = settings.lines().position(|line| line.starts_with(name));
        format!(
            "error missing-setting shop/settings.py:{}",
            line.unwrap() + 1
        )
    });
    assert_eq!(told, wanted);
}

#[test]
fn a_reader_of_settings_that_another_module_makes_is_followed() {
    let reading = (
        "reading.py",
        "from decouple import AutoConfig\nconfig = AutoConfig()\n",
    );
    let mut files = flask(
        "from flask import Flask\nfrom reading import config\napp = Flask(__name__)\nTOKEN = config('TOKEN')\nSIZE = config('SIZE', 3)\n",
    );
    files.push(reading);
    let mut told = told(&files);
    told.retain(|finding| finding.contains(" missing-setting "));
    assert_eq!(told, ["error missing-setting app.py:4"]);
}

#[test]
fn tasks_of_celery_are_a_part_of_the_program() {
    let mut files = flask("from flask import Flask\nimport tasks\napp = Flask(__name__)\n");
    let tasks = "import os\nfrom celery import shared_task\n@shared_task\ndef send():\n    return os.environ['API_KEY']\n";
    files.push(("tasks.py", tasks));
    assert!(has(&files, "warning missing-setting tasks.py:5"));
}

#[test]
fn packages_of_a_folder_below_are_looked_at() {
    let files = [
        (
            "shop/app.py",
            "from flask import Flask\napp = Flask(__name__)\n",
        ),
        ("shop/requirements.txt", "flask==0.12\n"),
    ];
    assert!(
        told(&files)
            .iter()
            .any(|it| it.starts_with("warning vulnerable shop/requirements.txt"))
    );
}

/// What is told of the check `id`, with what it says and what helps.
fn words_of(files: &[(&str, &str)], id: &str) -> Vec<(String, String)> {
    let (_folder, report) = project(files);
    let findings = report.findings.into_iter();
    findings
        .filter(|finding| finding.id == id)
        .map(|finding| (finding.what, finding.remedy))
        .collect()
}

#[test]
fn what_helps_against_open_versions_is_read_afterwards() {
    let app = ("app.py", "from flask import Flask\napp = Flask(__name__)\n");
    let open = ("requirements.txt", "flask\n");
    let [(what, remedy)] = words_of(&[app, open], "unpinned").try_into().unwrap();
    assert_eq!(
        what,
        "`flask` has no exact version: each build may get another"
    );
    assert_eq!(
        remedy,
        "`mv requirements.txt requirements.in && uv pip compile requirements.in -o requirements.txt`, and commit both; \
         or `uv init --bare && uv add -r requirements.txt`, which writes `uv.lock`"
    );
    // What the command writes.
    let done = [
        app,
        ("requirements.in", "flask\n"),
        ("requirements.txt", "flask==3.1.2\n"),
    ];
    assert!(words_of(&done, "unpinned").is_empty());
    let stale = [
        app,
        ("requirements.in", "flask\n"),
        ("requirements.txt", "flask\njinja2==3.1.6\n"),
    ];
    let [(what, remedy)] = words_of(&stale, "unpinned").try_into().unwrap();
    assert_eq!(
        what,
        "1 of 2 requirements, `flask`, names no exact version: each build may get another"
    );
    assert!(remedy.starts_with("`uv pip compile requirements.in -o requirements.txt`"));
}

#[test]
fn modes_of_gunicorns_own_file_are_told_where_gunicorn_reads_it() {
    let config = (
        "gunicorn.conf.py",
        "workers = 2\nreload = True\ndaemon = True\n",
    );
    let mut files = flask("from flask import Flask\napp = Flask(__name__)\n");
    files.push(config);
    assert!(
        !told(&files)
            .iter()
            .any(|it| it.contains("development-mode"))
    );
    files.push(("requirements.txt", "flask==3.1.2\ngunicorn==23.0.0\n"));
    for procfile in [
        "",
        "web: gunicorn app:app\n",
        "web: gunicorn -c gunicorn.conf.py app:app\n",
    ] {
        files.retain(|(file, _)| *file != "Procfile");
        files.push(("Procfile", procfile));
        assert!(
            has(&files, "warning development-mode gunicorn.conf.py:2"),
            "{procfile}"
        );
        assert!(
            has(&files, "error development-mode gunicorn.conf.py:3"),
            "{procfile}"
        );
    }
    files.retain(|(file, _)| *file != "Procfile");
    files.push(("Procfile", "web: gunicorn -c other.conf.py app:app\n"));
    files.push(("other.conf.py", "import os\nreload = os.environ.get('RELOAD') == '1'\nif os.environ.get('DESK'):\n    reload = True\n"));
    assert!(
        !told(&files)
            .iter()
            .any(|it| it.contains("development-mode"))
    );
}

#[test]
fn a_key_that_is_drawn_at_each_start_is_told() {
    let line = |told: &[String]| told.iter().any(|it| it.starts_with("warning fleeting-key"));
    for value in [
        "secrets.token_hex(16)",
        "os.urandom(24)",
        "base64.b64encode(os.urandom(24)).decode()",
        "str(uuid.uuid4())",
        "os.environ.get('KEY') or secrets.token_hex()",
        "os.environ.get('KEY', os.urandom(24))",
    ] {
        let app = format!(
            "import base64, os, secrets, uuid\nfrom flask import Flask\napp = Flask(__name__)\napp.secret_key = {value}\n"
        );
        assert!(line(&told(&flask(&app))), "{value}");
        let mut files = flask(&app);
        files.push((".env", "KEY=x\n"));
        assert_eq!(line(&told(&files)), !value.contains("KEY"), "{value}");
    }
    let settings = "from django.core.management.utils import get_random_secret_key\nSECRET_KEY = get_random_secret_key()\n";
    assert!(has(
        &django(settings, &[]),
        "warning fleeting-key shop/settings.py:2"
    ));
    for app in [
        "import os\nfrom flask import Flask\napp = Flask(__name__)\napp.secret_key = os.environ['KEY']\n",
        "import secrets\nfrom flask import Flask\napp = Flask(__name__)\nSECRET_KEY = open('key').read()\nTOKEN = secrets.token_hex()\n",
    ] {
        assert!(!line(&told(&flask(app))), "{app}");
    }
    let field = "import secrets\nfrom pydantic_settings import BaseSettings\nfrom flask import Flask\nclass Settings(BaseSettings):\n    SECRET_KEY: str = secrets.token_hex()\napp = Flask(__name__)\n";
    let mut files = flask(field);
    assert!(line(&told(&files)));
    files.push((".env", "SECRET_KEY=x\n"));
    assert!(!line(&told(&files)));
}

#[test]
fn a_key_that_signs_tokens_is_told_in_the_source() {
    for line in [
        "JWT_SECRET_KEY = '09d25e094faa6ca2556c'",
        "app.config['JWT_SECRET_KEY'] = 'not a good one'",
        "SECRET = 'verysecretvalue123'",
        "jwt.encode({}, 'not a good one')",
    ] {
        let app =
            format!("import os, jwt\nfrom flask import Flask\napp = Flask(__name__)\n{line}\n");
        assert!(has(&flask(&app), "error secret-key app.py:4"), "{line}");
    }
    for line in [
        "JWT_SECRET_KEY = os.environ['JWT_SECRET_KEY']",
        "JWT_SECRET_KEY = 'JWT_SECRET_KEY'",
        "SECRET = 'secret'",
        "jwt.encode({}, os.environ['KEY'])",
        "json.encode({}, 'not a good one')",
    ] {
        let app = format!(
            "import json, os, jwt\nfrom flask import Flask\napp = Flask(__name__)\n{line}\n"
        );
        assert!(
            !told(&flask(&app))
                .iter()
                .any(|it| it.contains("secret-key")),
            "{line}"
        );
    }
}

#[test]
fn a_tunnel_past_the_door_is_told() {
    let gradio = |launch: &str| {
        let app = format!(
            "import gradio as gr\ndemo = gr.Interface(print, 'text', 'text')\nif __name__ == '__main__':\n    demo.launch({launch})\n"
        );
        has(
            &[("app.py", &app), ("requirements.txt", "gradio==5.49.1\n")],
            "warning public-tunnel app.py:4",
        )
    };
    assert!(gradio("share=True"));
    assert!(!gradio("share=False") && !gradio(""));
    let app = "from flask import Flask\nfrom pyngrok import ngrok\napp = Flask(__name__)\nngrok.connect(5000)\n";
    assert!(has(&flask(app), "warning public-tunnel app.py:4"));
}

#[test]
fn uploads_without_a_folder_that_is_kept_are_told() {
    let settings = "import os\nSECRET_KEY = os.environ['KEY']\nINSTALLED_APPS = ['orders']\n";
    let models = "from django.db import models\nclass Order(models.Model):\n    paid = models.BooleanField()\n    bill = models.FileField(upload_to='bills/')\n";
    let app = [("orders/__init__.py", ""), ("orders/models.py", models)];
    let finding = "warning uploads orders/models.py:4";
    assert!(has(&django(settings, &app), finding));
    for more in [
        "MEDIA_ROOT = 'media'\n",
        "STORAGES = {'default': {'BACKEND': 'storages.backends.s3.S3Storage'}}\n",
        "INSTALLED_APPS = ['other']\n",
    ] {
        let settings = settings.replace(
            "INSTALLED_APPS = ['orders']\n",
            if more.starts_with('I') {
                ""
            } else {
                "INSTALLED_APPS = ['orders']\n"
            },
        ) + more;
        assert!(!has(&django(&settings, &app), finding), "{more}");
    }
    let own = models.replace("upload_to='bills/'", "storage=bills");
    let app = [
        ("orders/__init__.py", ""),
        ("orders/models.py", own.as_str()),
    ];
    assert!(!has(&django(settings, &app), finding));
}

#[test]
fn what_git_could_not_merge_is_told_in_lists_of_packages() {
    let torn = "six==1.17.0\n<<<<<<< HEAD\nflask==3.0.0\n=======\nflask==3.1.2\n>>>>>>> theirs\n";
    let mut files = flask("from flask import Flask\napp = Flask(__name__)\n");
    for file in ["requirements.txt", "requirements/base.txt"] {
        files.retain(|(old, _)| *old != "requirements.txt");
        files.push((file, torn));
        let wanted = format!("error conflict {file}:2");
        assert!(has(&files, &wanted), "{file}");
        files.retain(|(old, _)| *old != file);
        files.push(("requirements.txt", "flask==3.1.2\n# <<<<<<< no mark\n"));
        assert!(!told(&files).iter().any(|it| it.contains(" conflict ")));
    }
}

#[test]
fn what_stands_below_a_condition_counts_where_its_variable_is_set() {
    let settings = "import os\nSTAGE = os.getenv('STAGE', 'desk')\nSECRET_KEY = 'secret'\nDEBUG = True\n\
                    if STAGE == 'live':\n    DEBUG = False\n    SECRET_KEY = os.getenv('KEY')\n";
    let app_json = ("app.json", r#"{"env": {"STAGE": "live"}}"#);
    let of = |files: &[(&str, &str)], set: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        lay(&folder.path().join("shop"), files);
        let set = set.iter().map(|name| (*name).to_owned()).collect();
        let given = Given { set, ..given() };
        let report = check(&folder.path().join("shop"), &given).unwrap();
        let findings = report.findings.iter();
        let told = findings
            .map(|finding| finding.id)
            .filter(|id| ["debug", "secret-key", "missing-setting"].contains(id));
        told.collect::<Vec<_>>()
    };
    assert_eq!(of(&django(settings, &[]), &[]), ["debug", "secret-key"]);
    assert_eq!(of(&django(settings, &[app_json]), &[]), Vec::<&str>::new());
    assert_eq!(
        of(&django(settings, &[]), &["STAGE", "KEY"]),
        Vec::<&str>::new()
    );
    let settings = "import os\nimport dj_database_url\nSECRET_KEY = os.environ['SECRET_KEY']\nif 'DYNO' in os.environ:\n    DATABASES = {'default': dj_database_url.config()}\n";
    assert_eq!(of(&django(settings, &[]), &[]), Vec::<&str>::new());
    assert_eq!(
        of(&django(settings, &[(".env", "DYNO=1\n")]), &[]),
        ["missing-setting"]
    );
}
