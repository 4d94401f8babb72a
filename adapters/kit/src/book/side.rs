//! One side of a book: its levels at one price scale, and how far they are known.

use super::ladder::Ladder;
use crate::decimal::{DecimalError, power_of_ten};
use crate::wit::{Decimal, Level};

/// A sorted side. The prices in it are at the side's scale, whatever the digits that were sent.
#[derive(Debug, Clone)]
pub(super) struct BookSide {
    entries: Ladder,
    is_bid: bool,
    scale: u8,
    /// All prices were sent at the side's scale, so that its levels are already what is published.
    is_uniform: bool,
    /// The worst rank up to which the side is known; none when all of it is.
    horizon: Option<i64>,
    levels_max: usize,
}

impl BookSide {
    pub(super) const fn bids(levels_max: usize) -> Self {
        Self::new(true, levels_max)
    }

    pub(super) const fn asks(levels_max: usize) -> Self {
        Self::new(false, levels_max)
    }

    const fn new(is_bid: bool, levels_max: usize) -> Self {
        Self {
            entries: Ladder::new(is_bid),
            is_bid,
            scale: 0,
            is_uniform: true,
            horizon: None,
            levels_max,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.is_bid, self.levels_max);
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
        self.is_uniform = levels.iter().all(|level| level.price_scale == scale);
        let mut entries: Vec<_> = levels.iter().map(|level| at_scale(level, scale)).collect();
        let rank = |entry: &Level| self.entries.rank(entry);
        if !entries.is_sorted_by(|a, b| rank(a) < rank(b)) {
            // Of levels with one price the exchange's last counts.
            entries.reverse();
            entries.sort_by_key(rank);
            entries.dedup_by_key(|entry| entry.price);
        }
        let is_truncated = levels.len() >= asked;
        self.horizon = entries.last().map(rank).filter(|_| is_truncated);
        entries.retain(|entry| entry.quantity != 0);
        self.entries.load(&entries);
        self.cut();
    }

    /// The scale that the side needs for these levels; refused when a price or the side does not fit it.
    #[inline]
    pub(super) fn scale_to_apply(&self, levels: &[Level]) -> Result<u8, DecimalError> {
        if self.has_scale_of(levels) {
            Ok(self.scale)
        } else {
            self.finer_scale(levels)
        }
    }

    #[inline]
    fn has_scale_of(&self, levels: &[Level]) -> bool {
        levels
            .iter()
            .fold(0, |bits, level| bits | (level.price_scale ^ self.scale))
            == 0
    }

    #[cold]
    fn finer_scale(&self, levels: &[Level]) -> Result<u8, DecimalError> {
        let finest = levels
            .iter()
            .map(|level| level.price_scale)
            .fold(self.scale, u8::max);
        let fits = |price, scale| raised(price, scale, finest).is_some();
        // Sorted, so the outermost are the largest in size.
        let own = [self.entries.best(), self.entries.worst()];
        let own_fit = own
            .iter()
            .flatten()
            .all(|entry| fits(entry.price, self.scale))
            && self
                .horizon
                .is_none_or(|rank| fits(self.entries.price_of(rank), self.scale));
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

    /// Moves every price to a scale that [`BookSide::scale_to_apply`] found.
    #[inline]
    pub(super) fn rescale(&mut self, scale: u8) {
        if scale == self.scale {
            return;
        }
        let factor = power_of_ten(scale.saturating_sub(self.scale)).unwrap_or(1);
        self.entries.raise_prices(factor);
        self.is_uniform = self.entries.len() == 0;
        self.horizon = self
            .horizon
            .map(|rank| self.entries.raised_rank(rank, factor));
        self.scale = scale;
    }

    /// Applies levels whose scale was made to fit before. True when the side had to be cut.
    #[inline]
    pub(super) fn apply(&mut self, levels: &[Level]) -> bool {
        if self.has_scale_of(levels) {
            self.entries.put(levels.iter().copied());
        } else {
            self.is_uniform = false;
            let scale = self.scale;
            self.entries
                .put(levels.iter().map(|level| at_scale(level, scale)));
        }
        self.cut()
    }

    /// Keeps the side within its most levels by dropping the worst, a few at once so that it is seldom.
    fn cut(&mut self) -> bool {
        if self.entries.len() <= self.levels_max {
            return false;
        }
        self.entries
            .keep_best(self.levels_max - self.levels_max / 16);
        let worst = self.entries.worst().map(|entry| self.entries.rank(entry));
        self.horizon = [self.horizon, worst].into_iter().flatten().min();
        true
    }

    #[inline]
    pub(super) const fn top(&self, count: usize) -> Top<'_> {
        Top { side: self, count }
    }

    #[inline]
    pub(super) fn is_short_of(&self, count: usize) -> bool {
        let Some(horizon) = self.horizon else {
            return false;
        };
        let Some(before) = count.checked_sub(1) else {
            return false;
        };
        self.entries
            .nth(before)
            .is_none_or(|last_shown| self.entries.rank(last_shown) > horizon)
    }

    #[inline]
    fn is_known(&self, rank: i64) -> bool {
        self.horizon.is_none_or(|horizon| rank <= horizon)
    }

    pub(super) fn proves(&self, level: &Level) -> bool {
        self.is_known(self.entries.rank(&at_scale(level, self.scale)))
    }

    #[inline]
    pub(super) fn has_proven(&self) -> bool {
        let best = self.entries.best();
        best.is_some_and(|entry| self.is_known(self.entries.rank(entry)))
    }

    /// The best price at the side's scale, proven or not.
    #[inline]
    pub(super) fn best_price(&self) -> Option<Decimal> {
        self.entries
            .best()
            .map(|entry| Decimal::of(entry.price, self.scale))
    }

    fn as_sent(&self, entry: &Level) -> Level {
        let factor = power_of_ten(self.scale.saturating_sub(entry.price_scale)).unwrap_or(1);
        Level {
            price: entry.price / factor,
            ..*entry
        }
    }
}

/// The level with its price at another scale, which was found to fit.
#[inline]
fn at_scale(level: &Level, scale: u8) -> Level {
    let price = raised(level.price, level.price_scale, scale).unwrap_or(level.price);
    Level { price, ..*level }
}

#[inline]
fn raised(price: i64, from: u8, to: u8) -> Option<i64> {
    price.checked_mul(power_of_ten(to.checked_sub(from)?)?)
}

/// The best proven levels of a side, best first.
#[derive(Debug, Clone, Copy)]
pub struct Top<'a> {
    side: &'a BookSide,
    count: usize,
}

impl Top<'_> {
    /// The levels in a list of their own, with the digits that were sent.
    pub fn to_vec(&self) -> Vec<Level> {
        let side = self.side;
        let mut levels = Vec::with_capacity(self.count.min(side.len()));
        side.entries
            .copy_best(self.count, side.horizon.unwrap_or(i64::MAX), &mut levels);
        if !side.is_uniform {
            levels
                .iter_mut()
                .for_each(|level| *level = side.as_sent(level));
        }
        levels
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
