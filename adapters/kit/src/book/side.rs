//! One side of a book: levels under integer keys, ascending, so that the best is at the end on either side.

use super::ladder::Ladder;
use crate::decimal::{DecimalError, power_of_ten};
use crate::wit::{Decimal, Level};

/// A sorted side. The `price` of an entry is its key: the price at the side's scale, negated for asks.
#[derive(Debug, Clone)]
pub(super) struct BookSide {
    entries: Ladder,
    sign: i64,
    scale: u8,
    /// The worst key up to which the side is known; none when all of it is.
    horizon: Option<i64>,
    levels_max: usize,
}

impl BookSide {
    pub(super) const fn bids(levels_max: usize) -> Self {
        Self {
            entries: Ladder::new(),
            sign: 1,
            scale: 0,
            horizon: None,
            levels_max,
        }
    }

    pub(super) const fn asks(levels_max: usize) -> Self {
        Self {
            entries: Ladder::new(),
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
        self.scale = scale;
        let mut entries: Vec<_> = levels.iter().rev().map(|level| self.entry(level)).collect();
        if !entries.is_sorted_by(|a, b| a.price < b.price) {
            // Of levels with one price the exchange's last counts, which is the first after the reversal.
            entries.sort_by_key(|entry| entry.price);
            entries.dedup_by_key(|entry| entry.price);
        }
        let is_truncated = levels.len() >= asked;
        self.horizon = entries
            .first()
            .map(|entry| entry.price)
            .filter(|_| is_truncated);
        entries.retain(|entry| entry.quantity != 0);
        self.entries.load(&entries);
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
        self.entries.raise_keys(factor);
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

    fn key(&self, level: &Level) -> i64 {
        key(level, self.sign, self.scale)
    }

    /// Applies levels whose scale was made to fit before. True when the side had to be cut.
    pub(super) fn apply(&mut self, levels: &[Level]) -> bool {
        let (sign, scale) = (self.sign, self.scale);
        self.entries.put(levels.iter().map(|level| Level {
            price: key(level, sign, scale),
            ..*level
        }));
        self.cut()
    }

    /// Keeps the side within its most levels by dropping the worst, a few at once so that it is seldom.
    fn cut(&mut self) -> bool {
        if self.entries.len() <= self.levels_max {
            return false;
        }
        self.entries
            .keep_best(self.levels_max - self.levels_max / 16);
        let worst = self.entries.first().map(|entry| entry.price);
        self.horizon = self.horizon.max(worst);
        true
    }

    #[inline]
    pub(super) fn top(&self, count: usize) -> Top<'_> {
        Top {
            chunks: self.entries.chunks(),
            count,
            horizon: self.horizon,
            sign: self.sign,
            scale: self.scale,
        }
    }

    pub(super) fn is_short_of(&self, count: usize) -> bool {
        let Some(horizon) = self.horizon else {
            return false;
        };
        let mut left = count;
        for chunk in self.entries.chunks().iter().rev() {
            let Some(rest) = left.checked_sub(chunk.len()).filter(|rest| *rest > 0) else {
                let last_shown = chunk.get(chunk.len().saturating_sub(left));
                return left > 0 && last_shown.is_none_or(|entry| entry.price < horizon);
            };
            left = rest;
        }
        left > 0
    }

    pub(super) fn proves(&self, level: &Level) -> bool {
        self.horizon
            .is_none_or(|horizon| self.key(level) >= horizon)
    }

    pub(super) fn best(&self) -> Option<Decimal> {
        let entry = self.entries.last()?;
        let top = self.top(1);
        (!top.is_empty()).then(|| {
            let level = top.level(entry);
            Decimal::of(level.price, level.price_scale)
        })
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
fn key(level: &Level, sign: i64, scale: u8) -> i64 {
    if level.price_scale == scale {
        sign * level.price
    } else {
        sign * raised(level.price, level.price_scale, scale).unwrap_or(level.price)
    }
}

#[inline]
fn raised(price: i64, from: u8, to: u8) -> Option<i64> {
    price.checked_mul(power_of_ten(to.checked_sub(from)?)?)
}

/// The best proven levels of a side, best first.
#[derive(Debug, Clone)]
pub struct Top<'a> {
    chunks: &'a [Vec<Level>],
    count: usize,
    horizon: Option<i64>,
    sign: i64,
    scale: u8,
}

impl Top<'_> {
    /// The levels in a list of their own.
    pub fn to_vec(&self) -> Vec<Level> {
        let mut left = self.count;
        let held: usize = self.chunks.iter().map(Vec::len).sum();
        let mut levels = Vec::with_capacity(left.min(held));
        for chunk in self.chunks.iter().rev() {
            let (first, is_end) = match self.horizon {
                Some(horizon) if chunk.first().is_some_and(|entry| entry.price < horizon) => {
                    (chunk.partition_point(|entry| entry.price < horizon), true)
                }
                _ => (0, false),
            };
            let first = first.max(chunk.len().saturating_sub(left));
            let shown = chunk.get(first..).unwrap_or_default();
            levels.extend(shown.iter().rev().map(|entry| self.level(entry)));
            left -= shown.len();
            if is_end || left == 0 {
                break;
            }
        }
        levels
    }

    #[inline]
    fn level(&self, entry: &Level) -> Level {
        let mut price = self.sign * entry.price;
        if entry.price_scale != self.scale {
            price /= power_of_ten(self.scale.saturating_sub(entry.price_scale)).unwrap_or(1);
        }
        Level { price, ..*entry }
    }

    /// Whether there is no level.
    pub fn is_empty(&self) -> bool {
        let best = self.chunks.last().and_then(|chunk| chunk.last());
        self.count == 0
            || best.is_none_or(|entry| self.horizon.is_some_and(|horizon| entry.price < horizon))
    }
}

/// Levels of one side of a book change.
#[derive(Debug, Clone)]
pub enum Levels<'a> {
    /// The side as it is.
    Top(Top<'a>),
    /// What an update changed.
    Changed(&'a [Level]),
}
