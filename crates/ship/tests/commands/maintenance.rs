use ship_test::Project;
use ship_test::http::get_url;

use crate::{home, up};

const SERVER: &str = r#"
import os
from http.server import HTTPServer, SimpleHTTPRequestHandler

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), SimpleHTTPRequestHandler).serve_forever()
"#;

#[test]
fn maintenance_stays_through_deploys_and_a_killed_control_process() {
    let (home, project) = (home(), Project::named("talks"));
    project.write("server.py", SERVER);
    project.write("ship.toml", "[web]\ncommand = \"python server.py\"\n");
    let url = up(&home, &project);
    let status = || get_url(&url).unwrap().status;
    let ship = |arguments: &[&str]| home.ship_in(project.folder(), arguments);
    assert_eq!(status(), 200);

    ship(&["maintenance", "on", "--message", "Back at six."]).success();
    let page = get_url(&url).unwrap();
    assert_eq!(page.status, 503);
    assert!(page.text().contains("Back at six."));
    assert!(
        ship(&["ps"])
            .success()
            .stdout
            .contains("in maintenance since")
    );

    project.write("new.txt", "new");
    up(&home, &project);
    assert_eq!(status(), 503);

    home.kill(home.control());
    ship(&["maintenance", "on", "--allow", "127.0.0.1"]).success();
    assert_eq!(status(), 200);
    home.kill(home.control());
    ship(&["maintenance", "on"]).success();
    assert_eq!(status(), 503);

    ship(&["maintenance", "off"]).success();
    assert_eq!(status(), 200);
}

#[test]
fn what_is_no_network_lets_nobody_in_and_changes_nothing() {
    let (home, project) = (home(), Project::named("talks"));
    project.write("server.py", SERVER);
    project.write("ship.toml", "[web]\ncommand = \"python server.py\"\n");
    let url = up(&home, &project);
    let refused = home.ship_in(
        project.folder(),
        &["maintenance", "on", "--allow", "192.0.2.7/24"],
    );
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("whose other bits are zero"),
        "{}",
        refused.stderr
    );
    assert_eq!(get_url(&url).unwrap().status, 200);
}
