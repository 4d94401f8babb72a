//! HTTP GET requests: bounded in time, size and number, and never more than the budget of a host name allows.
//!
//! Owns the few connections to each host name and the request budgets that all sessions of the process share. It knows
//! no exchange and no session: exactly one [`Done`] follows each request, through a bounded channel. Redirects are not
//! followed and no cookies are kept.

mod answer;
mod budget;
mod budgets;
mod client;
mod connect;
mod lanes;
mod settings;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Done, Failure};
pub use budget::{Budget, Limit, Pause, Usage, Verdict};
pub use budgets::{Budgets, HostUsage};
pub use client::{Client, Counts};
pub use settings::{Proxy, Settings, SetupError};
