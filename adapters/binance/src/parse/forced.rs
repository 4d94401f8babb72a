//! Forced orders: `forceOrder`, of one symbol or of all.
//! <https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Liquidation-Order-Streams>

use std::borrow::Cow;

use marketprism_kit::Refusal;
use marketprism_kit::arithmetic;
use marketprism_kit::json::{self, Number};
use marketprism_kit::wit::{Decimal, Side};
use serde::Deserialize;

use super::{Asked, Message, nanoseconds};
use crate::instruments::{by_symbol, is_symbol};
use crate::settings::Forced;

/// The stream of every symbol's forced orders.
pub const EVERYBODYS: &str = "!forceOrder@arr";

/// One forced order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForcedOrder {
    /// `s`.
    pub symbol: String,
    /// `S`.
    pub side: Side,
    /// `X` in small letters.
    pub status: String,
    /// `p`, at which the order stands: the bankruptcy price.
    pub order_price: String,
    /// `ap`, none while nothing is filled.
    pub average_price: Option<String>,
    /// `q`.
    pub quantity: String,
    /// `z`.
    pub filled_quantity: String,
    /// Price (average, else that of the order) times quantity.
    pub notional: String,
    /// `T`, in milliseconds.
    pub time_ms: u64,
    /// `T`, in nanoseconds.
    pub time: u64,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    e: Cow<'a, str>,
    #[serde(borrow)]
    o: Order<'a>,
}

#[derive(Deserialize)]
struct Order<'a> {
    #[serde(borrow)]
    s: Cow<'a, str>,
    #[serde(borrow, rename = "S")]
    side: Cow<'a, str>,
    #[serde(borrow, rename = "X")]
    status: Cow<'a, str>,
    p: Number,
    #[serde(borrow)]
    ap: Option<&'a serde_json::value::RawValue>,
    q: Number,
    z: Number,
    #[serde(rename = "T")]
    time_ms: u64,
}

/// Reads an event, or a list of them; `streamed` is the instrument that the wrapper named.
pub fn orders(data: &[u8], streamed: Option<u32>, asked: Asked<'_>) -> Result<Message, Refusal> {
    let mut orders = Vec::new();
    let mut take = |event: &[u8]| -> Result<(), Refusal> {
        let wire: Wire<'_> = json::object(event)?;
        if wire.e != "forceOrder" {
            let found = format!("event type {} where forceOrder belongs", wire.e);
            return Err(Refusal::new("wrong shape", found));
        }
        if is_wanted(&wire.o.s, streamed, asked)? {
            orders.push(order(&wire.o)?);
        }
        Ok(())
    };
    if data.trim_ascii_start().first() == Some(&b'[') {
        for event in json::list(data)? {
            take(event.get().as_bytes())?;
        }
    } else {
        take(data)?;
    }
    if orders.is_empty() {
        return Ok(Message::Ignored);
    }
    Ok(Message::Forced(orders))
}

fn is_wanted(symbol: &str, streamed: Option<u32>, asked: Asked<'_>) -> Result<bool, Refusal> {
    let known = by_symbol(asked.instruments, symbol);
    let wrong = |found: String| Refusal::new("wrong symbol", found);
    if let Some(streamed) = streamed
        && known.is_none_or(|(id, _)| id != streamed)
    {
        return Err(wrong(format!("{symbol} in another symbol's stream")));
    }
    if asked.forced == Some(Forced::OfAll) {
        return if is_symbol(symbol) {
            Ok(true)
        } else {
            Err(wrong(format!("{symbol:?}")))
        };
    }
    Ok(known.is_some_and(|(_, instrument)| instrument.active && instrument.is_forced_wanted))
}

fn order(wire: &Order<'_>) -> Result<ForcedOrder, Refusal> {
    let side = match &*wire.side {
        "BUY" => Side::Buy,
        "SELL" => Side::Sell,
        other => return Err(Refusal::new("wrong shape", format!("side {other:?}"))),
    };
    let is_word = (1..=32).contains(&wire.status.len())
        && wire
            .status
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if !is_word {
        let found = format!("status {:?}", wire.status);
        return Err(Refusal::new("wrong shape", found));
    }
    let (price, quantity, filled) = (wire.p.unsigned()?, wire.q.unsigned()?, wire.z.unsigned()?);
    let average = average(wire.ap)?;
    Ok(ForcedOrder {
        symbol: wire.s.to_string(),
        side,
        status: wire.status.to_ascii_lowercase(),
        order_price: price.to_string(),
        average_price: average.map(|price| price.to_string()),
        quantity: quantity.to_string(),
        filled_quantity: filled.to_string(),
        notional: arithmetic::product(average.unwrap_or(price), quantity),
        time_ms: wire.time_ms,
        time: nanoseconds(wire.time_ms)?,
    })
}

/// The average price; empty or zero means that there is none.
fn average(raw: Option<&serde_json::value::RawValue>) -> Result<Option<Decimal>, Refusal> {
    let Some(raw) = raw
        .map(|raw| raw.get())
        .filter(|text| *text != "\"\"" && *text != "null")
    else {
        return Ok(None);
    };
    #[derive(Deserialize)]
    struct Price(Number);
    let price: Price = serde_json::from_str(raw)
        .map_err(|error| Refusal::new("wrong shape", error.to_string()))?;
    let price = price.0.unsigned()?;
    Ok((price.mantissa != 0).then_some(price))
}
