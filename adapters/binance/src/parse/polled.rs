//! The answers of polled endpoints. They are rare, so there is one path only, and it is the general one.

use std::borrow::Cow;

use marketprism_kit::Refusal;
use marketprism_kit::json::{self, Number};
use marketprism_kit::wit::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::nanoseconds;

/// `GET /fapi/v1/premiumIndex`.
/// <https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Mark-Price>
#[derive(Debug, Clone, PartialEq)]
pub struct Premium {
    /// `lastFundingRate`; empty for a contract that is delivered.
    pub rate: Option<String>,
    /// `markPrice`.
    pub mark_price: Decimal,
    /// `indexPrice`.
    pub index_price: Decimal,
    /// `markPrice` minus `indexPrice`, where that can be told exactly.
    pub premium: Option<String>,
    /// `nextFundingTime` in nanoseconds; a contract that is delivered has no funding.
    pub next_funding: Option<u64>,
    /// `time`, in milliseconds.
    pub time_ms: u64,
    /// `time`, in nanoseconds.
    pub time: u64,
}

#[derive(Deserialize)]
struct WirePremium<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(rename = "markPrice")]
    mark_price: Number,
    #[serde(rename = "indexPrice")]
    index_price: Number,
    #[serde(borrow, rename = "lastFundingRate")]
    rate: &'a RawValue,
    #[serde(rename = "nextFundingTime")]
    next_funding_ms: u64,
    #[serde(rename = "time")]
    time_ms: u64,
}

/// Reads the premium index of a symbol.
pub fn premium(body: &[u8], symbol: &str) -> Result<Premium, Refusal> {
    let wire: WirePremium<'_> = json::object(body)?;
    is_of(symbol, &wire.symbol)?;
    let (mark, index) = (wire.mark_price.unsigned()?, wire.index_price.unsigned()?);
    let minus_index = Decimal {
        mantissa: -index.mantissa,
        ..index
    };
    let next_funding = nanoseconds(wire.next_funding_ms)?;
    Ok(Premium {
        rate: match wire.rate.get() {
            "\"\"" => None,
            text => Some(number(text)?.signed()?.to_string()),
        },
        mark_price: mark,
        index_price: index,
        premium: mark.checked_add(minus_index).map(|it| it.to_string()),
        next_funding: (next_funding != 0).then_some(next_funding),
        time_ms: wire.time_ms,
        time: nanoseconds(wire.time_ms)?,
    })
}

/// Reads the mark price alone from the premium index of a symbol.
pub fn mark_price(body: &[u8], symbol: &str) -> Result<Decimal, Refusal> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow)]
        symbol: Cow<'a, str>,
        #[serde(rename = "markPrice")]
        mark_price: Number,
    }
    let wire: Wire<'_> = json::object(body)?;
    is_of(symbol, &wire.symbol)?;
    wire.mark_price.unsigned()
}

fn number(text: &str) -> Result<Number, Refusal> {
    #[derive(Deserialize)]
    struct One(Number);
    let one: Result<One, _> = serde_json::from_str(text);
    one.map(|one| one.0)
        .map_err(|error| Refusal::new("wrong shape", error.to_string()))
}

/// `GET /fapi/v1/openInterest`.
/// <https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Open-Interest>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interest {
    /// `openInterest`, in coins.
    pub value: Decimal,
    /// `time`, in milliseconds.
    pub time_ms: u64,
    /// `time`, in nanoseconds.
    pub time: u64,
}

#[derive(Deserialize)]
struct WireInterest<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(rename = "openInterest")]
    value: Number,
    #[serde(rename = "time")]
    time_ms: u64,
}

/// Reads the open interest of a symbol.
pub fn interest(body: &[u8], symbol: &str) -> Result<Interest, Refusal> {
    let wire: WireInterest<'_> = json::object(body)?;
    is_of(symbol, &wire.symbol)?;
    Ok(Interest {
        value: wire.value.unsigned()?,
        time_ms: wire.time_ms,
        time: nanoseconds(wire.time_ms)?,
    })
}

