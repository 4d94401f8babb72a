//! Answers of the REST interface. They are rare, so there is one path only, and it is the general one.
//! <https://www.okx.com/docs-v5/en/#public-data-rest-api>

use std::borrow::Cow;

use marketprism_kit::Refusal;
use marketprism_kit::arithmetic::plain_text;
use marketprism_kit::json::{self, Number};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::general::{WireBook, book as book_of, sequence};
use super::{BookFrame, Chain, nanoseconds, unsigned};
use crate::contracts::Contract;

/// The rule that an answer breaks in which the exchange says that it cannot answer.
pub const EXCHANGE_ERROR: &str = "exchange error";

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    msg: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

fn rows(body: &[u8]) -> Result<Vec<&RawValue>, Refusal> {
    let envelope: Envelope<'_> = json::object(body)?;
    if envelope.code != "0" {
        let message = envelope.msg.unwrap_or_default();
        let found = format!("{}: {message}", envelope.code);
        return Err(Refusal::new(EXCHANGE_ERROR, found));
    }
    let data = envelope
        .data
        .ok_or_else(|| Refusal::new("wrong shape", "no data"))?;
    json::list(data.get().as_bytes())
}

/// The one row of an instrument.
fn row<'a, T: Deserialize<'a>>(
    body: &'a [u8],
    name: &str,
    instrument: impl Fn(&T) -> &str,
) -> Result<T, Refusal> {
    for row in rows(body)? {
        let read: T = json::object(row.get().as_bytes())?;
        if instrument(&read) == name {
            return Ok(read);
        }
    }
    Err(Refusal::new("nothing of the instrument", name))
}

#[derive(Deserialize)]
struct WireInstrument<'a> {
    #[serde(borrow, rename = "instId")]
    name: Cow<'a, str>,
    #[serde(borrow, rename = "ctType")]
    kind: Cow<'a, str>,
    #[serde(borrow, rename = "ctVal")]
    value: &'a RawValue,
    #[serde(borrow, rename = "ctMult")]
    multiplier: &'a RawValue,
}

/// Reads the answer of `GET /api/v5/public/instruments`: what one contract of each instrument is. An instrument whose
/// contract cannot be read has none, and the others are none the worse.
pub fn contracts(body: &[u8], mut each: impl FnMut(&str, Option<Contract>)) -> Result<(), Refusal> {
    for row in rows(body)? {
        let wire: WireInstrument<'_> = json::object(row.get().as_bytes())?;
        let number = |raw: &RawValue| -> Option<_> {
            let number: Number = serde_json::from_str(raw.get()).ok()?;
            number.unsigned().ok().filter(|number| number.mantissa > 0)
        };
        let contract = match (number(wire.value), number(wire.multiplier)) {
            (Some(value), Some(multiplier)) => Contract::of(&wire.kind, value, multiplier),
            _ => None,
        };
        each(&wire.name, contract);
    }
    Ok(())
}

/// Reads the answer of `GET /api/v5/market/books`; one without `seqId` has no chain.
pub fn book(body: &[u8]) -> Result<BookFrame, Refusal> {
    let rows = rows(body)?;
    let row = rows
        .first()
        .ok_or_else(|| Refusal::new("wrong shape", "empty data"))?;
    let wire: WireBook<'_> = json::object(row.get().as_bytes())?;
    let mut book = book_of(&wire)?;
    book.is_snapshot = true;
    book.chain = sequence(&wire)?.map(|sequence| Chain {
        sequence,
        previous: None,
    });
    Ok(book)
}

/// The exchange's time in nanoseconds: the answer of `GET /api/v5/public/time`.
pub fn time(body: &[u8]) -> Result<u64, Refusal> {
    #[derive(Deserialize)]
    struct Time {
        ts: Number,
    }
    let rows = rows(body)?;
    let row = rows
        .first()
        .ok_or_else(|| Refusal::new("wrong shape", "empty data"))?;
    let time: Time = json::object(row.get().as_bytes())?;
    super::time(time.ts)
}

/// A funding rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funding {
    /// `ts`, in milliseconds.
    pub time_ms: u64,
    /// `fundingRate`.
    pub current: String,
    /// `nextFundingRate`, where it is told.
    pub estimated: Option<String>,
    /// From one funding to the next, as "8h".
    pub interval: Option<String>,
    /// When funding is next exchanged, in nanoseconds.
    pub next: Option<u64>,
}

#[derive(Deserialize)]
struct WireFunding<'a> {
    #[serde(borrow, rename = "instId")]
    instrument: Cow<'a, str>,
    #[serde(borrow, rename = "fundingRate")]
    current: &'a RawValue,
    #[serde(borrow, rename = "nextFundingRate")]
    estimated: Option<&'a RawValue>,
    #[serde(borrow, rename = "fundingTime")]
    time: Option<&'a RawValue>,
    #[serde(borrow, rename = "nextFundingTime")]
    next_time: Option<&'a RawValue>,
    ts: Number,
}

