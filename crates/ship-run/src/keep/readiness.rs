//! Whether a started program is ready, and if not, what is missing, in our voice.

use std::time::{Duration, Instant};

use ship_base::count;

use super::listeners::{self, Listener};
use super::probe::{Answer, Probe};
use super::wake::Wake;
use crate::process::ProcessKey;
use crate::spec::{Address, Health, Spec};

/// The shortest and the longest pause between two looks whether anybody listens. In between it is a
/// twentieth of the time that the start took so far: what is found late is late by that much.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// The pause after a bad answer, which costs the program work.
const AFTER_ANSWER: Duration = Duration::from_millis(200);

/// An answer that takes longer is not waited for; the question is asked anew.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long nothing listens before it is worth looking where it listens instead, and how often.
const LOOK: Duration = Duration::from_millis(400);

/// Waiting for a program to be ready.
#[derive(Debug)]
pub(super) struct Readiness {
    keeper: ProcessKey,
    wanted: Wanted,
    question: Option<Question>,
    begun: Instant,
    ask_at: Instant,
    look_at: Instant,
    waiting_for: String,
    answered: bool,
}

#[derive(Debug)]
enum Wanted {
    /// It is ready when it lives at this moment.
    Life(Instant),
    /// It is ready when it accepts here and, with a health check, answers as that wants.
    Answer(Address, Option<Health>),
}

#[derive(Debug)]
struct Question {
    probe: Probe,
    since: Instant,
}

/// The program is ready.
#[derive(Debug)]
pub(super) struct Ready {
    /// Its answer, of which only the first line was read.
    pub(super) rest: Option<Probe>,
}

impl Readiness {
    /// For a program just started by `keeper`.
    pub(super) fn new(spec: &Spec, address: Option<Address>, keeper: ProcessKey) -> Self {
        let now = Instant::now();
        let mut readiness = Self {
            keeper,
            wanted: address.map_or_else(
                || Wanted::Life(now + spec.settle),
                |address| Wanted::Answer(address, spec.health.clone()),
            ),
            question: None,
            begun: now,
            ask_at: now + PAUSES.0,
            look_at: now + LOOK,
            waiting_for: String::new(),
            answered: false,
        };
        readiness.waiting_for = match &readiness.wanted {
            Wanted::Life(_) => format!("it has not lived for {} yet", count::duration(spec.settle)),
            Wanted::Answer(..) => readiness.nothing_listens(),
        };
        readiness
    }

    /// What is missing.
    pub(super) fn waiting_for(&self) -> &str {
        &self.waiting_for
    }

    /// Whether it gave any answer, even a bad one: it does not hang.
    pub(super) fn has_answered(&self) -> bool {
        self.answered
    }

    /// Goes on as far as it can without waiting.
    pub(super) fn advance(&mut self) -> Option<Ready> {
        let now = Instant::now();
        if let Wanted::Life(until) = self.wanted {
            return (now >= until).then_some(Ready { rest: None });
        }
        if self.question.is_none() && now >= self.ask_at {
            self.ask(now);
        }
        let answer = self.question.as_mut()?.probe.advance();
        self.take(answer, now)
    }

