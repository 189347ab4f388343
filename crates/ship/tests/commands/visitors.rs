//! What `ship.toml` asks of visitors and tells their browsers, through the real door.

use ship_test::Project;
use ship_test::http::{Connection, parts};

use crate::{home, up};

const SERVER: &str = r#"
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

const MANIFEST: &str = r#"
domains = ["talks.example", "www.talks.example"]
canonical = "talks.example"

[web]
command = "python server.py"

[route."/office"]
allow = ["192.0.2.0/24"]

[route."/login"]
rate = "2/h"

[route."/notes"]
static = "notes"
"#;

fn talks() -> Project {
    let project = Project::named("talks");
    project.write("server.py", SERVER);
    project.write("notes/index.html", "<p>notes");
    project.write("ship.toml", MANIFEST);
    project
}

#[test]
fn visitors_meet_the_rules_of_the_manifest_and_the_next_deploy_changes_them() {
    let (home, project) = (home(), talks());
    let url = up(&home, &project);
    let (host, port, _) = parts(&url).unwrap();
    let ask = |host: &str, path: &str| {
        let mut visitor = Connection::open(port).unwrap();
        visitor.get_with(host, path, &[]).unwrap()
    };
    assert_eq!(ask(&host, "/office/rooms").status, 403);
    assert_eq!(
        [(); 3].map(|()| ask(&host, "/login").status),
        [200, 200, 429]
    );
    for path in ["/", "/notes/"] {
        let answer = ask(&host, path);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("SAMEORIGIN"));
    }
    let sent = ask("www.talks.example", "/a?b=c");
    assert_eq!(sent.status, 308);
    let there = format!("http://talks.example:{port}/a?b=c");
    let sent = sent.header("location").unwrap();
    assert!(
        sent == there || sent == "http://talks.example/a?b=c",
        "{sent}"
    );
    assert_eq!(ask("talks.example", "/").status, 200);

    // Everything is closed, the files as well; browsers are told nothing.
    let manifest = MANIFEST
        .replace("\"/office\"", "\"/\"")
        .replace("[web]", "[browsers]\nheaders = false\n\n[web]");
    project.write("ship.toml", &manifest);
    up(&home, &project);
    for path in ["/", "/notes/", "/login"] {
        let answer = ask(&host, path);
        assert_eq!(answer.status, 403, "{path}");
        assert_eq!(answer.header("x-frame-options"), None);
    }
}

#[test]
fn one_app_may_have_every_name_that_no_other_app_has() {
    let (home, project) = (home(), talks());
    let url = up(&home, &project);
    let (_, port, _) = parts(&url).unwrap();
    let ask = |host: &str| {
        let mut visitor = Connection::open(port).unwrap();
        visitor.get_with(host, "/", &[]).unwrap().status
    };
    assert_eq!(ask("192.0.2.7"), 404);
    let manifest = MANIFEST.replace("domains = [", "domains = [\"*\", ");
    project.write(
        "ship.toml",
        &manifest.replace("canonical = \"talks.example\"\n", ""),
    );
    up(&home, &project);
    for host in ["192.0.2.7", "anything.example", "talks.localhost"] {
        assert_eq!(ask(host), 200, "{host}");
    }
    let other = Project::named("other");
    other.write("server.py", SERVER);
    other.write(
        "ship.toml",
        "domains = [\"*\"]\n\n[web]\ncommand = \"python server.py\"\n",
    );
    let refused = home
        .ship_in(other.folder(), &["up", "--detach"])
        .fails_with(1);
    assert!(
        refused
            .stderr
            .contains("`*` is already a domain of `talks`"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_route_asks_who_it_is_once_the_setting_has_users() {
    let (home, project) = (home(), talks());
    let manifest = format!("{MANIFEST}\n[route.\"/staff\"]\nbasic_auth = \"STAFF\"\n");
    project.write("ship.toml", &manifest);
    let ship = |arguments: &[&str]| home.ship_in(project.folder(), arguments);
    // Without users it is not brought up, and the word tells how to name them.
    let said = ship(&["up", "--detach"]).stderr;
    assert!(
        said.contains("ship env set") && said.contains("STAFF="),
        "{said}"
    );
    ship(&["env", "set", "STAFF=anna"]).success();
    let said = ship(&["up", "--detach"]).stderr;
    assert!(said.contains("the route `/staff`"), "{said}");
    assert!(said.contains("STAFF='anna:correct-horse"), "{said}");

    ship(&["env", "set", "STAFF=anna:correct-horse"]).success();
    let url = up(&home, &project);
    let (host, port, _) = parts(&url).unwrap();
    let ask = |path: &str, credentials: &str| {
        let mut visitor = Connection::open(port).unwrap();
        let headers = [("Authorization", credentials)];
        visitor.get_with(&host, path, &headers).unwrap().status
    };
    let anna = "Basic YW5uYTpjb3JyZWN0LWhvcnNl";
    assert_eq!(ask("/staff/rooms", "Basic YW5uYTphbm5h"), 401);
    assert_eq!(ask("/staff/rooms", anna), 200);
    assert_eq!(ask("/", ""), 200);

    // Another password holds from the next restart on.
    ship(&["env", "set", "STAFF=anna:battery-staple"]).success();
    ship(&["restart"]).success();
    assert_eq!(ask("/staff/rooms", anna), 401);
    assert_eq!(
        ask("/staff/rooms", "Basic YW5uYTpiYXR0ZXJ5LXN0YXBsZQ=="),
        200
    );
}

#[test]
fn where_the_app_does_not_answer_visitors_see_its_authors_pages() {
    let (home, project) = (home(), talks());
    let pages = "[pages]\nnot_found = \"pages/404.html\"\nmaintenance = \"pages/closed.html\"\n";
    project.write("ship.toml", &format!("{MANIFEST}\n{pages}"));
    let up_again = || home.ship_in(project.folder(), &["up", "--detach"]);
    let said = up_again().fails_with(3).stderr;
    assert!(said.contains("there is no `pages/404.html`"), "{said}");

    project.write("pages/404.html", "<p>lost?");
    project.write("pages/closed.html", "<p>back at six");
    let url = up(&home, &project);
    let (host, port, _) = parts(&url).unwrap();
    let ask = |path: &str, accept: &str| {
        let mut visitor = Connection::open(port).unwrap();
        visitor
            .get_with(&host, path, &[("Accept", accept)])
            .unwrap()
    };
    // The folder falls through to the app, which answers everything: its answers stay its own.
    assert_eq!(ask("/notes/none", "text/html").text(), "ok");
    let ship = |arguments: &[&str]| home.ship_in(project.folder(), arguments).success();
    ship(&["maintenance", "on"]);
    let page = ask("/", "text/html");
    assert_eq!(
        (page.status, page.text()),
        (503, "<p>back at six".to_owned())
    );
    assert_eq!(page.header("retry-after"), Some("300"));
    assert!(
        ask("/", "application/json")
            .text()
            .contains("\"status\":503")
    );
    ship(&["maintenance", "off"]);
    assert_eq!(ask("/", "text/html").status, 200);
}
