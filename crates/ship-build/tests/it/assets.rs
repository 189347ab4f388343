//! Django: its settings, its static files, its data.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use ship_build::event::Phase;
use ship_project::plan::{AssetStep, DataPath, Interface, Note, RouteTarget, Sourced};
use ship_project::web_server::WebServer;

use crate::bench::Bench;

const SETTINGS: &str = "
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = 'x'
ALLOWED_HOSTS = ['.localhost']
INSTALLED_APPS = ['django.contrib.staticfiles', 'site1']
ROOT_URLCONF = 'site1.urls'
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'db.sqlite3'}}
STATIC_URL = 'static/'
STATIC_ROOT = BASE_DIR / 'staticfiles'
MEDIA_URL = 'media/'
MEDIA_ROOT = BASE_DIR / 'media'
STORAGES = {
    'default': {'BACKEND': 'django.core.files.storage.FileSystemStorage'},
    'staticfiles': {'BACKEND': 'django.contrib.staticfiles.storage.ManifestStaticFilesStorage'},
}
";

fn bench() -> Bench {
    Bench::new(&[
        ("site1/__init__.py", ""),
        ("site1/settings.py", SETTINGS),
        ("site1/urls.py", "urlpatterns = []\n"),
        (
            "site1/wsgi.py",
            "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\nfrom django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
        ),
        ("site1/static/site.css", "body { color: black }\n"),
    ])
    .with_common_environments()
    .requirements("django>=4.2,<6\ngunicorn\n")
    .serve_with("site1.wsgi:application", Interface::Wsgi, WebServer::Gunicorn)
    .django("site1.settings")
}

#[test]
fn django_s_own_settings_make_routes_and_data() {
    let mut bench = bench();
    let built = bench.build().unwrap();
    let routes: Vec<_> = built.plan.routes.iter().map(|route| &route.value).collect();
    assert_eq!(routes.len(), 2);
    let of = |prefix: &str| {
        &routes
            .iter()
            .find(|route| route.prefix == prefix)
            .unwrap()
            .to
    };
    assert_eq!(of("/static"), &RouteTarget::Assets);
    assert_eq!(
        of("/media"),
        &RouteTarget::Data {
            folder: "media".into()
        }
    );
    let data: Vec<_> = built
        .plan
        .data
        .iter()
        .map(|data| data.value.clone())
        .collect();
    let path = |path: &str, folder| DataPath {
        path: path.into(),
        folder,
    };
    assert_eq!(data, [path("db.sqlite3", false), path("media", true)]);
    assert!(bench.notes().is_empty(), "{:?}", bench.notes());
}

#[test]
fn static_files_are_collected_and_their_manifest_is_found_at_run_time() {
    let mut bench = bench();
    let built = bench.build().unwrap();
    assert!(
        bench
            .release(1)
            .join("assets/static/staticfiles.json")
            .is_file()
    );
    let name = bench.python_in(
        1,
        &built.plan,
        "python -c 'import site1.wsgi; from django.templatetags.static import static; print(static(\"site.css\"))'",
    );
    assert!(
        name.starts_with("/static/site.") && name.len() > "/static/site..css".len(),
        "{name}"
    );
    assert_ne!(name, "/static/site.css");
}

#[test]
fn static_files_that_cannot_have_changed_are_not_collected_again() {
    let collected = |bench: &Bench| {
        let mut texts = bench.events.iter().filter_map(|event| match event {
            ship_build::event::Event::Done {
                phase: Phase::Assets,
                detail,
                ..
            } => Some(detail.clone()),
            _ => None,
        });
        texts.next().unwrap()
    };
    let mut bench = bench();
    bench.build().unwrap();
    bench.write("site1/urls.py", "urlpatterns = []\n# changed\n");
    let built = bench.build().unwrap();
    assert_eq!(collected(&bench), "static files as before");
    assert!(
        bench
            .release(2)
            .join("assets/static/staticfiles.json")
            .is_file()
    );
    let url = "python -c 'import site1.wsgi; from django.templatetags.static import static; print(static(\"site.css\"))'";
    let before = bench.python_in(2, &built.plan, url);

    bench.write("site1/static/site.css", "body { color: blue }\n");
    let built = bench.build().unwrap();
    assert_ne!(collected(&bench), "static files as before");
    assert_ne!(bench.python_in(3, &built.plan, url), before);

    // A storage of the project's own may do anything.
    bench.write("site1/storage.py", "from django.contrib.staticfiles.storage import StaticFilesStorage\nclass Mine(StaticFilesStorage): pass\n");
    bench.write(
        "site1/settings.py",
        &SETTINGS.replace(
            "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
            "site1.storage.Mine",
        ),
    );
    bench.build().unwrap();
    bench.write("site1/urls.py", "urlpatterns = []\n");
    bench.build().unwrap();
    assert_ne!(collected(&bench), "static files as before");
}

