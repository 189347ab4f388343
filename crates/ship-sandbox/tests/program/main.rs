//! Programs started through the shim, as they find themselves.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions, waitpid};
use ship_base::hint::{Hints as _, chain};
use ship_base::lend::User;
use ship_sandbox::{Caps, Error, Held, Program, Shim, Spec, end_all, spawn};

const ROLE: &str = env!("CARGO_BIN_EXE_ship-sandbox-role");

fn spec(argv: &[&str]) -> Spec {
    Spec {
        name: "test".to_owned(),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned().into())]),
        folder: "/usr".into(),
        user: None,
        stdin: Vec::new(),
        caps: Caps::default(),
    }
}

fn start(spec: &Spec) -> Result<Program, Error> {
    spawn(spec, &shim())
}

fn shim() -> Shim {
    Shim {
        program: ROLE.into(),
        title: "shim".to_owned(),
        arguments: vec!["shim".into()],
    }
}

/// Runs it to its end; what it printed.
fn output(spec: &Spec) -> String {
    let mut program = start(spec).unwrap();
    let mut text = String::new();
    program.stdout.read_to_string(&mut text).unwrap();
    waitpid(Pid::from_raw(program.pid), WaitOptions::empty()).unwrap();
    text
}

#[test]
fn a_program_has_its_own_session_folder_environment_and_an_empty_input() {
    let mut spec = spec(&[
        "sh",
        "-c",
        "ps -o sid= -p $$; echo $$; pwd; cat; env | grep -v ^_= | sort",
    ]);
    spec.env
        .insert("SECRET".to_owned(), "hunter2".to_owned().into());
    let text = output(&spec);
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    assert_eq!(lines[0], lines[1]);
    assert_eq!(
        lines[2..],
        ["/usr", "PATH=/usr/bin:/bin", "PWD=/usr", "SECRET=hunter2"]
    );
}

#[test]
fn a_program_cannot_gain_privileges_nor_leave_core_files() {
    let text = output(&spec(&[
        "sh",
        "-c",
        "grep NoNewPrivs /proc/self/status; ulimit -c; ulimit -n; umask",
    ]));
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..2], ["NoNewPrivs:\t1", "0"]);
    assert!(lines[2].parse::<u64>().unwrap() <= 16_384);
    assert_eq!(lines[3], "0022");
}

#[test]
fn signals_that_a_shell_ignored_are_not_ignored_by_the_program() {
    let line = format!(
        "trap '' HUP INT TERM PIPE; exec {ROLE} parent grep -E 'Sig(Ign|Blk)' /proc/self/status"
    );
    let told = Command::new("sh").args(["-c", &line]).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let masks = told
        .lines()
        .map(|line| u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap());
    // Signals 32 and up are the C library's own, and the user's; no shell ignores them.
    let masks: Vec<_> = masks.map(|mask| mask & 0x7fff_ffff).collect();
    assert_eq!(masks, [0, 0]);
}

#[test]
fn a_lock_that_a_script_holds_open_does_not_reach_the_program() {
    let line = format!("exec 9>/dev/null; exec {ROLE} parent ls /proc/self/fd");
    let told = Command::new("sh").args(["-c", &line]).output().unwrap();
    // The last is the folder that `ls` itself has open.
    assert_eq!(
        String::from_utf8(told.stdout)
            .unwrap()
            .lines()
            .collect::<Vec<_>>(),
        ["0", "1", "2", "3"]
    );
}

