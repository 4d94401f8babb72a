//! What this adapter is woken for.

use marketprism_kit::alarm::Kind;

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
