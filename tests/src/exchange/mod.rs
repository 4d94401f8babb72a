//! Simulated exchanges on loopback ports: streams and REST as documented, from a market whose truth is known or from a
//! recording, with faults that are counted and a ledger of what was really sent.
//!
//! The rooms: `settings`, `limits`, `faults` and `records` are what a test says and asks; `feed` is where data comes
//! from (`market_feed` with `liquidations` and `facts`, `recording_feed`); `pump` lets time pass; `server` takes sockets
//! and hands them to `rest` or to `connection`, where faults are done; `state` is what they share. None of them knows a
//! venue: `binance`, `okx` and `deribit` each say what a `dialect` and a `teller` must say.

mod binance;
mod connection;
mod damage;
mod datum;
mod deribit;
mod dialect;
mod facts;
mod faults;
mod feed;
mod frame;
mod http;
mod ledger;
mod limits;
mod liquidations;
mod market_feed;
mod numbering;
mod numbers;
mod okx;
mod parameters;
mod pump;
mod recording_feed;
mod records;
mod rest;
mod server;
mod settings;
mod simulator;
mod state;
mod teller;
mod trades;
mod truth;
mod venue;
mod view;
mod weight;

pub use datum::{Datum, DatumKind, Told};
pub use faults::{FaultCounts, Faults, FrameFault, RestFault};
pub use frame::Item;
pub use ledger::{Entry, Fate};
pub use limits::Limits;
pub use liquidations::Liquidation;
pub use records::{ConnectionRecord, End, Figures, RequestRecord, Violation};
pub use settings::{MarketSource, Pace, Scales, Settings, Source, Ways};
pub use simulator::Simulator;
pub use trades::{AggregateTrade, TimedTrade};
pub use truth::{Follower, Side, Truth};
pub use venue::Venue;
