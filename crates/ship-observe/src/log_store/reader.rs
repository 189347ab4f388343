//! Reads the entries of one segment, also while a keeper writes it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};

use ship_base::file::{self, FileError, WithPath as _};

use super::segment::Segment;
use super::{Line, frame};

/// A segment that is read line by line. At its end it can be asked again: what was written
/// meanwhile comes then.
#[derive(Debug)]
pub(super) struct Reader {
    segment: Segment,
    file: BufReader<File>,
    joiner: frame::Joiner,
    ready: VecDeque<Line>,
    /// The entry that is being read; more than empty between calls when its end is not written yet.
    entry: Vec<u8>,
}

impl Reader {
    /// Opens a segment at its beginning; `None` when it has been removed since it was listed.
    pub(super) fn open(segment: Segment) -> Result<Option<Self>, FileError> {
        let file = match file::open(&segment.path) {
            Ok(file) => file,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(Self {
            segment,
            file: BufReader::new(file),
            joiner: frame::Joiner::default(),
            ready: VecDeque::new(),
            entry: Vec::new(),
        }))
    }

    /// How many bytes have been read.
    pub(super) fn position(&mut self) -> Result<u64, FileError> {
        self.file
            .seek(SeekFrom::Current(0))
            .with_path("read", &self.segment.path)
    }

    /// The next whole line; `None` at the end of what is written so far.
    pub(super) fn next(&mut self) -> Result<Option<Line>, FileError> {
        while self.ready.is_empty() {
            let read = self.file.read_until(b'\n', &mut self.entry);
            read.with_path("read", &self.segment.path)?;
            if self.entry.pop_if(|last| *last == b'\n').is_none() {
                return Ok(None);
            }
            self.take();
        }
        Ok(self.ready.pop_front())
    }

    /// Hands on the long lines whose end was never written; for a segment that nobody writes.
    pub(super) fn rest(&mut self) -> Option<Line> {
        let Self {
            segment,
            joiner,
            ready,
            ..
        } = self;
        joiner.end(|joined| ready.push_back(line(segment, joined)));
        ready.pop_front()
    }

    fn take(&mut self) {
        let Self {
            segment,
            joiner,
            ready,
            entry,
            ..
        } = self;
        // What a power cut damaged is passed over.
        if let Some(frame) = frame::parse(entry) {
            joiner.take(&frame, |joined| ready.push_back(line(segment, joined)));
        }
        entry.clear();
    }
}

fn line(segment: &Segment, (at, stream, text): frame::Joined) -> Line {
    let (instance, release) = (segment.name.instance.clone(), segment.name.release);
    Line {
        at,
        instance,
        release,
        stream,
        text,
    }
}
