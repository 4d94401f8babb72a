//! Numbers of alarms: what an alarm is for and whose it is, in the one number that the host knows it by.

const KINDS: u32 = 16;

/// A kind of alarms, below 16: one for each instrument, or one in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(pub u8);

impl Kind {
    /// The number of the alarm for `id`.
    pub const fn of(self, id: u32) -> u32 {
        Alarm { kind: self, id }.number()
    }

    /// The number of the only one.
    pub const fn number(self) -> u32 {
        self.of(0)
    }
}

/// What an alarm is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// Which of the adapter's kinds of alarms.
    pub kind: Kind,
    /// Whose alarm it is (an instrument, for most kinds), below 2^28.
    pub id: u32,
}

impl Alarm {
    /// The number under which the host knows it.
    pub const fn number(self) -> u32 {
        self.id
            .wrapping_mul(KINDS)
            .wrapping_add((self.kind.0 & 15) as u32)
    }

    /// The alarm of a number.
    pub const fn known_as(number: u32) -> Self {
        Self {
            kind: Kind((number % KINDS) as u8),
            id: number / KINDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Alarm, Kind};

    #[test]
    fn every_alarm_is_known_by_its_number() {
        for kind in (0..16).map(Kind) {
            for id in [0, 1, 77, (1 << 28) - 1] {
                let alarm = Alarm { kind, id };
                assert_eq!(Alarm::known_as(kind.of(id)), alarm);
            }
            assert_eq!(Alarm::known_as(kind.number()), Alarm { kind, id: 0 });
        }
    }
}
