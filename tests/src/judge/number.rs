//! Decimals as whole numbers, so that `1.50` and `1.5` are the same.

use crate::market::Level;
use crate::market::Terms;
use serde_json::Value;

/// Decimal places of an [`Exact`] number.
const PLACES: usize = 18;

/// A whole number of 10^-18.
pub(super) type Exact = i128;

/// Reads a plain decimal.
pub(super) fn exact(text: &str) -> Result<Exact, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{part:0<PLACES$}");
    let number = digits.parse();
    number.map_err(|_| format!("{text:?} is no plain decimal"))
}

/// Reads a field, a text.
pub(super) fn field(payload: &Value, name: &str) -> Result<Exact, String> {
    let value = &payload[name];
    exact(value.as_str().ok_or_else(|| format!("{name} is {value}"))?)
}

/// A field that is a JSON number, or a text, is the exchange's number.
pub(super) fn same(value: &Value, told: &str) -> bool {
    match value {
        Value::String(text) => exact(text).is_ok_and(|number| exact(told) == Ok(number)),
        value => value.as_f64() == told.parse().ok(),
    }
}

fn units(count: u64, decimals: u32) -> Exact {
    Exact::from(count) * 10_i128.pow(PLACES as u32 - decimals)
}

/// Price and quantity of a level.
pub(super) fn level(terms: &Terms, level: Level) -> (Exact, Exact) {
    (
        units(level.price, terms.price_decimals),
        units(level.quantity, terms.quantity_decimals),
    )
}
