//! The adapter's alarms.

use marketprism_kit::alarm::Alarm;

/// The streams are looked after.
pub const STREAMS: u8 = 0;
/// The tops of all books are published.
pub const INTERVAL: u8 = 1;
/// Something is polled.
pub const POLLS: u8 = 2;
/// Candles are asked for.
pub const CANDLES: u8 = 3;
/// A request for trades has its turn.
pub const TURN: u8 = 4;
/// An instrument's trades have waited.
pub const TRADES: u8 = 5;
/// An instrument's whole book is due as a change.
pub const WHOLE: u8 = 6;
/// A channel is asked for alone.
pub const ALONE: u8 = 7;

/// The alarm for a whole book.
pub const fn whole(instrument: u32) -> Alarm {
    Alarm::of(WHOLE, instrument)
}
