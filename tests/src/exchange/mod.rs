//! A simulated Binance spot on a loopback port: streams and REST as documented, from a market whose truth is known or
//! from a recording, with faults that are counted and a ledger of what was really sent.
//!
//! The rooms: `settings`, `faults` and `records` are what a test says and asks; `feed` is where data comes from
//! (`market_feed`, `recording_feed`); `pump` lets time pass; `server` takes sockets and hands them to `rest` or to
//! `connection`, where faults are done; `state` is what they share.
//!
//! Rules and forms: <https://developers.binance.com/docs/binance-spot-api-docs>

mod commands;
mod connection;
mod damage;
mod faults;
mod feed;
mod frame;
mod http;
mod ledger;
mod market_feed;
mod payload;
mod pump;
mod recording_feed;
mod records;
mod rest;
mod server;
mod settings;
mod simulator;
mod state;
mod trades;
mod truth;
mod weight;

pub use faults::{FaultCounts, Faults, FrameFault, RestFault};
pub use frame::Item;
pub use ledger::{Entry, Fate};
pub use records::{ConnectionRecord, End, Figures, RequestRecord, Violation};
pub use settings::{Limits, MarketSource, Pace, Settings, Source};
pub use simulator::Simulator;
pub use trades::{AggregateTrade, TimedTrade};
pub use truth::{Follower, Side, Truth};
