//! Levels sorted by key in small chunks: an insertion deep in a book moves a few levels, not the whole side.
//!
//! The best level is at the end of the last chunk, where most changes happen.

use crate::wit::Level;

/// A full chunk is split in two.
const CHUNK_MAX: usize = 64;

/// A chunk smaller than this joins the one before it when both fit well into one.
const CHUNK_MIN: usize = 12;

/// Sorted levels; a level's `price` is its key.
#[derive(Debug, Clone)]
pub(super) struct Ladder {
    /// None is empty.
    chunks: Vec<Vec<Level>>,
    /// The lowest key of each chunk.
    floors: Vec<i64>,
    len: usize,
}

impl Ladder {
    pub(super) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            floors: Vec::new(),
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Replaces everything by levels whose keys ascend.
    pub(super) fn load(&mut self, levels: &[Level]) {
        self.chunks = levels
            .chunks(CHUNK_MAX / 2)
            .map(<[Level]>::to_vec)
            .collect();
        self.floors = self
            .chunks
            .iter()
            .filter_map(|chunk| Some(chunk.first()?.price))
            .collect();
        self.len = levels.len();
    }

    pub(super) fn first(&self) -> Option<&Level> {
        self.chunks.first()?.first()
    }

    #[inline]
    pub(super) fn last(&self) -> Option<&Level> {
        self.chunks.last()?.last()
    }

    /// The chunks, the best last.
    #[inline]
    pub(super) fn chunks(&self) -> &[Vec<Level>] {
        &self.chunks
    }

    /// Puts levels in their places; one of quantity 0 is taken out. Fastest when they come best first.
    pub(super) fn put(&mut self, levels: impl Iterator<Item = Level>) {
        let mut at = self.floors.len().saturating_sub(1);
        for level in levels {
            at = self.chunk_of(level.price, at);
            let Some(chunk) = self.chunks.get_mut(at) else {
                if level.quantity != 0 {
                    self.load(&[level]);
                }
                continue;
            };
            let place = chunk.partition_point(|held| held.price < level.price);
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

    /// The chunk that `key` is in or belongs to, looked for from chunk `hint` downwards.
    #[inline]
    fn chunk_of(&self, key: i64, hint: usize) -> usize {
        let last = self.floors.len().saturating_sub(1);
        let above_hint = self.floors.get(hint + 1).is_some_and(|floor| *floor <= key);
        let mut at = if above_hint { last } else { hint.min(last) };
        while at > 0 && self.floors.get(at).is_some_and(|floor| *floor > key) {
            at -= 1;
        }
        at
    }

    fn insert(&mut self, at: usize, place: usize, level: Level) {
        let Some(chunk) = self.chunks.get_mut(at) else {
            return;
        };
        self.len += 1;
        if place == 0
            && let Some(floor) = self.floors.get_mut(at)
        {
            *floor = level.price;
        }
        chunk.insert(place, level);
        if chunk.len() >= CHUNK_MAX {
            let upper = chunk.split_off(CHUNK_MAX / 2);
            if let Some(first) = upper.first() {
                self.floors.insert(at + 1, first.price);
                self.chunks.insert(at + 1, upper);
            }
        }
    }

    fn remove(&mut self, at: usize, place: usize) {
        let Some(chunk) = self.chunks.get_mut(at) else {
            return;
        };
        self.len -= 1;
        chunk.remove(place);
        if place == 0
            && let (Some(floor), Some(first)) = (self.floors.get_mut(at), chunk.first())
        {
            *floor = first.price;
        }
        if chunk.len() < CHUNK_MIN {
            self.join(at);
        }
    }

    /// Joins a small chunk to the one before it, where there is room; an empty one goes.
    fn join(&mut self, at: usize) {
        let size = self.chunks.get(at).map_or(0, Vec::len);
        let before = at.checked_sub(1).and_then(|at| self.chunks.get_mut(at));
        let room = before.filter(|before| before.len() + size <= CHUNK_MAX / 2);
        if room.is_none() && size > 0 {
            return;
        }
        let small = self.chunks.remove(at);
        self.floors.remove(at);
        if let Some(before) = at.checked_sub(1).and_then(|at| self.chunks.get_mut(at)) {
            before.extend(small);
        }
    }

    /// Drops the lowest levels until at most `keep` are left.
    pub(super) fn keep_best(&mut self, keep: usize) {
        let mut surplus = self.len.saturating_sub(keep);
        self.len -= surplus;
        let whole = self.chunks.iter().take_while(|chunk| {
            let goes = chunk.len() <= surplus;
            surplus -= if goes { chunk.len() } else { 0 };
            goes
        });
        let whole = whole.count();
        self.chunks.drain(..whole);
        self.floors.drain(..whole);
        if let (Some(chunk), Some(floor)) = (self.chunks.first_mut(), self.floors.first_mut()) {
            chunk.drain(..surplus);
            *floor = chunk.first().map_or(*floor, |level| level.price);
        }
    }

    /// Multiplies every key.
    pub(super) fn raise_keys(&mut self, factor: i64) {
        self.chunks
            .iter_mut()
            .flatten()
            .for_each(|level| level.price *= factor);
        self.floors.iter_mut().for_each(|floor| *floor *= factor);
    }
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
        let floors: Vec<_> = ladder.chunks.iter().map(|chunk| chunk[0].price).collect();
        assert_eq!(ladder.floors, floors);
        assert_eq!(ladder.len, keys(ladder).len());
        assert!(keys(ladder).is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn it_stays_sorted_and_in_good_chunks_whatever_comes() {
        let mut ladder = Ladder::new();
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
            let mut ladder = Ladder::new();
            ladder.load(&levels);
            ladder.keep_best(keep);
            assert_eq!(ladder.len(), keep.min(1_000));
            check_kept(&ladder);
        }
    }

    fn check_kept(ladder: &Ladder) {
        check(ladder);
        assert!(ladder.len() == 0 || keys(ladder).last() == Some(&999));
    }
}
