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

/// One price level, unpacked from the contract's `levels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Mantissa of the price.
    pub price: i64,
    /// Mantissa of the quantity.
    pub quantity: i64,
    /// Decimal places of the price; more than 18 break the contract.
    pub price_scale: u8,
    /// Decimal places of the quantity; more than 18 break the contract.
    pub quantity_scale: u8,
}

/// Numbers that one level takes in the contract's `levels`.
pub const NUMBERS_PER_LEVEL: usize = 3;

/// The levels of the contract's packed form; a rest that is no whole level is left out.
pub fn unpack(packed: &[i64]) -> impl Iterator<Item = Level> {
    let (levels, _) = packed.as_chunks::<NUMBERS_PER_LEVEL>();
    levels.iter().map(|[price, quantity, scales]| {
        // What stands above the two scales makes the price's scale impossible, so that it is found.
        let price_scale = u8::try_from(scales >> 8).unwrap_or(u8::MAX);
        let [.., quantity_scale] = scales.to_be_bytes();
        Level {
            price: *price,
            quantity: *quantity,
            price_scale,
            quantity_scale,
        }
    })
}

/// Levels in the contract's packed form, for tests that play the adapter.
pub fn pack(levels: &[Level]) -> Vec<i64> {
    let numbers = |level: &Level| {
        let scales = (i64::from(level.price_scale) << 8) | i64::from(level.quantity_scale);
        [level.price, level.quantity, scales]
    };
    levels.iter().flat_map(numbers).collect()
}
