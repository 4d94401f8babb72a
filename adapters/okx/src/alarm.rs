//! What this adapter is woken for.

use marketprism_kit::alarm::Alarm;

/// A kind of alarms, of which there is one for each instrument, or one in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(pub u8);

impl Kind {
    /// The number of the alarm of an instrument.
    pub const fn of(self, instrument: u32) -> u32 {
        Alarm::of(self.0, instrument).number()
    }

    /// The number of the only one.
    pub const fn number(self) -> u32 {
        Alarm::one(self.0).number()
    }
}

/// Books are to be published.
pub const INTERVAL: Kind = Kind(0);
/// The streams are to be looked after.
pub const STREAMS: Kind = Kind(1);
/// Something is to be polled.
pub const POLLS: Kind = Kind(2);
/// A connection may be idle.
pub const HEARTBEAT: Kind = Kind(3);
/// The whole of a book is to be published to consumers of changes.
pub const WHOLE: Kind = Kind(4);
/// A book may ask for its snapshot.
pub const FETCH: Kind = Kind(5);
/// A book waited long enough for its snapshot to be pushed.
pub const PATIENCE: Kind = Kind(6);
