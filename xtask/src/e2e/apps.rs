//! What is deployed: the example, and two small apps of other frameworks. The first page of each says
//! which version of it answers.

use std::path::Path;
use std::process::Command;

use ship_base::file;
use ship_test::Project;

use crate::{Result, workspace};

/// Flask behind the web server that it locks; what it keeps is synced before it says so.
const NOTES: &str = r#""""Keeps one note in the data folder."""

import os
from pathlib import Path

from flask import Flask

NOTE = Path(os.environ.get("SHIP_DATA_DIR", ".")) / "note"

app = Flask(__name__)


@app.get("/")
def index():
    return "MARK"


@app.get("/keep/<text>")
def keep(text):
    with NOTE.open("w") as note:
        note.write(text)
        note.flush()
        os.fsync(note.fileno())
    folder = os.open(NOTE.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return "kept"


@app.get("/kept")
def kept():
    return NOTE.read_text()
"#;

/// FastAPI with nothing pinned.
const HOURS: &str = r#""""Says which version it is."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def index() -> dict[str, str]:
    return {"says": "MARK"}
"#;

/// What [`NOTES`] and [`HOURS`] need, for the index.
pub(crate) const REQUIREMENTS: &[&str] = &[
    "flask==3.1.3",
    "gunicorn==23.0.0",
    "fastapi",
    "uvicorn",
    "roman-numerals-py",
];

/// A project that is deployed again and again.
pub(crate) struct Sample {
    /// Its app's name.
    pub(crate) name: &'static str,
    /// The name that its visitors use.
    pub(crate) host: String,
    /// What its folder holds now.
    pub(crate) version: u32,
    project: Project,
    write: fn(&Sample) -> Result<()>,
}

impl Sample {
    /// All of them, at their first version.
    pub(crate) fn all() -> Result<Vec<Self>> {
        let talkshow = Self::new("talkshow", |sample| {
            let base = "podcast/templates/podcast/base.html";
            let page = file::read_text(&workspace::root().join("examples/talkshow").join(base))?;
            let foot = format!("<p>{}</p>\n</footer>", sample.mark(sample.version));
            sample
                .project
                .write(base, &page.replace("</footer>", &foot));
            Ok(())
        });
        copy(
            &workspace::root().join("examples/talkshow"),
            talkshow.folder(),
        )?;
        let notes = Self::new("notes", |sample| {
            let mark = sample.mark(sample.version);
            sample
                .project
                .write("main.py", &NOTES.replace("MARK", &mark));
            Ok(())
        });
        notes.write("requirements.txt", "flask==3.1.3\ngunicorn==23.0.0\n");
        let hours = Self::new("hours", |sample| {
            let mark = sample.mark(sample.version);
            sample
                .project
                .write("main.py", &HOURS.replace("MARK", &mark));
            Ok(())
        });
        hours.write("requirements.txt", "fastapi\nuvicorn\n");
        let mut samples = vec![talkshow, notes, hours];
        for sample in &mut samples {
            sample.change()?;
        }
        Ok(samples)
    }

    fn new(name: &'static str, write: fn(&Sample) -> Result<()>) -> Self {
        Self {
            name,
            host: format!("{name}.test"),
            version: 0,
            project: Project::named(name),
            write,
        }
    }

    /// The next version.
    pub(crate) fn change(&mut self) -> Result<()> {
        self.version += 1;
        self.rewrite()
    }

    /// The version that it has, once more: in place of something else that stood there.
    pub(crate) fn rewrite(&self) -> Result<()> {
        (self.write)(self)
    }

    /// What the first page of a version says.
    pub(crate) fn mark(&self, version: u32) -> String {
        format!("{} version {version}.", self.name)
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, path: &str, content: &str) {
        self.project.write(path, content);
    }

    /// Where the project is.
    pub(crate) fn folder(&self) -> &Path {
        self.project.folder()
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let from = from.join(".");
    let status = Command::new("cp")
        .arg("--archive")
        .arg(&from)
        .arg(to)
        .status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("cannot copy {}: `cp` ended with {status}", from.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page that each of them shows its version on, as it lies in the project.
    #[test]
    fn a_version_stands_on_the_page_of_each() {
        for mut sample in Sample::all().unwrap() {
            sample.change().unwrap();
            let page = match sample.name {
                "talkshow" => "podcast/templates/podcast/base.html",
                _ => "main.py",
            };
            let text = file::read_text(&sample.folder().join(page)).unwrap();
            assert!(text.contains(&sample.mark(2)), "{}: {text}", sample.name);
            assert!(!text.contains(&sample.mark(1)), "{}: {text}", sample.name);
        }
    }
}
