//! Pieces of memory that a thread takes and gives back all the time.
//!
//! The C library keeps what a thread frees at hand for the next one who asks, but only up to 1,032
//! bytes (malloc(3): the thread's cache). Beyond that it takes a lock, looks for a place, cuts it off and
//! later joins it with its neighbours: several times as much work. A front door needs a few pieces of
//! such a size for each request, and of the same sizes for all of them.
//!
//! So [`Pieces`] is the C library's allocator, and beside it a list of freed pieces for each of a few
//! sizes, for threads that [ask for it](keep_pieces). A piece goes only to who wants exactly its size
//! and alignment: nothing is rounded up, and all that any thread frees may go to the C library at any
//! time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

/// Sizes in bytes that are kept: what lies below, the C library keeps itself.
const SMALLEST: usize = 1 << 10;
const LARGEST: usize = 16 << 10;

/// Alignment of all that is kept: what the C library gives without being asked.
const ALIGNED: usize = 16;

/// The most bytes of one size that are kept.
const MOST: usize = 64 << 10;

/// Sizes at once. Two that fall on the same place take turns.
const SIZES: usize = 32;

/// The C library's allocator, with pieces kept at hand. For `#[global_allocator]`.
#[derive(Debug)]
pub struct Pieces;

/// Freed pieces of one size, each of which begins with the address of the next.
struct Kept {
    size: Cell<usize>,
    count: Cell<usize>,
    first: Cell<*mut u8>,
}

struct Shelf {
    open: Cell<bool>,
    kept: [Kept; SIZES],
}

thread_local! {
    // Nothing that has to be dropped, and nothing that is made at first use: an allocator may not need
    // one.
    static SHELF: Shelf = const {
        Shelf {
            open: Cell::new(false),
            kept: [const {
                Kept {
                    size: Cell::new(0),
                    count: Cell::new(0),
                    first: Cell::new(ptr::null_mut()),
                }
            }; SIZES],
        }
    };
}

/// Has this thread keep freed pieces at hand until the returned value is dropped.
#[must_use = "dropped, it ends what it began"]
pub fn keep_pieces() -> KeptPieces {
    SHELF.with(|shelf| shelf.open.set(true));
    KeptPieces(PhantomData)
}

/// See [`keep_pieces`]. Of one thread.
#[derive(Debug)]
pub struct KeptPieces(PhantomData<*mut ()>);

impl Drop for KeptPieces {
    fn drop(&mut self) {
        SHELF.with(|shelf| {
            shelf.open.set(false);
            shelf.kept.iter().for_each(Kept::clear);
        });
    }
}

impl Shelf {
    fn of(&self, layout: Layout) -> Option<&Kept> {
        let size = layout.size();
        let is_kept = size > SMALLEST && size <= LARGEST && layout.align() <= ALIGNED;
        (is_kept && self.open.get()).then(|| &self.kept[(size >> 4) % SIZES])
    }
}

impl Kept {
    fn take(&self, size: usize) -> Option<*mut u8> {
        let piece = self.first.get();
        if self.size.get() != size || piece.is_null() {
            return None;
        }
        #[expect(
            unsafe_code,
            clippy::cast_ptr_alignment,
            reason = "the list lies in the pieces themselves, which are aligned for more"
        )]
        // SAFETY: `keep` has written the next one's address there, and nobody else has the piece.
        let next = unsafe { piece.cast::<*mut u8>().read() };
        self.first.set(next);
        self.count.set(self.count.get() - 1);
        Some(piece)
    }

    /// Whether it was kept.
    fn keep(&self, piece: *mut u8, size: usize) -> bool {
        if self.size.get() != size {
            self.clear();
            self.size.set(size);
        }
        let count = self.count.get();
        if count >= MOST / size {
            return false;
        }
        #[expect(
            unsafe_code,
            clippy::cast_ptr_alignment,
            reason = "the list lies in the pieces themselves, which are aligned for more"
        )]
        // SAFETY: the piece was freed, so it is ours; it is longer than an address, and aligned for
        // one, since it comes from the C library.
        unsafe {
            piece.cast::<*mut u8>().write(self.first.get());
        }
        self.first.set(piece);
        self.count.set(count + 1);
        true
    }

    /// Gives all to the C library.
    fn clear(&self) {
        let size = self.size.get();
        while let Some(piece) = self.take(size) {
            // Kept pieces differ in their alignment at most, which the C library does not look at
            // when one is freed, up to the one that it always gives.
            let layout = Layout::from_size_align(size, ALIGNED);
            let layout = layout.unwrap_or(Layout::new::<usize>());
            // SAFETY: it came from there.
            #[expect(unsafe_code, reason = "an allocator is nothing else")]
            unsafe {
                System.dealloc(piece, layout);
            }
        }
    }
}

