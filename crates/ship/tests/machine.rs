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
const BARE: &str = r#"
set -e
mkdir "$ROOM/etc" "$ROOM/lib" "$ROOM/run" "$ROOM/bin"
cp -a /etc/. "$ROOM/etc"
mount --bind "$ROOM/etc" /etc
mount --bind "$ROOM/lib" /var/lib
mount --bind "$ROOM/run" /run
mount --bind "$ROOM/bin" /usr/local/bin
"#;

/// A server that runs there already.
const SERVING: &str = r#"
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
    let script = format!("{SERVING}{END}{script}");
    on_a_bare_machine(&[("server.toml", config)], project, &[], &script)
}

/// What `script` printed in a machine that has nothing of ours, with these files in `$ROOM`.
fn on_a_bare_machine(
    files: &[(&str, &str)],
    project: &Project,
    namespaces: &[&str],
    script: &str,
) -> Option<String> {
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: only root can make a machine of its own");
        return None;
    }
    let room = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(room.path().join(name), text).unwrap();
    }
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
        .args(namespaces)
        .args(["--", "sh", "-c"])
        .arg(format!("{BARE}{script}"))
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

/// The module that tells a program its port has to be readable for the user that the app runs as.
#[test]
fn a_program_with_a_port_of_its_own_choice_serves_on_a_server_as_well() {
    let [http, https] = [(); 2].map(|()| free_port());
    let project = Project::fixture("fixed-port");
    let config = format!("http = {http}\nhttps = {https}\n");
    let script = r#"
        "$SHIP" up --detach 2>&1
        "$SHIP" ps 2>&1
        echo "unreadable: $(find /var/lib/ship/store/env -name '*.py*' ! -perm -004 | wc -l)"
    "#;
    let Some(printed) = on_a_machine(&config, &project, script) else {
        return;
    };
    assert!(printed.contains("web.1  ready"), "{printed}");
    assert!(printed.contains("unreadable: 0"), "{printed}");
}

/// systemd, as far as an installation asks it; what it was asked stands in `$ROOM/asked`.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >>"$ROOM/asked"
start() {
    HOME=/var/lib/ship setsid /usr/local/bin/ship server run </dev/null >/dev/null 2>>"$ROOM/server.log" &
    echo $! >"$ROOM/pid"
}
# Like systemd, it returns once the process has ended.
stop() {
    kill "$(cat "$ROOM/pid")" 2>/dev/null
    while kill -0 "$(cat "$ROOM/pid")" 2>/dev/null; do sleep 0.05; done
}
case "$*" in
    "is-enabled --quiet ship") [ -e "$ROOM/enabled" ] ;;
    "is-active --quiet ship") [ -S /run/ship/api.sock ] ;;
    "enable --now --quiet ship") touch "$ROOM/enabled"; start ;;
    "start ship") start ;;
    "stop ship") stop ;;
    "restart ship") stop; start ;;
    "disable --now --quiet ship") rm "$ROOM/enabled"; stop ;;
    "kill ship-apps") ;;
    daemon-reload) ;;
    *) exit 64 ;;
esac
"#;

/// What an installation looks for: systemd, its own control groups, and nobody at ports 80 and 443.
const INSTALLABLE: &str = r#"
chmod 755 "$ROOM/systemctl"
PATH="$ROOM:$PATH"
mkdir -p /run/systemd/system
mount -t tmpfs none /sys/fs/cgroup
touch /sys/fs/cgroup/cgroup.controllers
everything() { find /etc /usr/local/bin /var/lib /run -not -type d -printf '%p %s %m %T@\n' | sort; }
"#;

fn installing(project: &Project, script: &str) -> Option<String> {
    let script = format!("{INSTALLABLE}{script}");
    let files = [("systemctl", SYSTEMCTL)];
    on_a_bare_machine(&files, project, &["--net"], &script)
}

#[test]
fn a_dry_run_of_an_installation_says_all_that_it_would_do_and_does_nothing() {
    let script = r#"
        everything >"$ROOM/before"
        "$SHIP" server install --dry-run 2>&1
        everything >"$ROOM/after"
        cmp "$ROOM/before" "$ROOM/after" && echo "as before"
        echo "asked: $(grep -c -v '^is-' "$ROOM/asked")" || true
        mkdir -p /etc/ship
        echo "http = 80" >/etc/ship/server.toml
        "$SHIP" server install --dry-run 2>&1 | grep server.toml
    "#;
    let Some(printed) = installing(&Project::named("none"), script) else {
        return;
    };
    for told in [
        "→ put this program at /usr/local/bin/ship",
        "→ write /etc/ship/server.toml",
        "→ write the unit /etc/systemd/system/ship-apps.service",
        "→ write the unit /etc/systemd/system/ship.service",
        "→ start it now and with the machine",
        "nothing was changed",
        "as before",
        "asked: 0",
        "✓ write /etc/ship/server.toml: ports 80 and 443",
    ] {
        assert!(printed.contains(told), "{told}\n{printed}");
    }
}

