//! Updates that wait, for a snapshot or for their turn; bounded in number and bytes.

use std::collections::VecDeque;

use super::{Changes, Level, UpdateIds};

/// Most bytes of one book's waiting updates.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// One update that waits.
#[derive(Debug)]
pub struct Held {
    /// Which update it is.
    pub ids: UpdateIds,
    /// Changed bids.
    pub bids: Box<[Level]>,
    /// Changed asks.
    pub asks: Box<[Level]>,
}

impl Held {
    const fn bytes(&self) -> usize {
        size_of::<Self>() + (self.bids.len() + self.asks.len()) * size_of::<Level>()
    }
}

/// Updates in the order in which they came.
#[derive(Debug, Default)]
pub struct Waiting {
    held: VecDeque<Held>,
    bytes: usize,
}

impl Waiting {
    /// Keeps an update; false when it is full and nothing was kept. One update always fits.
    pub fn hold(&mut self, ids: UpdateIds, changes: &Changes, count_max: usize) -> bool {
        let held = Held {
            ids,
            bids: changes.bids.as_slice().into(),
            asks: changes.asks.as_slice().into(),
        };
        let bytes = self.bytes + held.bytes();
        if !self.held.is_empty() && (self.held.len() >= count_max || bytes > BYTES_MAX) {
            return false;
        }
        self.bytes = bytes;
        self.held.push_back(held);
        true
    }

    /// The first update held.
    pub fn first(&self) -> Option<UpdateIds> {
        self.held.front().map(|held| held.ids)
    }

    /// Takes the first update out.
    pub fn take_first(&mut self) -> Option<Held> {
        let held = self.held.pop_front()?;
        self.bytes -= held.bytes();
        Some(held)
    }

    /// Drops the updates up to and including `id`.
    pub fn drop_through(&mut self, id: u64) {
        while self.held.front().is_some_and(|held| held.ids.last <= id) {
            self.take_first();
        }
    }

    /// Drops the first `count` updates.
    pub fn drop_count(&mut self, count: usize) {
        for _ in 0..count {
            self.take_first();
        }
    }

    /// The updates held.
    pub fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.iter()
    }

    /// How many updates are held.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Drops all and gives their memory back.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
