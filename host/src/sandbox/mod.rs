//! The sandbox: one adapter's instance with its caps. The only room that names wasmtime.

pub mod contract;
