//! Levels sorted best first in small chunks: a change deep in a book moves a few levels, not the whole side.

use crate::wit::Level;

/// A full chunk is split in two.
const CHUNK_MAX: usize = 16;

/// A chunk smaller than this joins the one before it when both fit well into one.
const CHUNK_MIN: usize = 4;

/// Sorted levels, all prices at one scale.
///
/// A level's rank is its price, or for bids the complement of its price (`!price`, cheaper than a negation and with no
/// overflow): the lower, the better.
#[derive(Debug, Clone)]
pub(super) struct Ladder {
    /// None is empty.
    chunks: Vec<Vec<Level>>,
    /// The rank of each chunk's first level.
    tops: Vec<i64>,
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
        self.chunks = levels
            .chunks(CHUNK_MAX / 2)
            .map(<[Level]>::to_vec)
            .collect();
        self.tops = levels
            .chunks(CHUNK_MAX / 2)
            .filter_map(|chunk| Some(self.rank(chunk.first()?)))
            .collect();
        self.len = levels.len();
    }

    #[inline]
    pub(super) fn best(&self) -> Option<&Level> {
        self.chunks.first()?.first()
    }

    pub(super) fn worst(&self) -> Option<&Level> {
        self.chunks.last()?.last()
    }

    /// The chunks, the best first.
    #[inline]
    pub(super) fn chunks(&self) -> &[Vec<Level>] {
        &self.chunks
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
            let place = place_of(chunk, rank, self.mask);
            let held = chunk
                .get_mut(place)
                .filter(|held| held.price == level.price);
            match (held, level.quantity) {
                (Some(_), 0) => self.remove(at, place),
                (Some(held), _) => *held = level,
                (None, 0) => {}
                (None, _) => self.insert(at, place, level),
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
        while self.tops.get(at + 1).is_some_and(|top| *top <= rank) {
            at += 1;
        }
        at
    }

    #[inline]
    fn insert(&mut self, at: usize, place: usize, level: Level) {
        let rank = self.rank(&level);
        let Some(chunk) = self.chunks.get_mut(at) else {
            return;
        };
        self.len += 1;
        // Moved one by one: in the sandbox a call to move so few bytes costs more than moving them.
        let mut carried = level;
        for held in chunk.iter_mut().skip(place) {
            std::mem::swap(held, &mut carried);
        }
        chunk.push(carried);
        if chunk.len() >= CHUNK_MAX {
            self.split(at);
        }
        if place == 0
            && let Some(top) = self.tops.get_mut(at)
        {
            *top = rank;
        }
    }

    #[cold]
    fn split(&mut self, at: usize) {
        let lower = self
            .chunks
            .get_mut(at)
            .map(|chunk| chunk.split_off(CHUNK_MAX / 2))
            .unwrap_or_default();
        if let Some(rank) = lower.first().map(|level| self.rank(level)) {
            self.tops.insert(at + 1, rank);
            self.chunks.insert(at + 1, lower);
        }
    }

    #[inline]
    fn remove(&mut self, at: usize, place: usize) {
        let mask = self.mask;
        let Some(chunk) = self.chunks.get_mut(at) else {
            return;
        };
        let Some(mut carried) = chunk.pop() else {
            return;
        };
        self.len -= 1;
        for held in chunk.iter_mut().skip(place).rev() {
            std::mem::swap(held, &mut carried);
        }
        if place == 0
            && let (Some(top), Some(first)) = (self.tops.get_mut(at), chunk.first())
        {
            *top = first.price ^ mask;
        }
        if chunk.len() < CHUNK_MIN {
            self.join(at);
        }
    }

    /// Joins a small chunk to the one before it, where there is room; an empty one goes.
    #[cold]
    fn join(&mut self, at: usize) {
        let size = self.chunks.get(at).map_or(0, Vec::len);
        let before = at.checked_sub(1).and_then(|at| self.chunks.get_mut(at));
        let room = before.filter(|before| before.len() + size <= CHUNK_MAX / 2);
        if room.is_none() && size > 0 {
            return;
        }
        let small = self.chunks.remove(at);
        self.tops.remove(at);
        if let Some(before) = at.checked_sub(1).and_then(|at| self.chunks.get_mut(at)) {
            before.extend(small);
        }
    }

    /// Drops the worst levels until at most `keep` are left.
    pub(super) fn keep_best(&mut self, keep: usize) {
        let mut left = keep;
        for chunk in &mut self.chunks {
            chunk.truncate(left);
            left -= chunk.len();
        }
        self.chunks.retain(|chunk| !chunk.is_empty());
        self.tops.truncate(self.chunks.len());
        self.len = keep - left;
    }

    /// Multiplies every price.
    pub(super) fn raise_prices(&mut self, factor: i64) {
        let mask = self.mask;
        self.chunks
            .iter_mut()
            .flatten()
            .for_each(|level| level.price *= factor);
        self.tops.iter_mut().for_each(|top| *top = ((*top ^ mask) * factor) ^ mask);
    }
}

/// How many levels of a chunk are better than `rank`. All are looked at: the loads run beside each other, where the
/// steps of a binary search would wait for one another.
#[inline]
fn place_of(chunk: &[Level], rank: i64, mask: i64) -> usize {
    chunk.iter().map(|held| usize::from((held.price ^ mask) < rank)).sum()
}

#[cfg(test)]
mod tests {
    use super::{CHUNK_MAX, Ladder};
    use crate::wit::Level;

    fn level(price: i64, quantity: i64) -> Level {
        Level {
            price,
            quantity,
            price_scale: 0,
            quantity_scale: 0,
        }
    }

    fn keys(ladder: &Ladder) -> Vec<i64> {
        ladder
            .chunks()
            .iter()
            .flatten()
            .map(|level| level.price)
            .collect()
    }

    /// What every method relies on.
    fn check(ladder: &Ladder) {
        assert!(
            ladder
                .chunks
                .iter()
                .all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK_MAX)
        );
        let tops: Vec<_> = ladder.chunks.iter().map(|chunk| chunk[0].price).collect();
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
