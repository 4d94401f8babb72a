//! The fence around a session that was given up: whatever it still does when it comes round goes nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A fence. Clones are the same fence; it starts down.
#[derive(Debug, Clone, Default)]
pub struct Fence(Arc<AtomicBool>);

impl Fence {
    /// Puts it up, for ever.
    pub fn put_up(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it is up.
    pub fn is_up(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
