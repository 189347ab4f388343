//! A second process from this one, which shares its memory until either writes to it.

use std::io;
use std::path::Path;

use ship_base::file;

/// Which of the two a process is after [`fork`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    /// The one that called; the other has this number, and must be waited for.
    Parent(i32),
    /// The new one.
    Child,
}

/// fork(2), for a process that has one thread; one that has more is refused with
/// [`io::ErrorKind::Unsupported`], since locks of the others would stay closed for ever in the copy.
///
/// The copy holds every descriptor of its parent and every unwritten byte of its buffers.
#[expect(
    unsafe_code,
    reason = "fork(2) is unsafe in programs with threads, and this one looks first"
)]
pub fn fork() -> io::Result<Fork> {
    let threads = file::entries(Path::new("/proc/self/task")).map_err(|error| error.source)?;
    if threads.len() != 1 {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a process with threads cannot be copied",
        ));
    }
    // SAFETY: this is the only thread, so no other can start one in between, hold a lock, or change
    // what is being copied: the copy is as whole as the original. The call is the C library's, which
    // renews what it keeps about the process itself.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        child => Ok(Fork::Parent(child)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_threads_is_refused() {
        // Whether the test runner has another thread depends on how it was called.
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || wait.recv());
        let refused = fork();
        drop(done);
        let _ = other.join();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::Unsupported);
    }
}
