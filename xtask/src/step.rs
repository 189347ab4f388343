//! One step of a check: a name, something to do, how it went.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::Result;
use crate::workspace;

/// How a step went.
pub(crate) enum Outcome {
    /// It holds.
    Passed,
    /// It does not; what was found is already printed, or stands here.
    Failed(Vec<String>),
    /// It was not tried, and why.
    Skipped(String),
}

/// A step and what it does.
pub(crate) struct Step {
    /// A word for the list: `clippy`.
    pub(crate) name: &'static str,
    /// What it asks, for people.
    pub(crate) about: &'static str,
    /// Does it.
    pub(crate) run: fn() -> Result<Outcome>,
}

/// A step that was done.
pub(crate) struct Done {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

impl Step {
    /// Does it; an error is a failure of the step.
    pub(crate) fn perform(&self) -> Done {
        println!("\n── {}: {}", self.name, self.about);
        let begin = Instant::now();
        let outcome = (self.run)().unwrap_or_else(|error| Outcome::Failed(vec![error.to_string()]));
        if let Outcome::Failed(lines) = &outcome {
            for line in lines {
                println!("✗ {line}");
            }
        }
        Done {
            name: self.name,
            outcome,
            took: begin.elapsed(),
        }
    }
}

impl Done {
    /// Whether it stands in the way.
    pub(crate) fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }

    /// Its line in the list at the end.
    pub(crate) fn line(&self) -> String {
        let seconds = self.took.as_secs_f64();
        match &self.outcome {
            Outcome::Passed => format!("✓ {:<14} {seconds:>7.1} s", self.name),
            Outcome::Failed(_) => format!("✗ {:<14} {seconds:>7.1} s", self.name),
            Outcome::Skipped(why) => format!("– {:<14} skipped: {why}", self.name),
        }
    }
}

/// Runs cargo in the workspace; its output goes where ours goes.
pub(crate) fn cargo(arguments: &[&str]) -> Result<Outcome> {
    command(Command::new(env!("CARGO")).args(arguments))
}

/// Runs a program in the workspace; its output goes where ours goes.
pub(crate) fn command(command: &mut Command) -> Result<Outcome> {
    let status = command.current_dir(workspace::root()).status()?;
    Ok(if status.success() {
        Outcome::Passed
    } else {
        Outcome::Failed(vec![format!("it ended with {status}")])
    })
}

/// The outcome of a comparison.
pub(crate) fn agreement(wrong: Vec<String>) -> Outcome {
    if wrong.is_empty() {
        Outcome::Passed
    } else {
        Outcome::Failed(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(outcome: Outcome) -> Done {
        Done {
            name: "format",
            outcome,
            took: Duration::from_millis(1234),
        }
    }

    #[test]
    fn a_skipped_step_says_why_and_is_no_failure() {
        let skipped = done(Outcome::Skipped("`cargo-deny` is not here".to_owned()));
        assert!(!skipped.failed());
        assert_eq!(
            skipped.line(),
            "– format         skipped: `cargo-deny` is not here"
        );
    }

    #[test]
    fn a_step_that_cannot_be_done_has_failed() {
        let step = Step {
            name: "broken",
            about: "nothing",
            run: || Err("no such file".into()),
        };
        assert!(step.perform().failed());
    }

    #[test]
    fn lines_are_aligned() {
        assert_eq!(done(Outcome::Passed).line(), "✓ format             1.2 s");
    }
}
