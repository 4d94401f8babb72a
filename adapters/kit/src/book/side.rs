//! One side of a book: levels under integer keys, ascending, so that the best is at the end on either side.

use crate::decimal::{DecimalError, power_of_ten};
use crate::wit::{Decimal, Level};

/// A sorted side. The `price` of an entry is its key: the price at the side's scale, negated for asks.
#[derive(Debug, Clone)]
pub(super) struct BookSide {
    entries: Vec<Level>,
    sign: i64,
    scale: u8,
    /// The worst key up to which the side is known; none when all of it is.
    horizon: Option<i64>,
    levels_max: usize,
}

impl BookSide {
    pub(super) const fn bids(levels_max: usize) -> Self {
        Self {
            entries: Vec::new(),
            sign: 1,
            scale: 0,
            horizon: None,
            levels_max,
        }
    }

    pub(super) const fn asks(levels_max: usize) -> Self {
        Self {
            entries: Vec::new(),
            sign: -1,
            scale: 0,
            horizon: None,
            levels_max,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.horizon = None;
    }

    /// The scale at which all of a snapshot's prices are whole numbers.
    pub(super) fn scale_to_load(levels: &[Level]) -> Result<u8, DecimalError> {
        let finest = levels
            .iter()
            .map(|level| level.price_scale)
            .max()
            .unwrap_or(0);
        if levels
            .iter()
            .all(|level| raised(level.price, level.price_scale, finest).is_some())
        {
            Ok(finest)
        } else {
            Err(DecimalError::OutOfRange)
        }
    }

    /// Replaces the side; `scale` is what [`BookSide::scale_to_load`] found.
    pub(super) fn load(&mut self, levels: &[Level], scale: u8, asked: usize) {
        self.clear();
        self.scale = scale;
        let truncated = levels.len() >= asked;
        for level in levels.iter().rev() {
            self.entries.push(self.entry(level));
        }
        if !self.entries.is_sorted_by(|a, b| a.price < b.price) {
            // Of levels with one price the exchange's last counts, which is the first after the reversal.
            self.entries.sort_by_key(|entry| entry.price);
            self.entries.dedup_by_key(|entry| entry.price);
        }
        if truncated {
            self.horizon = self.entries.first().map(|entry| entry.price);
        }
        self.entries.retain(|entry| entry.quantity != 0);
        self.cut();
    }

    /// The scale that the side needs for these levels; refused when a price or the side does not fit it.
    #[inline]
    pub(super) fn scale_to_apply(&self, levels: &[Level]) -> Result<u8, DecimalError> {
        let different = levels
            .iter()
            .fold(0, |bits, level| bits | (level.price_scale ^ self.scale));
        if different == 0 {
            Ok(self.scale)
        } else {
            self.finer_scale(levels)
        }
    }

    #[cold]
    fn finer_scale(&self, levels: &[Level]) -> Result<u8, DecimalError> {
        let finest = levels
            .iter()
            .map(|level| level.price_scale)
            .fold(self.scale, u8::max);
        let fits = |key, scale| raised(key, scale, finest).is_some();
        // Keys are ascending, so the outermost are the largest in size.
        let own = [self.entries.first(), self.entries.last()];
        let own_fit = own
            .iter()
            .flatten()
            .all(|entry| fits(entry.price, self.scale))
            && self.horizon.is_none_or(|key| fits(key, self.scale));
        if own_fit
            && levels
                .iter()
                .all(|level| fits(level.price, level.price_scale))
        {
            Ok(finest)
        } else {
            Err(DecimalError::OutOfRange)
        }
    }

    /// Moves every key to a scale that [`BookSide::scale_to_apply`] found.
    #[inline]
    pub(super) fn rescale(&mut self, scale: u8) {
        if scale == self.scale {
            return;
        }
        let factor = power_of_ten(scale.saturating_sub(self.scale)).unwrap_or(1);
        for entry in &mut self.entries {
            entry.price *= factor;
        }
        self.horizon = self.horizon.map(|key| key * factor);
        self.scale = scale;
    }

    #[inline]
    fn entry(&self, level: &Level) -> Level {
        Level {
            price: self.key(level),
            ..*level
        }
    }

    #[inline]
    fn key(&self, level: &Level) -> i64 {
        if level.price_scale == self.scale {
            self.sign * level.price
        } else {
            self.sign * raised(level.price, level.price_scale, self.scale).unwrap_or(level.price)
        }
    }

    /// Applies levels whose scale was made to fit before. True when the side had to be cut.
    pub(super) fn apply(&mut self, levels: &[Level]) -> bool {
        // Updates come best first, so each is looked for below the one before.
        let mut below = self.entries.len();
        for level in levels {
            let entry = self.entry(level);
            if self
                .entries
                .get(below)
                .is_some_and(|found| found.price <= entry.price)
            {
                below = self.entries.len();
            }
            let (at, found) = self.locate(below, entry.price);
            match (self.entries.get_mut(at).filter(|_| found), entry.quantity) {
                (Some(_), 0) => drop(self.entries.remove(at)),
                (Some(there), _) => *there = entry,
                (None, 0) => {}
                (None, _) => self.entries.insert(at, entry),
            }
            below = at;
        }
        self.cut()
    }

    /// Where `key` is or belongs among the entries before `below`, all others being above it.
    #[inline]
    fn locate(&self, below: usize, key: i64) -> (usize, bool) {
        let mut high = below;
        let mut step = 1;
        // Near the best level a few steps are fewer than a binary search of the whole side.
        while high > 0 {
            let probe = high.saturating_sub(step);
            let Some(entry) = self.entries.get(probe) else {
                break;
            };
            if entry.price == key {
                return (probe, true);
            }
            if entry.price < key {
                let between = self.entries.get(probe + 1..high).unwrap_or_default();
                return match between.binary_search_by_key(&key, |entry| entry.price) {
                    Ok(at) => (probe + 1 + at, true),
                    Err(at) => (probe + 1 + at, false),
                };
            }
            high = probe;
            step *= 2;
        }
        (0, false)
    }

    /// Keeps the side within its most levels by dropping the worst, a few at once so that it is seldom.
    fn cut(&mut self) -> bool {
        if self.entries.len() <= self.levels_max {
            return false;
        }
        let keep = self.levels_max - self.levels_max / 16;
        self.entries.drain(..self.entries.len() - keep);
        let worst = self.entries.first().map(|entry| entry.price);
        self.horizon = self.horizon.max(worst);
        true
    }

    pub(super) fn top(&self, count: usize) -> Top<'_> {
        let from = self.entries.len().saturating_sub(count);
        let best = self.entries.get(from..).unwrap_or_default();
        let unproven = match self.horizon {
            Some(horizon) if best.first().is_some_and(|entry| entry.price < horizon) => {
                best.partition_point(|entry| entry.price < horizon)
            }
            _ => 0,
        };
        Top {
            entries: best.get(unproven..).unwrap_or_default().iter(),
            sign: self.sign,
            scale: self.scale,
        }
    }

