//! An app's answer on its way to the shelf and to the visitor who asked for it.
//!
//! It is read as quickly as the app sends, so that a slow visitor holds up nobody who waits for the
//! same answer. Where it turns out too large to be kept, it goes on as any other: at the visitor's
//! pace, and with the visitor. Where nobody knows its end, it is not read for long once the visitor has
//! gone: it may have none.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame};
use tokio::sync::Notify;

use crate::body::{Body, BodyError};

/// The largest body that is kept.
pub(crate) const LARGEST: usize = 8 << 20;

/// Bytes that may wait for the visitor once nothing is kept any more.
const AHEAD: usize = 256 << 10;

/// What has come of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Settled {
    /// All of it.
    Whole(Bytes),
    /// More than can be kept; the visitor gets it piece by piece.
    TooLarge,
    /// The app broke off; or the visitor has gone, and it is too large or nobody knows its end.
    Broken,
}

#[derive(Debug, Default)]
struct State {
    /// What the visitor has not taken yet.
    waiting: VecDeque<Bytes>,
    ahead: usize,
    /// Everything so far, as long as it may be kept.
    kept: Option<Vec<Bytes>>,
    total: usize,
    ended: bool,
    broken: bool,
    reader_gone: bool,
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
struct Shared {
    state: RefCell<State>,
    /// The visitor took something, or went.
    taken: Notify,
    /// The visitor went.
    gone: Notify,
    /// It is known what comes of it.
    settled: Notify,
}

/// The visitor's side.
#[derive(Debug)]
pub(crate) struct Reader {
    shared: Rc<Shared>,
    /// Bytes still to come, where the app says how many.
    left: Option<u64>,
}

/// The app's side.
#[derive(Debug)]
pub(crate) struct Fill(Rc<Shared>);

/// The two sides of one answer; `length` is what the app says of it.
pub(crate) fn pair(length: Option<u64>) -> (Fill, Reader) {
    let shared = Rc::new(Shared::default());
    shared.state.borrow_mut().kept = Some(Vec::new());
    let fill = Fill(shared.clone());
    let left = length;
    (fill, Reader { shared, left })
}

impl Fill {
    /// Takes the body from the app to its end; where nobody knows that, for no longer than `grace`
    /// without the visitor. A body that is given up is closed, and the app sees that.
    pub(crate) async fn run(self, body: Body, grace: Duration) -> Settled {
        let has_end = body.size_hint().exact().is_some();
        tokio::select! {
            biased;
            settled = self.take(body) => settled,
            () = self.deserted(grace), if !has_end => self.end(true),
        }
    }

    /// Waits until the visitor has been gone for so long.
    async fn deserted(&self, grace: Duration) {
        let gone = self.0.gone.notified();
        let is_gone = self.0.state.borrow().reader_gone;
        if !is_gone {
            gone.await;
        }
        tokio::time::sleep(grace).await;
    }

    async fn take(&self, mut body: Body) -> Settled {
        loop {
            match body.frame().await {
                Some(Ok(frame)) => {
                    // Trailers are not kept, and who reads from the shelf gets none.
                    if let Ok(piece) = frame.into_data() {
                        self.push(piece);
                        if !self.has_room().await {
                            return self.end(true);
                        }
                    }
                }
                Some(Err(_)) => return self.end(true),
                None => return self.end(false),
            }
        }
    }

