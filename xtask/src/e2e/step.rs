//! One step of the story: what it claims, how it went, and how that is told.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::checks::Checks;
use super::stage::Stage;
use crate::Result;

/// A step and what it does.
pub(crate) struct Step {
    /// A word for the list: `install`.
    pub(crate) name: &'static str,
    /// What holds when it passes, for people.
    pub(crate) about: &'static str,
    /// Whether nothing after it can be tried where it fails.
    pub(crate) carries: bool,
    /// Does it. An error is a claim that failed and ends the step.
    pub(crate) run: fn(&mut Stage, &mut Checks) -> Result<()>,
}

/// A step that was done.
#[derive(Debug, Serialize)]
pub(crate) struct Done {
    step: &'static str,
    seconds: f64,
    /// How many claims held.
    held: u32,
    /// Those that did not.
    wrong: Vec<String>,
    notes: Vec<String>,
}

impl Step {
    /// Does it, and tells how it went.
    pub(crate) fn perform(&self, stage: &mut Stage) -> Done {
        perform(self.name, self.about, |checks| (self.run)(stage, checks)).0
    }
}

/// Does something under a name, and tells how it went.
pub(crate) fn perform<T>(
    name: &'static str,
    about: &str,
    run: impl FnOnce(&mut Checks) -> Result<T>,
) -> (Done, Option<T>) {
    eprintln!("── {name}: {about}");
    let mut checks = Checks::default();
    let began = Instant::now();
    let value = match run(&mut checks) {
        Ok(value) => Some(value),
        Err(error) => {
            checks.wrong.push(error.to_string());
            None
        }
    };
    let done = Done::new(name, began.elapsed(), checks);
    eprintln!("{}", done.told());
    (done, value)
}

impl Done {
    fn new(step: &'static str, took: Duration, checks: Checks) -> Self {
        let tenths = (took.as_secs_f64() * 10.0).round();
        Self {
            step,
            seconds: tenths / 10.0,
            held: checks.held,
            wrong: checks.wrong,
            notes: checks.notes,
        }
    }

    /// Whether a claim did not hold.
    pub(crate) fn failed(&self) -> bool {
        !self.wrong.is_empty()
    }

    /// Its name, time and number of claims; below it what is worth reading and what is wrong.
    fn told(&self) -> String {
        let mark = if self.failed() { '✗' } else { '✓' };
        let claims = match self.wrong.len() {
            0 => format!("{} claims", self.held),
            wrong => format!("{} claims, {wrong} wrong", self.held as usize + wrong),
        };
        let mut lines = vec![format!(
            "{mark} {:<10} {:>6.1} s  {claims}",
            self.step, self.seconds
        )];
        lines.extend(self.notes.iter().map(|note| format!("    {note}")));
        lines.extend(self.wrong.iter().map(|wrong| format!("  ✗ {wrong}")));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_tells_its_claims_its_facts_and_what_is_wrong() {
        let checks = Checks {
            held: 3,
            wrong: vec!["status: expected 200, found 404".to_owned()],
            notes: vec!["r1 of notes after 12.3 s".to_owned()],
        };
        let done = Done::new("deploy", Duration::from_millis(12_345), checks);
        assert!(done.failed());
        insta::assert_snapshot!(done.told(), @"
        ✗ deploy       12.3 s  4 claims, 1 wrong
            r1 of notes after 12.3 s
          ✗ status: expected 200, found 404
        ");
    }

    #[test]
    fn an_error_is_a_claim_that_failed() {
        let (done, value) = perform("boot", "nothing", |_| Err::<(), _>("no way".into()));
        assert!(done.failed() && value.is_none());
    }
}
