//! JavaScript front ends, with npm itself. Their packages are folders of the project; only another
//! package manager is fetched.

use std::fs;
use std::os::unix::fs::symlink;

use ship_base::hint::Hints as _;
use ship_build::Error;
use ship_build::event::{Event, Phase};
use ship_project::plan::{AssetStep, FrontEnd, PackageManager, Sourced};

use crate::bench::Bench;

const PACKAGE: &str = r#"{
  "name": "ui", "version": "1.0.0", "private": true,
  "scripts": { "build": "node build.cjs" },
  "devDependencies": { "loud": "file:./loud" }
}"#;

const LOCK: &str = r#"{
  "name": "ui", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
  "packages": {
    "": { "name": "ui", "version": "1.0.0", "devDependencies": { "loud": "file:./loud" } },
    "loud": { "version": "1.0.0", "dev": true },
    "node_modules/loud": { "resolved": "loud", "link": true }
  }
}"#;

const BUILD: &str = "
const fs = require('fs');
fs.rmSync('../static/old.js', { force: true });
fs.mkdirSync('dist', { recursive: true });
fs.writeFileSync('dist/index.html', require('loud')(process.env.GREETING || 'hello'));
fs.writeFileSync('../static/app.js', 'built');
";

fn bench() -> Option<Bench> {
    let npm = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|place| place.join("npm").is_file()));
    if !npm {
        eprintln!("skipped: there is no `npm` on this machine");
        return None;
    }
    let mut bench = Bench::new(&[
        ("app.py", "x = 1\n"),
        ("static/old.js", "old"),
        ("ui/package.json", PACKAGE),
        ("ui/package-lock.json", LOCK),
        (
            "ui/loud/package.json",
            r#"{ "name": "loud", "version": "1.0.0", "main": "loud.js" }"#,
        ),
        (
            "ui/loud/loud.js",
            "module.exports = (text) => text.toUpperCase();\n",
        ),
        ("ui/build.cjs", BUILD),
    ]);
    bench.plan.python = None;
    bench.plan.dependencies = None;
    let front_end = FrontEnd {
        folder: "ui".into(),
        manager: PackageManager::Npm,
        lock: Some("ui/package-lock.json".into()),
        script: "build".to_owned(),
        output: Some("ui/dist".into()),
    };
    bench.plan.assets = vec![Sourced::by_default(AssetStep::FrontEnd(front_end), "")];
    Some(bench)
}

fn told(bench: &Bench) -> String {
    let done = bench.events.iter().rev().find_map(|event| match event {
        Event::Done {
            phase: Phase::FrontEnd,
            detail,
            ..
        } => Some(detail.clone()),
        _ => None,
    });
    done.unwrap_or_default()
}

fn read(bench: &Bench, release: u32, path: &str) -> Option<String> {
    fs::read_to_string(bench.release(release).join("source").join(path)).ok()
}

#[test]
fn what_a_front_end_makes_is_in_the_release_and_its_packages_are_not() {
    let Some(mut bench) = bench() else { return };
    bench.build().unwrap();
    assert_eq!(read(&bench, 1, "ui/dist/index.html").unwrap(), "HELLO");
    assert_eq!(read(&bench, 1, "static/app.js").unwrap(), "built");
    assert_eq!(read(&bench, 1, "static/old.js"), None);
    assert!(!bench.release(1).join("source/ui/node_modules").exists());
    assert!(!bench.project().join("ui/node_modules").exists());
}

#[test]
fn a_front_end_that_cannot_have_changed_is_not_built_again() {
    let Some(mut bench) = bench() else { return };
    let first = bench.build().unwrap().content;
    bench.write("app.py", "x = 2\n");
    bench.build().unwrap();
    assert_eq!(told(&bench), "as before");
    assert_eq!(read(&bench, 2, "ui/dist/index.html").unwrap(), "HELLO");
    assert_eq!(read(&bench, 2, "static/old.js"), None);

    // The same in all: taken over without a look at the front end.
    bench.build().unwrap();
    assert_eq!(read(&bench, 3, "static/app.js").unwrap(), "built");

    bench.set("GREETING", "moin");
    let last = bench.build().unwrap().content;
    assert_eq!(told(&bench), "2 files");
    assert_eq!(read(&bench, 4, "ui/dist/index.html").unwrap(), "MOIN");
    assert_ne!(first, last);
}

#[test]
fn a_package_manager_that_is_not_here_is_fetched_by_npm() {
    let Some(mut bench) = bench() else { return };
    let bin = bench.project().join("../bin");
    fs::create_dir(&bin).unwrap();
    for name in ["sh", "env", "node", "npm"] {
        let path = std::env::var_os("PATH").unwrap();
        let mut places = std::env::split_paths(&path).map(|place| place.join(name));
        let program = places.find(|place| place.is_file()).unwrap();
        symlink(program, bin.join(name)).unwrap();
    }
    let path = bin.display().to_string();
    bench.tools.insert("PATH".to_owned(), path.into());
    fs::remove_file(bench.project().join("ui/package-lock.json")).unwrap();
    bench.write(
        "ui/yarn.lock",
        "# yarn lockfile v1\n\n\n\"loud@file:./loud\":\n  version \"1.0.0\"\n",
    );
    for step in &mut bench.plan.assets {
        if let AssetStep::FrontEnd(front_end) = &mut step.value {
            front_end.manager = PackageManager::Yarn;
            front_end.lock = Some("ui/yarn.lock".into());
        }
    }
    bench.build().unwrap();
    assert_eq!(read(&bench, 1, "ui/dist/index.html").unwrap(), "HELLO");
    let note = bench.events.iter().find_map(|event| match event {
        Event::Note(note) => Some(note.text.as_str()),
        _ => None,
    });
    let said = "there is no `yarn` on this machine: npm fetches `yarn@1`";
    assert_eq!(note, Some(said));
}

#[test]
fn a_front_end_that_nobody_here_can_build_is_told_with_the_remedy() {
    let Some(mut bench) = bench() else { return };
    let empty = bench.project().join("../bin");
    fs::create_dir(&empty).unwrap();
    symlink("/bin/sh", empty.join("sh")).unwrap();
    let path = empty.display().to_string();
    bench.tools.insert("PATH".to_owned(), path.into());
    let error = bench.build().unwrap_err();
    assert!(matches!(error, Error::NoFrontEndTool { .. }), "{error}");
    insta::assert_snapshot!(format!("{error}\n{}", error.hints().join("\n")), @r#"
    the front end in `ui` is built by `npm`, which is not on this machine
    Node brings it: `apt install nodejs npm`, `brew install node`, or https://nodejs.org
    or build it where you have `npm`, and let releases take what it makes: `echo '!ui/dist/' >> .shipignore`
    or leave it out: `[build]` with `command = "true"` in ship.toml
    "#);
    // What the project brings itself is better than nothing.
    bench.write("ui/dist/index.html", "from yesterday");
    bench.build().unwrap();
    assert_eq!(
        read(&bench, 2, "ui/dist/index.html").unwrap(),
        "from yesterday"
    );
}
