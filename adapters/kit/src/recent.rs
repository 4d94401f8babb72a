//! What came lately: a bounded memory by which a datum that comes twice is known.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;

/// The last `most` different keys.
#[derive(Debug)]
pub struct Recent<K> {
    most: usize,
    known: HashSet<K, std::hash::BuildHasherDefault<std::hash::DefaultHasher>>,
    order: VecDeque<K>,
}

impl<K: Hash + Eq + Clone> Recent<K> {
    /// Remembers at most `most` keys.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            known: HashSet::default(),
            order: VecDeque::new(),
        }
    }

    /// Takes in a key; false when it came before.
    pub fn is_new(&mut self, key: &K) -> bool {
        if !self.known.insert(key.clone()) {
            return false;
        }
        if self.order.len() >= self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(key.clone());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;

    #[test]
    fn a_key_is_new_once_until_it_is_forgotten() {
        let mut recent = Recent::new(2);
        assert!(recent.is_new(&1));
        assert!(!recent.is_new(&1));
        assert!(recent.is_new(&2));
        assert!(recent.is_new(&3));
        assert!(!recent.is_new(&2));
        assert!(recent.is_new(&1));
    }
}
