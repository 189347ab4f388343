//! The package index of the server's builds: wheels in a folder, served on this machine's loopback
//! as the simple repository API has it (PEP 503).
//!
//! A server that was rented a minute ago reaches PyPI; one that is emulated here may reach nothing
//! but this machine. What the apps need is downloaded once and kept below the target folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use ship_base::file;
use ship_base::hash::ContentHash;

use crate::{Result, workspace};

/// Kinds of wheels that a Linux server on x86-64 takes.
const PLATFORMS: [&str; 2] = ["manylinux2014_x86_64", "manylinux_2_28_x86_64"];

/// The web server that is added where a project locks none.
const ADDED: &str = "granian>=2.5,<3";

/// An index that is served until this program ends.
pub(crate) struct Index {
    port: u16,
}

/// Files by name, and their names by project.
struct Wheels {
    folder: PathBuf,
    hashes: BTreeMap<String, ContentHash>,
}

impl Index {
    /// Downloads what is missing for this Python (`3.11`), and serves it.
    pub(crate) fn serve(python: &str, requirements: &[&str]) -> Result<Self> {
        let folder = download(python, requirements)?;
        let wheels = Arc::new(Wheels::read(folder)?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let wheels = wheels.clone();
                // One that goes away early asked for nothing more.
                std::thread::spawn(move || wheels.answer(stream));
            }
        });
        Ok(Self { port })
    }

    /// Its address, for who reaches this machine as `host`.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/simple", self.port)
    }
}

impl Wheels {
    fn read(folder: PathBuf) -> Result<Self> {
        let mut hashes = BTreeMap::new();
        for entry in file::entries(&folder)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if Path::new(&name).extension().is_some_and(|end| end == "whl") {
                hashes.insert(name, ContentHash::of(&file::read(&entry.path())?));
            }
        }
        Ok(Self { folder, hashes })
    }

    fn answer(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(&stream).lines();
        let first = lines.next().transpose()?.unwrap_or_default();
        // The rest of the head says nothing that matters here.
        for line in lines {
            if line?.is_empty() {
                break;
            }
        }
        let mut words = first.split(' ');
        let (method, path) = (words.next(), words.next().unwrap_or_default());
        let (status, kind, body) = self.page(path);
        let length = body.len();
        let mut stream = &stream;
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        )?;
        if method == Some("HEAD") {
            return Ok(());
        }
        stream.write_all(&body)
    }

    /// Status, content type and body.
    fn page(&self, path: &str) -> (&'static str, &'static str, Vec<u8>) {
        let missing = ("404 Not Found", "text/plain", b"not here\n".to_vec());
        let found = |kind, body| ("200 OK", kind, body);
        if let Some(name) = path.strip_prefix("/files/") {
            // Only what was listed is read: no path leads out.
            if !self.hashes.contains_key(name) {
                return missing;
            }
            let read = file::read(&self.folder.join(name));
            return read.map_or(missing, |body| found("application/zip", body));
        }
        let project = path
            .strip_prefix("/simple/")
            .map(|p| p.trim_end_matches('/'));
        match project.map(|project| self.links(project)) {
            Some(links) if !links.is_empty() => found("text/html", links.into_bytes()),
            _ => missing,
        }
    }

    fn links(&self, project: &str) -> String {
        let of_project =
            |file: &&String| normalised(file.split('-').next().unwrap_or_default()) == project;
        let files = self.hashes.keys().filter(of_project);
        files.fold(String::new(), |mut page, file| {
            let hash = &self.hashes[file];
            // Writing to a string cannot fail.
            let _ = writeln!(page, "<a href=\"/files/{file}#sha256={hash}\">{file}</a>");
            page
        })
    }
}

/// A project's name as it stands in the address of its page (PEP 503).
fn normalised(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

/// The folder with all of them, made where it does not hold what is wanted.
fn download(python: &str, requirements: &[&str]) -> Result<PathBuf> {
    let folder = workspace::target().join("e2e/wheels");
    let example = workspace::root().join("examples/talkshow/requirements.txt");
    let uv = format!("uv=={}", pinned_uv()?);
    let mut named = vec![uv.as_str(), ADDED];
    named.extend(requirements);

    let wanted = format!(
        "{python}\n{}\n{}",
        named.join("\n"),
        file::read_text(&example)?
    );
    let stamp = folder.join("holds");
    if file::read_text_if_there(&stamp)?.as_deref() == Some(&wanted) {
        return Ok(folder);
    }
    file::remove_folder(&folder)?;
    file::create_folder(&folder)?;
    // By themselves: where one requirement has hashes, pip wants them of all.
    pip(
        &folder,
        python,
        &["--requirement", &example.display().to_string()],
    )?;
    pip(&folder, python, &named)?;
    file::write_whole(&stamp, wanted.as_bytes())?;
    Ok(folder)
}

fn pip(folder: &Path, python: &str, what: &[&str]) -> Result<()> {
    let mut command = Command::new("python3");
    command
        .args(["-m", "pip", "download", "--quiet", "--only-binary", ":all:"])
        .args(["--python-version", python, "--dest"])
        .arg(folder);
    for platform in PLATFORMS {
        command.args(["--platform", platform]);
    }
    let status = command.args(what).status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`pip download {}` ended with {status}", what.join(" ")).into())
}

/// The version of uv that a server fetches: it stands where the wheels are pinned.
fn pinned_uv() -> Result<String> {
    let path = workspace::root().join("crates/ship-build/src/uv/wheel.rs");
    let text = file::read_text(&path)?;
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("pub(super) const VERSION: &str = \""))
        .and_then(|rest| rest.split('"').next());
    let version = version.ok_or_else(|| format!("no version of uv in {}", path.display()))?;
    Ok(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wheels() -> (tempfile::TempDir, Wheels) {
        let folder = tempfile::tempdir().unwrap();
        let name = "typing_extensions-4.16.0-py3-none-any.whl";
        file::write_whole(&folder.path().join(name), b"a wheel").unwrap();
        file::write_whole(&folder.path().join("holds"), b"3.11").unwrap();
        let wheels = Wheels::read(folder.path().to_owned()).unwrap();
        (folder, wheels)
    }

    #[test]
    fn a_project_lists_its_wheels_with_their_hashes() {
        let (_folder, wheels) = wheels();
        let (status, _, page) = wheels.page("/simple/typing-extensions/");
        assert_eq!(status, "200 OK");
        let hash = ContentHash::of(b"a wheel");
        assert_eq!(
            String::from_utf8(page).unwrap(),
            format!(
                "<a href=\"/files/typing_extensions-4.16.0-py3-none-any.whl#sha256={hash}\">\
                 typing_extensions-4.16.0-py3-none-any.whl</a>\n"
            )
        );
        let (status, _, body) = wheels.page("/files/typing_extensions-4.16.0-py3-none-any.whl");
        assert_eq!((status, body.as_slice()), ("200 OK", &b"a wheel"[..]));
    }

    #[test]
    fn what_is_no_listed_wheel_is_not_here() {
        let (_folder, wheels) = wheels();
        for path in ["/simple/flask/", "/files/holds", "/files/../holds", "/", ""] {
            assert_eq!(wheels.page(path).0, "404 Not Found", "{path}");
        }
    }

    #[test]
    fn the_pinned_uv_is_found() {
        assert!(pinned_uv().unwrap().starts_with("0."));
    }
}
