//! The wire shape of the example: `{"pair":"BTC/EUR","id":7,"price":"50.10","amount":"2","buy":true,"ms":1700000000000}`

use marketprism_kit::Refusal;
use marketprism_kit::json::{self, Number};
use marketprism_kit::wit::{Decimal, Side};
use serde::Deserialize;

#[derive(Deserialize)]
struct Wire<'a> {
    pair: &'a str,
    id: u64,
    price: Number,
    amount: Number,
    buy: bool,
    ms: u64,
}

/// A trade as the exchange tells it.
pub struct Made<'a> {
    pub pair: &'a str,
    pub id: u64,
    pub price: Decimal,
    pub quantity: Decimal,
    pub side: Side,
    /// Nanoseconds since the epoch.
    pub time: u64,
}

/// Reads a frame or names the rule that it breaks.
pub fn trade(data: &[u8]) -> Result<Made<'_>, Refusal> {
    let wire: Wire<'_> = json::object(data)?;
    let time = wire.ms.checked_mul(1_000_000);
    Ok(Made {
        pair: wire.pair,
        id: wire.id,
        price: wire.price.unsigned()?,
        quantity: wire.amount.unsigned()?,
        side: if wire.buy { Side::Buy } else { Side::Sell },
        time: time.ok_or_else(|| Refusal::new("number out of range", format!("ms {}", wire.ms)))?,
    })
}
