//! Visitors of every kind, all at once: what each of them does on its connection is a file here.
//!
//! They come to the app `fixtures/apps/visited`, ask all the time, and tell a [`Book`] of each exchange
//! when it began, how it ended and which release answered. Whether that is what they may see is the
//! book's to judge, by [the table](crate::matrix).

mod download;
mod events;
mod expect;
mod handshake;
mod http2;
mod idle;
mod keep_alive;
mod line;
mod pipelined;
mod place;
mod trouble;
mod upload;
mod websocket;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;

use crate::matrix::book::{Book, Exchange, Seen};
use line::Line;
pub use place::Place;
pub(crate) use trouble::Trouble;

/// No exchange takes longer, whatever the machine does; one that does was forgotten by somebody.
const PATIENCE: Duration = Duration::from_mins(1);

/// The pause after a connection that was not to be had.
const AGAIN: Duration = Duration::from_millis(50);

/// What a visitor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// HTTP/1.1, one request after the other on one connection.
    KeepAlive,
    /// HTTP/1.1, several requests at once on one connection.
    Pipelined,
    /// HTTP/2, several requests at once on one connection.
    Http2,
    /// A WebSocket that sends something and waits for its echo.
    WebSocket,
    /// Server-sent events, to the last of them.
    Events,
    /// A body in chunks, a little at a time.
    Upload,
    /// A body that is sent once the server has said `100 Continue`.
    Expect,
    /// A megabyte, taken slowly.
    Download,
    /// A connection that waits between two requests.
    Idle,
    /// A TLS handshake that pauses in its middle.
    Handshake,
}

impl Kind {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 10] = [
        Self::KeepAlive,
        Self::Pipelined,
        Self::Http2,
        Self::WebSocket,
        Self::Events,
        Self::Upload,
        Self::Expect,
        Self::Download,
        Self::Idle,
        Self::Handshake,
    ];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::KeepAlive => "h1 keep-alive",
            Self::Pipelined => "h1 pipelined",
            Self::Http2 => "h2 multiplexed",
            Self::WebSocket => "WebSocket",
            Self::Events => "server-sent events",
            Self::Upload => "chunked upload",
            Self::Expect => "Expect: 100-continue",
            Self::Download => "slow download",
            Self::Idle => "idle keep-alive",
            Self::Handshake => "half-done TLS handshake",
        }
    }

    /// The most requests that one connection has under way.
    pub(crate) fn at_once(self) -> u64 {
        match self {
            Self::Pipelined => pipelined::AT_ONCE,
            Self::Http2 => http2::AT_ONCE,
            _ => 1,
        }
    }

    /// How many come, and the pause of each between two exchanges, so that all of them together ask
    /// about `rate` times a second. Those whose exchanges last are few: what they ask adds five or six
    /// requests a second.
    fn crowd(self, rate: f64) -> (usize, Duration) {
        let share = |of: f64, count: usize, at_once: u64| {
            let each = rate * of / (count as f64 * at_once as f64);
            (count, Duration::from_secs_f64(1.0 / each))
        };
        match self {
            Self::KeepAlive => share(0.5, 6, 1),
            Self::Pipelined => share(0.2, 2, pipelined::AT_ONCE),
            Self::Http2 => share(0.25, 2, http2::AT_ONCE),
            Self::WebSocket => (4, Duration::from_millis(100)),
            Self::Events | Self::Upload | Self::Download => (2, Duration::from_millis(10)),
            Self::Expect => (2, Duration::from_millis(200)),
            Self::Idle | Self::Handshake => (3, Duration::from_millis(10)),
        }
    }
}

