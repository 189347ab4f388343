//! A keeper's life: start, watch, start again; stop when told. One thread, one `poll`; nothing in it
//! blocks but the start itself, which takes milliseconds; where caps are to hold and their control
//! group is just being made anew, up to three seconds.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{WaitOptions, WaitStatus};
use ship_base::clock::Moment;
use ship_base::{count, file, hint};
use ship_sandbox::{Caps, Held};

use super::backoff::Backoff;
use super::desk::Desk;
use super::log::Log;
use super::readiness::Readiness;
use super::run::{News, Run};
use super::signals::Signals;
use super::start::{self, Starter};
use super::wake::Wake;
use crate::event::{Ask, Ended, Report, State, VERSION};
use crate::files::{self, Files, Record};
use crate::process::ProcessKey;
use crate::spec::{Address, Listen, Restart, Spec};

/// A start after the first that gives no answer at all counts as hanging after this long, or after
/// four times what a start took before, whichever is longer. The first start is control's to judge.
const HANG: Duration = Duration::from_mins(2);

/// How long a keeper waits for control to listen before it starts the program anyway.
const CONTROL: Duration = Duration::from_secs(5);

/// A keeper.
pub(super) struct Life {
    spec: Spec,
    me: ProcessKey,
    boot: String,
    files: Files,
    desk: Desk,
    signals: Signals,
    log: Log,
    report: Report,
    backoff: Backoff,
    starter: Starter,
    longest_start: Duration,
    asked: Asked,
    phase: Phase,
}

/// What was asked of the run that is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    Restart,
    Stop,
}

#[derive(Debug)]
enum Phase {
    /// Begun; the program starts when control listens, so that not even a job of a millisecond ends
    /// unheard, or at this moment, should control have died.
    Begun(Instant),
    /// The program runs, or what is left of it.
    Running(Box<Run>, Then),
    /// It starts again at this moment.
    Resting(Instant),
    /// The keeper ends.
    Over,
}

/// What follows a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Start(Instant),
    End,
}

impl Life {
    /// Opens the socket and writes the first state file.
    pub(super) fn begin(spec: Spec, files: Files) -> io::Result<Self> {
        let me = ProcessKey::own().ok_or(rustix::io::Errno::SRCH)?;
        let life = Self {
            me,
            boot: files::boot(),
            desk: Desk::open(&files.socket())?,
            signals: Signals::catch()?,
            log: Log::open(&spec),
            report: first_report(&spec, me),
            backoff: Backoff::default(),
            starter: Starter::new(me),
            longest_start: Duration::ZERO,
            asked: Asked::Nothing,
            phase: Phase::Begun(Instant::now() + CONTROL),
            spec,
            files,
        };
        life.write_state()?;
        Ok(life)
    }

    /// Lives until the instance has ended for good.
    pub(super) fn live(mut self) {
        while !matches!(self.phase, Phase::Over) {
            self.wait();
            self.reap();
            self.hear();
            self.advance();
        }
        self.leave();
    }

    fn wait(&self) {
        let mut wake = Wake::default();
        wake.on_read(std::os::fd::AsFd::as_fd(&self.signals));
        self.desk.wakes(&mut wake);
        match &self.phase {
            Phase::Running(run, _) => run.wakes(&mut wake),
            Phase::Begun(until) | Phase::Resting(until) => wake.at(*until),
            Phase::Over => {}
        }
        wake.wait(Instant::now());
    }

