//! What visitors saw, held against the table while it is seen.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::{Event, Sight, may_see};
use crate::visitor::{Kind, Trouble};

/// Failures that are kept with their words; the others are counted.
const KEPT: usize = 40;

/// Who comes so soon after an event is counted with it: what happens late is its doing as well. What
/// it excuses ends with the event.
const AFTERMATH: Duration = Duration::from_secs(1);

/// One request, one echo, or the whole of something that lasts.
pub(crate) struct Exchange {
    pub(crate) kind: Kind,
    pub(crate) visitor: usize,
    /// When its connection began.
    pub(crate) opened: Instant,
    pub(crate) begun: Instant,
    pub(crate) seen: Seen,
    /// The release and setting that answered, where it is known.
    pub(crate) by: Option<String>,
}

/// How an exchange ended.
pub(crate) enum Seen {
    /// Whole.
    Whole,
    /// Whole, and the last of its connection.
    Last,
    /// A WebSocket was closed with 1012.
    Restarted,
    /// With less than was asked for.
    Trouble(Trouble),
}

/// The account of all exchanges.
pub struct Book {
    grace: Duration,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    spans: Vec<Span>,
    deaths: Vec<Death>,
    reigns: Vec<Reign>,
    cells: BTreeMap<(Kind, Event), Cell>,
    /// Requests that one visitor lost in one event.
    lost: BTreeMap<(usize, usize), u64>,
    total: u64,
    broken: Vec<String>,
    failures: u64,
    calm: Vec<u32>,
    during: BTreeMap<Event, Vec<u32>>,
    restarts: Vec<Duration>,
}

/// An event from its beginning to its end.
struct Span {
    event: Event,
    began: Instant,
    /// When whoever comes anew does not meet it any more.
    settled: Option<Instant>,
    /// When all that it began is over as well.
    ended: Option<Instant>,
}

impl Span {
    fn meets(&self, from: Instant, until: Instant) -> bool {
        self.began <= until && self.ended.is_none_or(|ended| ended >= from)
    }

    fn is_felt(&self, from: Instant, until: Instant) -> bool {
        self.began <= until && self.ended.is_none_or(|ended| ended + AFTERMATH >= from)
    }

    fn unsettled(&self, from: Instant, until: Instant) -> bool {
        self.began <= until && self.settled.is_none_or(|settled| settled >= from)
    }
}

/// A `kill -9` of the door, which is no column of the table: what it had in its hands is lost.
struct Death {
    at: Instant,
    /// Until a visitor who came after it was answered.
    gap: Option<Duration>,
    lost: u64,
}

/// The time in which a release and its settings may answer.
struct Reign {
    name: String,
    from: Instant,
    until: Option<Instant>,
}

/// What was seen by visitors of one kind of one event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cell {
    /// Exchanges that met it.
    pub exchanges: u64,
    /// Of them, those that were the last of their connection.
    pub last: u64,
    /// WebSockets that were closed with 1012 after the grace.
    pub restarted: u64,
    /// Requests that were lost with the instance that had them in its hands.
    pub lost: u64,
    /// Exchanges that nobody may see.
    pub broken: u64,
}

/// An event under way; see [`Book::begin`].
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize);

/// What came of everything.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// All exchanges.
    pub exchanges: u64,
    /// Those that nobody may see.
    pub failures: u64,
    /// The first of them, in words.
    pub broken: Vec<String>,
    /// Cells that were met.
    pub cells: BTreeMap<(Kind, Event), Cell>,
    /// How often each event was.
    pub events: BTreeMap<Event, usize>,
    /// The 99th percentile of short requests while nothing happened.
    pub calm: Option<Duration>,
    /// The same of those that met an event before it was settled.
    pub during: BTreeMap<Event, Duration>,
    /// The shortest and the longest time from the beginning of a switch to the 1012 of a WebSocket.
    pub restarts: Option<(Duration, Duration)>,
    /// Kills of the door: the time until a visitor who came after it was answered, and how many
    /// exchanges were lost.
    pub deaths: Vec<(Option<Duration>, u64)>,
}

