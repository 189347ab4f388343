//! The switch matrix in its short form: every kind of visitor meets every event once, and sees what
//! the table allows. `cargo xtask soak` is the long form.

use std::path::Path;
use std::time::Duration;

use ship_test::matrix::{Event, Stage};
use ship_test::{Visitors, wait_until};

use crate::SOON;

/// What old instances have; longer than anything but a WebSocket lasts.
const GRACE: Duration = Duration::from_secs(4);

/// Requests in a second.
const RATE: f64 = 150.0;

/// Each in a state from which it can happen: a rollback needs a release before. The upgrade comes right
/// before a switch, and control is killed between the two: the old door has visitors then, who are to
/// get the release of now, and whose WebSockets end with their release.
const ORDER: [&[Event]; 4] = [
    &[Event::Release],
    &[Event::Renewal, Event::InstanceKilled],
    &[Event::Upgrade, Event::ControlKilled, Event::Rollback],
    &[Event::Configuration],
];

#[test]
fn every_visitor_sees_of_every_switch_what_the_matrix_allows() {
    let mut stage = Stage::new(Path::new(env!("CARGO_BIN_EXE_ship")), GRACE);
    let visitors = Visitors::come(stage.place(), stage.book(), RATE);
    for events in ORDER {
        // Long enough for the slowest of them to have begun.
        let before = stage.book().exchanges();
        wait_until("visitors have come", SOON, || {
            stage.book().exchanges() > before + 200
        });
        for event in events {
            stage.perform(*event);
        }
        stage.settle();
    }
    visitors.go();
    let account = stage.book().account();
    let faults = account.faults();
    assert!(
        faults.is_empty(),
        "of {} exchanges:\n{}",
        account.exchanges,
        faults.join("\n")
    );
}
