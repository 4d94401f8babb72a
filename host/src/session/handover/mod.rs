//! How one version of an adapter follows another without a gap or a double.
//!
//! Whatever a session publishes is noted in a [`ledger`]. A session that stands by has what its adapter publishes checked
//! and [`held`]. When its turn comes it is told the [`Reach`] of the version before, lets out what is later, and goes on
//! past a [`filter`]: a trade above the last one, a book from an update id that is not lower, a polled datum with a later
//! event time, a liquidation that was not published yet, a tick that nobody published.

mod filter;
mod held;
mod ledger;
mod line;
mod outlet;
mod readiness;
#[cfg(test)]
mod tests;

pub(super) use held::Waiting;
pub use ledger::Reach;
pub(super) use outlet::{Outlet, Passage};
pub use readiness::{Readiness, Ready};
