//! An app whose code today's packages do not fit, seen only when it is started: its own server is a
//! command, which no build imports (docs/guides/packages.md).
#![expect(
    clippy::disallowed_methods,
    reason = "the test makes the files of a project old"
)]

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use ship_test::Project;

use crate::home;

/// The name went with itsdangerous 2.1, of February 2022.
const SERVER: &str = "import http.server, os
import itsdangerous

class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(itsdangerous.__version__.encode())

itsdangerous.JSONWebSignatureSerializer('key')
http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Hello).serve_forever()
";

/// The first of June 2021, in seconds since 1970.
const THEN: u64 = 1_622_548_800;

#[test]
fn a_program_that_does_not_start_with_today_s_packages_gets_those_of_its_day() {
    let home = home();
    let project = Project::named("blog")
        .file("server.py", SERVER)
        .file("Procfile", "web: python server.py\n")
        .file("requirements.txt", "itsdangerous\n");
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(THEN);
    for entry in fs::read_dir(project.folder()).expect("the project") {
        let path = entry.expect("a file").path();
        let file = File::options().append(true).open(path).expect("a file");
        file.set_modified(then).expect("its time is set");
    }
    let output = home.ship_in(project.folder(), &["up", "--detach"]);
    let output = output.success();
    let note = "those of 2021-06-01 are tried, from when it was written";
    assert!(output.stderr.contains(note), "{}", output.stderr);
    let answer = ship_test::http::get_url(&output.url()).expect("it answers");
    assert_eq!(answer.text(), "2.0.1");

    // What does not start is no release.
    let releases = home.ship_in(project.folder(), &["releases", "--json"]);
    let releases = releases.success().json();
    assert_eq!(releases.as_array().map(Vec::len), Some(1), "{releases}");
}
