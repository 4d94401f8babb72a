//! Up to sixteen levels whose order is one number: putting a level in or taking it out moves no other.

use crate::wit::Level;

/// Levels of a full chunk; the order has four bits for each.
pub(super) const FULL: usize = 16;

const NOTHING: Level = Level {
    price: 0,
    quantity: 0,
    price_scale: 0,
    quantity_scale: 0,
};

/// A few levels, the one of the lowest rank first.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    /// The rank of the level in each slot; the highest number where a slot is free, so that all can be compared.
    ranks: [i64; FULL],
    levels: [Level; FULL],
    /// Slots by rank, four bits each, the first in the lowest.
    order: u64,
    used: u16,
}

impl Chunk {
    pub(super) const fn new() -> Self {
        Self {
            ranks: [i64::MAX; FULL],
            levels: [NOTHING; FULL],
            order: 0,
            used: 0,
        }
    }

    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.used.count_ones() as usize
    }

    /// How many levels are better than `rank`. All slots are looked at: the loads run beside each other, where the
    /// steps of a search would wait for one another, and no branch can be guessed wrong.
    #[inline]
    pub(super) fn place_of(&self, rank: i64) -> usize {
        self.ranks
            .iter()
            .map(|held| usize::from(*held < rank))
            .sum()
    }

    #[inline]
    const fn slot(&self, place: usize) -> usize {
        (self.order >> (4 * (place & 15))) as usize & 15
    }

    /// The rank at a place; places at and beyond [`Chunk::len`] hold nothing.
    #[inline]
    pub(super) fn rank(&self, place: usize) -> Option<i64> {
        if place < self.len() {
            self.ranks.get(self.slot(place)).copied()
        } else {
            None
        }
    }

    /// The level at a place.
    #[inline]
    pub(super) fn level(&self, place: usize) -> Option<&Level> {
        if place < self.len() {
            self.levels.get(self.slot(place))
        } else {
            None
        }
    }

    /// The level in the place of one with this very rank.
    #[inline]
    pub(super) fn held(&mut self, place: usize, rank: i64) -> Option<&mut Level> {
        let slot = self.slot(place);
        let is_same = place < self.len() && self.ranks.get(slot) == Some(&rank);
        if is_same {
            self.levels.get_mut(slot)
        } else {
            None
        }
    }

    /// Puts a level at its place; there must be room.
    #[inline]
    pub(super) fn insert(&mut self, place: usize, rank: i64, level: Level) {
        let slot = self.used.trailing_ones() as usize & 15;
        if let (Some(to_rank), Some(to)) = (self.ranks.get_mut(slot), self.levels.get_mut(slot)) {
            (*to_rank, *to) = (rank, level);
        }
        self.used |= 1 << slot;
        let before = before(place);
        let after = (self.order & !before) << 4;
        self.order = (self.order & before) | ((slot as u64) << (4 * (place & 15))) | after;
    }

    /// Takes out the level at a place.
    #[inline]
    pub(super) fn remove(&mut self, place: usize) {
        let slot = self.slot(place);
        if let Some(rank) = self.ranks.get_mut(slot) {
            *rank = i64::MAX;
        }
        self.used &= !(1 << slot);
        let before = before(place);
        self.order = (self.order & before) | ((self.order >> 4) & !before);
    }

    /// Adds the best `count` levels to a list; there must be that many.
    #[inline]
    pub(super) fn copy_best(&self, count: usize, to: &mut Vec<Level>) {
        to.extend((0..count).map(|place| {
            self.levels
                .get(self.slot(place))
                .copied()
                .unwrap_or(NOTHING)
        }));
    }

    /// Changes every price; `rank` gives the rank of the new one.
    pub(super) fn change_prices(&mut self, price: impl Fn(i64) -> i64, rank: impl Fn(i64) -> i64) {
        for place in 0..self.len() {
            let slot = self.slot(place);
            if let (Some(held), Some(level)) = (self.ranks.get_mut(slot), self.levels.get_mut(slot))
            {
                level.price = price(level.price);
                *held = rank(level.price);
            }
        }
    }
}

/// The bits of the order that belong to places before this one.
#[inline]
const fn before(place: usize) -> u64 {
    (1 << (4 * (place & 15))) - 1
}
