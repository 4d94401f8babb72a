//! What this adapter is woken for.

use marketprism_kit::alarm::Kind;

/// The streams are looked after.
pub const STREAMS: Kind = Kind(0);
/// The tops of all books are published.
pub const INTERVAL: Kind = Kind(1);
/// Something is polled.
pub const POLLS: Kind = Kind(2);
/// Candles are asked for.
pub const CANDLES: Kind = Kind(3);
/// A request for trades has its turn.
pub const TURN: Kind = Kind(4);
/// An instrument's trades have waited.
pub const TRADES: Kind = Kind(5);
/// An instrument's whole book is due as a change.
pub const WHOLE: Kind = Kind(6);
/// A channel is asked for alone.
pub const ALONE: Kind = Kind(7);
