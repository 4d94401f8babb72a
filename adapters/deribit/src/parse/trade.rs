//! Trades, as the stream and as answers bring them.

use std::borrow::Cow;

use marketprism_kit::Refusal;
use marketprism_kit::json::{self, Number};
use marketprism_kit::wit::Side;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{TradeMade, nanoseconds, same_name};

/// Longest name of a trade.
const ID_BYTES_MAX: usize = 64;

#[derive(Deserialize)]
struct WireTrade<'a> {
    trade_seq: u64,
    #[serde(borrow)]
    trade_id: Cow<'a, str>,
    timestamp: u64,
    price: Number,
    amount: Number,
    #[serde(borrow)]
    direction: Cow<'a, str>,
    #[serde(borrow)]
    instrument_name: Cow<'a, str>,
}

/// Reads the data of a trades channel: every trade, or none.
pub fn stream(
    data: &[u8],
    instrument: u32,
    name: &str,
    to: &mut Vec<TradeMade>,
) -> Result<(), Refusal> {
    to.clear();
    for raw in json::list(data)? {
        to.push(trade(raw, instrument, name)?);
    }
    Ok(())
}

/// Reads one trade.
pub fn trade(raw: &RawValue, instrument: u32, name: &str) -> Result<TradeMade, Refusal> {
    let wire: WireTrade<'_> = json::object(raw.get().as_bytes())?;
    same_name(&wire.instrument_name, name)?;
    let side = match &*wire.direction {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        other => return Err(Refusal::new("wrong shape", format!("direction {other}"))),
    };
    if wire.trade_id.is_empty() || wire.trade_id.len() > ID_BYTES_MAX {
        return Err(Refusal::new("wrong shape", "the trade's name"));
    }
    Ok(TradeMade {
        instrument,
        sequence: wire.trade_seq,
        id: wire.trade_id.into_owned(),
        price: wire.price.unsigned()?,
        quantity: wire.amount.unsigned()?,
        time: nanoseconds(wire.timestamp)?,
        side,
    })
}
