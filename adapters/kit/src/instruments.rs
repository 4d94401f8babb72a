//! The instruments of a session: their numbers, and how a frame finds its own.

use crate::index::Index;

/// One thing that is collected under a name of its own.
pub trait Collected {
    /// False once it is no longer configured.
    fn is_active(&self) -> bool;

    /// The names that frames and the configuration have for it.
    fn names(&self) -> [&str; 2];
}

/// All that is or was collected. The number of each is its place in the list and never changes.
#[derive(Debug)]
pub struct Instruments<T> {
    all: Vec<T>,
    index: Index,
}

impl<T> Default for Instruments<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            index: Index::default(),
        }
    }
}

impl<T: Collected> Instruments<T> {
    /// All, active or not.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.all)
    }

    /// All, active or not.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        (0..).zip(&mut self.all)
    }

    /// Those that are collected.
    pub fn active(&self) -> impl Iterator<Item = (u32, &T)> {
        self.iter().filter(|(_, it)| it.is_active())
    }

    /// One by its number.
    #[inline]
    pub fn get(&self, id: u32) -> Option<&T> {
        self.all.get(id as usize)
    }

    /// One by its number.
    #[inline]
    pub fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        self.all.get_mut(id as usize)
    }

    /// How many there are, active or not.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// The number that the next new one will have.
    pub fn next_id(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }

    /// Adds one; gives its number.
    pub fn add(&mut self, instrument: T) -> u32 {
        let id = self.next_id();
        for name in instrument.names() {
            self.index.insert(name.as_bytes(), id);
        }
        self.all.push(instrument);
        id
    }

    /// The one of this name, active or not.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<(u32, &T)> {
        let id = self.index.get(name)?;
        Some((id, self.get(id)?))
    }

    /// The one of this name, if it is collected.
    #[inline]
    pub fn find_active(&self, name: &[u8]) -> Option<(u32, &T)> {
        self.find(name).filter(|(_, it)| it.is_active())
    }
}

#[cfg(test)]
mod tests {
    use super::{Collected, Instruments};

    struct Pair(&'static str, &'static str, bool);

    impl Collected for Pair {
        fn is_active(&self) -> bool {
            self.2
        }

        fn names(&self) -> [&str; 2] {
            [self.0, self.1]
        }
    }

    #[test]
    fn an_instrument_is_found_by_each_of_its_names_and_by_its_number() {
        let mut all = Instruments::default();
        assert_eq!(all.add(Pair("BTCUSDT", "btcusdt", true)), 0);
        assert_eq!(all.add(Pair("ETHUSDT", "ETHUSDT", false)), 1);
        let numbers = ["BTCUSDT", "btcusdt", "ETHUSDT", "XYZ"].map(|name| {
            let found = all.find(name.as_bytes()).map(|(id, _)| id);
            (found, all.find_active(name.as_bytes()).is_some())
        });
        assert_eq!(
            numbers,
            [
                (Some(0), true),
                (Some(0), true),
                (Some(1), false),
                (None, false)
            ]
        );
        assert_eq!(all.active().map(|(id, _)| id).collect::<Vec<_>>(), [0]);
        assert_eq!((all.count(), all.next_id()), (2, 2));
        assert!(all.get(1).is_some() && all.get(2).is_none());
    }
}