    fn push(&self, piece: Bytes) {
        let mut state = self.0.state.borrow_mut();
        state.total += piece.len();
        if state.total > LARGEST && state.kept.take().is_some() {
            self.0.settled.notify_waiters();
        }
        if let Some(kept) = &mut state.kept {
            kept.push(piece.clone());
        }
        if !state.reader_gone {
            state.ahead += piece.len();
            state.waiting.push_back(piece);
        }
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// Waits until more may come; false where nobody wants it.
    async fn has_room(&self) -> bool {
        loop {
            let taken = self.0.taken.notified();
            {
                let state = self.0.state.borrow();
                match (&state.kept, state.reader_gone) {
                    (Some(_), _) => return true,
                    (None, true) => return false,
                    (None, false) if state.ahead <= AHEAD => return true,
                    (None, false) => {}
                }
            }
            taken.await;
        }
    }

    fn end(&self, broken: bool) -> Settled {
        let mut state = self.0.state.borrow_mut();
        (state.ended, state.broken) = (true, broken);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        self.0.settled.notify_waiters();
        match &state.kept {
            _ if broken => Settled::Broken,
            None => Settled::TooLarge,
            Some(kept) => Settled::Whole(kept.concat().into()),
        }
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        let ended = self.0.state.borrow().ended;
        if !ended {
            self.end(true);
        }
    }
}

impl Reader {
    /// Waits until it is known whether there will be an answer to keep: true where there is.
    pub(crate) async fn settled(&self) -> bool {
        loop {
            let settled = self.shared.settled.notified();
            {
                let state = self.shared.state.borrow();
                if state.ended || state.kept.is_none() {
                    return state.kept.is_some() && !state.broken;
                }
            }
            settled.await;
        }
    }

    pub(crate) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut state = self.shared.state.borrow_mut();
        if let Some(piece) = state.waiting.pop_front() {
            state.ahead -= piece.len();
            self.left = self
                .left
                .map(|left| left.saturating_sub(piece.len() as u64));
            self.shared.taken.notify_one();
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match (state.ended, state.broken) {
            (true, true) => Poll::Ready(Some(Err(BodyError::Shared))),
            (true, false) => Poll::Ready(None),
            (false, _) => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(crate) fn left(&self) -> Option<u64> {
        self.left
    }

    pub(crate) fn is_over(&self) -> bool {
        let state = self.shared.state.borrow();
        state.ended && !state.broken && state.waiting.is_empty()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.shared.state.borrow_mut();
        state.reader_gone = true;
        state.waiting.clear();
        state.ahead = 0;
        self.shared.taken.notify_one();
        self.shared.gone.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    const GRACE: Duration = Duration::from_secs(5);

    /// An app that sends one piece after some time, and maybe ends with it; what comes of its answer,
    /// whose visitor has gone, and when.
    async fn without_visitor(length: Option<u64>, after: u64, ends: bool) -> (Settled, u64) {
        let (app, answer) = pair(length);
        let (fill, reader) = pair(length);
        drop(reader);
        let began = Instant::now();
        let sends = async {
            tokio::time::sleep(Duration::from_secs(after)).await;
            app.push(Bytes::from_static(b"hi"));
            if ends {
                app.end(false);
            }
        };
        let takes = async {
            let settled = fill.run(Body::Shared(answer), GRACE).await;
            (settled, began.elapsed().as_secs())
        };
        let ((), settled) = tokio::join!(sends, takes);
        assert!(app.0.state.borrow().reader_gone, "the app is told");
        settled
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_without_a_known_end_does_not_go_on_for_long_without_its_visitor() {
        for (after, ends) in [(60, true), (1, false)] {
            let settled = without_visitor(None, after, ends).await;
            assert!(matches!(settled, (Settled::Broken, 5)), "{settled:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_takes_nothing_along_of_what_ends() {
        for (length, after) in [(Some(2), 60), (None, 4)] {
            let settled = without_visitor(length, after, true).await;
            let (Settled::Whole(body), at) = settled else {
                panic!("{settled:?}");
            };
            assert_eq!((&body[..], at), (&b"hi"[..], after));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_goes_on_as_long_as_its_visitor_is_there() {
        let (app, answer) = pair(None);
        let (fill, reader) = pair(None);
        let sends = async {
            tokio::time::sleep(Duration::from_hours(1)).await;
            app.push(Bytes::from_static(b"hi"));
            app.end(false);
        };
        let ((), settled) = tokio::join!(sends, fill.run(Body::Shared(answer), GRACE));
        assert!(matches!(settled, Settled::Whole(_)), "{settled:?}");
        drop(reader);
    }
}