impl Account {
    /// What keeps the promise from being proved: broken cells, and empty ones.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.broken.clone();
        let more = self.failures.saturating_sub(self.broken.len() as u64);
        if more > 0 {
            faults.push(format!("and {more} more"));
        }
        for event in Event::ALL {
            for kind in Kind::ALL {
                let cell = self.cells.get(&(kind, event)).copied().unwrap_or_default();
                let place = format!("{} × {}", kind.name(), event.name());
                if cell.exchanges == 0 {
                    faults.push(format!("{place}: an empty cell"));
                } else if may_see(kind, event) == Sight::Restart && cell.restarted == 0 {
                    faults.push(format!("{place}: nobody was closed with 1012"));
                }
            }
        }
        faults
    }
}

impl Book {
    /// An empty one, for an app with this grace.
    pub fn new(grace: Duration) -> Self {
        Self {
            grace,
            inner: Mutex::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic")
    }

    /// An event begins.
    pub fn begin(&self, event: Event) -> Mark {
        let mut inner = self.inner();
        inner.spans.push(Span {
            event,
            began: Instant::now(),
            settled: None,
            ended: None,
        });
        Mark(inner.spans.len() - 1)
    }

    /// Who comes anew does not meet it any more.
    pub fn settle(&self, mark: Mark) {
        self.inner().spans[mark.0].settled = Some(Instant::now());
    }

    /// All of it is over.
    pub fn end(&self, mark: Mark) {
        let now = Instant::now();
        let span = &mut self.inner().spans[mark.0];
        span.settled.get_or_insert(now);
        span.ended = Some(now);
    }

    /// From now on this may answer as well.
    pub fn comes(&self, name: &str) {
        self.inner().reigns.push(Reign {
            name: name.to_owned(),
            from: Instant::now(),
            until: None,
        });
    }

    /// From now on nobody else takes a new request.
    pub fn reigns(&self, name: &str) {
        let now = Instant::now();
        for reign in &mut self.inner().reigns {
            if reign.name != name {
                reign.until.get_or_insert(now);
            }
        }
    }

    /// The door was killed.
    pub fn door_killed(&self) {
        self.inner().deaths.push(Death {
            at: Instant::now(),
            gap: None,
            lost: 0,
        });
    }

    /// How many exchanges there were.
    pub fn exchanges(&self) -> u64 {
        self.inner().total
    }

    /// How many nobody may see.
    pub fn failures(&self) -> u64 {
        self.inner().failures
    }

    pub(crate) fn write(&self, exchange: Exchange) {
        self.inner().write(exchange, Instant::now(), self.grace);
    }

    /// What came of everything so far.
    pub fn account(&self) -> Account {
        let mut inner = self.inner();
        let mut events = BTreeMap::new();
        for span in &inner.spans {
            *events.entry(span.event).or_default() += 1;
        }
        let restarts = inner.restarts.iter().min().zip(inner.restarts.iter().max());
        let restarts = restarts.map(|(least, most)| (*least, *most));
        let mut during = std::mem::take(&mut inner.during);
        let percentiles = during
            .iter_mut()
            .filter_map(|(event, all)| Some((*event, p99(all)?)));
        let percentiles = percentiles.collect();
        inner.during = during;
        Account {
            exchanges: inner.total,
            failures: inner.failures,
            broken: inner.broken.clone(),
            cells: inner.cells.clone(),
            events,
            calm: p99(&mut inner.calm),
            during: percentiles,
            restarts,
            deaths: inner.deaths.iter().map(|it| (it.gap, it.lost)).collect(),
        }
    }
}

fn p99(micros: &mut [u32]) -> Option<Duration> {
    micros.sort_unstable();
    let at = (micros.len() * 99).div_ceil(100).checked_sub(1)?;
    Some(Duration::from_micros(u64::from(micros[at])))
}

/// What the table says of an exchange.
enum Verdict {
    Fine,
    /// Lost with an instance, in this span.
    Lost(usize),
    /// Lost with the door.
    LostWithDoor(usize),
    Broken(String),
}

impl Inner {
    fn write(&mut self, exchange: Exchange, now: Instant, grace: Duration) {
        self.total += 1;
        let verdict = self.judge(&exchange, now, grace);
        let verdict = match verdict {
            Verdict::Lost(span) => {
                let lost = self.lost.entry((exchange.visitor, span)).or_default();
                *lost += 1;
                match *lost {
                    lost if lost <= exchange.kind.at_once() => Verdict::Lost(span),
                    lost => Verdict::Broken(format!("{lost} requests lost in one crash")),
                }
            }
            other => other,
        };
        self.count(&exchange, &verdict, now);
        match verdict {
            Verdict::Broken(why) => self.complain(&exchange, &why, now),
            Verdict::LostWithDoor(death) => self.deaths[death].lost += 1,
            _ => self.time(&exchange, now),
        }
    }