    /// Takes the exit status of everything that ended below us, orphans too.
    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if let Phase::Running(run, _) = &mut self.phase
                && run.program().pid == pid.as_raw_nonzero().get()
                && run.ended().is_none()
            {
                run.program_ended(how(status), &mut self.log);
                self.program_ended();
            }
        }
    }

    fn hear(&mut self) {
        if self.signals.take_stop() {
            // A second signal skips the grace.
            let grace = if self.asked == Asked::Stop {
                Duration::ZERO
            } else {
                self.spec.grace
            };
            self.stop(grace);
        }
        for ask in self.desk.attend(&self.report) {
            match ask {
                Ask::Stop { grace } => self.stop(grace),
                Ask::Restart => self.restart(),
            }
        }
    }

    fn advance(&mut self) {
        match &mut self.phase {
            Phase::Running(run, _) => {
                if let Some(news) = run.advance(&mut self.log) {
                    self.take(news);
                }
            }
            Phase::Begun(until) if self.desk.has_visitors() || Instant::now() >= *until => {
                self.start();
            }
            Phase::Resting(until) if Instant::now() >= *until => {
                self.report.restarts += 1;
                self.start();
            }
            Phase::Begun(_) | Phase::Resting(_) | Phase::Over => {}
        }
    }

    fn take(&mut self, news: News) {
        let Phase::Running(run, then) = &mut self.phase else {
            return;
        };
        let pid = run.program().pid;
        self.report.answered = run.has_answered();
        match news {
            News::Waits(waiting_for) => self.tell(State::Starting { pid, waiting_for }),
            News::Ready(took) => {
                self.longest_start = self.longest_start.max(took);
                self.report.was_ready = true;
                self.report.failures = 0;
                self.log
                    .remark(&format!("ready after {}", count::duration(took)));
                self.tell(State::Ready { pid });
            }
            News::Hangs => {
                run.stop(self.spec.grace);
                self.log
                    .remark("gives no answer; ending it to start it again");
            }
            News::Killed => {}
            News::Over => {
                let then = *then;
                self.run_over(then);
            }
        }
    }

    /// One start: a fresh socket or port, the program, the questions about its readiness.
    fn start(&mut self) {
        self.asked = Asked::Nothing;
        match self.start_program() {
            Ok(run) => {
                let pid = run.program().pid;
                self.report.program = Some(run.program());
                self.report.answered = false;
                self.log.remark(&format!("started as process {pid}"));
                let waiting_for = run.waiting_for().to_owned();
                self.phase = Phase::Running(Box::new(run), Then::End);
                self.tell(State::Starting { pid, waiting_for });
            }
            Err(why) => self.not_started(why),
        }
    }

    fn start_program(&mut self) -> Result<Run, String> {
        let address = self.starter.address(&self.spec);
        self.report.address = address.map_err(|error| hint::chain(&error))?;
        let address = self.report.address.clone();
        let program = self.starter.start(&self.spec, address.as_ref());
        let program = program.map_err(|error| hint::chain(&error))?;
        self.remark_on_caps(program.held.as_ref());
        self.report.held.clone_from(&program.held);
        let readiness = Readiness::new(&self.spec, address, self.me);
        let may_hang = self
            .report
            .was_ready
            .then(|| HANG.max(self.longest_start * 4));
        Run::new(self.me, program, readiness, may_hang).map_err(|error| error.to_string())
    }

    /// Said once: the reason does not change from start to start.
    fn remark_on_caps(&mut self, held: Option<&Held>) {
        if let Some(Held::Open { why }) = held
            && self.report.held.is_none()
        {
            let what = named(&self.spec.caps);
            self.log.remark(&format!("its {what} not capped: {why}"));
        }
    }

    fn not_started(&mut self, why: String) {
        let ended = Ended::NotStarted(why);
        let then = self.what_follows(&ended, false);
        self.run_over_with(ended, then);
    }

    /// The program itself has ended: says so at once, though something of it may be left.
    fn program_ended(&mut self) {
        let Phase::Running(run, _) = &self.phase else {
            return;
        };
        let Some(ended) = run.ended().cloned() else {
            return;
        };
        if run.was_healthy() {
            self.backoff.reset();
        }
        if run.out_of_memory_kills() > 0 {
            let cap = count::bytes(self.spec.caps.memory.unwrap_or(0));
            self.log
                .remark(&format!("reached its cap of {cap} of memory"));
        }
        if run.refused_tasks() > 0 {
            let cap = self.spec.caps.tasks.unwrap_or(0);
            self.log
                .remark(&format!("reached its cap of {cap} processes and threads"));
        }
        let was_ready = run.is_ready();
        let then = self.what_follows(&ended, was_ready);
        if let Phase::Running(_, next) = &mut self.phase {
            *next = then;
        }
    }

    /// Decides what follows an end, remarks on it, and tells it unless it is the last.
    fn what_follows(&mut self, ended: &Ended, was_ready: bool) -> Then {
        let now = Instant::now();
        if self.asked == Asked::Nothing {
            self.report.failures = if was_ready {
                0
            } else {
                self.report.failures + 1
            };
        }
        if self.asked == Asked::Stop
            || (self.asked == Asked::Nothing && self.spec.restart == Restart::Never)
        {
            self.log.remark(&ended.to_string());
            return Then::End;
        }
        let rest = if self.asked == Asked::Restart {
            Duration::ZERO
        } else {
            self.backoff.rest()
        };
        let soon = match rest {
            Duration::ZERO => String::new(),
            rest => format!(" in {:.1} s", rest.as_secs_f64()),
        };
        self.log.remark(&format!("{ended}; starts again{soon}"));
        let next = Moment::now().after(rest);
        self.tell(State::Waiting {
            ended: ended.clone(),
            next,
        });
        Then::Start(now + rest)
    }

    /// Nothing of the run is left.
    fn run_over(&mut self, then: Then) {
        let Phase::Running(run, _) = &self.phase else {
            return;
        };
        let ended = run.ended().cloned().unwrap_or(Ended::Code(0));
        self.run_over_with(ended, then);
    }

    fn run_over_with(&mut self, ended: Ended, then: Then) {
        self.report.program = None;
        if let Some(Listen::Unix(path)) = &self.spec.listen {
            let _ = start::clear_socket(path);
        }
        // A stop that came after the end was decided overrules it.
        match then {
            Then::Start(at) if self.asked != Asked::Stop => self.phase = Phase::Resting(at),
            _ => {
                self.phase = Phase::Over;
                self.report.state = State::Ended { ended };
                self.report.since = Moment::now();
            }
        }
    }

    fn stop(&mut self, grace: Duration) {
        let first = self.asked != Asked::Stop;
        self.asked = Asked::Stop;
        match &mut self.phase {
            Phase::Running(run, _) => {
                run.stop(grace);
                let pid = run.program().pid;
                if first {
                    self.log.remark(&format!(
                        "stopping it; it has {} to finish",
                        count::duration(grace)
                    ));
                    self.tell(State::Stopping { pid });
                }
            }
            Phase::Begun(_) | Phase::Resting(_) => {
                let ended = self.report.ended().cloned().unwrap_or(Ended::Code(0));
                self.run_over_with(ended, Then::End);
            }
            Phase::Over => {}
        }
    }

    fn restart(&mut self) {
        match &mut self.phase {
            Phase::Running(run, _) if self.asked == Asked::Nothing => {
                self.asked = Asked::Restart;
                run.stop(self.spec.grace);
                let pid = run.program().pid;
                self.log.remark("stopping it to start it again");
                self.tell(State::Stopping { pid });
            }
            Phase::Resting(until) => *until = Instant::now(),
            Phase::Begun(_) | Phase::Running(..) | Phase::Over => {}
        }
    }

    /// Tells a new state to everybody and writes it down. Those who listen first: the file is for a
    /// control process that is not there yet.
    fn tell(&mut self, state: State) {
        self.report.state = state;
        self.report.since = Moment::now();
        // First the file: what control has heard, the next control process finds there. A full disk
        // is no reason to end a program.
        let _ = self.write_state();
        self.desk.tell(&self.report);
    }

    fn write_state(&self) -> io::Result<()> {
        let record = Record {
            boot: self.boot.clone(),
            listens: match &self.spec.listen {
                Some(Listen::Unix(path)) => Some(path.clone()),
                _ => None,
            },
            report: self.report.clone(),
        };
        let text = serde_json::to_vec(&record)?;
        file::replace(&self.files.state(), &text).map_err(|error| error.source)
    }

    /// The last words. A job's outcome that nobody hears stays in the state file, where the next
    /// control process finds it.
    fn leave(mut self) {
        let written = self.write_state();
        self.desk.attend(&self.report);
        let heard = self.desk.tell(&self.report) > 0;
        let keep = written.is_ok() && !heard && self.spec.restart == Restart::Never;
        let _ = file::remove(&self.files.socket());
        if !keep {
            let _ = self.files.remove();
        }
    }
}

