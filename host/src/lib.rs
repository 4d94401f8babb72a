//! The host of the exchange adapters: what `marketprism` is made of.
//!
//! Calls run one way: `main` starts a `session`, a session drives its `sandbox` (the adapter) and its world; `wire`
//! and `bus` turn what the adapter publishes into messages. See ARCHITECTURE.md for the map and its invariants.
#![forbid(unsafe_code)]

pub mod adapter_folder;
pub mod bus;
pub mod compare;
pub mod config;
pub mod distribution;
pub mod heartbeat;
pub mod limits;
pub mod logs;
pub mod metrics;
pub mod process;
pub mod record;
pub mod replay;
pub mod rest;
pub mod run;
pub mod sandbox;
pub mod secret;
pub mod serve;
pub mod session;
pub mod status;
pub mod supervisor;
pub mod tail;
pub mod view;
pub mod wire;
pub mod world;
pub mod ws;
