//! What `ps` shows of a process that was copied and not executed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// The argument that the fork server is started with has this many bytes: a title may be longer
/// than its own words by so much.
pub(crate) const TITLE_ROOM: usize = 160;

/// Writes `title` over the arguments that this process, or the one it was copied from, was started
/// with: the kernel reads them from there (proc(5), `cmdline`). What is too long is cut.
pub(super) fn set(title: &str) -> io::Result<()> {
    let (start, end) = place()?;
    let mut text = vec![0; usize::try_from(end - start).unwrap_or(0)];
    // The last byte stays zero: else the kernel would take the environment for the title's rest.
    let room = text.len().saturating_sub(1);
    let length = title.floor_char_boundary(room.min(title.len()));
    text[..length].copy_from_slice(&title.as_bytes()[..length]);
    let memory = File::options().write(true).open("/proc/self/mem")?;
    memory.write_all_at(&text, start)
}

/// Fields 48 and 49 of `/proc/self/stat` (proc(5)): where the arguments begin and end.
fn place() -> io::Result<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let unreadable = || io::Error::from(io::ErrorKind::InvalidData);
    let (_, fields) = text.rsplit_once(')').ok_or_else(unreadable)?;
    let mut fields = fields.split_ascii_whitespace().skip(45);
    let mut next = || fields.next()?.parse().ok();
    match (next(), next()) {
        (Some(start), Some(end)) if start < end => Ok((start, end)),
        _ => Err(unreadable()),
    }
}
