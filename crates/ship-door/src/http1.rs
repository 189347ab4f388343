//! A visitor's connection of HTTP/1: requests one after the other, and the time between them.
//!
//! hyper speaks; it is lent the stream. Between two requests most connections wait for longer than
//! they are served, so one that has waited a moment gives back all that hyper holds for it (a buffer
//! to read, one to write, room for an answer), and keeps its stream alone. With the next byte hyper is
//! lent it again.
//!
//! The time for a head is kept here as well. hyper makes a timer for each request; this one is made
//! once for a connection, and looked at when it fires.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, server};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;
use tracing::debug;

use crate::body::Inbound;
use crate::core::Core;
use crate::framing::Place;
use crate::limit::Limits;
use crate::outlet::Socket;
use crate::patience::Patience;
use crate::stack;
use crate::strict::{Strict, Told};
use crate::visit::{Answered, Visit};

/// Serves a connection until it ends.
pub(crate) fn serve<S>(visit: Rc<Visit>, stream: S) -> impl Future<Output = hyper::Result<()>>
where
    S: Waits + AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Boxed: it goes from hand to hand, and there would be room for it in each of them. One with TLS
    // has two kilobytes.
    let stream = Box::new(Strict::new(stream, visit.told.clone()));
    serve_in_turns(visit, stream)
}

/// Serves, waits, and serves again.
async fn serve_in_turns<S>(visit: Rc<Visit>, mut stream: Box<Strict<S>>) -> hyper::Result<()>
where
    S: Waits + AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (core, told) = (visit.core.clone(), visit.told.clone());
    let mut watch = Watch::new(&core.setting.limits);
    loop {
        let (lent, home) = lend(stream);
        // Boxed: it is all that goes when a connection waits.
        let mut connection = Box::pin(speak(&visit, lent));
        let ended = tokio::select! {
            biased;
            ended = watch.over(&told, connection.as_mut()) => ended,
            () = core.closing.fired() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = watch.over(&told, connection.as_mut()) => ended,
                    () = core.stopped.cancelled() => return Ok(()),
                }
            }
        };
        drop(connection);
        match ended {
            Ended::Itself(result) => {
                if let Some(stream) = home.take() {
                    linger(&core, &stream).await;
                }
                return result;
            }
            Ended::TooSlow => {
                debug!("a head took too long");
                return Ok(());
            }
            Ended::Waits => {}
        }
        stream = match home.take() {
            Some(stream) => stream,
            None => return Ok(()),
        };
        tokio::select! {
            () = poll_fn(|context| stream.below().poll_awake(context)) => {}
            () = tokio::time::sleep_until(watch.last_moment()) => return Ok(()),
            () = core.closing.fired() => {
                tokio::select! {
                    _ = stream.shutdown() => {}
                    () = core.stopped.cancelled() => {}
                }
                return Ok(());
            }
        }
    }
}

/// How long a visitor that was answered may go on sending, in all and without a pause.
const LINGERS: Duration = Duration::from_secs(10);
const LINGERS_SILENT: Duration = Duration::from_secs(2);

/// Takes what a visitor still sends after the last answer, and throws it away. To close with bytes
/// unread is a reset to TCP: a program that cannot send any more may not look at its answer, and to
/// one that has not read it yet it may be lost (RFC 9112, 9.6).
async fn linger<S: Waits>(core: &Core, stream: &Strict<S>) {
    if stream.has_ended() {
        return;
    }
    let taking = async {
        let discard = || poll_fn(|context| stream.below().poll_discard(context));
        while let Ok(true) = tokio::time::timeout(LINGERS_SILENT, discard()).await {}
    };
    tokio::select! {
        _ = tokio::time::timeout(LINGERS, taking) => {}
        () = core.stopped.cancelled() => {}
    }
}

type Spoken<S, F> = server::conn::http1::UpgradeableConnection<TokioIo<Lent<S>>, F>;

/// Has hyper serve a stream.
fn speak<S>(
    visit: &Rc<Visit>,
    stream: Lent<S>,
) -> Spoken<
    S,
    impl hyper::service::Service<
        Request<Incoming>,
        Response = hyper::Response<Answered<Over>>,
        Error = Infallible,
    > + use<S>,
