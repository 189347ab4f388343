//! `cargo xtask bench plan`: how long it takes to understand a large project.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use ship_base::file;

use super::figure::{Figure, median, table};
use super::uv::Uv;
use crate::Result;

/// What `cargo xtask bench plan` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The figures as JSON
    #[arg(long)]
    json: bool,
    /// Measure this binary instead of building one
    #[arg(long, value_name = "PATH")]
    ship: Option<PathBuf>,
}

/// How often each is measured, after one time that warms the disk's cache.
const TIMES: usize = 15;

/// Where `ship plan` shall be on a tree of [`FILES`] files.
const GOAL: Duration = Duration::from_millis(150);

/// Files of the large project.
const FILES: usize = APPS * FILES_OF_AN_APP;
const APPS: usize = 200;
const FILES_OF_AN_APP: usize = 100;

/// What the project needs; its lock is what the peer reads.
const REQUIREMENTS: &str = r#"[project]
name = "large"
version = "1"
requires-python = ">=3.11"
dependencies = ["django", "celery", "djangorestframework", "psycopg[binary]", "pillow", "redis", "granian"]
"#;

/// Measures `ship plan` beside `uv tree`, which reads the lock of the same project and nothing else.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let ship = match &arguments.ship {
        Some(ship) => std::path::absolute(ship)?,
        None => super::built()?,
    };
    let uv = Uv::of(&ship)?;
    let folder = tempfile::tempdir()?;
    let (project, cache) = (folder.path().join("large"), folder.path().join("cache"));
    make(&project)?;
    uv.run(&project, &cache, &["lock"])?;
    eprintln!("plan: {TIMES} times on {FILES} files");
    let plan = timed(&project, || {
        let mut plan = Command::new(&ship);
        plan.arg("plan");
        plan
    })?;
    let tree = timed(&project, || {
        let mut tree = Command::new(&uv.program);
        tree.args(["tree", "--frozen", "--offline"]);
        tree.env("UV_CACHE_DIR", &cache);
        tree
    })?;
    let figures = [Figure::new(format!("ship plan, {FILES} files, warm"), plan)
        .at_most(GOAL)
        .beside("uv tree", tree)];
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print!("{}", table(&figures));
    }
    Ok(ExitCode::SUCCESS)
}

fn timed(project: &Path, command: impl Fn() -> Command) -> Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..=TIMES {
        let mut command = command();
        command.current_dir(project).stdin(Stdio::null());
        let began = Instant::now();
        let output = command.output()?;
        times.push(began.elapsed());
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
    }
    // The first one warmed up.
    Ok(median(times.split_off(1)))
}

/// A Django project of many apps, as large ones are: half of it is Python, the rest templates,
/// styles and pictures.
fn make(project: &Path) -> Result<()> {
    file::create_folder(project)?;
    let write = |path: &str, content: &str| -> Result<()> {
        let path = project.join(path);
        file::create_folder(path.parent().unwrap_or(project))?;
        Ok(file::replace(&path, content.as_bytes())?)
    };
    write("pyproject.toml", REQUIREMENTS)?;
    write(
        "manage.py",
        "import os\n\nos.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"large.settings\")\n",
    )?;
    write("large/__init__.py", "")?;
    let apps: Vec<String> = (0..APPS).map(|app| format!("app_{app}")).collect();
    write("large/settings.py", &settings(&apps))?;
    write(
        "large/wsgi.py",
        "from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n",
    )?;
    for app in &apps {
        for number in 0..FILES_OF_AN_APP {
            let (path, content) = file_of(app, number);
            write(&path, &content)?;
        }
    }
    Ok(())
}

fn settings(apps: &[String]) -> String {
    let mut text = "SECRET_KEY = 'x'\nDEBUG = False\nALLOWED_HOSTS = ['*']\n\
                    ROOT_URLCONF = 'large.urls'\nWSGI_APPLICATION = 'large.wsgi.application'\n\
                    INSTALLED_APPS = [\n"
        .to_owned();
    for app in apps {
        let _ = writeln!(text, "    '{app}',");
    }
    text + "]\n"
}

fn file_of(app: &str, number: usize) -> (String, String) {
    match number % 10 {
        0 => (
            format!("{app}/static/{app}/style_{number}.css"),
            ".card { margin: 0 }\n".repeat(40),
        ),
        1 => (
            format!("{app}/static/{app}/picture_{number}.png"),
            "\u{1}".repeat(2000),
        ),
        2..=4 => (
            format!("{app}/templates/{app}/page_{number}.html"),
            "<p>{{ item.title }}</p>\n".repeat(60),
        ),
        _ if number == 5 => (format!("{app}/__init__.py"), String::new()),
        _ => (format!("{app}/part_{number}.py"), module(app, number)),
    }
}

/// A module of some 60 lines.
fn module(app: &str, number: usize) -> String {
    let mut text = format!(
        "\"\"\"Part {number} of {app}.\"\"\"\n\nfrom django.db import models\nfrom django.http import JsonResponse\n\n\n"
    );
    for item in 0..6 {
        let _ = write!(
            text,
            "class Item{item}(models.Model):\n    title = models.CharField(max_length=200)\n    \
             when = models.DateTimeField(auto_now_add=True)\n\n    def __str__(self):\n        \
             return f\"{{self.title}} {{self.when:%Y}}\"\n\n\ndef view_{item}(request, pk):\n    \
             item = Item{item}.objects.get(pk=pk)\n    return JsonResponse({{\"title\": item.title}})\n\n\n"
        );
    }
    text
}
