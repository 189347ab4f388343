//! A segment's name, and the segments of a folder.

use std::fmt;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ship_base::clock::Moment;
use ship_base::file::{self, FileError};
use ship_base::name::{InstanceId, ReleaseId};

/// What a file counts for at least: the block that a file system gives it.
const BLOCK: u64 = 4096;

/// How much later than its first entry a segment's name may say it started: a keeper tries the
/// next millisecond while the name it wants is taken.
pub(super) const START_SLACK: Duration = Duration::from_secs(1);

/// How far a file's time may lie behind the clock that its entries were stamped with: Linux takes
/// it from the last timer tick (`current_time`, at most 10 ms old), and clocks are set.
const LAST_SLACK: Duration = Duration::from_secs(1);

/// Whose segment it is: `blog.web.1.r7.1763712000005.log1`. Names hold no dots, so that it reads
/// back; the digit at the end is the version of the format inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentName {
    pub(super) instance: InstanceId,
    pub(super) release: ReleaseId,
    /// The time of the first entry, give or take [`START_SLACK`].
    pub(super) start: Moment,
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            instance, release, ..
        } = self;
        let start = self.start.as_millis();
        write!(
            f,
            "{}.{}.{release}.{start}.log1",
            instance.app,
            instance.local()
        )
    }
}

impl SegmentName {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let mut words = name.split('.');
        let mut word = || words.next();
        let (app, process, index) = (word()?, word()?, word()?);
        let (release, start, format) = (word()?, word()?, word()?);
        if format != "log1" || word().is_some() {
            return None;
        }
        Some(Self {
            instance: InstanceId::new(
                app.parse().ok()?,
                process.parse().ok()?,
                index.parse().ok()?,
            ),
            release: release.parse().ok()?,
            start: Moment::from_millis(start.parse().ok()?),
        })
    }
}

/// A segment that was in a folder when it was listed.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) name: SegmentName,
    pub(super) size: u64,
    /// Not before its last entry: when the file was last written, and a little more.
    pub(super) last: Moment,
}

impl Segment {
    /// The room it takes on the disk.
    pub(super) fn room(&self) -> u64 {
        self.size.max(1).next_multiple_of(BLOCK)
    }
}

/// The segments of one process, in no order. Files of other names are passed over, and so are
/// segments that a writer removes while we look.
pub(super) fn list(folder: &Path) -> Result<Vec<Segment>, FileError> {
    let mut segments = Vec::new();
    for entry in file::entries_if_there(folder)? {
        let name = entry.file_name().to_str().and_then(SegmentName::parse);
        if let (Some(name), Ok(metadata)) = (name, entry.metadata()) {
            segments.push(Segment {
                path: entry.path(),
                name,
                size: metadata.len(),
                last: written(&metadata).after(LAST_SLACK),
            });
        }
    }
    Ok(segments)
}

fn written(metadata: &Metadata) -> Moment {
    metadata
        .modified()
        .map_or_else(|_| Moment::now(), Moment::from)
}

/// Removes the segments that were silent longest until the rest takes at most `room` bytes.
///
/// Two keepers may do this at once: a segment that is already gone is as good as removed. Both
/// remove from the same end, so that together they remove what one of them would have.
pub(super) fn prune(folder: &Path, room: u64) -> Result<(), FileError> {
    let mut segments = list(folder)?;
    segments.sort_by_key(|segment| (segment.last, segment.name.start));
    let mut total: u64 = segments.iter().map(Segment::room).sum();
    for segment in segments {
        if total <= room {
            break;
        }
        file::remove(&segment.path)?;
        total -= segment.room();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_read_back(
            app in "[a-z][a-z0-9-]{0,38}",
            process in "[a-z][a-z0-9-]{0,38}",
            index in any::<u32>(),
            release in 1u32..,
            start in -1_000_000_000i64..4_000_000_000_000,
        ) {
            let name = SegmentName {
                instance: InstanceId::new(app.parse().unwrap(), process.parse().unwrap(), index),
                release: ReleaseId::new(release),
                start: Moment::from_millis(start),
            };
            let text = name.to_string();
            prop_assert!(text.len() < 255);
            prop_assert_eq!(SegmentName::parse(&text), Some(name));
        }
    }

    #[test]
    fn files_of_others_are_no_segments() {
        for name in [
            "web.log",
            ".tmp-1-2",
            "blog.web.1.r7.5.log9",
            "a.b.1.r7.5.log1.gz",
            "a.b.x.r7.5.log1",
        ] {
            assert_eq!(SegmentName::parse(name), None, "{name}");
        }
    }
}