>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let serving = visit.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let visit = serving.clone();
        let mut request = request.map(Inbound::from);
        let answering: Answering = Box::pin(async move {
            let over = Over(visit.told.clone());
            let answer = stack::answer(&visit, &mut request).await;
            Ok(answer.map(|body| Answered::new(body, over)))
        });
        answering
    });
    let connection = visit
        .core
        .http1
        .serve_connection(TokioIo::new(stream), service);
    connection.with_upgrades()
}

/// An answer on its way. Boxed and without its own type: what hyper makes of it bears all the layers
/// of an answer in its name, for each kind of stream, and the compiler takes minutes for that.
type Answering = Pin<Box<dyn Future<Output = Result<hyper::Response<Answered<Over>>, Infallible>>>>;

/// Tells a connection, when it is dropped, that an answer was given to its end.
pub(crate) struct Over(Arc<Told>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.answered();
    }
}

/// How hyper's part came to an end.
#[derive(Debug)]
enum Ended {
    /// By itself.
    Itself(hyper::Result<()>),
    /// A head did not come in its time.
    TooSlow,
    /// The connection waits for its next request.
    Waits,
}

/// Keeps an eye on how long a connection waits for its visitor.
struct Watch {
    at_hand: Duration,
    head_time: Duration,
    /// Since when it waits, and how many answers it had given then.
    since: Option<(u64, Instant)>,
    /// Made once, and only looked at when it fires: to reset it for each request would cost more than
    /// that it fires for nothing now and then.
    alarm: Pin<Box<Sleep>>,
}

impl Watch {
    fn new(limits: &Limits) -> Self {
        let Limits {
            at_hand, head_time, ..
        } = *limits;
        Self {
            at_hand,
            head_time,
            since: None,
            alarm: Box::pin(tokio::time::sleep(at_hand.min(head_time))),
        }
    }

    /// When the next head has to be there.
    fn last_moment(&self) -> Instant {
        self.since.map_or_else(Instant::now, |(_, since)| since) + self.head_time
    }

    /// Waits until a connection has ended, or has waited for its visitor as long as it may.
    async fn over<C>(&mut self, told: &Told, mut connection: Pin<&mut C>) -> Ended
    where
        C: Future<Output = hyper::Result<()>>,
    {
        poll_fn(|context| {
            if let Poll::Ready(result) = connection.as_mut().poll(context) {
                return Poll::Ready(Ended::Itself(result));
            }
            self.judge(told, context)
        })
        .await
    }

    fn judge(&mut self, told: &Told, context: &mut Context<'_>) -> Poll<Ended> {
        let Some(place) = told.waits() else {
            self.since = None;
            return Poll::Pending;
        };
        let answers = told.answers();
        let known = self.since.filter(|(then, _)| *then == answers);
        let (_, since) = *self
            .since
            .insert(known.unwrap_or_else(|| (answers, Instant::now())));
        let (within, ended) = match place {
            Place::Between if self.at_hand < self.head_time => (self.at_hand, Ended::Waits),
            _ => (self.head_time, Ended::TooSlow),
        };
        let deadline = since + within;
        loop {
            if self.alarm.deadline() > deadline {
                self.alarm.as_mut().reset(deadline);
            }
            if self.alarm.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() >= deadline {
                // For the next time: one that has fired fires again at once.
                self.alarm.as_mut().reset(deadline + self.head_time);
                return Poll::Ready(ended);
            }
            self.alarm.as_mut().reset(deadline);
        }
    }
}