/// A crowd with some of every kind. Dropping it lets them go.
pub struct Visitors {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Visitors {
    /// They come, and ask about `rate` times a second.
    pub fn come(place: Place, book: &Arc<Book>, rate: f64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (place, book, ends) = (Arc::new(place), book.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("an event loop");
            let all = LocalSet::new();
            let mut number = 0;
            for kind in Kind::ALL {
                let (count, pause) = kind.crowd(rate);
                for turn in 0..count {
                    all.spawn_local(visit(Visitor {
                        number,
                        turn,
                        kind,
                        pause,
                        place: place.clone(),
                        book: book.clone(),
                        stop: ends.clone(),
                    }));
                    number += 1;
                }
            }
            runtime.block_on(all);
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// They go, each at the end of its exchange.
    pub fn go(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("they go once");
        thread.join().expect("a visitor does not panic");
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

async fn visit(visitor: Visitor) {
    let visitor = Rc::new(visitor);
    match visitor.kind {
        Kind::KeepAlive => keep_alive::visit(&visitor).await,
        Kind::Pipelined => pipelined::visit(&visitor).await,
        Kind::Http2 => http2::visit(visitor).await,
        Kind::WebSocket => websocket::visit(&visitor).await,
        Kind::Events => visitor.ask_with(events::ask, EACH_TIME).await,
        Kind::Upload => visitor.ask_with(upload::ask, EACH_TIME).await,
        Kind::Expect => visitor.ask_with(expect::ask, EACH_TIME).await,
        Kind::Download => download::visit(&visitor).await,
        Kind::Idle => visitor.ask_with(idle::ask, idle::TIMES).await,
        Kind::Handshake => handshake::visit(&visitor).await,
    }
}

/// A connection for several exchanges, and then another: new ones are a part of every load.
const EACH_TIME: u32 = 4;

/// One of them.
pub(crate) struct Visitor {
    /// Among all.
    number: usize,
    /// Among those of its kind.
    turn: usize,
    kind: Kind,
    pause: Duration,
    place: Arc<Place>,
    book: Arc<Book>,
    stop: Arc<AtomicBool>,
}

/// What came of one exchange that was answered.
pub(crate) struct Answered {
    /// The release and setting that answered.
    pub(crate) by: String,
    /// The server has said that this connection is not for further requests.
    pub(crate) last: bool,
}

type Told = std::result::Result<Answered, Trouble>;

impl Visitor {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    async fn rest(&self) {
        tokio::time::sleep(self.pause).await;
    }

    async fn open(&self) -> Result<Line, Trouble> {
        within(Line::secure(&self.place, b"http/1.1")).await
    }

    fn tell(&self, opened: Instant, begun: Instant, told: &Told) {
        let (seen, by) = match told {
            Ok(Answered { by, last: false }) => (Seen::Whole, Some(by.clone())),
            Ok(Answered { by, last: true }) => (Seen::Last, Some(by.clone())),
            Err(trouble) => (Seen::Trouble(trouble.clone()), None),
        };
        self.tell_seen(opened, begun, seen, by);
    }

    fn tell_seen(&self, opened: Instant, begun: Instant, seen: Seen, by: Option<String>) {
        self.book.write(Exchange {
            kind: self.kind,
            visitor: self.number,
            opened,
            begun,
            seen,
            by,
        });
    }

    /// Does exchanges of one sort over TLS, `times` on each connection.
    async fn ask_with(&self, ask: impl AsyncFn(&mut Line) -> Told, times: u32) {
        self.ask_over(async || self.open().await, ask, times).await;
    }

    /// The same over connections of the caller's.
    async fn ask_over(
        &self,
        open: impl AsyncFn() -> Result<Line, Trouble>,
        ask: impl AsyncFn(&mut Line) -> Told,
        times: u32,
    ) {
        while self.goes_on() {
            let begun = Instant::now();
            let mut line = match open().await {
                Ok(line) => line,
                Err(trouble) => {
                    self.tell(begun, begun, &Err(trouble));
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            };
            for _ in 0..times {
                let begun = Instant::now();
                let told = within(ask(&mut line)).await;
                self.tell(line.opened, begun, &told);
                self.rest().await;
                if !self.goes_on() || !matches!(told, Ok(Answered { last: false, .. })) {
                    break;
                }
            }
        }
    }
}

/// Nothing is waited for without end.
async fn within<T>(doing: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    match tokio::time::timeout(PATIENCE, doing).await {
        Ok(done) => done,
        Err(_) => Err(Trouble::Late),
    }
}
