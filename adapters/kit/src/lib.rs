//! What every exchange adapter shares: the contract's types, exact decimals, the order book, the frame scanner with
//! its general JSON path, trades in line, names, and the allocators of the sandbox.
//!
//! An adapter is a type that implements [`Adapter`]; its thin component crate calls [`export_adapter!`].
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod adapter;
pub mod alarm;
mod arena;
pub mod arithmetic;
#[doc(hidden)]
pub mod bindings;
pub mod book;
pub mod clock;
pub mod decimal;
#[doc(hidden)]
pub mod guest;
pub mod index;
pub mod instruments;
pub mod json;
mod level;
pub mod names;
mod output;
pub mod polls;
pub mod recent;
mod refusal;
pub mod scan;
pub mod session;
pub mod settings;
pub mod streams;
pub mod testing;
pub mod trades;
pub mod wit;

pub use adapter::Adapter;
pub use output::{BookHead, ChangeHead, Output};
pub use refusal::Refusal;
