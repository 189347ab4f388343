//! Answers over HTTP/2, each a stream that its visitor takes from when it likes.
//!
//! A visitor gives each stream a window, and hyper asks an answer for more once there is room in it.
//! Who gives none would hold an answer, and the app's connection behind it, for ever: its connection
//! itself has nothing to send, so nobody below sees it wait. A [`Piecewise`] answer tells whose turn
//! it is, and the task that hyper makes of a stream ends when the visitor's turn lasts too long. h2
//! resets a stream whose task has ended before its answer has.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tracing::debug;

use crate::body::BodyError;
use crate::tracked::Tracked;
use crate::visit::Busy;

/// Bytes that hyper is given at once, the size of a frame: what it has taken waits in h2 where no
/// time is kept.
const PIECE: usize = 16 << 10;

tokio::task_local! {
    /// Of the stream whose task runs.
    static TURN: Rc<Turn>;
}

/// Whose turn it is.
#[derive(Debug, Default)]
struct Turn {
    /// The visitor has something to take.
    is_theirs: Cell<bool>,
    /// How many pieces it took.
    taken: Cell<u64>,
}

/// An answer that is given in pieces, and what is held until it has been given to its end.
pub(crate) struct Piecewise {
    body: Tracked,
    /// Of the last piece, what was too much for hyper.
    left: Bytes,
    /// None for a call of gRPC, which has no limits of time but its caller's.
    turn: Option<Rc<Turn>>,
    _busy: Busy,
}

impl Piecewise {
    /// Within the task of its stream.
    pub(crate) fn new(body: Tracked, busy: Busy) -> Self {
        let turn = TURN.try_with(Rc::clone).ok();
        let turn = turn.filter(|_| !body.is_call());
        if let Some(turn) = &turn {
            turn.is_theirs.set(true);
        }
        Self {
            body,
            left: Bytes::new(),
            turn,
            _busy: busy,
        }
    }

    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut data = std::mem::take(&mut self.left);
        if data.is_empty() {
            data = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            };
        }
        if data.len() > PIECE {
            self.left = data.split_off(PIECE);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

impl hyper::body::Body for Piecewise {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.poll_piece(context);
        if let Some(turn) = &self.turn {
            turn.is_theirs.set(polled.is_ready());
            turn.taken.set(turn.taken.get() + 1);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.body.size_hint();
        match hint.exact() {
            Some(rest) => SizeHint::with_exact(rest + self.left.len() as u64),
            None => hint,
        }
    }
}

/// Runs the streams of visitors, on the core of their connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streams {
    /// How long a visitor may take nothing of an answer.
    patience: Duration,
}

impl Streams {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience }
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, stream: F) {
        let turn = Rc::new(Turn::default());
        let mut watch = Watch::new(turn.clone(), self.patience);
        tokio::task::spawn_local(async move {
            let mut stream = std::pin::pin!(TURN.scope(turn, stream));
            poll_fn(|context| match stream.as_mut().poll(context) {
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending => watch.judge(context),
            })
            .await;
        });
    }
}

/// Keeps an eye on how long a stream waits for its visitor.
struct Watch {
    turn: Rc<Turn>,
    patience: Duration,
    /// Pieces that were taken when the alarm was set.
    taken: u64,
    /// Made with the first wait.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Watch {
    fn new(turn: Rc<Turn>, patience: Duration) -> Self {
        Self {
            turn,
            patience,
            taken: 0,
            alarm: None,
        }
    }

    /// Ready when the visitor has had its turn for too long.
    fn judge(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.turn.is_theirs.get() {
            return Poll::Pending;
        }
        let taken = std::mem::replace(&mut self.taken, self.turn.taken.get());
        let is_new = taken != self.taken || self.alarm.is_none();
        let deadline = Instant::now() + self.patience;
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if is_new {
            alarm.as_mut().reset(deadline);
        }
        ready!(alarm.as_mut().poll(context));
        debug!("nothing of an answer was taken for too long");
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_piece_now_and_then_is_waited_for() {
        let turn = Rc::new(Turn::default());
        let mut watch = Watch::new(turn.clone(), PATIENCE);
        turn.is_theirs.set(true);
        for taken in 1..6 {
            let waits = poll_fn(|context| watch.judge(context));
            let waited = tokio::time::timeout(PATIENCE / 2, waits).await;
            assert!(waited.is_err(), "given up after {taken} pieces");
            turn.taken.set(taken);
        }
        let began = Instant::now();
        poll_fn(|context| watch.judge(context)).await;
        assert_eq!(began.elapsed().as_secs(), PATIENCE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn an_app_that_is_slow_is_waited_for() {
        let turn = Rc::new(Turn::default());
        let mut watch = Watch::new(turn, PATIENCE);
        let waits = poll_fn(|context| watch.judge(context));
        let waited = tokio::time::timeout(10 * PATIENCE, waits).await;
        assert!(waited.is_err());
    }
}
