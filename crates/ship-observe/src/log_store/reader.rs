//! Reads the lines of one segment, in the order they were written, up to where it ended when it
//! was listed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Take};

use ship_base::clock::Moment;
use ship_base::file::{self, FileError, WithPath as _};

use super::Line;
use super::frame::{self, Joiner};
use super::segment::Segment;

/// A segment that is read line by line.
#[derive(Debug)]
pub(super) struct Reader {
    segment: Segment,
    file: BufReader<Take<File>>,
    joiner: Joiner,
    ready: VecDeque<Line>,
    /// The entry at hand; kept for its memory.
    entry: Vec<u8>,
    saw_orphans: bool,
}

impl Reader {
    /// From the first entry at or after `from`; `None` when the segment was rotated away since it
    /// was listed.
    pub(super) fn open(segment: Segment, from: u64) -> Result<Option<Self>, FileError> {
        let mut file = match file::open(&segment.path) {
            Err(error) if error.is_missing() => return Ok(None),
            other => other?,
        };
        // One byte earlier, to tell an entry that begins at `from` from one that is cut by it.
        let start = from.saturating_sub(1);
        file.seek(SeekFrom::Start(start))
            .with_path("read", &segment.path)?;
        let mut reader = Self {
            file: BufReader::new(file.take(segment.size.saturating_sub(start))),
            segment,
            joiner: Joiner::default(),
            ready: VecDeque::new(),
            entry: Vec::new(),
            saw_orphans: false,
        };
        if from > 0 {
            reader.read_entry()?;
        }
        Ok(Some(reader))
    }

    /// The next line. A long line whose end was never written comes last.
    pub(super) fn next(&mut self) -> Result<Option<Line>, FileError> {
        while self.ready.is_empty() && self.read_entry()? {
            self.take();
        }
        if self.ready.is_empty() {
            let (segment, ready) = (&self.segment, &mut self.ready);
            self.joiner.end(|line| ready.push_back(segment.line(line)));
        }
        Ok(self.ready.pop_front())
    }

    /// Whether a line came whose beginning was not seen, because it is before `from`.
    pub(super) fn saw_orphans(&self) -> bool {
        self.saw_orphans
    }

    /// The time in the segment's name.
    pub(super) fn start(&self) -> Moment {
        self.segment.name.start
    }

    /// Reads up to the next line end. What comes after the last one was torn by a crash, or is
    /// about to be written.
    fn read_entry(&mut self) -> Result<bool, FileError> {
        self.entry.clear();
        self.file
            .read_until(b'\n', &mut self.entry)
            .with_path("read", &self.segment.path)?;
        Ok(self.entry.pop() == Some(b'\n'))
    }

    fn take(&mut self) {
        let Some(frame) = frame::parse(&self.entry) else {
            return;
        };
        self.saw_orphans |= self.joiner.is_orphan(&frame);
        let (segment, ready) = (&self.segment, &mut self.ready);
        self.joiner
            .take(&frame, |line| ready.push_back(segment.line(line)));
    }
}

impl Segment {
    /// A joined line with whose it is.
    pub(super) fn line(&self, (at, stream, text): frame::Joined) -> Line {
        Line {
            at,
            instance: self.name.instance.clone(),
            release: self.name.release,
            stream,
            text,
        }
    }
}
