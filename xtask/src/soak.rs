//! `cargo xtask soak`: the switch matrix in its long form. Visitors of every kind ask all the time
//! while releases are switched, the front door is upgraded, and processes are killed, again and again;
//! at the end a table says what they saw.
//!
//! What they may see stands in `ship_test::matrix`, which the short form reads as well
//! (`crates/ship/tests/server/matrix.rs`).

mod measure;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ship_test::matrix::{Event, Stage};
use ship_test::{Visitors, wait_until};

use crate::{Result, bench};
use measure::Memory;
use report::Report;

/// What `cargo xtask soak` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Switches of release: new ones, rollbacks, other settings
    #[arg(long, default_value_t = 50, value_name = "NUMBER")]
    switches: u32,
    /// Upgrades of control and front door
    #[arg(long, default_value_t = 20, value_name = "NUMBER")]
    upgrades: u32,
    /// Times that control is killed
    #[arg(long, default_value_t = 20, value_name = "NUMBER")]
    kills: u32,
    /// Requests in a second, of all visitors together
    #[arg(long, default_value_t = 200.0, value_name = "NUMBER")]
    rate: f64,
    /// Seconds that old instances have for what lasts
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    grace: u64,
    /// This binary, in place of a release binary that is built now
    #[arg(long, value_name = "FILE")]
    ship: Option<PathBuf>,
    /// Print what came of it for programs
    #[arg(long)]
    json: bool,
}

/// How long visitors are left alone between two events: long enough for each of them to begin anew.
const CALM: Duration = Duration::from_secs(2);

/// Visitors of a server to which nothing happens, for the figures that the others are held against.
const BASELINE: Duration = Duration::from_secs(20);

/// A release that never becomes healthy is deployed after so many switches.
const SICK_EVERY: u32 = 10;

/// The longest that old doors may take to leave after the last visitor has gone.
const GONE: Duration = Duration::from_mins(2);

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let ship = match &arguments.ship {
        Some(ship) => ship.canonicalize()?,
        None => bench::built()?,
    };
    let began = Instant::now();
    let mut stage = Stage::new(&ship, Duration::from_secs(arguments.grace));
    let visitors = Visitors::come(stage.place(), stage.book(), arguments.rate);
    eprintln!("{} s with nothing but visitors", BASELINE.as_secs());
    alone(BASELINE);
    let before = Memory::of(stage.home())?;
    let after = play(arguments, &mut stage)?;
    eprintln!("the front door is killed");
    stage.kill_door();
    alone(CALM);
    visitors.go();
    wait_until("old doors have left", GONE, || stage.old_doors() == 0);
    let report = Report {
        account: stage.book().account(),
        took: began.elapsed(),
        memory: (before, after),
    };
    report.tell(arguments.json)?;
    Ok(if report.faults().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// All events, mixed; gives what the processes hold once all switches are done.
fn play(arguments: &Arguments, stage: &mut Stage) -> Result<Memory> {
    let events = order(arguments);
    let mut switches = 0;
    for (at, event) in events.iter().enumerate() {
        eprintln!(
            "{}/{} {}: {} exchanges, {} failed",
            at + 1,
            events.len(),
            event.name(),
            stage.book().exchanges(),
            stage.book().failures(),
        );
        stage.perform(*event);
        if event.is_switch() {
            switches += 1;
            if switches % SICK_EVERY == 0 {
                eprintln!("a release that never becomes healthy");
                stage.fail_to_deploy();
            }
        }
        alone(CALM);
    }
    eprintln!("old instances leave");
    stage.settle();
    alone(CALM);
    Memory::of(stage.home())
}

/// The pace of the run, not a wait for anything.
fn alone(time: Duration) {
    std::thread::sleep(time);
}

/// The events in turn, spread evenly over the run. Crashes and renewals, of which nobody says how
/// many, come as often as upgrades do.
fn order(arguments: &Arguments) -> Vec<Event> {
    let others = arguments.upgrades.max(1);
    let mut events: Vec<(f64, Event)> = Vec::new();
    let mut spread = |count: u32, of: &dyn Fn(u32) -> Event| {
        for number in 0..count {
            events.push(((f64::from(number) + 0.5) / f64::from(count), of(number)));
        }
    };
    spread(arguments.switches.max(5), &switch);
    spread(arguments.upgrades.max(1), &|_| Event::Upgrade);
    spread(arguments.kills.max(1), &|_| Event::ControlKilled);
    spread(others, &|_| Event::InstanceKilled);
    spread(others, &|_| Event::Renewal);
    events.sort_by(|one, other| one.0.total_cmp(&other.0));
    events.into_iter().map(|(_, event)| event).collect()
}

/// A rollback comes right after a release: it has one to go back to.
fn switch(number: u32) -> Event {
    match number % 5 {
        2 => Event::Configuration,
        4 => Event::Rollback,
        _ => Event::Release,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(switches: u32, upgrades: u32, kills: u32) -> Arguments {
        Arguments {
            switches,
            upgrades,
            kills,
            rate: 200.0,
            grace: 30,
            ship: None,
            json: false,
        }
    }

    #[test]
    fn there_are_as_many_of_each_as_asked_for() {
        let events = order(&arguments(50, 20, 10));
        let count = |wanted: fn(&Event) -> bool| events.iter().filter(|it| wanted(it)).count();
        assert_eq!(count(|it| it.is_switch()), 50);
        assert_eq!(count(|it| *it == Event::Upgrade), 20);
        assert_eq!(count(|it| *it == Event::ControlKilled), 10);
    }

    #[test]
    fn each_event_is_there_however_little_is_asked_for() {
        let events = order(&arguments(0, 0, 0));
        assert!(Event::ALL.iter().all(|event| events.contains(event)));
    }

    #[test]
    fn a_rollback_has_a_release_to_leave() {
        let switches = order(&arguments(50, 20, 20))
            .into_iter()
            .filter(|it| it.is_switch());
        let mut releases = 1;
        for event in switches {
            match event {
                Event::Release => releases += 1,
                Event::Rollback => releases -= 1,
                _ => {}
            }
            assert!(releases >= 1);
        }
    }
}
