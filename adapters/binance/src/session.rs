//! The kinds of alarms of this adapter.

use marketprism_kit::alarm::Alarm;

use crate::settings::Settings;

/// A session of this adapter.
pub type Session = marketprism_kit::session::Session<Settings>;

/// What is known while one event is handled.
pub type Context<'a> = marketprism_kit::session::Context<'a, Settings>;

/// Books are to be published.
pub const INTERVAL: u8 = 0;
/// A book may ask for its snapshot.
pub const SNAPSHOT: u8 = 1;
/// A stream that has said nothing since it was asked for is quiet.
pub const QUIET: u8 = 2;
/// The whole book is to be published to consumers of changes.
pub const WHOLE: u8 = 3;
/// Trades are to be fetched or released.
pub const TRADES: u8 = 4;
/// The next request for trades may be sent.
pub const TURN: u8 = 5;
/// The streams are to be looked after.
pub const STREAMS: u8 = 6;
/// Something polled is due.
pub const POLLS: u8 = 7;
/// The exchange's clock is to be read.
pub const CLOCK: u8 = 8;
/// The exchange is to be asked whether it knows an instrument.
pub const CHECK: u8 = 9;

/// The number of an instrument's alarm.
pub const fn alarm(kind: u8, instrument: u32) -> u32 {
    Alarm::of(kind, instrument).number()
}
