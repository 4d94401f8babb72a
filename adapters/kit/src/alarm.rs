//! Numbers of alarms: what an alarm is for and whose it is, in the one number that the host knows it by.

const KINDS: u32 = 16;

/// What an alarm is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// Which of the adapter's kinds of alarms, below 16.
    pub kind: u8,
    /// Whose alarm it is (an instrument, for most kinds), below 2^28.
    pub id: u32,
}

impl Alarm {
    /// An alarm of a kind that there is once in a session.
    pub const fn one(kind: u8) -> Self {
        Self { kind, id: 0 }
    }

    /// An alarm of this kind for `id`.
    pub const fn of(kind: u8, id: u32) -> Self {
        Self { kind, id }
    }

    /// The number under which the host knows it.
    pub const fn number(self) -> u32 {
        self.id
            .wrapping_mul(KINDS)
            .wrapping_add((self.kind & 15) as u32)
    }

    /// The alarm of a number.
    pub const fn known_as(number: u32) -> Self {
        Self {
            kind: (number % KINDS) as u8,
            id: number / KINDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Alarm;

    #[test]
    fn every_alarm_is_known_by_its_number() {
        for kind in 0..16 {
            for id in [0, 1, 77, (1 << 28) - 1] {
                let alarm = Alarm::of(kind, id);
                assert_eq!(Alarm::known_as(alarm.number()), alarm);
            }
        }
    }
}
