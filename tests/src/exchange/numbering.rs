//! A venue's update ids and the market's own: a venue may count in larger steps, and may begin anew with lower ids.

/// Where the ids go to when they begin anew for the first time; half of it at the next time, and so on.
const ANEW: u64 = 5_000_000_000;

/// Of one instrument.
#[derive(Clone, Debug)]
pub(crate) struct Numbering {
    factor: u64,
    resets: Vec<Reset>,
}

/// After this update id of the market the venue's are the market's less this.
#[derive(Clone, Copy, Debug)]
struct Reset {
    after: u64,
    less: u64,
}

impl Numbering {
    pub(crate) const fn new(factor: u64) -> Self {
        Self {
            factor,
            resets: Vec::new(),
        }
    }

    /// The venue's id of a state of the book.
    pub(crate) fn told(&self, update_id: u64) -> u64 {
        let reset = self.resets.iter().rev();
        match { reset }.find(|reset| reset.after < update_id) {
            Some(reset) => update_id - reset.less,
            None => update_id * self.factor,
        }
    }

    /// The market's id of what the venue calls so.
    pub(crate) fn meant(&self, told: u64) -> Option<u64> {
        let mut ends = u64::MAX;
        for reset in self.resets.iter().rev() {
            let update_id = told.checked_add(reset.less)?;
            // Beyond twice its beginning are the ids of the numbering before.
            let is_within = told < 2 * (reset.after - reset.less);
            if is_within && update_id > reset.after && update_id <= ends {
                return Some(update_id);
            }
            ends = reset.after;
        }
        let update_id = told / self.factor;
        (told.is_multiple_of(self.factor) && update_id <= ends).then_some(update_id)
    }

    /// From the next change on the ids are lower.
    pub(crate) fn reset(&mut self, update_id: u64) {
        let start = (ANEW >> self.resets.len().min(16)).min(update_id);
        self.resets.push(Reset {
            after: update_id,
            less: update_id - start,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_lower_after_a_reset_and_every_one_is_found_again() {
        let mut numbering = Numbering::new(3);
        assert_eq!(numbering.told(20_000_000_000), 60_000_000_000);
        assert_eq!(numbering.meant(60_000_000_000), Some(20_000_000_000));
        assert_eq!(numbering.meant(60_000_000_001), None);
        let mut last = numbering.told(20_000_000_000);
        for after in [20_000_000_000, 20_000_000_100, 20_000_000_500] {
            numbering.reset(after);
            assert!(numbering.told(after + 1) < last);
            last = numbering.told(after + 90);
        }
        for update_id in [
            20_000_000_000,
            20_000_000_050,
            20_000_000_100,
            20_000_000_700,
        ] {
            let told = numbering.told(update_id);
            assert_eq!(numbering.meant(told), Some(update_id));
        }
        assert_eq!(numbering.meant(60_000_000_003), None);
    }
}