#[test]
fn a_program_ends_with_its_parent() {
    let mut parent = Command::new(ROLE)
        .args(["parent", "sh", "-c", "echo $$; exec sleep 1000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let entry = format!("/proc/{}", line.trim());
    assert!(Path::new(&entry).exists());
    parent.kill().unwrap();
    parent.wait().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    let runs = || {
        std::process::Command::new("ps")
            .args(["-o", "stat=", "-p", line.trim()])
            .output()
            .unwrap()
    };
    while runs().stdout.first().is_some_and(|state| *state != b'Z') {
        assert!(Instant::now() < deadline, "it lives on");
    }
}

#[test]
fn what_cannot_be_started_is_told_with_its_reason() {
    let told = |spec: &Spec| start(spec).map(|program| program.pid).unwrap_err();
    let error = told(&spec(&["no-such-program"]));
    assert_eq!(
        chain(&error),
        "cannot execute `no-such-program`: No such file or directory (os error 2)"
    );
    assert_eq!(
        error.hints(),
        [
            "no folder of the app's PATH has `no-such-program`: is the package that brings it among the dependencies?"
        ]
    );
    let error = told(&spec(&["/etc/passwd"]));
    assert_eq!(
        chain(&error),
        "cannot execute `/etc/passwd`: Permission denied (os error 13)"
    );
    assert_eq!(
        error.hints(),
        ["make it executable: `chmod +x /etc/passwd`"]
    );
    let mut elsewhere = spec(&["true"]);
    elsewhere.folder = "/no/such/folder".into();
    let text = "cannot start `true` in `/no/such/folder`: No such file or directory (os error 2)";
    assert_eq!(chain(&told(&elsewhere)), text);
    assert_eq!(chain(&told(&spec(&[]))), "the command is empty");
}

#[test]
fn a_shim_that_is_not_one_is_noticed() {
    let shim = Shim {
        program: "/bin/false".into(),
        title: "false".to_owned(),
        arguments: Vec::new(),
    };
    let error = spawn(&spec(&["true"]), &shim).unwrap_err();
    assert!(
        matches!(error, Error::Silent { .. } | Error::Prepare { .. }),
        "{error:?}"
    );
}

#[test]
fn caps_either_hold_or_are_told_to_be_open() {
    let mut capped = spec(&["true"]);
    capped.caps = Caps {
        memory: Some(64 << 20),
        cpu: Some(500),
        tasks: Some(64),
    };
    let program = start(&capped).unwrap();
    waitpid(Pid::from_raw(program.pid), WaitOptions::empty()).unwrap();
    match program.held.unwrap() {
        Held::Holds => assert!(program.cgroup.is_some()),
        Held::Open { why } => assert!(!why.is_empty()),
    }
}

#[test]
fn root_starts_a_program_as_the_owner_of_its_folder_and_it_cannot_go_back() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    ship_base::file::give_tree(folder.path(), 70_001).unwrap();
    let script = "id -u; id -g; id -G; : >made; echo >/dev/stderr; \
                  test -w /etc/passwd || echo no; grep NoNewPrivs /proc/self/status";
    let spec = Spec {
        folder: folder.path().to_owned(),
        ..spec(&["sh", "-c", script])
    };
    let text = output(&spec);
    assert_eq!(text, "70001\n70001\n70001\nno\nNoNewPrivs:\t1\n");
}

#[test]
fn what_it_is_given_to_read_is_its_standard_input() {
    let mut given = spec(&["cat"]);
    // More than a pipe holds, with the byte that ends the order.
    given.stdin = b"line\n".repeat(40_000);
    assert_eq!(output(&given).len(), 200_000);
}

#[test]
fn root_starts_a_program_as_the_user_it_names_wherever_it_starts() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let named = Spec {
        user: Some(User {
            uid: 99_992,
            gid: 99_993,
        }),
        ..spec(&["sh", "-c", "id -u; id -g; id -G"])
    };
    assert_eq!(output(&named), "99992\n99993\n99993\n");
}

#[test]
fn everything_that_a_user_runs_is_ended_and_nothing_of_others() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let run = |uid: u32| {
        let spec = Spec {
            user: Some(User { uid, gid: uid }),
            // One in a session of its own, which no signal to a group reaches, and one that starts more.
            ..spec(&[
                "sh",
                "-c",
                "setsid sleep 1000 & while :; do sleep 0.01 & done; wait",
            ])
        };
        start(&spec).unwrap()
    };
    let (theirs, other) = (run(99_994), run(99_995));
    let count = |uid: u32| {
        let told = Command::new("ps")
            .args(["-o", "stat=", "-u", &uid.to_string()])
            .output()
            .unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        told.lines().filter(|state| !state.starts_with('Z')).count()
    };
    end_all(
        User {
            uid: 99_994,
            gid: 99_994,
        },
        &shim(),
    )
    .unwrap();
    assert_eq!(count(99_994), 0);
    assert!(count(99_995) > 0);
    end_all(
        User {
            uid: 99_995,
            gid: 99_995,
        },
        &shim(),
    )
    .unwrap();
    for program in [theirs, other] {
        waitpid(Pid::from_raw(program.pid), WaitOptions::empty()).unwrap();
    }
}

#[test]
fn the_end_of_all_of_roots_processes_is_refused() {
    let root = User { uid: 0, gid: 0 };
    assert!(end_all(root, &shim()).is_err());
}
