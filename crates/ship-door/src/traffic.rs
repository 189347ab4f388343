//! How much goes to an app's visitors and comes from them, by calendar month (UTC), and what is done
//! beyond a budget.
//!
//! Each core counts in a tally of its own, which no other core writes. The door's main thread sums
//! them up now and then, holds them against the budget, and adds them to the [`Book`] on disk; what a
//! door that is killed has not put down yet is lost. Two doors may keep one book, while one takes the
//! other's place.
//!
//! What counts are the heads and bodies of requests and answers, as HTTP/1 writes them, and all bytes of
//! a WebSocket. What TLS, TCP and IP add is the provider's to see.

mod brake;
mod ledger;
mod meter;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hyper::{HeaderMap, Request};
use ship_base::clock::Moment;
use ship_base::count;
use ship_base::hint;
use ship_base::name::AppName;
use tokio::time::Instant;
use tracing::warn;

use crate::limit::Limits;
use crate::table::{Budget, Level, Over, Site};
use crate::traffic::ledger::Ledger;

pub use crate::traffic::ledger::{Book, Month, Told, VERSION, read};
pub(crate) use crate::traffic::meter::{Counts, Meter, Meters, State, Tally};

/// How often an app with a budget is looked at: so long may it go on beyond.
const LOOK: Duration = Duration::from_secs(1);

/// The traffic of every app; owned by the door's main thread.
pub(crate) struct Traffic {
    pub(crate) meters: Meters,
    accounts: RefCell<BTreeMap<AppName, Account>>,
    ledger: Ledger,
    /// As it was when it was last read.
    book: RefCell<Book>,
    every: Duration,
    saved: Cell<Instant>,
    /// It has been said that the book cannot be kept.
    is_failing: Cell<bool>,
}

/// What is known of one app beside the book.
#[derive(Default)]
struct Account {
    budget: Option<Budget>,
    /// What was taken from the meter so far.
    taken: Counts,
    /// What is not in the book yet, by month.
    news: BTreeMap<String, Counts>,
}

impl Traffic {
    pub(crate) fn new(folder: &Path, cores: usize, limits: &Limits) -> Self {
        let ledger = Ledger::new(folder);
        Self {
            meters: Meters::new(cores, limits.slow_pace),
            accounts: RefCell::default(),
            book: RefCell::new(ledger.begin()),
            ledger,
            every: limits.traffic_saved,
            saved: Cell::new(Instant::now()),
            is_failing: Cell::new(false),
        }
    }

    /// Counts on for ever.
    pub(crate) async fn keep(&self) {
        loop {
            let has_budget = |account: &Account| account.budget.is_some();
            let any = self.accounts.borrow().values().any(has_budget);
            let pause = if any {
                LOOK.min(self.every)
            } else {
                self.every
            };
            tokio::time::sleep(pause).await;
            self.look(Moment::now());
            if self.saved.get().elapsed() >= self.every {
                self.save(Moment::now());
            }
        }
    }

    /// The budgets of a new table hold at once.
    pub(crate) fn use_budgets(&self, sites: &[Site], now: Moment) {
        {
            let mut accounts = self.accounts.borrow_mut();
            accounts.values_mut().for_each(|it| it.budget = None);
            for site in sites {
                let account = accounts.entry(site.app.clone()).or_default();
                account.budget.clone_from(&site.rules.budget);
            }
        }
        self.look(now);
    }

    /// Takes what was counted, as of this month, and lets each app go on as its budget says.
    pub(crate) fn look(&self, now: Moment) {
        let month = now.month();
        let book = self.book.borrow();
        for (app, account) in self.accounts.borrow_mut().iter_mut() {
            let Some(meter) = self.meters.of(app) else {
                continue;
            };
            let counted = meter.counts();
            let new = counted - account.taken;
            if new != Counts::default() {
                let news = account.news.entry(month.clone()).or_default();
                *news = *news + new;
                account.taken = counted;
            }
            let unsaved = account.news.get(&month).map_or(0, |news| news.sent);
            let sent = book.month(app, &month).map_or(0, |month| month.sent) + unsaved;
            meter.set(state(account.budget.as_ref(), sent));
        }
    }

