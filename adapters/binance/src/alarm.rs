//! What this adapter is woken for.

use marketprism_kit::alarm::Kind;

/// Books are to be published.
pub const INTERVAL: Kind = Kind(0);
/// A book may ask for its snapshot.
pub const SNAPSHOT: Kind = Kind(1);
/// A stream that has said nothing since it was asked for is quiet.
pub const QUIET: Kind = Kind(2);
/// The whole book is to be published to consumers of changes.
pub const WHOLE: Kind = Kind(3);
/// Trades are to be fetched or released.
pub const TRADES: Kind = Kind(4);
/// The next request for trades may be sent.
pub const TURN: Kind = Kind(5);
/// The streams are to be looked after.
pub const STREAMS: Kind = Kind(6);
/// Something polled is due.
pub const POLLS: Kind = Kind(7);
/// The exchange's clock is to be read.
pub const CLOCK: Kind = Kind(8);
/// The exchange is to be asked whether it knows an instrument.
pub const CHECK: Kind = Kind(9);
