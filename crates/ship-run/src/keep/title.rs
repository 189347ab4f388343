//! What `ps` shows of a process that was copied and not executed.

use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use ship_base::file;

/// The argument that the fork server is started with has this many bytes: a title may be longer
/// than its own words by so much.
pub(crate) const TITLE_ROOM: usize = 160;

/// Writes these words over the arguments that this process, or the one it was copied from, was
/// started with: the kernel reads them from there (proc(5), `cmdline`). What is too long is cut.
pub(super) fn set(words: &[&str]) -> io::Result<()> {
    let (start, end) = place()?;
    let mut text = words.join("\0").into_bytes();
    // The last byte is zero: else the kernel would take the environment for the title's rest.
    let room = usize::try_from(end - start).unwrap_or(0);
    text.truncate(room.saturating_sub(1));
    text.resize(room, 0);
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let memory = rustix::fs::open("/proc/self/mem", flags, Mode::empty())?;
    match rustix::io::pwrite(&memory, &text, start)? {
        written if written == text.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// Fields 48 and 49 of `/proc/self/stat` (proc(5)): where the arguments begin and end.
fn place() -> io::Result<(u64, u64)> {
    let text = file::read_text(Path::new("/proc/self/stat")).map_err(|error| error.source)?;
    let unreadable = || io::Error::from(io::ErrorKind::InvalidData);
    let (_, fields) = text.rsplit_once(')').ok_or_else(unreadable)?;
    let mut fields = fields.split_ascii_whitespace().skip(45);
    let mut next = || fields.next()?.parse().ok();
    match (next(), next()) {
        (Some(start), Some(end)) if start < end => Ok((start, end)),
        _ => Err(unreadable()),
    }
}