    /// Adds what was counted to the book, and says who has come near a budget or beyond.
    pub(crate) fn save(&self, now: Moment) {
        self.saved.set(Instant::now());
        self.look(now);
        let mut accounts = self.accounts.borrow_mut();
        let is_told = |(app, account): (&AppName, &Account)| {
            let told = |budget: &Budget| self.book.borrow().is_told(app, &now.month(), budget);
            account.news.is_empty() && account.budget.as_ref().is_none_or(told)
        };
        if accounts.iter().all(is_told) {
            return;
        }
        let changed = self.ledger.change(|book| {
            for (app, account) in accounts.iter() {
                for (month, news) in &account.news {
                    book.add(app, month, *news);
                }
            }
            let budgets = accounts.iter();
            let budgets = budgets.filter_map(|(app, it)| Some((app, it.budget.as_ref()?)));
            let told = budgets.filter_map(|(app, budget)| {
                let level = book.tell(app, &now.month(), budget)?;
                Some((app.clone(), budget.clone(), level))
            });
            told.collect::<Vec<_>>()
        });
        match changed {
            Ok((book, told)) => {
                for (app, budget, level) in told {
                    say(&app, &budget, level);
                }
                *self.book.borrow_mut() = book;
                accounts.values_mut().for_each(|it| it.news.clear());
                accounts.retain(|app, account| {
                    account.budget.is_some() || !self.meters.forget_if_unused(app)
                });
                self.is_failing.set(false);
            }
            Err(error) => {
                if !self.is_failing.replace(true) {
                    warn!(error = %hint::chain(&error), "the traffic of apps is not put down; counting goes on in memory");
                }
            }
        }
    }
}

fn state(budget: Option<&Budget>, sent: u64) -> State {
    match budget {
        Some(budget) if budget.level(sent) == Level::Beyond => match budget.over {
            Over::Warn => State::Free,
            Over::Slow => State::Slowed,
            Over::Pause => State::Paused,
        },
        _ => State::Free,
    }
}

fn say(app: &AppName, budget: &Budget, level: Level) {
    let budget_is = count::bytes(budget.bytes);
    match (level, budget.over) {
        (Level::Within, _) => {}
        (Level::Near, _) => {
            warn!(%app, budget = budget_is, "80 % of the month's traffic is used");
        }
        (Level::Beyond, Over::Warn) => {
            warn!(%app, budget = budget_is, "the month's traffic is used; the app goes on");
        }
        (Level::Beyond, Over::Slow) => {
            warn!(%app, budget = budget_is, "the month's traffic is used; the app is slow until the month ends");
        }
        (Level::Beyond, Over::Pause) => {
            warn!(%app, budget = budget_is, "the month's traffic is used; the app is paused until the month ends");
        }
    }
}

/// Bytes of a request's head, as HTTP/1 writes it.
pub(crate) fn request_head<B>(request: &Request<B>) -> u64 {
    let target = request.uri().path_and_query();
    let target = target.map_or(1, |target| target.as_str().len());
    let line = request.method().as_str().len() + target + "  HTTP/1.1\r\n".len();
    line as u64 + fields(request.headers())
}

/// Bytes of an answer's head, as HTTP/1 writes it.
pub(crate) fn answer_head(headers: &HeaderMap) -> u64 {
    "HTTP/1.1 200 OK\r\n".len() as u64 + fields(headers)
}

