//! An answer whose end is noted: how much of it went to the visitor, and how long that took.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

use crate::access_log::{AccessLog, Record};
use crate::body::{Body, BodyError};

/// See the module.
#[derive(Debug)]
pub(crate) struct Tracked {
    body: Body,
    note: Option<Box<Note>>,
}

/// What is written once the answer is over.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) log: AccessLog,
    pub(crate) began: Instant,
    pub(crate) record: Option<Record>,
}

impl Tracked {
    pub(crate) fn new(body: Body, note: Option<Note>) -> Self {
        Self {
            body,
            note: note.map(Box::new),
        }
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
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let record = self.note.as_mut().and_then(|note| note.record.as_mut());
        if let (Some(record), Some(Ok(frame))) = (record, &frame) {
            record.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
