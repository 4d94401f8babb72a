//! Random numbers that are the same for the same seed on every machine and for ever: xoshiro256** seeded by
//! splitmix64, after Blackman and Vigna (<https://prng.di.unimi.it>, public domain).

/// A generator.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: [u64; 4],
}

impl Random {
    /// A generator for a seed and a name: other names give independent numbers.
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        let mut mixed = seed;
        for byte in name.bytes() {
            mixed = split_mix(&mut mixed) ^ u64::from(byte);
        }
        let mut next = || split_mix(&mut mixed);
        Self {
            state: [next(), next(), next(), next()],
        }
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number from 0 to `limit` - 1; 0 when `limit` is 0. The bias is below one in 2^32 for the limits used here.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(limit);
        (product >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True `percent` times in a hundred.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A number that is mostly small: each further doubling is half as likely. At most 2^`doublings` - 1.
    pub(crate) fn mostly_small(&mut self, doublings: u32) -> u64 {
        let exponent = self.next().trailing_ones().min(doublings.saturating_sub(1));
        self.between((1 << exponent) - 1, (2 << exponent) - 2)
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_numbers_are_those_of_the_reference_code() {
        let mut random = Random {
            state: [1, 2, 3, 4],
        };
        let numbers = [random.next(), random.next(), random.next(), random.next()];
        assert_eq!(
            numbers,
            [11_520, 0, 1_509_978_240, 1_215_971_899_390_074_240]
        );
    }

    #[test]
    fn numbers_stay_within_their_limits() {
        let mut random = Random::new(7, "limits");
        for _ in 0..10_000 {
            assert!(random.below(10) < 10);
            assert!((3..=5).contains(&random.between(3, 5)));
            assert!(random.mostly_small(4) < 16);
        }
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn the_name_and_the_seed_both_matter() {
        let first = |seed, name| Random::new(seed, name).below(u64::MAX);
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
    }
}
