//! Control is killed again and again under load, at moments that a seed decides: with nothing under
//! way, and in the middle of deploys. `SHIP_CRASH_ROUNDS` and `SHIP_CRASH_SEED` make it longer, and
//! another one.

use std::time::{Duration, Instant};

use ship_test::{Home, Load, wait_until};

use crate::{SOON, app, home, instances, own_server, up};

/// Enough to meet a deploy at its beginning, in its middle and at its end.
const ROUNDS: u64 = 10;
const SEED: u64 = 0x005e_ed0f_c0a5_7a11;
/// The most requests that are answered between two deaths: a second's worth.
const MOST_BETWEEN: u64 = 300;

/// Numbers that look random and are the same each time (Marsaglia, "Xorshift RNGs", 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What a variable says, or the constant.
#[expect(
    clippy::disallowed_methods,
    reason = "a person asks a test for a longer run"
)]
fn wanted(name: &str, usual: u64) -> u64 {
    let said = std::env::var(name).ok();
    said.map_or(usual, |said| said.parse().expect("a number"))
}

#[test]
fn control_killed_again_and_again_under_load_fails_no_request_and_starts_nothing_twice() {
    let (home, project) = (home(), own_server("blog"));
    project.write("ship.toml", "[web]\ninstances = 2\n");
    let url = up(&home, &project);
    let calm = home.processes().len();
    let load = Load::start(&url, 4);
    let mut chance = Chance(wanted("SHIP_CRASH_SEED", SEED));
    let rounds = wanted("SHIP_CRASH_ROUNDS", ROUNDS);
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        let before = pids(&home);
        let deploy = (chance.below(2) == 0).then(|| {
            project.write("greeting.txt", &format!("hello from round {round}\n"));
            home.start_in(project.folder(), &["up", "--detach"])
        });
        let later = load.answered() + chance.below(MOST_BETWEEN);
        wait_until("visitors have come", SOON, || load.answered() >= later);
        home.kill(home.control());
        let killed = Instant::now();
        let deployed = deploy.map(|deploy| deploy.finish().code);
        let what = format!("round {round}: two instances again, and nothing beside them");
        wait_until(&what, SOON, || {
            is_whole(&home) && home.processes().len() == calm
        });
        if deployed.is_none() {
            assert_eq!(pids(&home), before, "round {round}: the same instances");
            longest = longest.max(killed.elapsed());
        }
    }
    let outcome = load.finish();
    assert_eq!(outcome.failed, Vec::<String>::new());
    assert!(outcome.answered > rounds, "there was a load");
    eprintln!(
        "{rounds} deaths, {} requests, all found again within {longest:?}",
        outcome.answered
    );
}

fn is_whole(home: &Home) -> bool {
    let instances = instances(home);
    instances.len() == 2 && instances.iter().all(|one| one.ends_with(" ready"))
}

fn pids(home: &Home) -> Vec<i64> {
    let app = app(home);
    let instances = app["instances"].as_array().cloned().unwrap_or_default();
    instances
        .iter()
        .filter_map(|one| one["pid"].as_i64())
        .collect()
}
