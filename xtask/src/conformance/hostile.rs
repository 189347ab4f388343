//! Visitors that mean harm, each for a while, and honest ones beside them who must not notice:
//! slowhttptest's three kinds of slowness, floods of HTTP/2 written with hyperframe, and attacks on
//! HTTP/3 written with aioquic, which brings honest visitors of its own.

use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use ship_base::file;
use ship_test::{Load, wait_until};

use super::running::{Running, free_port};
use super::{door, python};
use crate::Result;
use crate::machine::{self, Need};

/// What `cargo xtask conformance hostile` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Seconds of each flood
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    seconds: u32,
    /// Only these attacks
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
}

/// How much more memory the door may hold at any moment of an attack than before all of them.
const MOST_GROWTH: u64 = 32 << 20;

/// Honest visitors: half of them open a connection for each request.
const HONEST: usize = 4;

const NEEDS: &[Need] = &[Need {
    program: "slowhttptest",
    package: "slowhttptest",
    without: None,
}];

/// `h2` brings hyperframe and hpack.
const PACKAGES: [&str; 3] = ["h2", "hyperframe", "aioquic==1.7.2"];

/// The app behind the door.
const APP: &str = include_str!("hostile/app.py");

/// `flood.py ATTACK PORT SECONDS`.
const FLOOD: &str = include_str!("hostile/flood.py");

/// `quic.py ATTACK PORT SECONDS`.
const QUIC: &str = include_str!("hostile/quic.py");

/// Attacks on HTTP/3, by the name that `quic.py` knows, and what its last line must not hold.
const QUIC_ATTACKS: [(&str, &[&str]); 5] = [
    // Who floods with first packets, or with handshakes that do not end, has to prove its address.
    ("quic-initials", &[" 0 asked to come again"]),
    ("quic-handshakes", &[" 0 asked to come again"]),
    ("quic-rapid-reset", &[" 0 connections ended"]),
    ("quic-heads", &[" 0 connections ended"]),
    ("quic-large-heads", &[]),
];

/// Attacks over HTTP/2, by the name that `flood.py` knows.
const FLOODS: [&str; 8] = [
    "rapid-reset",
    "made-you-reset",
    "continuation",
    "settings",
    "ping",
    "priority",
    "hpack-bomb",
    "empty-data",
];

/// Slow visitors: a name, and what slowhttptest is told. The last asks for a large answer and takes
/// it in drops, which is slow and allowed: its connections may stay open to the end.
const SLOW: [(&str, &[&str], bool); 3] = [
    ("slow-head", &["-H", "-i", "2"], true),
    (
        "slow-body",
        &["-B", "-i", "2", "-s", "8192", "-x", "8"],
        true,
    ),
    (
        "slow-read",
        &["-X", "-w", "10", "-y", "20", "-n", "2", "-z", "32"],
        false,
    ),
];

/// What slowhttptest says at its end when the door has closed all of its connections.
const ALL_CLOSED: &str = "No open connections left";

