//! The arena itself: memory handed out by moving a pointer.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

/// Bytes kept from call to call; most frames and what they cause fit.
const CHUNK_BYTES: usize = 256 * 1024;

/// Head of every chunk; its memory follows it.
struct Chunk {
    next: *mut Chunk,
    layout: Layout,
}

/// Memory that is handed out by moving a pointer and taken back all at once.
pub(super) struct Arena {
    top: Cell<*mut u8>,
    end: Cell<*mut u8>,
    first: Cell<*mut Chunk>,
    /// Chunks beyond the first; given back when the arena is emptied.
    more: Cell<*mut Chunk>,
}

impl Arena {
    /// An arena without memory.
    pub(super) const fn new() -> Self {
        Self {
            top: Cell::new(ptr::null_mut()),
            end: Cell::new(ptr::null_mut()),
            first: Cell::new(ptr::null_mut()),
            more: Cell::new(ptr::null_mut()),
        }
    }

    /// Memory for `layout`, or null when there is none.
    #[inline]
    pub(super) fn alloc(&self, layout: Layout) -> *mut u8 {
        let top = self.top.get();
        let padding = top.addr().wrapping_neg() & (layout.align() - 1);
        let room = self.end.get().addr() - top.addr();
        match padding.checked_add(layout.size()) {
            Some(need) if need <= room && !top.is_null() => {
                // SAFETY: `need` bytes are left in the chunk that `top` points into.
                let start = unsafe { top.add(padding) };
                // SAFETY: as above; `padding + size` is `need`.
                self.top.set(unsafe { start.add(layout.size()) });
                start
            }
            _ => self.alloc_in_new_chunk(layout),
        }
    }

    #[cold]
    fn alloc_in_new_chunk(&self, layout: Layout) -> *mut u8 {
        let Some(need) = layout
            .size()
            .checked_add(layout.align() + size_of::<Chunk>())
        else {
            return ptr::null_mut();
        };
        let Ok(chunk_layout) =
            Layout::from_size_align(need.max(CHUNK_BYTES), align_of::<Chunk>().max(16))
        else {
            return ptr::null_mut();
        };
        // The first chunk is kept for ever, so it is never an oversized one.
        let is_first = self.first.get().is_null() && need <= CHUNK_BYTES;
        let next = if is_first {
            ptr::null_mut()
        } else {
            self.more.get()
        };
        // SAFETY: the layout's size is not zero.
        let chunk = unsafe { System.alloc(chunk_layout) }.cast::<Chunk>();
        if chunk.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: `chunk` is fresh memory, large enough and aligned for a `Chunk`.
        unsafe {
            chunk.write(Chunk {
                next,
                layout: chunk_layout,
            })
        };
        if is_first {
            self.first.set(chunk);
        } else {
            self.more.set(chunk);
        }
        self.continue_in(chunk);
        self.alloc(layout)
    }

    fn continue_in(&self, chunk: *mut Chunk) {
        // SAFETY: `chunk` is alive and its memory is as long as its layout says.
        unsafe {
            self.top.set(chunk.add(1).cast());
            self.end.set(chunk.cast::<u8>().add((*chunk).layout.size()));
        }
    }

    /// Whether `memory` was handed out by this arena.
    #[inline]
    pub(super) fn owns(&self, memory: *mut u8) -> bool {
        holds(self.first.get(), memory)
            || (!self.more.get().is_null() && self.owns_beyond_first(memory))
    }

    fn owns_beyond_first(&self, memory: *mut u8) -> bool {
        let mut chunk = self.more.get();
        while !chunk.is_null() {
            if holds(chunk, memory) {
                return true;
            }
            // SAFETY: every chunk in the list is alive.
            chunk = unsafe { (*chunk).next };
        }
        false
    }

    /// Takes back the last piece handed out; any other waits for [`Arena::reset`].
    #[inline]
    pub(super) fn free(&self, memory: *mut u8, size: usize) {
        if memory.wrapping_add(size) == self.top.get() {
            self.top.set(memory);
        }
    }