#[test]
fn what_is_installed_can_be_uninstalled_and_apps_stay_until_they_are_purged() {
    let project = Project::fixture("static-site").file("ship.toml", "name = \"site\"\n");
    let script = r#"
        ship() { /usr/local/bin/ship "$@"; }
        left() { echo "$1: $(ls -d /usr/local/bin/ship /etc/ship /run/ship /etc/systemd/system/ship*.service 2>/dev/null | wc -l) files, $(pgrep -c ship- || true) processes"; }
        "$SHIP" server install 2>&1
        echo "unit: $(grep -c ExecStart=/usr/local/bin/ship /etc/systemd/system/ship.service)"
        "$SHIP" server install 2>&1 | sed 's/^/again/'
        ship up --detach 2>/dev/null
        ship server doctor --json >"$ROOM/doctor.json" || true
        ship server uninstall 2>&1
        left uninstalled
        ls /var/lib/ship/apps
        "$SHIP" server install >/dev/null 2>&1
        echo "kept: $(ship releases --app site --json | grep -c '"id"')"
        ship server uninstall --purge 2>&1
        left purged
        ls /var/lib/ship 2>/dev/null | wc -l | sed 's/^/data left: /'
        cat "$ROOM/asked"
        cat "$ROOM/doctor.json"
    "#;
    let Some(printed) = installing(&project, script) else {
        return;
    };
    let again = printed.lines().filter(|line| line.starts_with("again"));
    let there = again.filter(|line| line.ends_with("there already"));
    assert_eq!(there.count(), 5, "{printed}");
    for told in [
        "the server runs, version",
        "unit: 1",
        "what apps are and have is kept in /var/lib/ship",
        "uninstalled: 0 files, 0 processes",
        "\nsite\n",
        "kept: 1",
        "apps, their data and their releases are gone",
        "purged: 0 files, 0 processes",
        "data left: 0",
        "disable --now --quiet ship",
        "\"tcp 80\"",
    ] {
        assert!(printed.contains(told), "{told}\n{printed}");
    }
}

/// `systemctl stop ship` ends control alone: apps and front door serve on, and are not to be forgotten.
#[test]
fn an_uninstall_ends_what_outlived_its_control() {
    let project = Project::fixture("static-site").file("ship.toml", "name = \"site\"\n");
    let script = r#"
        left() { echo "$1: $(pgrep -c ship- || true) processes"; }
        "$SHIP" server install 2>&1
        ship up --detach 2>/dev/null
        systemctl stop ship
        left stopped
        ship server uninstall 2>&1
        left uninstalled
    "#;
    let Some(printed) = installing(&project, script) else {
        return;
    };
    assert!(printed.contains("stopped: 1 processes"), "{printed}");
    assert!(printed.contains("uninstalled: 0 processes"), "{printed}");
}

/// Whoever runs a server wants to know what on it can be reached, and whose it is.
#[test]
fn a_server_is_told_every_socket_that_can_be_reached_from_outside() {
    let [http, https] = [(); 2].map(|()| free_port());
    let project = Project::fixture("static-site").file("ship.toml", "name = \"pages\"\n");
    let config = format!("http = {http}\nhttps = {https}\n");
    let script = r#"
        "$SHIP" up --detach >/dev/null 2>&1
        python3 -c "import socket, sys, time
open_ = socket.create_server(('0.0.0.0', 0)); closed = socket.create_server(('127.0.0.1', 0))
print('open', open_.getsockname()[1]); print('closed', closed.getsockname()[1]); sys.stdout.flush()
time.sleep(600)" >"$ROOM/ports" &
        python=$!
        until [ "$(wc -l <"$ROOM/ports")" = 2 ]; do sleep 0.05; done
        cat "$ROOM/ports"
        "$SHIP" server doctor --json || true
        kill $python
    "#;
    let Some(printed) = on_a_machine(&config, &project, script) else {
        return;
    };
    let (ports, json) = printed.split_once('[').unwrap();
    let findings: serde_json::Value = serde_json::from_str(&format!("[{json}")).unwrap();
    let mark = |area: &str, holder: &str| {
        let all = findings.as_array().unwrap();
        let mut found = all.iter().filter(|finding| {
            finding["area"] == area && finding["what"].as_str().unwrap().contains(holder)
        });
        let found = found
            .next()
            .unwrap_or_else(|| panic!("{area} of {holder}: {all:#?}"));
        found["mark"].as_str().unwrap().to_owned()
    };
    let port = |name: &str| {
        let line = ports.lines().find_map(|line| line.strip_prefix(name));
        format!("tcp {}", line.unwrap().trim())
    };
    assert_eq!(mark(&port("open"), "python3 (pid"), "notable");
    assert_eq!(mark(&port("closed"), "python3 (pid"), "good");
    assert_eq!(mark(&format!("tcp {http}"), "ship-"), "good");
    for area in ["server", "disk", "memory", "clock", "updates", "hard links"] {
        mark(area, "");
    }
}

/// As the file says: `systemctl restart ship` is enough, and visitors do not notice.
#[test]
fn http3_is_turned_off_without_a_visitor_noticing() {
    let [http, https] = [(); 2].map(|()| free_port());
    let project = Project::fixture("static-site").file("ship.toml", "name = \"pages\"\n");
    let config = format!("http = {http}\nhttps = {https}\n");
    let script = format!(
        r#"
        control=$!
        sockets() {{ grep -ci ":$(printf %04X {https}) " /proc/net/udp; }}
        settle() {{
            tries=0
            until [ "$(sockets)" = "$1" ]; do
                tries=$((tries + 1))
                [ $tries -lt 600 ] || {{ echo "$(sockets) and not $1" >&2; exit 98; }}
                sleep 0.05
            done
        }}
        page() {{ python3 -c "import urllib.request as r
q = r.Request('http://127.0.0.1:{http}/', headers={{'Host': 'pages.localhost'}})
print(r.urlopen(q).status)"; }}
        "$SHIP" up --detach >/dev/null 2>&1
        settle 1
        page
        echo 'http3 = false' >>/etc/ship/server.toml
        kill -9 $control
        wait $control || true
        "$SHIP" server run 2>>"$ROOM/server.log" &
        settle 0
        page
    "#
    );
    if let Some(printed) = on_a_machine(&config, &project, &script) {
        assert_eq!(printed, "200\n200\n");
    }
}
