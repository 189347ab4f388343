//! The budget of traffic, with the real programs.

use ship_test::http::get_url;
use ship_test::{Home, Project, wait_until};

use crate::{SOON, home, up};

const SERVER: &str = r#"
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "300000")
        self.end_headers()
        self.wfile.write(b"x" * 300000)

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

fn manifest(limits: &str) -> String {
    format!("[web]\ncommand = \"python server.py\"\nhealth = \"/alive\"\n[limits]\n{limits}\n")
}

/// Bytes that went out, and how the app is.
fn traffic(home: &Home) -> (u64, String) {
    let apps = home.ship(&["ps", "--json"]).success().json();
    let traffic = &apps[0]["traffic"];
    let state = traffic["state"].as_str().unwrap_or_default();
    (traffic["sent"].as_u64().unwrap_or(0), state.to_owned())
}

#[test]
fn traffic_survives_killed_doors_and_control_and_a_larger_budget_ends_the_pause() {
    let (home, project) = (home(), Project::named("talks"));
    project.write("server.py", SERVER);
    let paused_beyond =
        |budget: &str| manifest(&format!("traffic = \"{budget}\"\ntraffic_over = \"pause\""));
    project.write("ship.toml", &paused_beyond("1M"));
    let url = up(&home, &project);
    let ask = || get_url(&url).map_or(0, |answer| answer.status);
    let counted = |least: u64| {
        let what = format!("{least} bytes are counted");
        wait_until(&what, SOON, || traffic(&home).0 >= least);
    };
    assert_eq!([(); 2].map(|()| ask()), [200; 2]);
    counted(600_000);

    // Whoever dies, what was counted stays.
    let door = home.door();
    home.kill(door);
    wait_until("another door answers", SOON, || ask() == 200);
    home.kill(home.control());
    counted(900_000);
    assert_eq!(traffic(&home).1, "near");
    let said = |what: &str| home.ship(&["ps"]).success().stdout.contains(what);
    assert!(said("kB of 1.0 MB this month"));

    assert_eq!(ask(), 200);
    wait_until("the app is paused", SOON, || ask() == 503);
    assert_eq!(get_url(&format!("{url}/alive")).unwrap().status, 200);
    counted(1_000_000);
    assert!(said("this month, paused"));
    let log = ship_base::file::read_text(&home.folder().join("server.log"));
    let log = log.unwrap_or_default();
    for told in [
        "80 % of the month's traffic is used",
        "the app is paused until the month ends",
    ] {
        assert_eq!(log.matches(told).count(), 1, "{told}: {log}");
    }

    // A door that is started again knows it before its first visitor.
    let door = home.door();
    home.kill(door);
    let new = || {
        home.status()
            .is_some_and(|status| status["door"].as_i64() != Some(door.into()))
    };
    wait_until("another door is there", SOON, || new() && ask() != 0);
    assert_eq!(ask(), 503);

    project.write("ship.toml", &paused_beyond("500M"));
    up(&home, &project);
    assert_eq!(ask(), 200);

    project.write("ship.toml", &paused_beyond("1M"));
    let deployed = home
        .ship_in(project.folder(), &["up", "--detach"])
        .success();
    let note = "visitors see a page in its place until the month ends";
    assert!(deployed.stderr.contains(note), "{}", deployed.stderr);
    assert_eq!(ask(), 503);
}
