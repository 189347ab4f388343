//! One run: from a start of the program until nothing of it is left.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use ship_sandbox::{Cgroup, Program};

use super::backoff::HEALTHY;
use super::ladder::Ladder;
use super::log::Log;
use super::output::Output;
use super::probe::Probe;
use super::readiness::Readiness;
use super::wake::Wake;
use crate::event::Ended;
use crate::process::ProcessKey;

/// How long what a program left behind may take to end by itself.
const LEFTOVERS: Duration = Duration::from_secs(1);

/// How long output may still come when nothing is left that we know of.
const DRAIN: Duration = Duration::from_secs(1);

/// One run of the program.
#[derive(Debug)]
pub(super) struct Run {
    keeper: ProcessKey,
    program: ProcessKey,
    output: Output,
    cgroup: Option<Cgroup>,
    begun: Instant,
    readiness: Option<Readiness>,
    ready_since: Option<Instant>,
    /// The rest of the answer that made it ready.
    answer: Option<(Probe, Instant)>,
    /// When a start that gives no answer at all counts as hanging.
    hangs_at: Option<Instant>,
    ladder: Option<Ladder>,
    ended: Option<Ended>,
    /// Nothing is left below the keeper; the pipes are given until then.
    drained_by: Option<Instant>,
}

/// What became of it since the last look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It waits for something else now.
    Waits(String),
    /// It is ready, after this long.
    Ready(Duration),
    /// It hangs at its start, and is being ended.
    Hangs,
    /// The grace is over, and everything was sent SIGKILL.
    Killed,
    /// Nothing of it is left.
    Over,
}

impl Run {
    /// A program that has just been started.
    pub(super) fn new(
        keeper: ProcessKey,
        program: Program,
        readiness: Readiness,
        may_hang: Option<Duration>,
    ) -> io::Result<Self> {
        let begun = Instant::now();
        Ok(Self {
            keeper,
            // Nobody else reaps it, so that it has its number still, even when it has ended.
            program: ProcessKey::of(program.pid).ok_or(rustix::io::Errno::SRCH)?,
            output: Output::new(program.stdout, program.stderr)?,
            cgroup: program.cgroup,
            begun,
            readiness: Some(readiness),
            ready_since: None,
            answer: None,
            hangs_at: may_hang.map(|limit| begun + limit),
            ladder: None,
            ended: None,
            drained_by: None,
        })
    }

    pub(super) fn program(&self) -> ProcessKey {
        self.program
    }

    /// What it waits for; empty when it is ready.
    pub(super) fn waiting_for(&self) -> &str {
        self.readiness.as_ref().map_or("", Readiness::waiting_for)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready_since.is_some()
    }

    /// Whether it was ready long enough for its end to be a new story.
    pub(super) fn was_healthy(&self) -> bool {
        self.ready_since
            .is_some_and(|since| since.elapsed() >= HEALTHY)
    }

    pub(super) fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// How often the kernel ended something of it for want of memory.
    pub(super) fn out_of_memory_kills(&self) -> u64 {
        self.cgroup.as_ref().map_or(0, Cgroup::out_of_memory_kills)
    }

    /// How often something of it could not be started, since it had too many tasks.
    pub(super) fn refused_tasks(&self) -> u64 {
        self.cgroup.as_ref().map_or(0, Cgroup::refused_tasks)
    }

    /// Begins to end it; again, it can only become shorter.
    pub(super) fn stop(&mut self, grace: Duration) {
        self.readiness = None;
        if let Some(ladder) = &mut self.ladder {
            return ladder.shorten(grace);
        }
        self.ladder = Some(Ladder::new(grace));
        if !grace.is_zero() {
            self.program.signal(Signal::TERM);
            // A stopped process hears SIGTERM only when it goes on.
            self.program.signal(Signal::CONT);
        }
    }

    /// The program itself has ended; what it left has the rest of the grace, or a moment. Its last
    /// words are in the log before anybody hears of the end.
    pub(super) fn program_ended(&mut self, ended: Ended, log: &mut Log) {
        self.output.read(log);
        self.readiness = None;
        self.ended = Some(ended);
        self.ladder.get_or_insert_with(|| Ladder::new(LEFTOVERS));
    }

    /// Goes on as far as it can without waiting.
    pub(super) fn advance(&mut self, log: &mut Log) -> Option<News> {
        self.output.read(log);
        self.hear_answer();
        if self.ended.is_some() {
            return self.clear(log).then_some(News::Over);
        }
        if let Some(ladder) = &mut self.ladder {
            return ladder.await_program(self.keeper).then_some(News::Killed);
        }
        self.become_ready().or_else(|| self.notice_hanging())
    }

    /// Whether this start has given an answer, even a bad one.
    pub(super) fn has_answered(&self) -> bool {
        self.readiness.as_ref().is_some_and(Readiness::has_answered)
    }

    fn become_ready(&mut self) -> Option<News> {
        let readiness = self.readiness.as_mut()?;
        let before = readiness.waiting_for().to_owned();
        if let Some(ready) = readiness.advance() {
            let now = Instant::now();
            self.readiness = None;
            self.ready_since = Some(now);
            self.answer = ready.rest.map(|rest| (rest, now + DRAIN));
            return Some(News::Ready(now - self.begun));
        }
        let waits = readiness.waiting_for();
        (waits != before).then(|| News::Waits(waits.to_owned()))
    }

    /// A program that answers, even badly, does not hang: its database may be away, and a new start
    /// would not bring it back.
    fn notice_hanging(&mut self) -> Option<News> {
        let hangs = self
            .readiness
            .as_ref()
            .is_some_and(|readiness| !readiness.has_answered())
            && self.hangs_at.is_some_and(|at| Instant::now() >= at);
        hangs.then_some(News::Hangs)
    }

    fn hear_answer(&mut self) {
        if let Some((probe, until)) = &mut self.answer
            && (!probe.listen_on() || Instant::now() >= *until)
        {
            self.answer = None;
        }
    }

    /// Whether nothing is left: no process below the keeper, and the output read to its end.
    fn clear(&mut self, log: &mut Log) -> bool {
        if self.drained_by.is_none() {
            let Some(ladder) = &mut self.ladder else {
                return true;
            };
            if !ladder.await_rest(self.keeper) {
                return false;
            }
            self.drained_by = Some(Instant::now() + DRAIN);
            self.output.read(log);
        }
        let late = self.drained_by.is_some_and(|until| Instant::now() >= until);
        if self.output.is_open() && !late {
            return false;
        }
        self.output.close(log);
        true
    }

    pub(super) fn wakes<'a>(&'a self, wake: &mut Wake<'a>) {
        self.output.wakes(wake);
        if let Some((probe, until)) = &self.answer {
            probe.wakes(wake);
            wake.at(*until);
        }
        if let Some(readiness) = &self.readiness {
            readiness.wakes(wake);
            self.hangs_at
                .filter(|_| !readiness.has_answered())
                .into_iter()
                .for_each(|at| wake.at(at));
        }
        match (&self.drained_by, &self.ladder) {
            (Some(until), _) => wake.at(*until),
            (None, Some(ladder)) => wake.at(ladder.next(self.ended.is_none())),
            (None, None) => {}
        }
    }
}
