//! The simulated exchange by itself: it follows the documented rules, its truth is true, and its faults are recorded.

#[path = "exchange/client.rs"]
mod client;
#[path = "exchange/faults.rs"]
mod faults;
#[path = "exchange/rest.rs"]
mod rest;
#[path = "exchange/streams.rs"]
mod streams;
#[path = "exchange/truth.rs"]
mod truth;
