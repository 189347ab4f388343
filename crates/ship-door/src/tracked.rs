//! An answer whose end is noted: how much of it went to the visitor, and how long that took. Where its
//! app is slowed, it goes piece by piece.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::access_log::{AccessLog, Record};
use crate::body::{Body, BodyError};
use crate::traffic::Tally;

/// Bytes of an answer that go at once where its app is slowed.
const PIECE: usize = 16 << 10;

/// See the module.
#[derive(Debug)]
pub(crate) struct Tracked {
    body: Body,
    note: Option<Box<Note>>,
    /// Of its app, where one has the host.
    tally: Option<Arc<Tally>>,
    /// It waits in no line: the word that there is nothing to be had must not wait itself.
    at_once: bool,
    /// Made when the app is slowed.
    slowed: Option<Box<Slowed>>,
}

/// What of an answer waits for its place in the line.
#[derive(Debug, Default)]
struct Slowed {
    /// Goes when `pause` is over.
    piece: Bytes,
    pause: Option<Pin<Box<Sleep>>>,
    /// Comes after it.
    left: Bytes,
}

/// What is written once the answer is over.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) log: AccessLog,
    pub(crate) began: Instant,
    pub(crate) record: Option<Record>,
}

impl Tracked {
    pub(crate) fn new(body: Body, note: Option<Note>, tally: Option<Arc<Tally>>) -> Self {
        Self {
            body,
            note: note.map(Box::new),
            tally,
            at_once: false,
            slowed: None,
        }
    }

    /// The same, where its app is slowed or not.
    pub(crate) fn at_once(self, at_once: bool) -> Self {
        Self { at_once, ..self }
    }

    /// Whether it is the answer to a call of gRPC.
    pub(crate) fn is_call(&self) -> bool {
        matches!(&self.body, Body::Forwarded(forwarded) if forwarded.is_streamed())
    }

    /// The next frame; as soon as the app's pace allows it, where that is slowed.
    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let is_slow = |tally: &Arc<Tally>| !self.at_once && tally.is_slow();
        match &self.tally {
            Some(tally) if self.slowed.is_some() || is_slow(tally) => {
                let slowed = self.slowed.get_or_insert_default();
                slowed.poll_next(&mut self.body, tally, context)
            }
            _ => Pin::new(&mut self.body).poll_frame(context),
        }
    }
}

impl Slowed {
    fn poll_next(
        &mut self,
        body: &mut Body,
        tally: &Tally,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
                let piece = std::mem::take(&mut self.piece);
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            let mut data = if self.left.is_empty() {
                match ready!(Pin::new(&mut *body).poll_frame(context)) {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => data,
                        Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                    },
                    over => return Poll::Ready(over),
                }
            } else {
                std::mem::take(&mut self.left)
            };
            self.piece = data.split_to(data.len().min(PIECE));
            self.left = data;
            let begins = tally.queue(self.piece.len());
            self.pause = Some(Box::pin(tokio::time::sleep_until(begins)));
        }
    }

    fn waiting(&self) -> usize {
        self.piece.len() + self.left.len()
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.took = self.began.elapsed();
            self.log.tell(record);
        }
    }
}

impl hyper::body::Body for Tracked {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(self.poll_next(context));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            if let Some(record) = self.note.as_mut().and_then(|note| note.record.as_mut()) {
                record.bytes += bytes;
            }
            if let Some(tally) = &self.tally {
                tally.sent(bytes);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let waits = |slowed: &Slowed| slowed.waiting() > 0;
        !self.slowed.as_deref().is_some_and(waits) && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.body.size_hint();
        match (&self.slowed, hint.exact()) {
            (Some(slowed), Some(left)) => SizeHint::with_exact(left + slowed.waiting() as u64),
            _ => hint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use http_body_util::BodyExt as _;

    use crate::traffic::{Meter, Meters, State};

    fn meter() -> Arc<Meter> {
        Meters::new(1, 1000).get(&"blog".parse().unwrap())
    }

    fn answer(meter: &Meter, length: usize) -> Tracked {
        let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let tally = meter.tally(0).clone();
        Tracked::new(Body::Whole(bytes.into()), None, Some(tally))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_a_slowed_app_goes_at_its_pace_and_is_whole() {
        let meter = meter();
        meter.set(State::Slowed);
        let began = Instant::now();
        let body = answer(&meter, 3 * PIECE).collect().await.unwrap();
        let whole = answer(&meter, 3 * PIECE).body;
        assert_eq!(body.to_bytes(), whole.collect().await.unwrap().to_bytes());
        let pieces = Duration::from_millis(2 * PIECE as u64);
        assert!(began.elapsed() >= pieces, "{:?}", began.elapsed());
        assert!(began.elapsed() < pieces + Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_of_a_slowed_app_share_its_pace() {
        let meter = meter();
        meter.set(State::Slowed);
        let began = Instant::now();
        let small = async {
            let small = answer(&meter, 100).collect().await.unwrap();
            assert_eq!(small.to_bytes().len(), 100);
            began.elapsed()
        };
        let (large, small) = tokio::join!(answer(&meter, 10 * PIECE).collect(), small);
        assert_eq!(large.unwrap().to_bytes().len(), 10 * PIECE);
        assert!(
            small <= Duration::from_millis(2 * PIECE as u64),
            "{small:?}"
        );
        assert!(began.elapsed() >= Duration::from_millis(9 * PIECE as u64));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_was_under_way_is_slowed_and_let_go_again() {
        let meter = meter();
        let began = Instant::now();
        let mut body = answer(&meter, 4 * PIECE);
        meter.set(State::Paused);
        let first = body.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap().len(), PIECE);
        assert!(!body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(3 * PIECE as u64));
        meter.set(State::Free);
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), 3 * PIECE);
        assert!(began.elapsed() < Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn the_word_that_there_is_nothing_waits_for_nobody() {
        let meter = meter();
        meter.set(State::Paused);
        let began = Instant::now();
        let under_way = answer(&meter, 10 * PIECE).collect();
        let word = async {
            let word = answer(&meter, 3 * PIECE).at_once(true);
            word.collect().await.unwrap();
            began.elapsed()
        };
        let (_, took) = tokio::join!(under_way, word);
        assert_eq!(took, Duration::ZERO);
    }

    #[tokio::test]
    async fn what_went_out_is_counted() {
        let meter = meter();
        for length in [0, 1, 5 * PIECE] {
            answer(&meter, length).collect().await.unwrap();
        }
        assert_eq!(meter.counts().sent, 1 + 5 * PIECE as u64);
    }
}