/// What one attack came to.
struct Outcome {
    name: &'static str,
    said: String,
    /// Bytes more than before the first attack, at most.
    growth: u64,
    /// Requests of honest visitors.
    answered: u64,
    failed: Vec<String>,
    wrong: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    machine::bring(NEEDS)?;
    let python = python::with("hostile", &PACKAGES)?;
    let (behind, http, https) = (free_port()?, free_port()?, free_port()?);
    let _app = Running::start(
        Command::new(&python).args(["-c", APP, &behind.to_string()]),
        behind,
    )?;
    let door = door::start(&door::Wish {
        https: Some(https),
        ..door::Wish::new(http, behind)
    })?;
    let mut scene = Scene {
        door,
        http,
        before: 0,
    };
    scene.warm_up();
    scene.before = scene.memory()?;
    let wanted =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|it| it == name);
    let mut all_well = true;
    for name in FLOODS.into_iter().filter(|name| wanted(name)) {
        let mut flood = Command::new(&python);
        let (port, seconds) = (https.to_string(), arguments.seconds.to_string());
        flood.args(["-c", FLOOD, name, &port, &seconds]);
        all_well &= scene.attack(name, &mut flood, |_| None)?.tell();
    }
    for (name, wrong) in QUIC_ATTACKS.into_iter().filter(|it| wanted(it.0)) {
        let mut attack = Command::new(&python);
        let (port, seconds) = (https.to_string(), arguments.seconds.to_string());
        attack.args(["-c", QUIC, name, &port, &seconds]);
        all_well &= scene
            .attack(name, &mut attack, |said| fault_of_quic(said, wrong))?
            .tell();
    }
    for (name, how, closes) in SLOW.into_iter().filter(|slow| wanted(slow.0)) {
        let mut slow = Command::new("slowhttptest");
        slow.args(how);
        slow.args(["-c", "200", "-r", "100", "-l", "45", "-p", "5", "-u"]);
        slow.arg(format!("http://127.0.0.1:{http}/large"));
        let judge = |said: &str| {
            (closes && !said.contains(ALL_CLOSED))
                .then(|| "the door did not close its slow connections".to_owned())
        };
        all_well &= scene.attack(name, &mut slow, judge)?.tell();
    }
    Ok(if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is wrong with the last line of `quic.py`.
fn fault_of_quic(said: &str, wrong: &[&str]) -> Option<String> {
    let Some((attack, honest)) = said.split_once("; honest by HTTP/3: ") else {
        return Some("the attack did not run".to_owned());
    };
    if let Some(wrong) = wrong.iter().find(|wrong| attack.contains(**wrong)) {
        return Some(format!("the attack went on undisturbed: {}", wrong.trim()));
    }
    (honest.starts_with("0 answered") || !honest.trim_end().ends_with(", 0 failed"))
        .then(|| "honest visitors of HTTP/3 noticed".to_owned())
}

/// A door under attack.
struct Scene {
    door: Running,
    http: u16,
    /// Bytes that it held before all attacks.
    before: u64,
}

impl Scene {
    fn honest(&self) -> Load {
        Load::start(&format!("http://localhost:{}/", self.http), HONEST)
    }

    /// Some requests first: memory of a door that never worked says nothing.
    fn warm_up(&self) {
        let load = self.honest();
        wait_until(
            "honest visitors are answered",
            Duration::from_mins(1),
            || load.answered() > 500,
        );
        load.finish();
    }

    fn attack(
        &mut self,
        name: &'static str,
        attack: &mut Command,
        judge: impl Fn(&str) -> Option<String>,
    ) -> Result<Outcome> {
        eprintln!("{name}");
        let honest = self.honest();
        let attacker = attack
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (said, growth) = self.watch(attacker)?;
        // Who comes afterwards is answered as well.
        let so_far = honest.answered();
        wait_until(
            "honest visitors are answered",
            Duration::from_mins(1),
            || honest.answered() > so_far + 100,
        );
        let honest = honest.finish();
        let wrong = match growth {
            _ if !self.door.lives() => Some("the door has ended".to_owned()),
            _ if said.trim().is_empty() => Some("the attack did not run".to_owned()),
            growth if growth > MOST_GROWTH => Some("it holds too much memory".to_owned()),
            _ => judge(&said),
        };
        Ok(Outcome {
            name,
            said: last_line(&said),
            growth,
            answered: honest.answered,
            failed: honest.failed,
            wrong,
        })
    }

    /// Waits for the attack's end; gives what it said, and by how much memory grew at most.
    fn watch(&self, mut attacker: Child) -> Result<(String, u64)> {
        let output = attacker.stdout.take().ok_or("no output")?;
        let reader = std::thread::spawn(move || std::io::read_to_string(output));
        let mut growth = 0;
        let ended = Duration::from_mins(5);
        let mut failed = None;
        wait_until("the attack ends", ended, || {
            match self.memory() {
                Ok(memory) => growth = growth.max(memory.saturating_sub(self.before)),
                Err(error) => failed = Some(error.to_string()),
            }
            !matches!(attacker.try_wait(), Ok(None))
        });
        let said = reader
            .join()
            .map_err(|_| "the output could not be read")??;
        match failed {
            Some(error) if growth == 0 => Err(error.into()),
            _ => Ok((said, growth)),
        }
    }

    /// Bytes that only the door holds (`Private_*` of proc_pid_smaps(5)).
    fn memory(&self) -> Result<u64> {
        let path = format!("/proc/{}/smaps_rollup", self.door.pid());
        let text = file::read_text(path.as_ref())?;
        let private = text.lines().filter(|line| line.starts_with("Private_"));
        let kibibytes: u64 = private
            .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
            .sum();
        Ok(kibibytes * 1024)
    }
}

impl Outcome {
    /// Prints it; whether it is well.
    fn tell(&self) -> bool {
        let well = self.wrong.is_none() && self.failed.is_empty();
        println!(
            "{} {:<15} honest: {} answered, {} failed; memory +{:.1} MB; {}",
            if well { "✓" } else { "✗" },
            self.name,
            self.answered,
            self.failed.len(),
            self.growth as f64 / 1e6,
            self.said,
        );
        for failure in self.failed.iter().take(5) {
            println!("    failed: {failure}");
        }
        if let Some(wrong) = &self.wrong {
            println!("    {wrong}");
        }
        well
    }
}

/// The last line that says something, without the colours of slowhttptest.
fn last_line(said: &str) -> String {
    let mut lines = said.lines().map(plain).filter(|line| !line.is_empty());
    lines.next_back().unwrap_or_default()
}

/// Without escape sequences of terminals.
fn plain(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after
            .split_once(|c: char| c.is_ascii_alphabetic())
            .map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attack_on_http3_has_to_be_noticed_and_by_nobody_else() {
        let said = |retries, honest| {
            format!(
                "9 sent, {retries} asked to come again, 0 connections ended by the server; honest by HTTP/3: {honest}\n"
            )
        };
        let fault = |said: &str| fault_of_quic(said, &[" 0 asked to come again"]).is_some();
        assert!(!fault(&said(7, "5 answered, 0 failed")));
        assert!(fault(&said(0, "5 answered, 0 failed")));
        assert!(fault(&said(7, "0 answered, 0 failed")));
        assert!(fault(&said(7, "5 answered, 10 failed")));
        assert!(fault("Traceback"));
    }

    #[test]
    fn colours_are_left_out_of_what_is_said() {
        let said = "\u{1b}[1;32mclosed: 200\u{1b}[0m\n\u{1b}[2K\n";
        assert_eq!(last_line(said), "closed: 200");
    }
}
