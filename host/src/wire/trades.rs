//! The payload of a trade.

use super::WireError;
use super::json::Payload;
use super::names::{Prepared, event_token};
use super::number::{decimal, integer};
use super::time::millis;
use crate::sandbox::contract::{Side, Trade};

/// The taker's side as payloads name it.
pub(super) const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// Writes a trade. The consumer reads `price` and `quantity` as text.
pub(super) fn trade(
    mut payload: Payload<'_>,
    instrument: &Prepared,
    trade: &Trade,
) -> Result<(), WireError> {
    payload.raw(&instrument.normalized_symbol);
    payload.raw(br#","data_type":"trade","data_source":"marketprism","price":""#);
    decimal(payload.out, trade.price.mantissa, trade.price.scale)?;
    payload.raw(br#"","quantity":""#);
    decimal(payload.out, trade.quantity.mantissa, trade.quantity.scale)?;
    payload.raw(match trade.side {
        Side::Buy => br#"","side":"buy","trade_id":""#,
        Side::Sell => br#"","side":"sell","trade_id":""#,
    });
    match &trade.id {
        Some(id) => payload.raw(event_token("trade_id", id)?.as_bytes()),
        None => integer(payload.out, trade.sequence),
    }
    payload.raw(br#"","trade_ts_ms":"#);
    integer(payload.out, millis(trade.time));
    if let Some(quantity_base) = trade.quantity_base {
        payload.decimal("quantity_base", quantity_base)?;
    }
    payload.end(Some(trade.time));
    Ok(())
}