    fn judge(&self, exchange: &Exchange, now: Instant, grace: Duration) -> Verdict {
        let kind = exchange.kind;
        let allows = |from: Instant, sight: Sight| {
            let mut spans = self.spans.iter().enumerate();
            spans.find(|(_, span)| may_see(kind, span.event) == sight && span.meets(from, now))
        };
        match &exchange.seen {
            Seen::Whole => self.judge_name(exchange, now),
            Seen::Last if allows(exchange.opened, Sight::LastAnswer).is_some() => {
                self.judge_name(exchange, now)
            }
            Seen::Last => Verdict::Broken("its connection was ended".to_owned()),
            Seen::Restarted => self.judge_restart(exchange, now, grace),
            Seen::Trouble(trouble) => {
                let from = exchange.begun;
                let of_app = trouble
                    .is_of_the_app()
                    .then(|| allows(from, Sight::LostInHand));
                if let Some((span, _)) = of_app.flatten() {
                    return Verdict::Lost(span);
                }
                let in_its_hands = |death: &Death| exchange.opened <= death.at && death.at <= now;
                match self.deaths.iter().rposition(in_its_hands) {
                    Some(death) if trouble.is_of_the_door() => Verdict::LostWithDoor(death),
                    _ => Verdict::Broken(trouble.to_string()),
                }
            }
        }
    }

    /// Whether who answered was live at some time of the exchange.
    fn judge_name(&self, exchange: &Exchange, now: Instant) -> Verdict {
        let Some(by) = &exchange.by else {
            return Verdict::Fine;
        };
        // A WebSocket stays with whom it began.
        let from = match exchange.kind {
            Kind::WebSocket => exchange.opened,
            _ => exchange.begun,
        };
        let reigned = |reign: &Reign| {
            reign.name == *by && reign.from <= now && reign.until.is_none_or(|until| until >= from)
        };
        if self.reigns.iter().any(reigned) {
            Verdict::Fine
        } else {
            Verdict::Broken(format!("answered by `{by}`, which was not live"))
        }
    }

    /// It has had the whole grace, and its release was on its way out.
    fn judge_restart(&self, exchange: &Exchange, now: Instant, grace: Duration) -> Verdict {
        let may = |span: &Span| {
            may_see(exchange.kind, span.event) == Sight::Restart
                && span
                    .settled
                    .is_none_or(|settled| exchange.opened <= settled)
                && span.began <= now
        };
        let mut spans = self.spans.iter().filter(|span| may(span));
        if spans.any(|span| now >= span.began + grace) {
            return Verdict::Fine;
        }
        let oldest = self.spans.iter().find(|span| may(span));
        let after = oldest.map(|span| now - span.began);
        Verdict::Broken(format!("closed with 1012, {after:?} after a switch"))
    }

    fn count(&mut self, exchange: &Exchange, verdict: &Verdict, now: Instant) {
        let since = match exchange.seen {
            // It was told long after the event that ended it.
            Seen::Restarted => exchange.opened,
            _ => exchange.begun,
        };
        let met = self.spans.iter().filter(|span| span.is_felt(since, now));
        for event in met.map(|span| span.event) {
            let cell = self.cells.entry((exchange.kind, event)).or_default();
            cell.exchanges += 1;
            match (verdict, &exchange.seen) {
                (Verdict::Broken(_), _) => cell.broken += 1,
                (Verdict::Lost(_), _) => cell.lost += 1,
                (_, Seen::Last) => cell.last += 1,
                (_, Seen::Restarted) => cell.restarted += 1,
                _ => {}
            }
        }
    }

