//! Levels sorted best first in small chunks: a change deep in a book touches a few levels, not the whole side.

use super::chunk::{Chunk, FULL};
use crate::wit::Level;

/// Chunks are loaded with this many levels, so that changes find room.
const LOADED: usize = 11;

/// A chunk with fewer levels joins the one before it when both fit well into one.
const FEW: usize = 4;

/// Sorted levels, all prices at one scale.
///
/// A level's rank is its price, or for bids the complement of its price (`!price`, cheaper than a negation and with no
/// overflow): the lower, the better.
#[derive(Debug, Clone)]
pub(super) struct Ladder {
    /// None is empty.
    #[allow(
        clippy::vec_box,
        reason = "a split moves the chunks behind it, which are half a kilobyte each"
    )]
    chunks: Vec<Box<Chunk>>,
    /// The rank of each chunk's first level.
    tops: Vec<i64>,
    /// 0, or -1 where the highest price is the best.
    mask: i64,
    len: usize,
}

impl Ladder {
    /// A ladder whose best price is the highest, or the lowest.
    pub(super) const fn new(is_highest_best: bool) -> Self {
        Self {
            chunks: Vec::new(),
            tops: Vec::new(),
            mask: if is_highest_best { -1 } else { 0 },
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) const fn rank(&self, level: &Level) -> i64 {
        level.price ^ self.mask
    }

    /// The price that has this rank.
    pub(super) const fn price_of(&self, rank: i64) -> i64 {
        rank ^ self.mask
    }

    /// The rank of a price multiplied by `factor`, from the rank before.
    pub(super) const fn raised_rank(&self, rank: i64, factor: i64) -> i64 {
        (self.price_of(rank) * factor) ^ self.mask
    }

    /// Replaces everything by levels whose ranks ascend.
    pub(super) fn load(&mut self, levels: &[Level]) {
        self.chunks.clear();
        self.tops.clear();
        self.len = levels.len();
        for few in levels.chunks(LOADED) {
            let mut chunk = Box::new(Chunk::new());
            for (place, level) in few.iter().enumerate() {
                chunk.insert(place, self.rank(level), *level);
            }
            self.tops.extend(chunk.rank(0));
            self.chunks.push(chunk);
        }
    }

    #[inline]
    pub(super) fn best(&self) -> Option<&Level> {
        self.chunks.first()?.level(0)
    }

    pub(super) fn worst(&self) -> Option<&Level> {
        let chunk = self.chunks.last()?;
        chunk.level(chunk.len().checked_sub(1)?)
    }

    /// The level with `before` better ones before it.
    #[inline]
    pub(super) fn nth(&self, mut before: usize) -> Option<&Level> {
        for chunk in &self.chunks {
            if let Some(rest) = before.checked_sub(chunk.len()) {
                before = rest;
            } else {
                return chunk.level(before);
            }
        }
        None
    }

    /// Adds the best `count` levels up to `worst` to a list, best first.
    pub(super) fn copy_best(&self, count: usize, worst: i64, to: &mut Vec<Level>) {
        let mut left = count;
        for chunk in &self.chunks {
            let is_whole = chunk
                .rank(chunk.len() - 1)
                .is_some_and(|rank| rank <= worst);
            // Up to and including `worst`, whose successor is the first rank that is not known.
            let known = if is_whole {
                chunk.len()
            } else {
                chunk.place_of(worst.saturating_add(1))
            };
            chunk.copy_best(known.min(left), to);
            left = left.saturating_sub(known);
            if left == 0 || !is_whole {
                return;
            }
        }
    }

    /// Puts levels in their places; one of quantity 0 is taken out. Fastest when they come best first.
    #[inline]
    pub(super) fn put(&mut self, levels: impl Iterator<Item = Level>) {
        let mut at = 0;
        for level in levels {
            let rank = self.rank(&level);
            at = self.chunk_of(rank, at);
            let Some(chunk) = self.chunks.get_mut(at) else {
                if level.quantity != 0 {
                    self.load(&[level]);
                }
                continue;
            };
            let place = chunk.place_of(rank);
            if let Some(held) = chunk.held(place, rank) {
                if level.quantity != 0 {
                    *held = level;
                    continue;
                }
                chunk.remove(place);
                self.len -= 1;
            } else if level.quantity != 0 {
                chunk.insert(place, rank, level);
                self.len += 1;
            } else {
                continue;
            }
            let count = chunk.len();
            if place == 0
                && let (Some(top), Some(rank)) = (self.tops.get_mut(at), chunk.rank(0))
            {
                *top = rank;
            }
            if count == FULL {
                self.split(at);
            } else if count < FEW {
                self.join(at);
            }
        }
    }

    /// The chunk that `rank` is in or belongs to, looked for from chunk `hint` on.
    #[inline]
    fn chunk_of(&self, rank: i64, hint: usize) -> usize {
        let mut at = if self.tops.get(hint).is_some_and(|top| *top <= rank) {
            hint
        } else {
            0
        };
        while self.tops.get(at + 4).is_some_and(|top| *top <= rank) {
            at += 4;
        }
        while self.tops.get(at + 1).is_some_and(|top| *top <= rank) {
            at += 1;
        }
        at
    }

    #[cold]
    fn split(&mut self, at: usize) {
        let Some(chunk) = self.chunks.get_mut(at) else {
            return;
        };
        let mut lower = Box::new(Chunk::new());
        while let Some((rank, level)) = chunk.rank(FULL / 2).zip(chunk.level(FULL / 2).copied()) {
            chunk.remove(FULL / 2);
            lower.insert(lower.len(), rank, level);
        }
        if let Some(rank) = lower.rank(0) {
            self.tops.insert(at + 1, rank);
            self.chunks.insert(at + 1, lower);
        }
    }

    /// Joins a small chunk to the one before it, where there is room; an empty one goes.
    #[cold]
    fn join(&mut self, at: usize) {
        let count = self.chunks.get(at).map_or(0, |chunk| chunk.len());
        let before = at.checked_sub(1).and_then(|at| self.chunks.get(at));
        let has_room = before.is_some_and(|before| before.len() + count <= LOADED);
        if !has_room && count > 0 {
            return;
        }
        let small = self.chunks.remove(at);
        self.tops.remove(at);
        if let Some(before) = at.checked_sub(1).and_then(|at| self.chunks.get_mut(at)) {
            for place in 0..small.len() {
                if let Some((rank, level)) = small.rank(place).zip(small.level(place).copied()) {
                    before.insert(before.len(), rank, level);
                }
            }
        }
    }

    /// Drops the worst levels until at most `keep` are left.
    pub(super) fn keep_best(&mut self, keep: usize) {
        let mut left = keep;
        for chunk in &mut self.chunks {
            while chunk.len() > left {
                chunk.remove(chunk.len() - 1);
            }
            left -= chunk.len();
        }
        self.chunks.retain(|chunk| chunk.len() > 0);
        self.tops.truncate(self.chunks.len());
        self.len = keep - left;
    }

    /// Multiplies every price.
    pub(super) fn raise_prices(&mut self, factor: i64) {
        let mask = self.mask;
        for chunk in &mut self.chunks {
            chunk.change_prices(|price| price * factor, |price| price ^ mask);
        }
        self.tops = self
            .chunks
            .iter()
            .filter_map(|chunk| chunk.rank(0))
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::{FULL, Ladder};
    use crate::wit::Level;

    fn level(price: i64, quantity: i64) -> Level {
        Level {
            price,
            quantity,
            price_scale: 0,
            quantity_scale: 0,
        }
    }

    fn levels(ladder: &Ladder) -> Vec<Level> {
        let mut levels = Vec::new();
        ladder.copy_best(usize::MAX, i64::MAX, &mut levels);
        levels
    }

    fn keys(ladder: &Ladder) -> Vec<i64> {
        levels(ladder).iter().map(|level| level.price).collect()
    }

    /// What every method relies on.
    fn check(ladder: &Ladder) {
        assert!(
            ladder
                .chunks
                .iter()
                .all(|chunk| (1..FULL).contains(&chunk.len()))
        );
        let tops: Vec<_> = ladder
            .chunks
            .iter()
            .map(|chunk| chunk.rank(0).unwrap())
            .collect();
        assert_eq!(ladder.tops, tops);
        assert_eq!(ladder.len, keys(ladder).len());
        assert!(keys(ladder).is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn it_stays_sorted_and_in_good_chunks_whatever_comes() {
        let mut ladder = Ladder::new(false);
        let mut plain = std::collections::BTreeSet::new();
        let mut seed = 1_u64;
        for round in 0..4_000 {
            let mut levels = Vec::new();
            for _ in 0..8 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let key = (seed >> 40) as i64 % 2_000;
                // It grows, then shrinks to nothing.
                let stays = (seed >> 33) % 10 < if round < 2_000 { 7 } else { 1 };
                levels.push(level(key, i64::from(stays)));
                if stays {
                    plain.insert(key)
                } else {
                    plain.remove(&key)
                };
            }
            ladder.put(levels.into_iter());
            check(&ladder);
        }
        assert!(keys(&ladder).iter().eq(&plain));
        ladder.put((0..2_000).map(|key| level(key, 0)));
        check(&ladder);
        assert_eq!(ladder.len(), 0);
    }

    #[test]
    fn the_best_are_kept() {
        let levels: Vec<_> = (0..1_000).map(|key| level(key, 1)).collect();
        for keep in [0, 1, 31, 32, 33, 500, 999, 1_000, 2_000] {
            let mut ladder = Ladder::new(false);
            ladder.load(&levels);
            ladder.keep_best(keep);
            assert_eq!(ladder.len(), keep.min(1_000));
            check_kept(&ladder);
        }
    }

    fn check_kept(ladder: &Ladder) {
        check(ladder);
        assert!(ladder.len() == 0 || keys(ladder).last() == Some(&(ladder.len() as i64 - 1)));
    }
}