fn first_report(spec: &Spec, keeper: ProcessKey) -> Report {
    Report {
        version: VERSION,
        instance: spec.instance.clone(),
        release: spec.release,
        keeper,
        state: State::Starting {
            pid: 0,
            waiting_for: "it is being started".to_owned(),
        },
        address: match &spec.listen {
            Some(Listen::Unix(path)) => Some(Address::Unix(path.clone())),
            _ => None,
        },
        restarts: 0,
        since: Moment::now(),
        program: None,
        failures: 0,
        answered: false,
        was_ready: false,
        held: None,
    }
}

/// What has a cap, as the subject of a sentence: `memory and processor are`.
fn named(caps: &Caps) -> String {
    let all = [
        (caps.memory.is_some(), "memory"),
        (caps.cpu.is_some(), "processor"),
        (caps.tasks.is_some(), "processes"),
    ];
    let named: Vec<&str> = all.iter().filter(|one| one.0).map(|one| one.1).collect();
    match named.as_slice() {
        [one @ ("memory" | "processor")] => format!("{one} is"),
        [one] => format!("{one} are"),
        [first @ .., last] => format!("{} and {last} are", first.join(", ")),
        [] => String::new(),
    }
}

fn how(status: WaitStatus) -> Ended {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Ended::Code(code),
        (None, Some(signal)) => Ended::Signal(signal),
        (None, None) => Ended::Code(0),
    }
}