/// Reads the answer of `GET /api/v5/public/funding-rate`.
pub fn funding_rate(body: &[u8], name: &str) -> Result<Funding, Refusal> {
    let wire: WireFunding<'_> = row(body, name, |wire: &WireFunding<'_>| &wire.instrument)?;
    let time_ms = unsigned(wire.ts)?;
    nanoseconds(time_ms)?;
    let at = |raw: Option<&RawValue>| given(raw).map(time_of).transpose();
    let (funding, following) = (at(wire.time)?, at(wire.next_time)?);
    let between = funding.zip(following);
    let interval = between.and_then(|(from, to)| interval(to.checked_sub(from)?));
    // `fundingTime` is the end of the running interval; right behind it the exchange may still tell the one before.
    let next = [funding, following]
        .into_iter()
        .flatten()
        .find(|at| *at > time_ms);
    Ok(Funding {
        time_ms,
        current: plain(wire.current)?,
        estimated: given(wire.estimated).map(plain).transpose()?,
        interval,
        next: next.map(nanoseconds).transpose()?,
    })
}

/// An open interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// `ts`, in milliseconds.
    pub time_ms: u64,
    /// `oi`, in contracts.
    pub contracts: String,
    /// `oiUsd`, in US dollars, where it is told.
    pub usd: Option<String>,
}

#[derive(Deserialize)]
struct WireInterest<'a> {
    #[serde(borrow, rename = "instId")]
    instrument: Cow<'a, str>,
    #[serde(borrow)]
    oi: &'a RawValue,
    #[serde(borrow, rename = "oiUsd")]
    usd: Option<&'a RawValue>,
    ts: Number,
}

/// Reads the answer of `GET /api/v5/public/open-interest`.
pub fn open_interest(body: &[u8], name: &str) -> Result<Interest, Refusal> {
    let wire: WireInterest<'_> = row(body, name, |wire: &WireInterest<'_>| &wire.instrument)?;
    let time_ms = unsigned(wire.ts)?;
    nanoseconds(time_ms)?;
    Ok(Interest {
        time_ms,
        contracts: not_negative(plain(wire.oi)?)?,
        usd: given(wire.usd)
            .map(plain)
            .transpose()?
            .map(not_negative)
            .transpose()?,
    })
}

/// A ratio of long to short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ratio {
    /// End or start of the period, in milliseconds.
    pub time_ms: u64,
    /// Long divided by short.
    pub ratio: String,
}

/// Reads the answer of one of the ratios' endpoints: rows of `[ts, ratio]`, of which the newest counts.
/// <https://www.okx.com/docs-v5/en/#trading-statistics-rest-api>
pub fn ratio(body: &[u8]) -> Result<Ratio, Refusal> {
    let mut newest: Option<(u64, &RawValue)> = None;
    for row in rows(body)? {
        let columns = json::list(row.get().as_bytes())?;
        let [time, ratio, ..] = columns.as_slice() else {
            return Err(Refusal::new("wrong shape", "not [ts, ratio]"));
        };
        let time = time_of(time)?;
        nanoseconds(time)?;
        if newest.is_none_or(|(newest, _)| time > newest) {
            newest = Some((time, ratio));
        }
    }
    let (time_ms, ratio) = newest.ok_or_else(|| Refusal::new("wrong shape", "empty data"))?;
    Ok(Ratio {
        time_ms,
        ratio: not_negative(plain(ratio)?)?,
    })
}

/// A value that is there: neither null nor an empty text.
fn given(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| !matches!(raw.get(), "\"\"" | "null"))
}

fn plain(raw: &RawValue) -> Result<String, Refusal> {
    Ok(plain_text(raw.get().trim_matches('"').as_bytes())?)
}

fn not_negative(text: String) -> Result<String, Refusal> {
    if text.starts_with('-') {
        return Err(Refusal::new("negative number", text));
    }
    Ok(text)
}

fn time_of(raw: &RawValue) -> Result<u64, Refusal> {
    let number: Number = serde_json::from_str(raw.get())
        .map_err(|error| Refusal::new("not a number", error.to_string()))?;
    unsigned(number)
}

/// A time between two fundings, in words; none when it is none.
fn interval(ms: u64) -> Option<String> {
    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    match ms {
        0 => None,
        ms if ms.is_multiple_of(HOUR) => Some(format!("{}h", ms / HOUR)),
        ms if ms.is_multiple_of(MINUTE) => Some(format!("{}m", ms / MINUTE)),
        ms => Some(format!("{}s", ms / 1000)),
    }
}