    /// Makes a piece longer or shorter, in place when it was the last one.
    ///
    /// # Safety
    /// `memory` was handed out by this arena for `layout` since it was last emptied.
    pub(super) unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let room = self.end.get().addr().wrapping_sub(memory.addr());
        if memory.wrapping_add(layout.size()) == self.top.get() && size <= room {
            self.top.set(memory.wrapping_add(size));
            return memory;
        }
        let Ok(longer) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        let copy = self.alloc(longer);
        if !copy.is_null() {
            // SAFETY: both pieces are at least this long and do not overlap.
            unsafe { ptr::copy_nonoverlapping(memory, copy, layout.size().min(size)) };
        }
        copy
    }

    /// Empties the arena: everything handed out is void, chunks beyond the first go back.
    pub(super) fn reset(&self) {
        let mut chunk = self.more.replace(ptr::null_mut());
        while !chunk.is_null() {
            // SAFETY: every chunk in the list is alive, was allocated with its layout, and is in the list once.
            unsafe {
                let next = (*chunk).next;
                System.dealloc(chunk.cast(), (*chunk).layout);
                chunk = next;
            }
        }
        if self.first.get().is_null() {
            self.top.set(ptr::null_mut());
            self.end.set(ptr::null_mut());
        } else {
            self.continue_in(self.first.get());
        }
    }
}

#[inline]
fn holds(chunk: *mut Chunk, memory: *mut u8) -> bool {
    // SAFETY: a chunk that is not null is alive.
    !chunk.is_null() && memory.addr().wrapping_sub(chunk.addr()) < unsafe { (*chunk).layout.size() }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.reset();
        let first = self.first.replace(ptr::null_mut());
        if !first.is_null() {
            // SAFETY: the first chunk was allocated with its layout and nothing uses it any more.
            unsafe { System.dealloc(first.cast(), (*first).layout) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Arena, CHUNK_BYTES};
    use std::alloc::Layout;

    fn bytes(size: usize) -> Layout {
        Layout::from_size_align(size, 1).unwrap()
    }

    #[test]
    fn pieces_are_aligned_and_do_not_overlap() {
        let arena = Arena::new();
        let first = arena.alloc(bytes(3));
        let second = arena.alloc(Layout::new::<u64>());
        assert!(second.addr() >= first.addr() + 3);
        assert_eq!(second.addr() % align_of::<u64>(), 0);
    }

    #[test]
    fn an_emptied_arena_hands_out_the_same_memory_again() {
        let arena = Arena::new();
        let first = arena.alloc(bytes(100));
        arena.alloc(bytes(3 * CHUNK_BYTES));
        arena.reset();
        assert_eq!(arena.alloc(bytes(100)), first);
        assert!(arena.more.get().is_null());
    }

    #[test]
    fn an_oversized_piece_first_is_not_kept() {
        let arena = Arena::new();
        let large = arena.alloc(bytes(CHUNK_BYTES * 2));
        assert!(arena.owns(large));
        arena.reset();
        assert!(arena.first.get().is_null());
        assert!(arena.owns(arena.alloc(bytes(1))));
    }

    #[test]
    fn the_last_piece_grows_in_place_and_others_are_copied() {
        let arena = Arena::new();
        let first = arena.alloc(bytes(4));
        // SAFETY: `first` is four bytes of this arena.
        unsafe { first.copy_from(b"abcd".as_ptr(), 4) };
        // SAFETY: as above.
        assert_eq!(unsafe { arena.realloc(first, bytes(4), 8) }, first);
        arena.alloc(bytes(1));
        // SAFETY: `first` is eight bytes of this arena.
        let copy = unsafe { arena.realloc(first, bytes(8), 16) };
        assert_ne!(copy, first);
        // SAFETY: the first four bytes were written above.
        assert_eq!(unsafe { std::slice::from_raw_parts(copy, 4) }, b"abcd");
    }

    #[test]
    fn only_the_last_piece_is_taken_back_at_once() {
        let arena = Arena::new();
        let first = arena.alloc(bytes(8));
        let second = arena.alloc(bytes(8));
        arena.free(first, 8);
        arena.free(second, 8);
        assert_eq!(arena.alloc(bytes(8)), second);
    }

    #[test]
    fn memory_of_others_is_not_owned() {
        let arena = Arena::new();
        arena.alloc(bytes(1));
        let mut other = 0_u8;
        assert!(!arena.owns(&raw mut other));
    }
}
