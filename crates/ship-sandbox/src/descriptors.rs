//! Descriptors that came from outside: a script's lock, a terminal's pipe. A program that lives on
//! would hold them for ever.

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

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

/// Takes the descriptors that a service manager hands over: so many, from number 3 on
/// (sd_listen_fds(3)). They close on exec from now on.
///
/// To be called once, by a process that has one thread and has opened nothing itself yet, with the
/// number that the manager has said; one that is not open is left out.
pub fn take_given(count: usize) -> io::Result<Vec<Option<OwnedFd>>> {
    let open = open()?;
    let numbers = (3..).take(count);
    Ok(numbers
        .map(|number| {
            mark(number);
            open.contains(&number).then(|| take(number))
        })
        .collect())
}

#[expect(
    unsafe_code,
    reason = "a descriptor from outside has no owner to take it from"
)]
fn take(descriptor: RawFd) -> OwnedFd {
    // SAFETY: it is open, as the caller has seen, and nobody else owns it: the manager opened it for
    // us before this program began, and it is taken once.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
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
