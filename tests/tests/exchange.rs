//! The simulated exchanges by themselves: they follow the documented rules, their truth is true, and their
//! faults are recorded.

#[path = "exchange/binance_derivatives.rs"]
mod binance_derivatives;
#[path = "exchange/client.rs"]
mod client;
#[path = "exchange/deribit.rs"]
mod deribit;
#[path = "exchange/faults.rs"]
mod faults;
#[path = "exchange/okx.rs"]
mod okx;
#[path = "exchange/rest.rs"]
mod rest;
#[path = "exchange/streams.rs"]
mod streams;
#[path = "exchange/truth.rs"]
mod truth;
