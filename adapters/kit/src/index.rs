//! Finding an instrument by the name in a frame, without an allocation.

/// Names and the numbers that they stand for.
#[derive(Debug, Default)]
pub struct Index {
    names: Vec<(Box<[u8]>, u32)>,
    /// Open addressing: place in `names` plus one, 0 for empty. A power of two long, at most half full.
    slots: Vec<u32>,
}

impl Index {
    /// Adds a name; a name that is known keeps its number.
    pub fn insert(&mut self, name: &[u8], number: u32) {
        if self.get(name).is_some() {
            return;
        }
        self.names.push((name.into(), number));
        if self.names.len() * 2 > self.slots.len() {
            self.slots = vec![0; (self.names.len() * 4).next_power_of_two()];
            for place in 0..self.names.len() {
                self.fill(place);
            }
        } else {
            self.fill(self.names.len() - 1);
        }
    }

    fn fill(&mut self, place: usize) {
        let Some((name, _)) = self.names.get(place) else {
            return;
        };
        let mask = self.slots.len() - 1;
        let mut at = hash(name) & mask;
        while self.slots.get(at).is_some_and(|slot| *slot != 0) {
            at = (at + 1) & mask;
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = u32::try_from(place + 1).unwrap_or(u32::MAX);
        }
    }

    /// The number of a name.
    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash(name) & mask;
        loop {
            let place = self.slots.get(at)?.checked_sub(1)?;
            let (known, number) = self.names.get(place as usize)?;
            if **known == *name {
                return Some(*number);
            }
            at = (at + 1) & mask;
        }
    }
}

/// Names are short and chosen by the exchange: any cheap mixing will do.
#[inline]
fn hash(name: &[u8]) -> usize {
    let mixed = name.iter().fold(0_u32, |hash, byte| {
        (hash.rotate_left(5) ^ u32::from(*byte)).wrapping_mul(0x9E37_79B9)
    });
    (mixed ^ (mixed >> 15)) as usize
}

#[cfg(test)]
mod tests {
    use super::Index;

    #[test]
    fn every_name_finds_its_number_and_no_other_name_does() {
        let mut index = Index::default();
        assert_eq!(index.get(b"A"), None);
        for number in 0..500 {
            index.insert(format!("COIN{number}-USDT").as_bytes(), number);
        }
        index.insert(b"COIN7-USDT", 9);
        for number in 0..500 {
            assert_eq!(
                index.get(format!("COIN{number}-USDT").as_bytes()),
                Some(number)
            );
        }
        assert_eq!(index.get(b"COIN500-USDT"), None);
        assert_eq!(index.get(b""), None);
    }
}