    pub(super) fn is_short_of(&self, count: usize) -> bool {
        let Some(horizon) = self.horizon else {
            return false;
        };
        let last_shown = self
            .entries
            .len()
            .checked_sub(count)
            .and_then(|at| self.entries.get(at));
        count > 0 && last_shown.is_none_or(|entry| entry.price < horizon)
    }

    pub(super) fn proves(&self, level: &Level) -> bool {
        self.horizon
            .is_none_or(|horizon| self.key(level) >= horizon)
    }

    pub(super) fn best(&self) -> Option<Decimal> {
        let level = self.top(1).next()?;
        Some(Decimal::of(level.price, level.price_scale))
    }

    /// The best price at the side's scale, proven or not.
    #[inline]
    pub(super) fn best_key(&self) -> Option<Decimal> {
        self.entries
            .last()
            .map(|entry| Decimal::of(self.sign * entry.price, self.scale))
    }
}

#[inline]
fn raised(price: i64, from: u8, to: u8) -> Option<i64> {
    price.checked_mul(power_of_ten(to.checked_sub(from)?)?)
}

/// The best levels of a side, best first.
#[derive(Debug, Clone)]
pub struct Top<'a> {
    entries: std::slice::Iter<'a, Level>,
    sign: i64,
    scale: u8,
}

impl Iterator for Top<'_> {
    type Item = Level;

    #[inline]
    fn next(&mut self) -> Option<Level> {
        let entry = self.entries.next_back()?;
        let mut price = self.sign * entry.price;
        if entry.price_scale != self.scale {
            price /= power_of_ten(self.scale.saturating_sub(entry.price_scale)).unwrap_or(1);
        }
        Some(Level { price, ..*entry })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for Top<'_> {}

/// Levels of one side of a book change.
#[derive(Debug, Clone)]
pub enum Levels<'a> {
    /// The side as it is.
    Top(Top<'a>),
    /// What an update changed.
    Changed(&'a [Level]),
}
