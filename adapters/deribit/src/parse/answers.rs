//! Answers to requests: JSON-RPC over HTTP, a `result` or an `error`.

use std::borrow::Cow;

use marketprism_kit::wit::Answer;
use marketprism_kit::{Refusal, arithmetic, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{NS_PER_MS, TradeMade, rpc_error, trade};

/// Most candles in one answer that are read.
const CANDLES_MAX: usize = 10_000;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    /// When the exchange answered, in microseconds.
    #[serde(rename = "usOut")]
    us_out: Option<u64>,
}

#[derive(Deserialize)]
struct WireCandles<'a> {
    #[serde(borrow)]
    data: Vec<Vec<&'a RawValue>>,
    continuation: Option<u64>,
}

#[derive(Deserialize)]
struct WireListed<'a> {
    #[serde(borrow)]
    instrument_name: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    quote_currency: Cow<'a, str>,
    /// "reversed" or "linear"; lists of before 2022 carry none.
    #[serde(borrow)]
    instrument_type: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct WireTrades<'a> {
    #[serde(borrow)]
    trades: Vec<&'a RawValue>,
}

/// One candle of a volatility index: times in nanoseconds, values as plain decimal text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candle {
    /// Its start.
    pub start: u64,
    /// Value at its start.
    pub open: String,
    /// Highest value.
    pub high: String,
    /// Lowest value.
    pub low: String,
    /// Value at its end.
    pub close: String,
}

/// The answer of `get_volatility_index_data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candles {
    /// Ascending by their start.
    pub all: Vec<Candle>,
    /// Older candles that were asked for are left out.
    pub is_partial: bool,
    /// When the exchange answered, in nanoseconds, as it says.
    pub answered: Option<u64>,
}

/// An instrument of a list of `get_instruments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// A future or perpetual whose amounts are US dollars and whose profits are coins.
    pub is_inverse: bool,
}

/// The result of an answer, and when the exchange answered in microseconds.
fn result(answer: &Answer) -> Result<(&RawValue, Option<u64>), Refusal> {
    let envelope: Envelope<'_> = match json::object(&answer.body) {
        Ok(envelope) => envelope,
        Err(_) if answer.status != 200 => {
            let body = String::from_utf8_lossy(&answer.body);
            let found = format!("status {}: {body}", answer.status);
            return Err(Refusal::new("request refused", found));
        }
        Err(refusal) => return Err(refusal),
    };
    if let Some(error) = envelope.error {
        let error = rpc_error(error)?;
        let found = format!("{}: {}", error.code, error.message);
        return Err(Refusal::new("exchange error", found));
    }
    if answer.status != 200 {
        let found = format!("status {}", answer.status);
        return Err(Refusal::new("request refused", found));
    }
    let result = envelope.result;
    let result = result.ok_or_else(|| Refusal::new("wrong shape", "no result"))?;
    Ok((result, envelope.us_out))
}

/// Reads the candles of a volatility index.
/// <https://docs.deribit.com/api-reference/market-data/public-get_volatility_index_data>
pub fn candles(answer: &Answer) -> Result<Candles, Refusal> {
    let (result, us_out) = result(answer)?;
    let wire: WireCandles<'_> = json::object(result.get().as_bytes())?;
    if wire.data.len() > CANDLES_MAX {
        let found = format!("{} candles", wire.data.len());
        return Err(Refusal::new("too many candles", found));
    }
    let mut all = Vec::with_capacity(wire.data.len());
    for row in &wire.data {
        let [start, open, high, low, close, ..] = row.as_slice() else {
            return Err(Refusal::new("wrong shape", "a candle of too few numbers"));
        };
        all.push(Candle {
            start: milliseconds(start)?,
            open: value(open)?,
            high: value(high)?,
            low: value(low)?,
            close: value(close)?,
        });
    }
    all.sort_by_key(|candle| candle.start);
    Ok(Candles {
        all,
        is_partial: wire.continuation.is_some(),
        answered: us_out.and_then(|us| us.checked_mul(1_000)),
    })
}

fn milliseconds(raw: &RawValue) -> Result<u64, Refusal> {
    let ms = raw.get().parse::<u64>().ok();
    ms.and_then(|ms| ms.checked_mul(NS_PER_MS))
        .ok_or_else(|| Refusal::new("wrong shape", format!("time {}", raw.get())))
}

fn value(raw: &RawValue) -> Result<String, Refusal> {
    let text = raw.get();
    let inside = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let value = arithmetic::plain_text(inside.unwrap_or(text).as_bytes())?;
    if value.starts_with('-') {
        return Err(Refusal::new("negative number", value));
    }
    Ok(value)
}

/// Reads a list of instruments.
/// <https://docs.deribit.com/api-reference/market-data/public-get_instruments>
pub fn listed(answer: &Answer) -> Result<Vec<Listed<'_>>, Refusal> {
    let (result, _) = result(answer)?;
    let mut all = Vec::new();
    for raw in json::list(result.get().as_bytes())? {
        let wire: WireListed<'_> = json::object(raw.get().as_bytes())?;
        let is_inverse = wire.kind == "future"
            && match &wire.instrument_type {
                Some(kind) => kind == "reversed",
                None => wire.quote_currency == "USD",
            };
        all.push(Listed {
            name: wire.instrument_name,
            is_inverse,
        });
    }
    Ok(all)
}

/// Reads the exchange's time, in nanoseconds since the epoch.
/// <https://docs.deribit.com/api-reference/supporting/public-get_time>
pub fn exchange_time(answer: &Answer) -> Result<u64, Refusal> {
    milliseconds(result(answer)?.0)
}

/// Reads the trades of one instrument, in the order of the answer.
/// <https://docs.deribit.com/api-reference/market-data/public-get_last_trades_by_instrument>
pub fn old_trades(answer: &Answer, instrument: u32, name: &str) -> Result<Vec<TradeMade>, Refusal> {
    let (result, _) = result(answer)?;
    let wire: WireTrades<'_> = json::object(result.get().as_bytes())?;
    let all = wire.trades.into_iter();
    all.map(|raw| trade::trade(raw, instrument, name)).collect()
}
