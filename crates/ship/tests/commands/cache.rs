use ship_test::Project;
use ship_test::http::{Connection, get_url_with, parts};

use crate::{body, home, up};

/// A feed of 1 MB that counts who asks for it, and says nothing about caches.
const SERVER: &str = r#"
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FEED = b"<item>one more talk</item>\n" * 40000
ASKED = []

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/feed.xml":
            ASKED.append(1)
        body = FEED if self.path == "/feed.xml" else str(len(ASKED)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

fn feed() -> Project {
    let project = Project::named("feed");
    project.write("server.py", SERVER);
    let manifest = "[web]\ncommand = \"python server.py\"\n\n\
                    [route.\"/feed.xml\"]\ncache = \"1h\"\nstale = \"1d\"\n";
    project.write("ship.toml", manifest);
    project
}

#[test]
fn ten_thousand_players_cost_the_app_one_request_and_get_304s() {
    let (home, project) = (home(), feed());
    let url = up(&home, &project);
    let (host, port, _) = parts(&url).unwrap();
    let feed = format!("{url}/feed.xml");
    let first = get_url_with(&feed, &[]).unwrap();
    assert_eq!(first.body.len(), 27 * 40_000);
    let known = get_url_with(&feed, &[("Accept-Encoding", "gzip")]).unwrap();
    assert_eq!(known.header("content-encoding"), Some("gzip"));
    let tag = known.header("etag").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let mut player = Connection::open(port).unwrap();
                for _ in 0..1000 {
                    let fields = [("If-None-Match", tag), ("Accept-Encoding", "gzip")];
                    let answer = player.get_with(&host, "/feed.xml", &fields).unwrap();
                    assert_eq!((answer.status, answer.body.len()), (304, 0));
                }
            });
        }
    });
    assert_eq!(body(&url, "/asked"), "1");
}

#[test]
fn a_purge_has_the_next_visitor_ask_the_app() {
    let (home, project) = (home(), feed());
    let url = up(&home, &project);
    let asked = |times: &str| {
        body(&url, "/feed.xml");
        assert_eq!(body(&url, "/asked"), times);
    };
    asked("1");
    asked("1");
    let purge = ["cache", "purge", "/feed.xml"];
    let output = home.ship_in(project.folder(), &purge).success();
    assert_eq!(output.stderr, "forgot 1 answer for `/feed.xml`\n");
    asked("2");
    let purge = ["cache", "purge", "/*", "--json"];
    let output = home.ship_in(project.folder(), &purge).success();
    assert_eq!(output.json()["answers"], 1);
    let purge = ["cache", "purge", "/feed.xml"];
    let output = home.ship_in(project.folder(), &purge).success();
    assert_eq!(output.stderr, "nothing was kept for `/feed.xml`\n");
    let wrong = ["cache", "purge", "feed.xml"];
    let output = home.ship_in(project.folder(), &wrong).fails_with(2);
    assert!(
        output.stderr.contains("a path begins with `/`"),
        "{}",
        output.stderr
    );
}