/// A row of `GET /futures/data/topLongShortPositionRatio` or `globalLongShortAccountRatio`.
/// <https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Top-Trader-Long-Short-Ratio>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ratio {
    /// `longShortRatio`.
    pub ratio: String,
    /// `longAccount`, which is the share of positions where positions are counted.
    pub long: String,
    /// `shortAccount`.
    pub short: String,
    /// `timestamp`, in milliseconds.
    pub time_ms: u64,
    /// `timestamp`, in nanoseconds.
    pub time: u64,
}

#[derive(Deserialize)]
struct WireRatio<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(rename = "longShortRatio")]
    ratio: Number,
    #[serde(rename = "longAccount")]
    long: Number,
    #[serde(rename = "shortAccount")]
    short: Number,
    #[serde(rename = "timestamp", deserialize_with = "bare_or_text")]
    time_ms: u64,
}

/// Reads the ratios of a symbol, oldest first.
pub fn ratios(body: &[u8], symbol: &str) -> Result<Vec<Ratio>, Refusal> {
    let rows = json::list(body)?;
    let read = rows.into_iter().map(|row| {
        let wire: WireRatio<'_> = json::object(row.get().as_bytes())?;
        is_of(symbol, &wire.symbol)?;
        Ok(Ratio {
            ratio: wire.ratio.unsigned()?.to_string(),
            long: wire.long.unsigned()?.to_string(),
            short: wire.short.unsigned()?.to_string(),
            time_ms: wire.time_ms,
            time: nanoseconds(wire.time_ms)?,
        })
    });
    let mut ratios = read.collect::<Result<Vec<_>, Refusal>>()?;
    ratios.sort_by_key(|ratio| ratio.time_ms);
    Ok(ratios)
}

/// A symbol whose funding interval is not the usual one, of `GET /fapi/v1/fundingInfo`.
/// <https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Get-Funding-Rate-Info>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingInterval {
    /// `symbol`.
    pub symbol: String,
    /// `fundingIntervalHours`.
    pub hours: u32,
}

#[derive(Deserialize)]
struct WireFundingInfo<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(rename = "fundingIntervalHours")]
    hours: u32,
}

/// Reads the funding intervals that are named.
pub fn funding_intervals(body: &[u8]) -> Result<Vec<FundingInterval>, Refusal> {
    let rows = json::list(body)?;
    let read = rows.into_iter().map(|row| {
        let wire: WireFundingInfo<'_> = json::object(row.get().as_bytes())?;
        Ok(FundingInterval {
            symbol: wire.symbol.into_owned(),
            hours: wire.hours,
        })
    });
    read.collect()
}

/// Reads the exchange's clock, the answer of `GET .../time`, in nanoseconds.
/// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-endpoints#check-server-time>
pub fn server_time(body: &[u8]) -> Result<u64, Refusal> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(rename = "serverTime")]
        time_ms: u64,
    }
    let wire: Wire = json::object(body)?;
    nanoseconds(wire.time_ms)
}

/// Why the exchange does not know a symbol, in its words: an answer with status 400 and this code.
/// <https://developers.binance.com/docs/binance-spot-api-docs/errors#-1121-bad_symbol>
pub fn bad_symbol(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        code: i64,
        #[serde(borrow)]
        msg: Cow<'a, str>,
    }
    let wire: Wire<'_> = json::object(body).ok()?;
    (wire.code == -1121).then(|| wire.msg.chars().take(200).collect())
}

fn is_of(wanted: &str, found: &str) -> Result<(), Refusal> {
    if wanted == found {
        return Ok(());
    }
    let found = format!("{found} in the answer for {wanted}");
    Err(Refusal::new("wrong symbol", found))
}

/// A time stands bare; in some examples of the documentation it stands in a string.
fn bare_or_text<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = <&RawValue>::deserialize(from)?.get();
    let inside = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inside
        .unwrap_or(text)
        .parse()
        .map_err(serde::de::Error::custom)
}
