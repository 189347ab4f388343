use std::net::TcpListener;

use ship_test::Project;

use crate::{home, up};

#[test]
fn a_fresh_machine_is_looked_at_and_nothing_is_changed() {
    let home = home();
    let findings = home.ship(&["doctor", "--json"]).success().json();
    let findings = findings.as_array().expect("a list");
    for area in [
        "data",
        "sockets",
        "server",
        "uv",
        "python",
        "port 8000",
        "disk",
        "leftovers",
    ] {
        assert!(
            findings.iter().any(|finding| finding["area"] == area),
            "{area}"
        );
    }
    assert!(
        findings.iter().all(|finding| finding["mark"] != "broken"),
        "{findings:?}"
    );
    assert!(!home.folder().join("ship.db").exists());
    assert!(home.processes().is_empty());
}

#[test]
fn a_taken_port_is_told_with_its_holder() {
    let home = home();
    // Another test may hold it already; then it is told just the same.
    let _taken = TcpListener::bind(("127.0.0.1", 8443));
    let text = home.ship(&["doctor"]).success().stdout;
    assert!(text.contains("! port 8443   taken by"), "{text}");
}

#[test]
fn a_certificate_of_ones_own_that_cannot_be_used_is_told_on_a_laptop_as_well() {
    let (home, project) = (home(), Project::fixture("own-server"));
    let folder = home.folder().join("door/certificates");
    ship_base::file::create_folder(&folder).expect("our own folder");
    ship_base::file::write_whole(&folder.join("blog.pem"), b"no PEM").expect("our own file");
    up(&home, &project);
    let output = home.ship(&["doctor"]).fails_with(1);
    assert!(output.stdout.contains("✗ tls"), "{}", output.stdout);
    assert!(output.stdout.contains("blog.pem"), "{}", output.stdout);
    let status = home.ship(&["server", "status"]).success().stdout;
    assert!(status.contains("blog.pem"), "{status}");
}

#[test]
fn a_folder_that_others_can_enter_is_broken() {
    use std::os::unix::fs::PermissionsExt as _;
    let (home, project) = (home(), Project::fixture("own-server"));
    up(&home, &project);
    let open = std::fs::Permissions::from_mode(0o755);
    #[expect(clippy::disallowed_methods, reason = "as a careless hand would")]
    std::fs::set_permissions(home.folder(), open).expect("our own folder");
    let output = home.ship(&["doctor"]).fails_with(1);
    assert!(output.stdout.contains("✗ data"), "{}", output.stdout);
    assert!(output.stdout.contains("chmod 700"), "{}", output.stdout);
}
