//! No power cut halves what we write: seen from outside, by the calls that the processes make.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use ship_test::trace::{self, Trace};
use ship_test::{Home, Project, Strace, wait_until};

use crate::{SOON, body, home, own_server, up};

/// Names for which a power cut does not matter, each with its reason.
fn excused(home: &Path, path: &Path) -> bool {
    let inside = path.strip_prefix(home).unwrap_or(path);
    let words: Vec<&str> = inside.iter().filter_map(|part| part.to_str()).collect();
    // Sockets and states of processes: none of those lives after a power cut.
    let runs = matches!(words[..], ["run", ..]);
    // What programs of the app write is their own business.
    let theirs = matches!(words[..], ["apps", _, "work" | "data", ..]);
    // Laid out anew by each deploy, from pieces whose hashes are looked at again.
    let laid_out = matches!(
        words[..],
        ["apps", _, "project" | "project.new" | "sent", ..]
    );
    runs || theirs || laid_out
}

/// What a server did in all its processes, while `work` was done with it; then it stops.
fn traced(home: &Home, log: &Path, work: impl FnOnce()) -> Trace {
    let trace = format!("trace={}", trace::CALLS);
    let starter = [
        "strace",
        "-f",
        "-y",
        "-o",
        log.to_str().unwrap(),
        "-e",
        &trace,
        "--",
    ];
    let mut server = home
        .started_by(&starter, home.folder(), &["server", "run"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("strace starts");
    wait_until("the server answers", SOON, || home.status().is_some());
    work();
    home.ship(&["server", "stop"]).success();
    server.wait().expect("strace ends with the server");
    Trace::read(&ship_base::file::read_text(log).unwrap_or_default())
}

fn logs(home: &Home, name: &str) -> PathBuf {
    home.folder().with_extension(name)
}

#[test]
fn every_name_that_is_put_in_place_is_synced_before_and_its_folder_after() {
    if !Strace::is_here() {
        eprintln!("skipped: this machine has no strace");
        return;
    }
    let home = home();
    let project = own_server("blog");
    let log = logs(&home, "trace");
    let trace = traced(&home, &log, || {
        let url = up(&home, &project);
        project.write("greeting.txt", "hello from two\n");
        up(&home, &project);
        home.ship_in(project.folder(), &["rollback"]).success();
        assert_eq!(body(&url, "/"), "hello from one\n");
        let set = ["env", "set", "--app", "blog", "SECRET=x"];
        home.ship(&set).success();
        // Environments, and byte code by package, whose names are put in place as well.
        up(&home, &Project::fixture("plain-wsgi"));
    });
    let _ = ship_base::file::remove(&log);
    let excused = |path: &Path| excused(home.folder(), path);
    let objections = trace.objections(home.folder(), excused);
    assert_eq!(objections, Vec::<String>::new());

    // Two releases, and the route table at least at each switch.
    let renames = trace.renames(home.folder());
    assert!(renames >= 5, "{renames} names were put in place");
    // The check itself: it has to tell when a sync of these is missing.
    let less = trace.with_one_sync_less().into_iter();
    let told = less.filter(|(_, less)| !less.objections(home.folder(), excused).is_empty());
    let told = told.count();
    assert!(told >= 5, "the lack of {told} syncs is told");
}

#[test]
fn a_key_is_put_into_authorized_keys_whole() {
    if !Strace::is_here() {
        eprintln!("skipped: this machine has no strace");
        return;
    }
    let home = home();
    up(&home, &own_server("blog"));
    let folder = tempfile::tempdir().unwrap();
    let (log, keys) = (folder.path().join("trace"), folder.path().join("ssh/keys"));
    let trace = format!("trace={}", trace::CALLS);
    let starter = [
        "strace",
        "-f",
        "-y",
        "-o",
        log.to_str().unwrap(),
        "-e",
        &trace,
        "--",
    ];
    let words = [
        "key", "add", "ci", "--app", "blog", "--may", "deploy", "--file",
    ];
    let words = [&words[..], &[keys.to_str().unwrap()]].concat();
    let added = crate::faults::with_key(&mut home.started_by(&starter, home.folder(), &words));
    assert!(added, "the key was added");
    let trace = Trace::read(&ship_base::file::read_text(&log).unwrap());
    assert_eq!(trace.renames(folder.path()), 1);
    assert_eq!(
        trace.objections(folder.path(), |_| false),
        Vec::<String>::new()
    );
}
