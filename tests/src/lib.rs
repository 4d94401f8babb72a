//! Tools that the tests of the whole need.

pub mod nats_server;
