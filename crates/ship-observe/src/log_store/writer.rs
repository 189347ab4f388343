//! The keeper's end: appends entries to segments of its own, and never fails its program.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use ship_base::clock::Moment;
use ship_base::count;
use ship_base::file::{self, FileError};
use ship_base::name::{InstanceId, ReleaseId};

use super::cut::{LineCutter, PIECE};
use super::segment::{self, SegmentName};
use super::{Entry, Part, Stream, frame};

/// A folder holds about this many full segments: what goes when it is full is an eighth of it.
const SEGMENTS: u64 = 8;

/// No segment grows beyond this many bytes, however large the cap.
const LARGEST_SEGMENT: u64 = 8 * 1024 * 1024;

/// Appends to the segments of one keeper.
///
/// Memory: an open file and its name. A write goes to the file before [`Writer::write`] returns,
/// so that a killed keeper loses nothing it was given. Nothing is synced: a power cut may take the
/// last seconds.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    cap: u64,
    open: Option<OpenSegment>,
    dropped: u64,
}

#[derive(Debug)]
struct OpenSegment {
    file: File,
    instance: InstanceId,
    release: ReleaseId,
    size: u64,
    /// Streams whose long line has not come to its end.
    unfinished: [bool; 3],
}

impl Writer {
    /// Writes to `folder`, whose segments together, other keepers' too, take at most `cap` bytes
    /// of disk, to within one segment (an eighth of `cap`) per keeper and one unfinished line.
    ///
    /// Nothing is touched before the first entry, and nothing here fails: an instance runs also
    /// where its log cannot be written.
    pub fn open(folder: &Path, cap: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            cap,
            open: None,
            dropped: 0,
        }
    }

    /// Writes one entry. Where the disk refuses it is dropped and counted, and the next entry that
    /// can be written is preceded by a line that says how many are missing.
    pub fn write(&mut self, entry: &Entry<'_>) {
        if entry.part == Part::Whole && needs_cutting(entry.text) {
            return self.write_cut(entry);
        }
        if self.write_or_fail(entry).is_err() && entry.part != Part::First {
            self.dropped += 1;
        }
    }

    /// Lines dropped since the last one that was written.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Text of several lines, or of a very long one.
    fn write_cut(&mut self, entry: &Entry<'_>) {
        for line in entry.text.split(|byte| *byte == b'\n') {
            let mut piece = |text: &[u8], part| {
                self.write(&Entry {
                    part,
                    text,
                    ..*entry
                });
            };
            if line.is_empty() {
                piece(line, Part::Whole);
            } else {
                let mut cutter = LineCutter::new();
                cutter.feed(line, &mut piece);
                cutter.end(&mut piece);
            }
        }
    }

    fn write_or_fail(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.confess(entry)?;
        self.append(entry)
    }

    /// Tells how many lines are missing, where there are any.
    fn confess(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        if self.dropped == 0 {
            return Ok(());
        }
        let lines = count::plural(self.dropped as usize, "line");
        let text = format!("… {lines} dropped: the log could not be written");
        self.append(&Entry {
            stream: Stream::Ship,
            part: Part::Whole,
            text: text.as_bytes(),
            ..*entry
        })?;
        self.dropped = 0;
        Ok(())
    }

    /// Appends, and makes sure that what was appended to still has its name: another keeper that
    /// needs room may have removed this segment a moment ago. Its older entries had to go; this
    /// one starts a new segment.
    fn append(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        loop {
            let segment = self.segment_for(entry)?;
            if let Err(error) = segment.append(entry) {
                if segment.take_back().is_err() {
                    self.open = None;
                }
                return Err(error);
            }
            if segment.file.metadata()?.nlink() > 0 {
                return Ok(());
            }
            self.open = None;
        }
    }

    /// The open segment; a new one for the first entry, for another instance, or when it is full.
    fn segment_for(&mut self, entry: &Entry<'_>) -> io::Result<&mut OpenSegment> {
        let limit = self.segment_limit();
        let fits = |open: &OpenSegment| {
            open.instance == *entry.instance
                && open.release == entry.release
                && (open.size < limit || open.unfinished.contains(&true))
        };
        let segment = match self.open.take().filter(fits) {
            Some(segment) => segment,
            None => self.begin(entry).map_err(|error| error.source)?,
        };
        Ok(self.open.insert(segment))
    }

    /// Makes room for one more segment, and starts it.
    fn begin(&self, entry: &Entry<'_>) -> Result<OpenSegment, FileError> {
        file::create_folder(&self.folder)?;
        segment::prune(&self.folder, self.cap.saturating_sub(self.segment_limit()))?;
        Ok(OpenSegment {
            file: create_segment(&self.folder, entry)?,
            instance: entry.instance.clone(),
            release: entry.release,
            size: 0,
            unfinished: [false; 3],
        })
    }

    fn segment_limit(&self) -> u64 {
        (self.cap / SEGMENTS).min(LARGEST_SEGMENT)
    }
}

impl OpenSegment {
    /// One call for the whole entry, so that a kill leaves it whole or not there at all.
    fn append(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        let header = frame::header(entry.at, entry.stream, entry.part);
        let length = header.len() + entry.text.len() + 1;
        let slices = [header.as_bytes(), entry.text, b"\n"].map(IoSlice::new);
        let written = loop {
            match self.file.write_vectored(&slices) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if written < length {
            return Err(ErrorKind::StorageFull.into());
        }
        self.size += length as u64;
        self.unfinished[entry.stream as usize] = matches!(entry.part, Part::First | Part::Middle);
        Ok(())
    }

    /// After a failed write: the file ends with its last whole entry again.
    fn take_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.size)
    }
}

/// A file that nobody else writes to: where the name is taken by another keeper of the same
/// instance, which started in the same millisecond, the next millisecond's is tried.
fn create_segment(folder: &Path, entry: &Entry<'_>) -> Result<File, FileError> {
    let mut name = SegmentName {
        instance: entry.instance.clone(),
        release: entry.release,
        start: entry.at,
    };
    loop {
        match file::create_new(&folder.join(name.to_string()), 0o600) {
            Err(error) if error.source.kind() == ErrorKind::AlreadyExists => {
                name.start = Moment::from_millis(name.start.as_millis() + 1);
            }
            other => return other,
        }
    }
}

fn needs_cutting(text: &[u8]) -> bool {
    text.len() > PIECE || text.contains(&b'\n')
}
