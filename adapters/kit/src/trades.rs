//! Trades of one instrument, each published exactly once and in the exchange's order: the [`Ledger`] knows which ids
//! came, the [`Line`] holds newer trades back while older ones are missing, a [`Fetch`] says when the missing ones are
//! asked for, and [`Turns`] keeps the requests of all instruments few. A [`TradeSync`] is all of them together, for an
//! exchange whose past trades can be had by their ids.

mod answer;
mod backlog;
mod fetch;
mod ledger;
mod line;
mod sync;
mod turns;

pub use backlog::Backlog;
pub use fetch::Fetch;
pub use ledger::{Leap, Ledger, Seen};
pub use line::{Line, Missing, Source, Taken};
pub use sync::{Market, TradeSync};
pub use turns::{Pace, Turns};
