//! The two allocators of the sandbox: a general one for what an adapter keeps, an arena for what lives during one call
//! (arguments, actions, lowered results). This file holds all of the kit's hand-written `unsafe`.
//!
//! An address tells which of the two memory belongs to, so either may be freed at any time, and memory of the arena
//! that is to grow stays in the arena. The arena is emptied before a call, never inside one.
#![allow(unsafe_code, reason = "an allocator cannot be written without it")]

#[cfg(any(test, target_arch = "wasm32"))]
mod bump;

/// Directs allocation to the arena while it lives.
pub(crate) struct Scratch {
    #[cfg(target_arch = "wasm32")]
    before: bool,
}

/// Directs allocation to the arena until the value returned is dropped. Natively there is only one allocator.
#[inline]
pub(crate) fn scratch() -> Scratch {
    Scratch {
        #[cfg(target_arch = "wasm32")]
        before: sandbox::use_arena(true),
    }
}

impl Drop for Scratch {
    #[inline]
    fn drop(&mut self) {
        #[cfg(target_arch = "wasm32")]
        sandbox::use_arena(self.before);
    }
}

/// Begins a call: what the last call left in the arena is void, allocation is general.
pub(crate) fn begin_call() {
    #[cfg(target_arch = "wasm32")]
    sandbox::begin_call();
}

/// Ends a call: what is allocated from here on is the result, which the host reads before the next call.
pub(crate) fn end_call() {
    #[cfg(target_arch = "wasm32")]
    sandbox::end_call();
}

#[cfg(target_arch = "wasm32")]
mod sandbox {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;

    use super::bump::Arena;

    struct Router {
        arena: Arena,
        /// Where new memory comes from.
        arena_in_use: Cell<bool>,
        /// The arena holds what an ended call left there.
        arena_is_void: Cell<bool>,
    }

    // SAFETY: the target has no threads.
    unsafe impl Sync for Router {}

    #[global_allocator]
    static ROUTER: Router = Router {
        arena: Arena::new(),
        arena_in_use: Cell::new(false),
        arena_is_void: Cell::new(false),
    };

    pub(super) fn use_arena(yes: bool) -> bool {
        ROUTER.arena_in_use.replace(yes)
    }

    fn empty_if_void() {
        if ROUTER.arena_is_void.replace(false) {
            ROUTER.arena.reset();
        }
    }

    pub(super) fn begin_call() {
        // An event without text or lists comes without any `cabi_realloc`.
        empty_if_void();
        use_arena(false);
    }

    pub(super) fn end_call() {
        use_arena(true);
        ROUTER.arena_is_void.set(true);
    }

    // SAFETY: memory comes from one of two allocators that both keep the contract; an address of the arena is never
    // one of the general allocator's, because each chunk was allocated from it.
    unsafe impl GlobalAlloc for Router {
        #[inline]
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            if self.arena_in_use.get() {
                self.arena.alloc(layout)
            } else {
                // SAFETY: passed on from the caller.
                unsafe { System.alloc(layout) }
            }
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            if !self.arena_in_use.get() {
                // SAFETY: passed on from the caller.
                return unsafe { System.alloc_zeroed(layout) };
            }
            let memory = self.arena.alloc(layout);
            if !memory.is_null() {
                // SAFETY: the piece is that long.
                unsafe { memory.write_bytes(0, layout.size()) };
            }
            memory
        }

        #[inline]
        unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
            if self.arena.owns(memory) {
                self.arena.free(memory, layout.size());
            } else {
                // SAFETY: passed on from the caller; not the arena's, so the general allocator's.
                unsafe { System.dealloc(memory, layout) }
            }
        }

        unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            // SAFETY: passed on from the caller; the address says whose memory it is.
            unsafe {
                if self.arena.owns(memory) {
                    self.arena.realloc(memory, layout, size)
                } else {
                    System.realloc(memory, layout, size)
                }
            }
        }
    }

    /// Where the host writes the arguments of a call, by the canonical ABI.
    ///
    /// # Safety
    /// Called by the host only, as the canonical ABI says.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn cabi_realloc(
        memory: *mut u8,
        size_before: usize,
        align: usize,
        size: usize,
    ) -> *mut u8 {
        empty_if_void();
        if size == 0 {
            return core::ptr::without_provenance_mut(align);
        }
        let Ok(layout) = Layout::from_size_align(size, align) else {
            core::arch::wasm32::unreachable()
        };
        let result = if size_before == 0 {
            ROUTER.arena.alloc(layout)
        } else {
            // SAFETY: the host passes what an earlier call of this function returned.
            unsafe {
                let before = Layout::from_size_align_unchecked(size_before, align);
                ROUTER.arena.realloc(memory, before, size)
            }
        };
        if result.is_null() {
            core::arch::wasm32::unreachable()
        }
        result
    }
}
