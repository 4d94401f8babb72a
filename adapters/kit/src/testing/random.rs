//! Chance for tests: the same numbers from the same seed, and text as damaged as it can be.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use it, and they fail by a panic"
)]

/// Bytes that matter to a JSON parser.
const MUTATIONS: &[u8] = b"\"0,.:{}[] 9e-\\\xff";

/// A row of numbers that depends on its seed only (xorshift); the seed is not 0.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// A number below `limit`; 0 when that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }

    /// One of these.
    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// One to `most` digits.
    pub fn digits(&mut self, most: usize) -> String {
        let count = 1 + self.below(most);
        (0..count)
            .map(|_| char::from(b'0' + self.below(10) as u8))
            .collect()
    }

    /// A frame with up to two bytes or pieces of it lost, doubled, swapped or changed.
    pub fn mutated(&mut self, frame: String) -> Vec<u8> {
        let mut bytes = frame.into_bytes();
        for _ in 0..self.below(3) {
            let at = self.below(bytes.len());
            match self.below(7) {
                0 => bytes.truncate(at),
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, MUTATIONS[self.below(MUTATIONS.len())]),
                3 => bytes[at] = MUTATIONS[self.below(MUTATIONS.len())],
                4 => {
                    let other = self.below(bytes.len());
                    bytes.swap(at, other);
                }
                5 => {
                    let piece = bytes[at..(at + self.below(30)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
                _ => bytes.extend_from_slice(&b"}} \n{\"a"[..self.below(8)]),
            }
            if bytes.is_empty() {
                break;
            }
        }
        bytes
    }
}

/// How many cases a test of chance tries: `usual`, unless `MARKETPRISM_CASES` says another number.
pub fn cases(usual: u64) -> u64 {
    std::env::var("MARKETPRISM_CASES").map_or(usual, |count| count.parse().unwrap())
}
