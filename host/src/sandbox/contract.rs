//! The contract of `wit/adapter.wit` as Rust types.

#[allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "generated code; the contract is documented in wit/adapter.wit"
)]
pub(super) mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "adapter",
        imports: { default: trappable },
        additional_derives: [PartialEq],
    });
}

pub use generated::marketprism::adapter::types::*;