// SAFETY: all memory is `System`'s. A piece that is kept was freed by its owner, belongs to one list, and
// leaves that before it is given to anybody; who gets it has asked for exactly its size, and for no
// more alignment than all of them have. Nothing here unwinds or allocates.
#[expect(unsafe_code, reason = "an allocator is nothing else")]
unsafe impl GlobalAlloc for Pieces {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let kept = SHELF.with(|shelf| shelf.of(layout)?.take(layout.size()));
        // SAFETY: as the caller has promised it to us.
        kept.unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        let kept = SHELF.with(|shelf| {
            shelf
                .of(layout)
                .is_some_and(|kept| kept.keep(piece, layout.size()))
        });
        if !kept {
            // SAFETY: as the caller has promised it to us, and all memory is `System`'s.
            unsafe { System.dealloc(piece, layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller has promised it to us.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller has promised it to us, and all memory is `System`'s.
        unsafe { System.realloc(piece, layout, size) }
    }
}

#[cfg(test)]
#[expect(unsafe_code, reason = "an allocator is called so")]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    fn take(size: usize) -> *mut u8 {
        // SAFETY: the size is not 0.
        let piece = unsafe { Pieces.alloc(layout(size)) };
        assert!(!piece.is_null());
        piece
    }

    fn give(piece: *mut u8, size: usize) {
        // SAFETY: it came from `take` with this size, and nobody has it any more.
        unsafe { Pieces.dealloc(piece, layout(size)) }
    }

    fn kept(size: usize) -> usize {
        SHELF.with(|shelf| match shelf.of(layout(size)) {
            Some(kept) if kept.size.get() == size => kept.count.get(),
            _ => 0,
        })
    }

    #[test]
    fn a_piece_is_kept_for_who_wants_exactly_its_size() {
        let _kept = keep_pieces();
        let piece = take(2000);
        give(piece, 2000);
        assert_eq!(kept(2000), 1);
        let other = take(1999);
        assert_eq!((kept(2000), kept(1999)), (1, 0));
        assert_eq!(take(2000), piece);
        assert_eq!(kept(2000), 0);
        give(piece, 2000);
        give(other, 1999);
    }

    #[test]
    fn small_and_large_ones_are_the_c_librarys() {
        let _kept = keep_pieces();
        for size in [1, SMALLEST, LARGEST + 1] {
            give(take(size), size);
            assert_eq!(kept(size), 0);
        }
    }

    #[test]
    fn only_so_many_are_kept_and_none_by_a_thread_that_did_not_ask() {
        let size = 8 << 10;
        let all = |pieces: [*mut u8; 20]| pieces.map(|piece| give(piece, size));
        let guard = keep_pieces();
        all([(); 20].map(|()| take(size)));
        assert_eq!(kept(size), MOST / size);
        drop(guard);
        all([(); 20].map(|()| take(size)));
        let _guard = keep_pieces();
        assert_eq!(kept(size), 0);
    }

    #[test]
    fn two_sizes_of_one_place_take_turns() {
        let _kept = keep_pieces();
        let (one, two) = (2048, 2048 + (SIZES << 4));
        give(take(one), one);
        assert_eq!(kept(one), 1);
        give(take(two), two);
        assert_eq!((kept(one), kept(two)), (0, 1));
    }

    /// Whatever was taken and given back before, nobody has a byte of what somebody else has.
    #[test]
    fn no_two_have_the_same_memory() {
        let _kept = keep_pieces();
        let sizes = [
            1025,
            1248,
            2048,
            2752,
            8192,
            2048 + (SIZES << 4),
            16384,
            900,
        ];
        let mut held: Vec<(*mut u8, usize, u8)> = Vec::new();
        let mut random = 88_172_645_463_325_252_u64;
        for round in 0..20_000_usize {
            // Marsaglia's xorshift64.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let number = random as usize;
            if number.is_multiple_of(2) && held.len() < 200 {
                let size = sizes[(number >> 8) % sizes.len()];
                let (piece, mark) = (take(size), round as u8);
                // SAFETY: it has so many bytes.
                unsafe { piece.write_bytes(mark, size) };
                held.push((piece, size, mark));
            } else if !held.is_empty() {
                let (piece, size, mark) = held.swap_remove((number >> 8) % held.len());
                // SAFETY: it has so many bytes, all of them written.
                let bytes = unsafe { std::slice::from_raw_parts(piece, size) };
                assert!(bytes.iter().all(|byte| *byte == mark), "round {round}");
                give(piece, size);
            }
        }
        for (piece, size, _) in held {
            give(piece, size);
        }
    }
}