/// A stream on which it can be waited for the next byte.
pub(crate) trait Waits {
    /// Ready when there is something to read, the end included.
    fn poll_awake(&self, context: &mut Context<'_>) -> Poll<()>;

    /// Throws away what has come, whatever lies above; false at the end.
    fn poll_discard(&self, context: &mut Context<'_>) -> Poll<bool>;
}

impl Waits for Patience<Socket> {
    fn poll_awake(&self, context: &mut Context<'_>) -> Poll<()> {
        // What is wrong with it is told to who reads.
        self.below().poll_read_ready(context).map(drop)
    }

    fn poll_discard(&self, context: &mut Context<'_>) -> Poll<bool> {
        self.below().poll_discard(context)
    }
}

impl Waits for TlsStream<Patience<Socket>> {
    /// What had come was taken out of TLS to its last byte.
    fn poll_awake(&self, context: &mut Context<'_>) -> Poll<()> {
        self.get_ref().0.poll_awake(context)
    }

    fn poll_discard(&self, context: &mut Context<'_>) -> Poll<bool> {
        self.get_ref().0.poll_discard(context)
    }
}

/// A stream that goes home when whoever it was lent to is dropped.
struct Lent<S> {
    stream: Option<Box<Strict<S>>>,
    home: Home<S>,
}

/// Where a lent stream goes.
struct Home<S>(Arc<Mutex<Option<Box<Strict<S>>>>>);

fn lend<S>(stream: Box<Strict<S>>) -> (Lent<S>, Home<S>) {
    let home = Arc::new(Mutex::new(None));
    let lent = Lent {
        stream: Some(stream),
        home: Home(home.clone()),
    };
    (lent, Home(home))
}

impl<S> Home<S> {
    fn take(&self) -> Option<Box<Strict<S>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, stream: Option<Box<Strict<S>>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stream;
    }
}

impl<S> Lent<S> {
    fn stream(&mut self) -> &mut Strict<S> {
        self.stream
            .as_deref_mut()
            .expect("the stream goes home with the drop alone")
    }
}

impl<S> Drop for Lent<S> {
    fn drop(&mut self) {
        self.home.put(self.stream.take());
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lent<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(self.stream()).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lent<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.stream()).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.stream()).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream
            .as_deref()
            .is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream()).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream()).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Body;
    use tokio::io::{AsyncReadExt as _, DuplexStream};

    const TEN: Duration = Duration::from_secs(10);
    const AT_HAND: Duration = Duration::from_millis(100);

    /// hyper on one end of a pipe, watched; the other end, and what it told.
    fn watched() -> (impl Future<Output = Ended>, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(1024);
        let told = Arc::new(Told::default());
        let stream = Strict::new(ours, told.clone());
        let service = service_fn({
            let told = told.clone();
            move |_: Request<Incoming>| {
                told.answered();
                std::future::ready(Ok::<_, Infallible>(hyper::Response::new(Body::Empty)))
            }
        });
        let ended = async move {
            let builder = crate::protocol::http1(&Limits::default());
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            let mut watch = Watch::new(&Limits::default());
            watch.over(&told, Box::pin(connection).as_mut()).await
        };
        (ended, theirs)
    }

    const ASKS: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    async fn answer(theirs: &mut DuplexStream) {
        let mut all = Vec::new();
        while !all.ends_with(b"\r\n\r\n") {
            all.push(theirs.read_u8().await.unwrap());
        }
        assert!(all.starts_with(b"HTTP/1.1 200 "));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_ten_seconds_in_all() {
        let (ended, mut theirs) = watched();
        let began = Instant::now();
        let dripping = async {
            while theirs.write_all(b"X").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let ended = tokio::select! {
            ended = ended => ended,
            () = dripping => panic!("hyper has ended it"),
        };
        assert!(matches!(ended, Ended::TooSlow), "{ended:?}");
        assert_eq!(began.elapsed(), TEN);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_after_an_answer_has_as_long() {
        let (ended, mut theirs) = watched();
        let began = Instant::now();
        let asking = async {
            for _ in 0..3 {
                tokio::time::sleep(AT_HAND / 2).await;
                theirs.write_all(ASKS).await.unwrap();
                answer(&mut theirs).await;
            }
            theirs.write_all(b"G").await.unwrap();
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = ended => ended,
            () = asking => unreachable!(),
        };
        assert!(matches!(ended, Ended::TooSlow), "{ended:?}");
        assert_eq!(began.elapsed(), 3 * (AT_HAND / 2) + TEN);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_between_two_requests_is_told_after_a_moment() {
        let (ended, mut theirs) = watched();
        let began = Instant::now();
        let asking = async {
            tokio::time::sleep(AT_HAND / 2).await;
            theirs.write_all(ASKS).await.unwrap();
            answer(&mut theirs).await;
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = ended => ended,
            () = asking => unreachable!(),
        };
        assert!(matches!(ended, Ended::Waits), "{ended:?}");
        assert_eq!(began.elapsed(), AT_HAND / 2 + AT_HAND);
    }

    #[tokio::test]
    async fn a_lent_stream_comes_home() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let (mut lent, home) = lend(Box::new(Strict::new(ours, Arc::default())));
        lent.write_all(b"one").await.unwrap();
        assert!(home.take().is_none());
        drop(lent);
        home.take().unwrap().write_all(b"two").await.unwrap();
        drop(home);
        let mut all = Vec::new();
        theirs.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"onetwo");
    }
}