    pub(super) fn wakes<'a>(&'a self, wake: &mut Wake<'a>) {
        match (&self.wanted, &self.question) {
            (Wanted::Life(until), _) => wake.at(*until),
            (_, None) => wake.at(self.ask_at),
            (_, Some(question)) => {
                question.probe.wakes(wake);
                wake.at(question.since + PATIENCE);
            }
        }
    }

    fn ask(&mut self, now: Instant) {
        let Wanted::Answer(address, health) = &self.wanted else {
            return;
        };
        self.question =
            Probe::begin(address, health.as_ref()).map(|probe| Question { probe, since: now });
        if self.question.is_none() {
            self.nobody(now);
        }
    }

    fn nobody(&mut self, now: Instant) {
        self.question = None;
        self.ask_at = now + ((now - self.begun) / 20).clamp(PAUSES.0, PAUSES.1);
        self.look_around(now);
    }

    fn bad_answer(&mut self, now: Instant, what: String) {
        self.question = None;
        self.ask_at = now + AFTER_ANSWER;
        self.waiting_for = what;
    }

    fn take(&mut self, answer: Answer, now: Instant) -> Option<Ready> {
        match answer {
            Answer::Pending => self.be_patient(now),
            answer if self.wants(answer) && self.is_its_own() => {
                let question = self.question.take();
                // A server of HTTP/2 has said what it has to say, and waits for us.
                let question = question.filter(|_| answer != Answer::Settings);
                return Some(Ready {
                    rest: question.map(|question| question.probe),
                });
            }
            answer if self.wants(answer) => {
                self.bad_answer(
                    now,
                    "another program listens on the port it was given".into(),
                );
            }
            Answer::Settings => {
                let what = "speaks HTTP/2 alone: `protocol = \"h2c\"` in `[web]` says so";
                self.refuse(now, format!("it {what}"));
            }
            Answer::Status(_) | Answer::Other if self.speaks_http2() => {
                let what = "does not speak HTTP/2 without TLS";
                self.refuse(now, format!("it {what} on {}", self.given()));
            }
            Answer::Status(status) => {
                self.refuse(now, format!("it answers {status} on {}", self.path()));
            }
            Answer::Accepted | Answer::Other => {
                self.refuse(
                    now,
                    format!("it does not answer in HTTP on {}", self.path()),
                );
            }
            Answer::Nobody => self.nobody(now),
        }
        None
    }

    fn refuse(&mut self, now: Instant, what: String) {
        self.answered = true;
        self.bad_answer(now, what);
    }

    fn be_patient(&mut self, now: Instant) {
        let Some(question) = &self.question else {
            return;
        };
        if now >= question.since + PATIENCE {
            let patience = count::duration(PATIENCE);
            let path = self.path();
            self.bad_answer(
                now,
                format!("it does not answer on {path} within {patience}"),
            );
        }
    }

    fn path(&self) -> &str {
        match &self.wanted {
            Wanted::Answer(_, Some(Health::Http1 { path, .. })) => path,
            _ => "/",
        }
    }

    fn speaks_http2(&self) -> bool {
        matches!(self.wanted, Wanted::Answer(_, Some(Health::H2c)))
    }

    fn wants(&self, answer: Answer) -> bool {
        match answer {
            Answer::Accepted => true,
            Answer::Status(..500) => !self.speaks_http2(),
            Answer::Settings => self.speaks_http2(),
            _ => false,
        }
    }

    fn given(&self) -> &'static str {
        match &self.wanted {
            Wanted::Answer(Address::Tcp(_), _) => "the port it was given",
            _ => "the socket it was given",
        }
    }

    fn nothing_listens(&self) -> String {
        format!("nothing listens on {}", self.given())
    }

    /// The commonest mistake has a name: it listens, but elsewhere.
    fn look_around(&mut self, now: Instant) {
        if now < self.look_at {
            return;
        }
        self.look_at = now + LOOK;
        let mut listeners = listeners::below(self.keeper).unwrap_or_default();
        // Where it should: it came between the question and this look.
        listeners.retain(|listener| !self.is_wanted(listener));
        let is_tcp = |listener: &&Listener| matches!(listener, Listener::Tcp(_));
        let elsewhere = listeners.iter().find(is_tcp).or(listeners.first());
        self.waiting_for = match elsewhere {
            Some(elsewhere) => format!("it listens on {elsewhere} instead of {}", self.given()),
            None => self.nothing_listens(),
        };
    }

    fn is_wanted(&self, listener: &Listener) -> bool {
        match (&self.wanted, listener) {
            (Wanted::Answer(Address::Unix(wanted), _), Listener::Unix(path)) => wanted == path,
            (Wanted::Answer(Address::Tcp(wanted), _), Listener::Tcp(own)) => own == wanted,
            _ => false,
        }
    }

    /// A port can be taken by a stranger between its choice and the program's own binding. Where
    /// the tables cannot be read, the answer counts.
    fn is_its_own(&self) -> bool {
        let Wanted::Answer(Address::Tcp(address), _) = &self.wanted else {
            return true;
        };
        let same_port =
            |it: &Listener| matches!(it, Listener::Tcp(own) if own.port() == address.port());
        listeners::below(self.keeper).is_none_or(|own| own.iter().any(same_port))
    }
}
