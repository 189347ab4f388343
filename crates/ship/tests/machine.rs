//! The server of a machine, without a machine: `/etc`, `/run` and `/var/lib` of a mount namespace.
//! Root alone can make one; where the test is somebody else's it says so and ends.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test reads its own files, and says where it proved nothing"
)]

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

use ship_test::{Authority, Project};

/// In the namespace, before anything of ours: folders that are like those of a new machine.
const FRESH: &str = r#"
set -e
mkdir "$ROOM/etc" "$ROOM/lib" "$ROOM/run"
cp -a /etc/. "$ROOM/etc"
mount --bind "$ROOM/etc" /etc
mount --bind "$ROOM/lib" /var/lib
mount --bind "$ROOM/run" /run
mkdir -p /etc/ship
cp "$ROOM/server.toml" /etc/ship/server.toml
"$SHIP" server run 2>"$ROOM/server.log" &
tries=0
until [ -S /run/ship/api.sock ]; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { cat "$ROOM/server.log" >&2; exit 99; }
    sleep 0.05
done
"#;

/// Afterwards, however it went.
const END: &str = r#"
trap '"$SHIP" server stop >/dev/null 2>&1; wait' EXIT
"#;

/// What `script` printed in a machine with this `server.toml`; `None` where there can be none.
///
fn on_a_machine(config: &str, project: &Project, script: &str) -> Option<String> {
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: only root can make a machine of its own");
        return None;
    }
    let room = tempfile::tempdir().unwrap();
    std::fs::write(room.path().join("server.toml"), config).unwrap();
    let output = Command::new("unshare")
        // Processes of its own as well: users have the same numbers on each of these machines.
        .args([
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--mount-proc",
        ])
        .args(["--", "sh", "-c"])
        .arg(format!("{FRESH}{END}{script}"))
        .env("ROOM", room.path())
        .env("SHIP", env!("CARGO_BIN_EXE_ship"))
        .env_remove("SHIP_HOME")
        .current_dir(project.folder())
        .output();
    let output = match output {
        Ok(output) if could(output.status) => output,
        _ => {
            eprintln!("skipped: this machine makes no mount namespaces");
            return None;
        }
    };
    let story = String::from_utf8_lossy(&output.stderr);
    let log = std::fs::read_to_string(room.path().join("server.log")).unwrap_or_default();
    assert!(output.status.success(), "{story}\nserver:\n{log}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `unshare` and `mount` end with 1 and 32 where they may not.
fn could(status: ExitStatus) -> bool {
    status.signal().is_none() && !matches!(status.code(), Some(32 | 127))
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

#[test]
fn a_domain_has_its_certificate_when_its_deploy_is_over() {
    let [http, https] = [(); 2].map(|()| free_port());
    let Some(authority) = Authority::start(http, https, "127.0.0.1") else {
        return;
    };
    let project = Project::fixture("own-server");
    project.write(
        "ship.toml",
        "name = \"blog\"\ndomains = [\"blog.example\", \"www.blog.example\"]\n",
    );
    let config = format!(
        "http = {http}\nhttps = {https}\n[acme]\ndirectory = \"{}\"\nroot = \"{}\"\ncheck-dns = false\n",
        authority.directory(),
        authority.root().display(),
    );
    let script = format!(
        r#"
        "$SHIP" up --detach
        "$SHIP" server status --json
        ls /var/lib/ship/door/acme
        python3 -c "import urllib.request as web
asked = web.Request('http://127.0.0.1:{http}/setting?name=SHIP_URL', headers={{'Host': 'blog.localhost'}})
print('the app was told', web.urlopen(asked).read().decode())"
    "#
    );
    let Some(printed) = on_a_machine(&config, &project, &script) else {
        return;
    };
    let mut lines = printed.lines();
    let url = format!("https://blog.example:{https}");
    assert_eq!(lines.next(), Some(url.as_str()), "{printed}");
    for name in ["blog.example.pem", "www.blog.example.pem"] {
        assert!(printed.contains(name), "{printed}");
    }
    assert_eq!(printed.matches("\"serves\": true").count(), 2, "{printed}");
    let told = format!("the app was told {url}");
    assert!(printed.contains(&told), "{printed}");
}

#[test]
fn a_domain_without_a_certificate_is_served_all_the_same_and_the_deploy_says_why() {
    let [http, https] = [(); 2].map(|()| free_port());
    let project = Project::fixture("own-server");
    project.write(
        "ship.toml",
        "name = \"shop\"\ndomains = [\"shop.example\"]\n",
    );
    // Nobody answers there.
    let config = format!(
        "http = {http}\nhttps = {https}\n[acme]\ndirectory = \"https://localhost:9/dir\"\ncheck-dns = false\n"
    );
    let script = r#"
        "$SHIP" up --detach 2>&1
        "$SHIP" server status
    "#;
    let Some(printed) = on_a_machine(&config, &project, script) else {
        return;
    };
    assert!(
        printed.contains("`shop.example` has no certificate"),
        "{printed}"
    );
    assert!(
        printed.contains("plain HTTP answers meanwhile"),
        "{printed}"
    );
    let url = format!("http://shop.example:{http}");
    assert!(printed.contains(&url), "{printed}");
    assert!(printed.contains("tls     shop.example"), "{printed}");
}

/// What a build runs is whatever its project and packages bring: it must be able to do no more than
/// the app itself.
#[test]
fn nothing_that_a_build_runs_has_rights_and_what_it_leaves_is_cleared_away() {
    let [http, https] = [(); 2].map(|()| free_port());
    let project = Project::fixture("intruder");
    let config = format!("http = {http}\nhttps = {https}\n");
    let script = r#"
        mkdir -m 1777 /var/lib/told
        mkdir -p /etc/cron.d
        cp -r . ../neighbour
        (cd ../neighbour && "$SHIP" up --detach --name neighbour 2>&1)
        echo private >/var/lib/ship/apps/neighbour/data/secret
        "$SHIP" up --detach 2>&1
        cat /var/lib/told/*
        echo "leaked: $(ls /var/lib/ship/apps/*/releases/1/source/ | grep -c -e leak.txt -e pipe)"
        stat -c 'setuid: %u %a' /var/lib/ship/apps/intruder/releases/1/source/setuid
        echo "foreign: $(find /var/lib/ship/store /var/lib/ship/apps/*/releases ! -user root | wc -l)"
        echo "writable: $(find /var/lib/ship/store /var/lib/ship/apps/*/releases ! -type l -perm /7022 | wc -l)"
        echo "left: $(pgrep -c -u 85000,85001)"
        echo "environments: $(readlink /var/lib/ship/apps/*/releases/1/env | sort -u | wc -l)"
    "#;
    let Some(printed) = on_a_machine(&config, &project, script) else {
        return;
    };
    let told = |app: &str, stage: &str| {
        let start = format!("{app} {stage} uid ");
        let line = printed.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("`{stage}` of `{app}` ran: {printed}"))
    };
    for (app, owner) in [("neighbour", 70_000), ("intruder", 70_001)] {
        for stage in ["setup", "command", "proof"] {
            let user = format!("{} gid {owner}: nothing", owner + 15_000);
            assert_eq!(told(app, stage), user, "{stage}\n{printed}");
        }
        for stage in ["release", "web"] {
            let user = format!("{owner} gid {owner}: nothing");
            assert_eq!(told(app, stage), user, "{stage}\n{printed}");
        }
    }
    for fact in [
        "leaked: 0",
        "setuid: 0 555",
        "foreign: 0",
        "writable: 0",
        "left: 0",
        "environments: 2",
        "`leak.txt` was made by the build and is not kept",
    ] {
        assert!(printed.contains(fact), "{fact}\n{printed}");
    }
    assert!(!printed.contains("`bin/python"), "{printed}");
}