    fn complain(&mut self, exchange: &Exchange, why: &str, now: Instant) {
        self.failures += 1;
        if self.broken.len() == KEPT {
            return;
        }
        let met = self
            .spans
            .iter()
            .filter(|span| span.is_felt(exchange.begun, now));
        let events: Vec<&str> = met.map(|span| span.event.name()).collect();
        let during = if events.is_empty() {
            "nothing".to_owned()
        } else {
            events.join(", ")
        };
        let (lasted, old) = (now - exchange.begun, now - exchange.opened);
        self.broken.push(format!(
            "{} during {during}: {why} (after {:.2} s, on a connection {:.1} s old)",
            exchange.kind.name(),
            lasted.as_secs_f64(),
            old.as_secs_f64(),
        ));
    }

    /// How long short requests take, and how soon visitors are served after the door's death.
    fn time(&mut self, exchange: &Exchange, now: Instant) {
        if let Seen::Restarted = exchange.seen {
            let ends_it = |span: &&Span| {
                span.event.is_switch() && span.settled.is_none_or(|at| exchange.opened <= at)
            };
            if let Some(switch) = self.spans.iter().find(ends_it) {
                self.restarts.push(now - switch.began);
            }
            return;
        }
        if let (Seen::Whole, Some(death)) = (&exchange.seen, self.deaths.last_mut())
            && exchange.opened > death.at
        {
            death.gap.get_or_insert(now - death.at);
        }
        if !matches!(exchange.kind, Kind::KeepAlive | Kind::Http2)
            || !matches!(exchange.seen, Seen::Whole)
        {
            return;
        }
        let took = u32::try_from((now - exchange.begun).as_micros()).unwrap_or(u32::MAX);
        let met = self
            .spans
            .iter()
            .filter(|span| span.unsettled(exchange.begun, now));
        let met: Vec<Event> = met.map(|span| span.event).collect();
        for event in &met {
            self.during.entry(*event).or_default().push(took);
        }
        if met.is_empty() {
            self.calm.push(took);
        }
    }
}

/// The checker, checked.
#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(3);
    const SECOND: Duration = Duration::from_secs(1);

    /// A book in which an event is under way since a second, and `new` replaces `old`.
    fn book(event: Event) -> (Inner, Instant) {
        let now = Instant::now();
        let began = now.checked_sub(SECOND).unwrap();
        let before = now.checked_sub(10 * SECOND).unwrap();
        let reign = |name: &str, from, until| Reign {
            name: name.to_owned(),
            from,
            until,
        };
        let inner = Inner {
            spans: vec![Span {
                event,
                began,
                settled: None,
                ended: None,
            }],
            reigns: vec![reign("old", before, Some(began)), reign("new", began, None)],
            ..Inner::default()
        };
        (inner, now)
    }

    fn exchange(kind: Kind, now: Instant, ago: Duration, seen: Seen) -> Exchange {
        let begun = now.checked_sub(ago).unwrap();
        let by = matches!(seen, Seen::Whole).then(|| "new".to_owned());
        Exchange {
            kind,
            visitor: 7,
            opened: begun,
            begun,
            seen,
            by,
        }
    }

    fn failures(event: Event, kind: Kind, seen: impl Fn() -> Seen) -> u64 {
        let (mut inner, now) = book(event);
        inner.write(exchange(kind, now, 2 * SECOND, seen()), now, GRACE);
        inner.failures
    }

    fn cut() -> Seen {
        Seen::Trouble(Trouble::Cut("reset".to_owned()))
    }

