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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_store::{Query, query};

    fn entry<'a>(instance: &'a InstanceId, text: &'a [u8]) -> Entry<'a> {
        Entry {
            at: Moment::from_millis(1_763_712_000_005),
            instance,
            release: ReleaseId::new(7),
            stream: Stream::Out,
            part: Part::Whole,
            text,
        }
    }

    fn texts(logs: &Path) -> Vec<String> {
        let lines = query(logs, &Query::default()).unwrap();
        lines
            .map(|line| line.unwrap().lossy().into_owned())
            .collect()
    }

    /// `/dev/full` answers every write as a full disk does (full(4)).
    #[test]
    fn lines_that_a_full_disk_refuses_are_counted_and_confessed() {
        let logs = tempfile::tempdir().unwrap();
        let instance: InstanceId = "blog/web.1".parse().unwrap();
        let mut writer = Writer::open(&logs.path().join("web"), 1_000_000);
        writer.write(&entry(&instance, b"before"));
        for lost in 1..=2 {
            let open = writer.open.as_mut().unwrap();
            let full = file::append(Path::new("/dev/full"), 0o600).unwrap();
            let good = std::mem::replace(&mut open.file, full);
            writer.write(&entry(&instance, b"lost"));
            assert_eq!(writer.dropped(), lost);
            writer.open = Some(OpenSegment {
                file: good,
                instance: instance.clone(),
                release: ReleaseId::new(7),
                size: 0,
                unfinished: [false; 3],
            });
        }
        writer.write(&entry(&instance, b"after"));
        assert_eq!(writer.dropped(), 0);
        let marker = "… 2 lines dropped: the log could not be written";
        assert_eq!(texts(logs.path()), ["before", marker, "after"]);
    }

    #[test]
    fn a_half_written_entry_is_taken_back() {
        let logs = tempfile::tempdir().unwrap();
        let instance: InstanceId = "blog/web.1".parse().unwrap();
        let mut writer = Writer::open(&logs.path().join("web"), 1_000_000);
        writer.write(&entry(&instance, b"before"));
        let open = writer.open.as_mut().unwrap();
        open.file.write_all(b"2025-11-21T08:00:0").unwrap();
        open.take_back().unwrap();
        writer.write(&entry(&instance, b"after"));
        assert_eq!(texts(logs.path()), ["before", "after"]);
    }

    #[test]
    fn a_segment_that_another_keeper_removed_is_followed_by_a_new_one() {
        let logs = tempfile::tempdir().unwrap();
        let folder = logs.path().join("web");
        let instance: InstanceId = "blog/web.1".parse().unwrap();
        let mut writer = Writer::open(&folder, 1_000_000);
        writer.write(&entry(&instance, b"expired"));
        segment::prune(&folder, 0).unwrap();
        writer.write(&entry(&instance, b"kept"));
        assert_eq!(texts(logs.path()), ["kept"]);
    }

    #[test]
    fn a_folder_in_the_way_stops_no_program() {
        let logs = tempfile::tempdir().unwrap();
        let folder = logs.path().join("web");
        file::write_whole(&folder, b"").unwrap();
        let instance: InstanceId = "blog/web.1".parse().unwrap();
        let mut writer = Writer::open(&folder, 1_000_000);
        writer.write(&entry(&instance, b"lost"));
        file::remove(&folder).unwrap();
        writer.write(&entry(&instance, b"after"));
        let marker = "… 1 line dropped: the log could not be written";
        assert_eq!(texts(logs.path()), [marker, "after"]);
    }
}
