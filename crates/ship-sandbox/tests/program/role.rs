//! Two roles for the tests of this crate: `shim`, and `parent ARGV…`, which starts a program through
//! the shim, hands its standard output through, and waits for its end.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;

use rustix::process::{Pid, WaitOptions, waitpid};
use ship_sandbox::{Shim, Spec, shim, spawn};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("shim") => shim::main(),
        _ => parent(arguments.collect()),
    }
}

fn parent(argv: Vec<String>) -> ExitCode {
    let spec = Spec {
        name: "test".to_owned(),
        argv,
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned().into())]),
        folder: "/".into(),
        user: None,
        stdin: Vec::new(),
        caps: ship_sandbox::Caps::default(),
    };
    let shim = Shim {
        program: "/proc/self/exe".into(),
        title: "shim".to_owned(),
        arguments: vec!["shim".into()],
    };
    let mut program = spawn(&spec, &shim).expect("the test names a program that is there");
    io::copy(&mut program.stdout, &mut io::stdout()).expect("the test reads");
    let _ = waitpid(Pid::from_raw(program.pid), WaitOptions::empty());
    ExitCode::SUCCESS
}