    #[test]
    fn each_cell_allows_what_it_says_and_nothing_else() {
        for kind in Kind::ALL {
            for event in Event::ALL {
                let sight = may_see(kind, event);
                let is = |wanted| u64::from(sight != wanted);
                assert_eq!(failures(event, kind, || Seen::Whole), 0);
                assert_eq!(failures(event, kind, || Seen::Last), is(Sight::LastAnswer));
                assert_eq!(failures(event, kind, cut), is(Sight::LostInHand));
                let refused = || Seen::Trouble(Trouble::Refused(500, String::new()));
                let unanswered = || Seen::Trouble(Trouble::Unanswered(String::new()));
                let not_connected = || Seen::Trouble(Trouble::NotConnected(String::new()));
                assert_eq!(failures(event, kind, refused), 1);
                assert_eq!(failures(event, kind, unanswered), 1);
                assert_eq!(failures(event, kind, not_connected), 1);
            }
        }
    }

    #[test]
    fn nothing_is_allowed_while_nothing_happens() {
        for seen in [Seen::Last, Seen::Restarted, cut()] {
            let (mut inner, now) = book(Event::Upgrade);
            inner.spans.clear();
            inner.write(exchange(Kind::Http2, now, SECOND, seen), now, GRACE);
            assert_eq!(inner.failures, 1);
        }
    }

    #[test]
    fn a_release_that_has_gone_answers_nobody_who_comes_after() {
        let (mut inner, now) = book(Event::Release);
        for (ago, failures) in [(2 * SECOND, 0), (SECOND / 2, 1)] {
            let mut exchange = exchange(Kind::KeepAlive, now, ago, Seen::Whole);
            exchange.by = Some("old".to_owned());
            inner.write(exchange, now, GRACE);
            assert_eq!(inner.failures, failures);
        }
    }

    #[test]
    fn a_websocket_has_the_whole_grace() {
        let (mut inner, now) = book(Event::Release);
        let restarted = |now| exchange(Kind::WebSocket, now, 5 * SECOND, Seen::Restarted);
        inner.write(restarted(now), now, GRACE);
        assert_eq!(inner.failures, 1);
        let later = now + 2 * SECOND;
        inner.write(restarted(later), later, GRACE);
        assert_eq!(inner.failures, 1);
        assert_eq!(inner.cells[&(Kind::WebSocket, Event::Release)].restarted, 1);
    }

    #[test]
    fn a_crash_costs_each_connection_one_round() {
        for (kind, at_once) in [(Kind::KeepAlive, 1), (Kind::Pipelined, 4), (Kind::Http2, 8)] {
            let (mut inner, now) = book(Event::InstanceKilled);
            for _ in 0..at_once {
                inner.write(exchange(kind, now, SECOND, cut()), now, GRACE);
            }
            assert_eq!(inner.failures, 0);
            inner.write(exchange(kind, now, SECOND, cut()), now, GRACE);
            assert_eq!(inner.failures, 1);
        }
    }

    #[test]
    fn the_death_of_the_door_costs_what_it_had_and_nobody_else() {
        let (mut inner, now) = book(Event::Renewal);
        inner.deaths.push(Death {
            at: now.checked_sub(SECOND).unwrap(),
            gap: None,
            lost: 0,
        });
        for (ago, failures) in [(2 * SECOND, 0), (SECOND / 2, 1)] {
            inner.write(exchange(Kind::Idle, now, ago, cut()), now, GRACE);
            assert_eq!(inner.failures, failures);
        }
        inner.write(
            exchange(Kind::Idle, now, SECOND / 2, Seen::Whole),
            now,
            GRACE,
        );
        assert_eq!(
            (inner.deaths[0].lost, inner.deaths[0].gap),
            (1, Some(SECOND))
        );
    }

    #[test]
    fn empty_cells_are_faults() {
        let empty = Account::default().faults();
        assert_eq!(empty.len(), Kind::ALL.len() * Event::ALL.len());
    }

    #[test]
    fn the_99th_percentile_is_that_of_the_nearest_rank() {
        let mut all: Vec<u32> = (1..=200).rev().collect();
        assert_eq!(p99(&mut all), Some(Duration::from_micros(198)));
        assert_eq!(p99(&mut [7]), Some(Duration::from_micros(7)));
        assert_eq!(p99(&mut []), None);
    }
}
