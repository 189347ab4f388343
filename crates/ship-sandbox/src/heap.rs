//! What the C library does with memory that is free again.

/// How much of what is free at a heap's end stays: enough for the answers that one core sends at once.
const KEPT: libc::c_int = 4 << 20;

/// What is as large as this is not of a heap, but mapped by itself, and given back at once.
const MAPPED: libc::c_int = 1 << 20;

/// Has this process keep some free memory at the end of each of its heaps, in place of giving it back
/// to the kernel and asking for it again (mallopt(3)). By default the C library does so whenever 128
/// to 256 kB are free there: for a process that reads and frees pieces of that size all the time, each
/// of them is 25 page faults.
///
/// To be called before there are other threads.
#[expect(unsafe_code, reason = "the C library's own settings have no safe name")]
pub fn keep_freed_memory() {
    // SAFETY: both calls set a number of the allocator, whatever it is; nobody else sets any, and
    // there is no thread that could allocate meanwhile. Where a C library knows them not, it says so
    // and goes on as before.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
    }
}
