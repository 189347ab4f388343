//! The law of `ship init`: what it writes gives the plan that it was written from.
#![expect(
    clippy::disallowed_methods,
    reason = "tests lay out and copy files as they like"
)]

use std::path::{Path, PathBuf};

use serde_json::Value;
use ship_project::init::draft;
use ship_project::plan::Plan;
use ship_project::read;

/// Everything that a plan does: without where it was read, why, and what the proof may take instead.
fn essence(plan: &Plan) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for field in ["reason", "places", "notes", "others"] {
                    fields.remove(field);
                }
                fields.values_mut().for_each(strip);
                // What these hold does not depend on their order.
                for unordered in ["routes", "data", "processes"] {
                    if let Some(Value::Array(items)) = fields.get_mut(unordered) {
                        items.sort_by_key(Value::to_string);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(plan).unwrap();
    strip(&mut value);
    value
}

fn projects() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [
        here.join("tests/projects"),
        here.join("../../fixtures/apps"),
        here.join("../../examples"),
    ];
    let entries = folders
        .iter()
        .flat_map(|folder| ship_base::file::entries(folder).unwrap());
    entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in ship_base::file::entries(from).unwrap() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_draft_reads_back_as_the_plan_it_was_written_from() {
    let mut drafted = 0;
    for project in projects() {
        let folder = tempfile::tempdir().unwrap();
        let name = project.file_name().unwrap();
        let copied = folder.path().join(name);
        copy(&project, &copied);
        let Ok(reading) = read(&copied) else { continue };
        let draft = draft(&copied).unwrap_or_else(|error| panic!("{}: {error}", project.display()));
        std::fs::write(copied.join("ship.toml"), &draft.text).unwrap();
        let again = read(&copied)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", project.display(), draft.text));
        assert_eq!(
            essence(&again.plan),
            essence(&reading.plan),
            "{}\n{}",
            project.display(),
            draft.text
        );
        // And once more, from what was written, where it says most.
        if reading.plan.processes.len() > 1 {
            let second = ship_project::init::draft(&copied).unwrap();
            let (again, wanted) = (essence(&second.plan), essence(&reading.plan));
            assert_eq!(again, wanted, "{}\n{}", project.display(), second.text);
        }
        drafted += 1;
    }
    assert!(drafted > 40, "{drafted}");
}

fn drafted(name: &str) -> String {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/projects")
        .join(name);
    draft(&project).unwrap().text
}

#[test]
fn a_draft_tells_its_reasons_and_leaves_defaults_as_comments() {
    insta::assert_snapshot!(drafted("django-uv"), @r#"
    # What Shipsmith decided about this project, and why, written down by `ship init`.
    #
    # Every key may go: what is not said here is decided anew at each build. What stands behind `#` is a default, or
    # known from another file. `ship plan` shows what holds.

    # The name the app is deployed under, and its host label in `NAME.localhost`: a lower-case letter, then
    # letters, digits and `-`, 39 at most. Read from pyproject.toml:2.
    name = "talk-show"

    # Host names that visitors use, beside `NAME.localhost`.
    # domains = ["talk-show.example"]

    # The Python it runs on: a version, or a range such as `>=3.11,<3.14`. Read from .python-version:1. It stays
    # there: other tools read it, too.
    # python = "3.12"

    [web]
    # Read from talkshow/settings.py:9.
    app = "talkshow.wsgi:application"
    # The web server that runs the object. No server locked: Granian added.
    # server = "granian"
    # How the object is called.
    # interface = "wsgi"
    # The path that is asked before an instance gets traffic.
    # health = "/"
    # How long a new instance may take until its health check answers.
    # ready_within = "60s"
    # How many copies run.
    # instances = 1
    # How long it may take to finish after SIGTERM.
    # grace = "30s"

    [release]
    # Runs once per release, with its code and settings, before any traffic; its failure ends the deploy. Django
    # with migrations (talkshow/settings.py:10).
    command = "python manage.py migrate --noinput"

    # `/static` is answered with what `collectstatic` makes, and needs no key. STATIC_ROOT in settings
    # (talkshow/settings.py:17).

    [route."/media"]
    # MEDIA_URL in settings (talkshow/settings.py:19).
    data = "media"

    [data]
    # Paths of the project that are kept in the data folder and outlive releases, beside the SQLite files and
    # uploads that detection sees.
    # `db.sqlite3`: SQLite (talkshow/settings.py:10).
    # `media`: MEDIA_ROOT in settings (talkshow/settings.py:19).
    paths = ["db.sqlite3", "media/"]

    [env]
    # Read from talkshow/wsgi.py:5.
    DJANGO_SETTINGS_MODULE = "talkshow.settings"
    # Settings that must be there before the build: by `.env` or `ship env set`.
    # required = ["API_KEY"]

    # [limits]
    # The most memory that one instance may take.
    # memory = "512M"
    # The most processor time that one instance may take, in cores.
    # cpu = "1.5"
    # The most processes and threads that one instance may have at once, jobs and the release command included.
    # tasks = 512
    # The largest request body.
    # body = "10M"
    # How much may go out to visitors of the whole app in a calendar month (UTC), in powers of 1000 as providers
    # count.
    # traffic = "2T"
    # What happens beyond `traffic` until the month ends.
    # traffic_over = "warn"

    # [https]
    # Send visitors that come without TLS to the same place with it, by status 308.
    # redirect = true
    # Tell browsers to come by TLS alone for this long (`Strict-Transport-Security`), where the app says nothing
    # itself.
    # hsts = "365d"

    # [browsers]
    # Tell browsers to be careful, where the app says nothing itself: `X-Content-Type-Options: nosniff`,
    # `Referrer-Policy: strict-origin-when-cross-origin` and, unless `frames` is true, `X-Frame-Options:
    # SAMEORIGIN`.
    # headers = true
    # Pages of other sites may show the app's in a frame.
    # frames = false
    "#);
}

#[test]
fn a_draft_keeps_workers_and_settings() {
    insta::assert_snapshot!(drafted("procfile-workers"), @r#"
    # What Shipsmith decided about this project, and why, written down by `ship init`.
    #
    # Every key may go: what is not said here is decided anew at each build. What stands behind `#` is a default, or
    # known from another file. `ship plan` shows what holds.

    # The name the app is deployed under, and its host label in `NAME.localhost`: a lower-case letter, then
    # letters, digits and `-`, 39 at most. The folder's name.
    name = "procfile-workers"

    # Host names that visitors use, beside `NAME.localhost`.
    # domains = ["procfile-workers.example"]

    # The Python it runs on: a version, or a range such as `>=3.11,<3.14`. No file says which: each machine takes
    # its own.
    # python = "3.13"

    [process.worker]
    # Read from Procfile:2.
    command = 'python worker.py --queue "a b"'
    # How many copies run.
    # instances = 1
    # How long it may take to finish after SIGTERM.
    # grace = "30s"

    [process.mailer]
    # Read from Procfile:3.
    command = "cat queue | python mail.py"
    # How many copies run.
    # instances = 1
    # How long it may take to finish after SIGTERM.
    # grace = "30s"

    [process.nd]
    # Read from Procfile:4.
    command = "python x.py"
    # How many copies run.
    # instances = 1
    # How long it may take to finish after SIGTERM.
    # grace = "30s"

    # [env]
    # Settings that must be there before the build: by `.env` or `ship env set`.
    # required = ["API_KEY"]

    # [limits]
    # The most memory that one instance may take.
    # memory = "512M"
    # The most processor time that one instance may take, in cores.
    # cpu = "1.5"
    # The most processes and threads that one instance may have at once, jobs and the release command included.
    # tasks = 512
    # The largest request body.
    # body = "10M"
    # How much may go out to visitors of the whole app in a calendar month (UTC), in powers of 1000 as providers
    # count.
    # traffic = "2T"
    # What happens beyond `traffic` until the month ends.
    # traffic_over = "warn"

    # [https]
    # Send visitors that come without TLS to the same place with it, by status 308.
    # redirect = true
    # Tell browsers to come by TLS alone for this long (`Strict-Transport-Security`), where the app says nothing
    # itself.
    # hsts = "365d"

    # [browsers]
    # Tell browsers to be careful, where the app says nothing itself: `X-Content-Type-Options: nosniff`,
    # `Referrer-Policy: strict-origin-when-cross-origin` and, unless `frames` is true, `X-Frame-Options:
    # SAMEORIGIN`.
    # headers = true
    # Pages of other sites may show the app's in a frame.
    # frames = false
    "#);
}
