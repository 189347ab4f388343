//! The targets of this folder; see [`crate::fuzz`].

use super::segment::SegmentName;
use super::{LineCutter, Part};
use crate::log_store::frame;

/// A line of a segment, which a power cut may have left in any state.
pub(crate) fn frame(entry: &[u8]) {
    let Some(read) = frame::parse(entry) else {
        return;
    };
    assert!(entry.ends_with(read.text));
    let header = frame::header(read.at, read.stream, read.part);
    let written = [header.as_bytes(), read.text].concat();
    let again = frame::parse(&written).expect("what was written");
    assert_eq!((again.stream, again.part), (read.stream, read.part));
    assert_eq!(again.text, read.text);
}

/// The first byte is how many come at once.
pub(crate) fn cutter(bytes: &[u8]) {
    let Some((step, output)) = bytes.split_first() else {
        return;
    };
    let lines = cut(output, usize::from(*step).max(1));
    assert_eq!(lines, cut(output, output.len().max(1)));
    let mut naive: Vec<&[u8]> = output.split(|byte| *byte == b'\n').collect();
    if naive.last().is_some_and(|last| last.is_empty()) {
        naive.pop();
    }
    assert_eq!(lines, naive);
}

fn cut(output: &[u8], step: usize) -> Vec<Vec<u8>> {
    let mut cutter = LineCutter::new();
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut take = |text: &[u8], part: Part| match part {
        Part::Whole | Part::First => lines.push(text.to_vec()),
        Part::Middle | Part::Last => lines.last_mut().expect("a first piece").extend(text),
    };
    for piece in output.chunks(step) {
        cutter.feed(piece, &mut take);
    }
    cutter.end(&mut take);
    lines
}

pub(crate) fn segment_name(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Some(name) = SegmentName::parse(text) {
        assert!(!text.contains('/'));
        let written = name.to_string();
        assert_eq!(
            SegmentName::parse(&written).map(|name| name.to_string()),
            Some(written)
        );
    }
}