fn fields(headers: &HeaderMap) -> u64 {
    let each = headers.iter();
    let each = each.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    (each.sum::<usize>() + "\r\n".len()) as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::table::SiteRules;
    use hyper::header::{self, HeaderValue};

    fn site(budget: Option<Budget>) -> Site {
        Site {
            app: "blog".parse().unwrap(),
            release: None,
            hosts: Vec::new(),
            routes: Vec::new(),
            body_limit: 0,
            https: crate::table::Https::default(),
            access_log: None,
            rules: SiteRules {
                budget,
                ..SiteRules::default()
            },
        }
    }

    fn pause_beyond(bytes: u64) -> Budget {
        Budget {
            bytes,
            over: Over::Pause,
            open: Vec::new(),
        }
    }

    fn app() -> AppName {
        "blog".parse().unwrap()
    }

    fn at(text: &str) -> Moment {
        text.parse().unwrap()
    }

    struct Scene {
        folder: tempfile::TempDir,
        traffic: Traffic,
        /// As the table has it.
        meter: Arc<Meter>,
    }

    impl Scene {
        fn new(budget: Option<Budget>, now: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (traffic, meter) = open(&folder, budget, now);
            Self {
                folder,
                traffic,
                meter,
            }
        }

        fn send(&self, bytes: u64) {
            self.meter.tally(0).sent(bytes);
        }

        fn state(&self, now: &str) -> State {
            self.traffic.look(at(now));
            self.meter.state()
        }

        fn sent(&self, month: &str) -> u64 {
            let book = read(self.folder.path()).unwrap();
            book.month(&app(), month).map_or(0, |month| month.sent)
        }
    }

    fn open(
        folder: &tempfile::TempDir,
        budget: Option<Budget>,
        now: &str,
    ) -> (Traffic, Arc<Meter>) {
        let traffic = Traffic::new(folder.path(), 2, &Limits::default());
        let meter = traffic.meters.get(&app());
        traffic.use_budgets(&[site(budget)], at(now));
        (traffic, meter)
    }

    const LAST: &str = "2026-11-30T23:59:59.000Z";
    const FIRST: &str = "2026-12-01T00:00:00.000Z";

    #[tokio::test]
    async fn a_new_month_begins_with_nothing_and_lets_the_app_go_on() {
        let scene = Scene::new(Some(pause_beyond(1000)), LAST);
        scene.send(999);
        assert_eq!(scene.state(LAST), State::Free);
        scene.send(1);
        assert_eq!(scene.state(LAST), State::Paused);
        scene.traffic.save(at(LAST));
        assert_eq!(scene.state(FIRST), State::Free);
        scene.send(500);
        scene.traffic.save(at(FIRST));
        assert_eq!((scene.sent("2026-11"), scene.sent("2026-12")), (1000, 500));
        // A clock that is set back finds its month as it was.
        assert_eq!(scene.state(LAST), State::Paused);
    }

    #[tokio::test]
    async fn what_was_counted_before_a_month_ended_and_saved_after_belongs_to_it() {
        let scene = Scene::new(None, LAST);
        scene.send(700);
        scene.traffic.look(at(LAST));
        scene.send(1);
        scene.traffic.save(at(FIRST));
        assert_eq!((scene.sent("2026-11"), scene.sent("2026-12")), (700, 1));
    }

    #[tokio::test]
    async fn a_larger_budget_lets_the_app_go_on_at_once_and_none_as_well() {
        let scene = Scene::new(Some(pause_beyond(1000)), LAST);
        scene.send(1500);
        assert_eq!(scene.state(LAST), State::Paused);
        for (budget, state) in [
            (Some(pause_beyond(2000)), State::Free),
            (Some(pause_beyond(1500)), State::Paused),
            (None, State::Free),
        ] {
            scene.traffic.use_budgets(&[site(budget)], at(LAST));
            assert_eq!(scene.meter.state(), state);
        }
    }

    #[tokio::test]
    async fn the_next_door_goes_on_where_the_one_before_ended() {
        let scene = Scene::new(Some(pause_beyond(1000)), LAST);
        scene.send(1000);
        scene.traffic.save(at(LAST));
        let (_, meter) = open(&scene.folder, Some(pause_beyond(1000)), LAST);
        assert_eq!(meter.state(), State::Paused);
    }

    #[tokio::test]
    async fn two_doors_keep_one_book() {
        let scene = Scene::new(None, LAST);
        let (next, meter) = open(&scene.folder, None, LAST);
        for _ in 0..10 {
            scene.send(1);
            meter.tally(1).sent(10);
            scene.traffic.save(at(LAST));
            next.save(at(LAST));
        }
        assert_eq!(scene.sent("2026-11"), 110);
    }

    #[tokio::test]
    async fn each_level_is_told_once_whoever_asks_and_again_for_another_budget() {
        let scene = Scene::new(Some(pause_beyond(1000)), LAST);
        let told = |budget| {
            let book = read(scene.folder.path()).unwrap();
            let month = book.month(&app(), "2026-11").unwrap().clone();
            let told = month.told.unwrap();
            assert_eq!(told.budget, budget);
            told.level
        };
        let mut book = Book::default();
        let budget = pause_beyond(1000);
        let mut tell = |bytes, budget: &Budget| {
            let new = Counts {
                sent: bytes,
                received: 0,
            };
            book.add(&app(), "2026-11", new);
            book.tell(&app(), "2026-11", budget)
        };
        assert_eq!(tell(799, &budget), None);
        assert_eq!(tell(1, &budget), Some(Level::Near));
        assert_eq!(tell(100, &budget), None);
        assert_eq!(tell(100, &budget), Some(Level::Beyond));
        assert_eq!(tell(5000, &budget), None);
        let larger = pause_beyond(7000);
        assert_eq!(tell(0, &larger), Some(Level::Near));
        assert_eq!(tell(0, &larger), None);

        scene.send(800);
        scene.traffic.save(at(LAST));
        assert_eq!(told(1000), Level::Near);
        // Nothing more has to go out for a budget to be too small.
        scene
            .traffic
            .use_budgets(&[site(Some(pause_beyond(500)))], at(LAST));
        scene.traffic.save(at(LAST));
        assert_eq!(told(500), Level::Beyond);
    }

    #[tokio::test]
    async fn a_book_that_cannot_be_written_loses_nothing_and_still_pauses() {
        let scene = Scene::new(Some(pause_beyond(1000)), LAST);
        let path = scene.folder.path().join("traffic.json");
        ship_base::file::create_folder(&path.join("in-its-place")).unwrap();
        scene.send(600);
        scene.traffic.save(at(LAST));
        scene.send(600);
        assert_eq!(scene.state(LAST), State::Paused);
        ship_base::file::remove_folder(&path).unwrap();
        scene.traffic.save(at(LAST));
        assert_eq!(scene.sent("2026-11"), 1200);
    }

    #[tokio::test]
    async fn an_app_that_has_left_is_put_down_and_forgotten() {
        let scene = Scene::new(None, LAST);
        let Scene {
            folder,
            traffic,
            meter,
        } = scene;
        let in_flight = meter.tally(0).clone();
        drop(meter);
        traffic.use_budgets(&[], at(LAST));
        for bytes in [5, 7] {
            in_flight.sent(bytes);
            traffic.save(at(LAST));
        }
        let book = read(folder.path()).unwrap();
        assert_eq!(book.month(&app(), "2026-11").unwrap().sent, 12);
        drop(in_flight);
        traffic.meters.of(&app()).unwrap().tally(1).received(1);
        traffic.save(at(LAST));
        assert!(traffic.meters.of(&app()).is_none());
        assert!(traffic.accounts.borrow().is_empty());
    }

    #[test]
    fn heads_are_as_long_as_http1_writes_them() {
        let mut request = Request::new(());
        *request.uri_mut() = "http://a.test/b?c".parse().unwrap();
        request
            .headers_mut()
            .insert(header::HOST, HeaderValue::from_static("a.test"));
        let written = "GET /b?c HTTP/1.1\r\nhost: a.test\r\n\r\n";
        assert_eq!(request_head(&request), written.len() as u64);
        let written = "HTTP/1.1 200 OK\r\nhost: a.test\r\n\r\n";
        assert_eq!(answer_head(request.headers()), written.len() as u64);
    }
}