#[test]
fn collectstatic_works_without_a_static_root() {
    let mut bench = bench();
    let settings = SETTINGS
        .replace("STATIC_ROOT = ", "UNUSED = ")
        .replace("ManifestStaticFilesStorage", "StaticFilesStorage");
    bench.write("site1/settings.py", &settings);
    bench.build().unwrap();
    assert!(bench.release(1).join("assets/static/site.css").is_file());
}

#[test]
fn a_failing_collectstatic_shows_its_last_lines() {
    let mut bench = bench().python("3.12");
    bench.write(
        "site1/static/site.css",
        "body { background: url(absent.png) }\n",
    );
    let failure = bench.failure();
    assert!(
        failure.starts_with("error: `python manage.py collectstatic` ended with exit code 1\n"),
        "{failure}"
    );
    assert!(
        failure.contains("The file 'absent.png' could not be found"),
        "{failure}"
    );
    assert!(
        failure.contains("hint: a style sheet names a file that is not there"),
        "{failure}"
    );
}

#[test]
fn settings_that_fail_are_told_as_settings() {
    let mut bench = bench();
    bench.write(
        "site1/settings.py",
        "import os\nKEY = os.environ['DJANGO_KEY']\n",
    );
    assert_snapshot!(bench.failure(), @r#"
    error: cannot import `site1.wsgi:application`: KeyError: 'DJANGO_KEY'
      | site1/settings.py:2
      |     KEY = os.environ['DJANGO_KEY']
    hint: `ship env set --app shop DJANGO_KEY=…`, or a line in .env
    "#);
}

#[test]
fn hosts_that_django_would_refuse_are_allowed_and_debugging_is_noted() {
    let mut bench = bench();
    bench.write(
        "site1/settings.py",
        &SETTINGS.replace("['.localhost']", "['example.com']\nDEBUG = True"),
    );
    let built = bench.build().unwrap();
    assert_eq!(
        bench.notes(),
        [
            "`DEBUG` is on: visitors see tracebacks and settings",
            "`ALLOWED_HOSTS` lacks `shop.localhost`: allowed while the app runs here",
        ]
    );
    assert_eq!(built.plan.refused_hosts, ["shop.localhost"]);
    let script = "python -c \"
from django.http.request import validate_host
for host in ('shop.localhost', 'example.com', 'evil.example'):
    print(validate_host(host, ['example.com']))\"";
    let told = format!("SHIP_HOSTS=shop.localhost {script}");
    let asked = |bench: &Bench, script: &str| bench.python_in(1, &built.plan, script);
    assert_eq!(asked(&bench, &told), "True\nTrue\nFalse");
    assert_eq!(asked(&bench, script), "False\nTrue\nFalse");
}

#[test]
fn what_was_noted_when_the_settings_were_read_is_not_said_again() {
    let mut bench = bench();
    bench.write(
        "site1/settings.py",
        &SETTINGS.replace("['.localhost']", "['localhost']\nDEBUG = True"),
    );
    bench.plan.notes.push(Note {
        text: "`DEBUG = True`: …".to_owned(),
        hint: None,
        place: None,
    });
    let domain = Sourced::by_default("shop.example".to_owned(), "");
    bench.plan.domains.push(domain);
    bench.build().unwrap();
    assert_eq!(
        bench.notes(),
        ["`ALLOWED_HOSTS` lacks `shop.localhost`, `shop.example`: allowed while the app runs here"]
    );
}

#[test]
fn data_is_no_part_of_the_release_or_of_its_address() {
    let mut bench = bench();
    bench.write("db.sqlite3", "one");
    bench.write("media/a.png", "one");
    let first = bench.build().unwrap();
    assert!(!bench.release(1).join("source/db.sqlite3").exists());
    assert!(!bench.release(1).join("source/media").exists());
    bench.write("db.sqlite3", "two");
    bench.write("media/b.png", "two");
    assert_eq!(bench.build().unwrap().content, first.content);
}

#[test]
fn what_a_build_command_makes_is_part_of_the_release() {
    let mut bench = Bench::new(&[("page.txt", "hello")]);
    bench.plan.python = None;
    bench.plan.dependencies = None;
    let command = ship_project::command::CommandLine::parse(
        "mkdir out && cp page.txt out/ && echo $GREETING > out/g",
    )
    .unwrap();
    bench.plan.assets = vec![Sourced::by_default(AssetStep::Command { command }, "")];
    bench.set("GREETING", "good day");
    let built = bench.build().unwrap();
    assert_eq!(built.environment, None);
    let out = bench.release(1).join("source/out");
    assert_eq!(fs::read_to_string(out.join("page.txt")).unwrap(), "hello");
    assert_eq!(fs::read_to_string(out.join("g")).unwrap(), "good day\n");
    assert!(
        !bench.project().join("out").exists(),
        "the author's folder is only read"
    );
    let runtime = ship_build::Runtime::of(&bench.release(1), Path::new("/w"), &built.plan).unwrap();
    assert_eq!(runtime.python, None);
    assert_eq!(runtime.start_folder, PathBuf::from("/w"));
}
