use std::collections::BTreeSet;

use ship_test::{Home, Project, eventually};

use crate::{SOON, body, home, up};

fn instances(home: &Home) -> Vec<String> {
    let apps = home.ship(&["ps", "--json"]).success().json();
    let instances = apps[0]["instances"].as_array().expect("a list");
    let ids = instances
        .iter()
        .filter_map(|instance| instance["id"].as_str());
    ids.map(str::to_owned).collect()
}

#[test]
fn more_instances_share_the_requests_and_fewer_go_quietly() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let url = up(&home, &project);
    home.ship_in(project.folder(), &["scale", "web=3"])
        .success();
    assert_eq!(
        instances(&home),
        ["own-server/web.1", "own-server/web.2", "own-server/web.3"]
    );
    let mut pids = BTreeSet::new();
    eventually("every instance answers", SOON, || {
        pids.insert(body(&url, "/pid"));
        (pids.len() == 3).then_some(())
    });
    home.ship_in(project.folder(), &["scale", "web=1"])
        .success();
    assert_eq!(instances(&home), ["own-server/web.1"]);
}

#[test]
fn a_program_with_a_port_of_its_own_choice_has_several_instances() {
    let (home, project) = (home(), Project::fixture("fixed-port"));
    let url = up(&home, &project);
    home.ship_in(project.folder(), &["scale", "web=2"])
        .success();
    let mut pids = BTreeSet::new();
    eventually("both instances answer", SOON, || {
        pids.insert(body(&url, "/"));
        (pids.len() == 2).then_some(())
    });
}
