//! The targets of this folder; see [`crate::fuzz`].

use super::frames::{Broken, Frames, Piece, Watch};

/// The first byte is how many come at once: a request means the same however it is split, and no
/// more comes out of it than went in.
pub(crate) fn request(bytes: &[u8]) {
    let Some((step, stream)) = bytes.split_first() else {
        return;
    };
    let whole = read(stream, stream.len().max(1));
    assert_eq!(read(stream, usize::from(*step).max(1)), whole);
    if let Ok((heads, content)) = whole {
        assert!(heads.len() + content.len() <= stream.len());
    }
}

/// Heads and content of a stream that arrives in pieces of this size.
fn read(stream: &[u8], step: usize) -> Result<(Vec<u8>, Vec<u8>), Broken> {
    let mut frames = Frames::new(100);
    let (mut heads, mut content) = (Vec::new(), Vec::new());
    let mut parts = stream.chunks(step);
    loop {
        match frames.next()? {
            Some(Piece::Head(bytes)) => heads.extend(bytes),
            Some(Piece::Data(bytes)) => content.extend(bytes),
            Some(Piece::Trailers) => {}
            None => match parts.next() {
                Some(part) => frames.came(part),
                None => break,
            },
        }
    }
    frames.end()?;
    Ok((heads, content))
}

/// The same for a stream that only the visitor writes.
pub(crate) fn control(bytes: &[u8]) {
    let Some((step, stream)) = bytes.split_first() else {
        return;
    };
    let watch = |step: usize| {
        let mut watch = Watch::default();
        stream.chunks(step).try_for_each(|part| watch.came(part))
    };
    assert_eq!(watch(usize::from(*step).max(1)), watch(stream.len().max(1)));
}
