//! What a step claims, held against what is there: each claim is counted, and one that does not hold
//! says what was expected and what was found.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use crate::Result;

/// How often a condition is asked for again.
const AGAIN: Duration = Duration::from_millis(200);

/// How many characters of what was found are shown: a whole page is none to read.
const MOST: usize = 600;

/// How many of a list that should be empty are shown.
const FEW: usize = 5;

/// The claims of one step.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// How many held.
    pub(crate) held: u32,
    /// Those that did not, a line each.
    pub(crate) wrong: Vec<String>,
    /// Figures and facts worth reading, a line each.
    pub(crate) notes: Vec<String>,
}

impl Checks {
    /// Two values are the same.
    pub(crate) fn same<T: PartialEq + Debug + ?Sized>(
        &mut self,
        what: &str,
        expected: &T,
        found: &T,
    ) {
        self.holds(expected == found, what, &format!("{expected:?}"), found);
    }

    /// Two values differ: a process that was started anew, say.
    pub(crate) fn differ<T: PartialEq + Debug>(&mut self, what: &str, before: &T, found: &T) {
        let expected = format!("another than {before:?}");
        self.holds(before != found, what, &expected, found);
    }

    /// A list is empty: of failed requests, of what was left behind.
    pub(crate) fn none(&mut self, what: &str, found: &[String]) {
        if found.is_empty() {
            self.held += 1;
            return;
        }
        let (many, few) = (found.len(), &found[..found.len().min(FEW)]);
        self.wrong
            .push(format!("{what}: expected none, found {many}: {few:?}"));
    }

    /// Anything else; `expected` says it in words.
    pub(crate) fn holds(
        &mut self,
        holds: bool,
        what: &str,
        expected: &str,
        found: &(impl Debug + ?Sized),
    ) {
        if holds {
            self.held += 1;
        } else {
            let mut found = format!("{found:?}");
            if let Some((end, _)) = found.char_indices().nth(MOST) {
                found.replace_range(end.., "…");
            }
            self.wrong
                .push(format!("{what}: expected {expected}, found {found}"));
        }
    }

    /// Waits until `attempt` gives what is expected; after `deadline` what it gave last is wrong.
    /// How long it took is given back.
    pub(crate) fn becomes<T: PartialEq + Debug>(
        &mut self,
        what: &str,
        expected: &T,
        deadline: Duration,
        mut attempt: impl FnMut() -> T,
    ) -> Duration {
        let began = Instant::now();
        let found = loop {
            let found = attempt();
            if found == *expected || began.elapsed() > deadline {
                break found;
            }
            std::thread::sleep(AGAIN);
        };
        let what = format!("{what} within {} s", deadline.as_secs());
        self.same(&what, expected, &found);
        began.elapsed()
    }

    /// Something worth reading.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

/// Asks `attempt` again until it gives a value. After `deadline` it is an error with what the
/// last attempt said: nothing that builds on it can be tried.
pub(crate) fn until<T>(
    what: &str,
    deadline: Duration,
    mut attempt: impl FnMut() -> Result<T>,
) -> Result<T> {
    let began = Instant::now();
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(last) if began.elapsed() > deadline => {
                let seconds = deadline.as_secs();
                return Err(format!("{what}: not within {seconds} s: {last}").into());
            }
            Err(_) => std::thread::sleep(AGAIN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_hold_says_what_was_expected_and_found() {
        let mut checks = Checks::default();
        checks.same("release of notes", &"r2", &"r1");
        checks.differ("pid of control", &12, &12);
        checks.none("failed requests", &["502: sick".to_owned()]);
        checks.holds(false, "answer", "`notes 1`", "404");
        checks.becomes("answer", &200, Duration::ZERO, || 503);
        assert_eq!(checks.held, 0);
        insta::assert_snapshot!(checks.wrong.join("\n"), @r#"
        release of notes: expected "r2", found "r1"
        pid of control: expected another than 12, found 12
        failed requests: expected none, found 1: ["502: sick"]
        answer: expected `notes 1`, found "404"
        answer within 0 s: expected 200, found 503
        "#);
    }

    #[test]
    fn what_holds_is_counted() {
        let mut checks = Checks::default();
        checks.same("status", &200, &200);
        checks.differ("pid", &1, &2);
        checks.none("failed requests", &[]);
        checks.holds(true, "answer", "`notes`", "notes 1");
        let mut left = 2;
        checks.becomes("countdown", &0, Duration::from_secs(30), || {
            left -= 1;
            left
        });
        assert_eq!((checks.held, checks.wrong.len()), (5, 0));
    }

    #[test]
    fn of_a_long_page_only_the_beginning_is_shown() {
        let mut checks = Checks::default();
        checks.holds(false, "page", "a mark", &"ü".repeat(5000));
        let shown = checks.wrong[0].chars().filter(|letter| *letter == 'ü');
        assert_eq!(shown.count(), MOST - 1);
        checks.none("lines", &vec!["x".to_owned(); 9]);
        assert_eq!(checks.wrong[1].matches('x').count(), FEW + 1);
    }

    #[test]
    fn what_never_comes_is_an_error_with_the_last_words() {
        let never = until("an answer", Duration::ZERO, || {
            Err::<(), _>("connection refused".into())
        });
        assert_eq!(
            never.unwrap_err().to_string(),
            "an answer: not within 0 s: connection refused"
        );
    }
}
