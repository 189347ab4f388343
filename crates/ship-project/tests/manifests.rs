//! Manifests that are read, and ones that must not be: `tests/manifests/valid/*.toml` gives the
//! plan's JSON, `invalid/*.toml` the message a person sees; both stand beside as snapshots.
#![expect(
    clippy::disallowed_methods,
    reason = "tests lay out files as they like"
)]

use std::path::{Path, PathBuf};

use ship_base::fault::FaultKind;
use ship_base::hint::Hints as _;
use ship_project::{Error, Reading, read};

fn manifests(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/manifests")
        .join(kind);
    let entries = ship_base::file::entries(&folder).unwrap();
    let paths = entries.iter().map(std::fs::DirEntry::path);
    paths
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect()
}

/// The manifest beside a small Flask application.
fn read_with(manifest: &Path) -> Result<Reading, Error> {
    let folder = tempfile::tempdir().unwrap();
    let app = "from flask import Flask\napp = Flask(__name__)\n";
    std::fs::write(folder.path().join("app.py"), app).unwrap();
    std::fs::write(folder.path().join("requirements.txt"), "flask==3.1.0\n").unwrap();
    std::fs::copy(manifest, folder.path().join("ship.toml")).unwrap();
    read(folder.path())
}

fn snapshot(manifest: &Path, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(manifest.parent().unwrap());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let name = manifest.file_stem().unwrap().to_str().unwrap();
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn what_is_valid_becomes_a_plan() {
    for manifest in manifests("valid") {
        let mut plan = read_with(&manifest).unwrap().plan;
        if plan.name.places.is_empty() {
            plan.name.value = "folder".parse().unwrap();
        }
        snapshot(&manifest, &serde_json::to_string_pretty(&plan).unwrap());
    }
}

#[test]
fn what_is_invalid_is_shown_with_its_line_and_a_remedy() {
    for manifest in manifests("invalid") {
        let error = read_with(&manifest).expect_err(&manifest.display().to_string());
        assert_eq!(error.fault(), FaultKind::Manifest);
        assert!(error.excerpt().is_some());
        let mut text = format!("error: {error}\n");
        for hint in error.hints() {
            text += "hint: ";
            text += &hint;
            text.push('\n');
        }
        snapshot(&manifest, &text);
    }
}
