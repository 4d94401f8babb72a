//! The sandbox: one adapter's instance with its caps. The only room that names wasmtime.
//!
//! [`Engine`] compiles, [`Adapter`] is a file that was accepted, [`Instance`] is one running copy of it. Whatever the
//! guest does, a call ends with its actions or with a [`Fault`]; a fault poisons the instance and nothing else.

pub mod contract;

mod adapter;
mod engine;
mod fault;
mod instance;
mod memory;
mod outline;
mod output;

pub use adapter::{ADAPTER_BYTES_MAX, Adapter, CONTRACT_VERSION, Grant, Refusal, sha256};
pub use engine::{Engine, EngineError};
pub use fault::{Fault, FaultKind};
pub use instance::{Instance, LogLine};
pub use outline::{Import, Outline};
