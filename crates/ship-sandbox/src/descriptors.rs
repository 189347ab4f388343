//! Descriptors that came from outside: a script's lock, a terminal's pipe. A program that lives on
//! would hold them for ever.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::{FdFlags, fcntl_setfd};

/// Makes every descriptor but the three standard ones close on exec.
///
/// To be called by a process that has one thread, before it starts others: what this process
/// opened itself has the flag already.
pub fn close_on_exec() -> io::Result<()> {
    for descriptor in open()?.into_iter().filter(|descriptor| *descriptor > 2) {
        mark(descriptor);
    }
    Ok(())
}

/// The numbers of the open descriptors (proc(5), `fd/`).
fn open() -> io::Result<Vec<RawFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open("/proc/self/fd", flags, Mode::empty())?;
    let mut numbers = Vec::new();
    for entry in Dir::new(folder)? {
        numbers.extend(
            entry?
                .file_name()
                .to_str()
                .ok()
                .and_then(|name| name.parse::<RawFd>().ok()),
        );
    }
    Ok(numbers)
}

#[expect(
    unsafe_code,
    reason = "a descriptor from outside has no owner to borrow it from"
)]
fn mark(descriptor: RawFd) {
    // SAFETY: the number is not -1, as it is above 2. That it is open cannot be shown, and need not
    // be: the borrow ends with this statement, reads and writes nothing, and closes nothing. On a
    // number that was closed meanwhile (the folder's own) the call answers EBADF; on one that is
    // used again it sets the flag that everything here is opened with.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let _ = fcntl_setfd(borrowed, FdFlags::CLOEXEC);
}
