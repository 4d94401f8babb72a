//! The general path: any valid JSON, with or without the combined wrapper.

use std::borrow::Cow;

use marketprism_kit::Refusal;
use marketprism_kit::book::UpdateIds;
use marketprism_kit::json::{self, Number, WireLevel};
use marketprism_kit::wit::Decimal;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{Asked, Changes, DepthUpdate, Message, TradeMade, forced, nanoseconds, side};
use crate::instruments::by_symbol;
use crate::settings::TradeStream;
use crate::venue::Venue;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    e: Option<&'a RawValue>,
    #[serde(borrow)]
    s: Option<&'a RawValue>,
    result: Option<IgnoredAny>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    code: Option<IgnoredAny>,
    #[serde(rename = "lastUpdateId")]
    last_update_id: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    e: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct WireDepth<'a> {
    #[serde(borrow)]
    e: Cow<'a, str>,
    #[serde(rename = "E")]
    time_ms: u64,
    #[serde(borrow)]
    s: Cow<'a, str>,
    #[serde(rename = "U")]
    first: u64,
    #[serde(rename = "u")]
    last: u64,
    #[serde(borrow)]
    pu: Option<&'a RawValue>,
    b: Vec<WireLevel>,
    a: Vec<WireLevel>,
}

#[derive(Deserialize)]
struct WireTrade<'a> {
    #[serde(borrow)]
    e: Cow<'a, str>,
    #[serde(borrow)]
    s: Cow<'a, str>,
    /// Its id, in a `trade`.
    #[serde(borrow)]
    t: Option<&'a RawValue>,
    /// Its id, in an `aggTrade`; a `trade` may have something else here.
    #[serde(borrow)]
    a: Option<&'a RawValue>,
    p: Number,
    q: Number,
    #[serde(rename = "T")]
    time_ms: u64,
    m: bool,
}

#[derive(Deserialize)]
struct WireSnapshot {
    #[serde(rename = "lastUpdateId")]
    last_update_id: u64,
    bids: Vec<WireLevel>,
    asks: Vec<WireLevel>,
}

/// What an instrument's stream carries.
#[derive(Clone, Copy, PartialEq)]
enum Channel {
    Depth,
    Trade(TradeStream),
    Forced,
}

/// Reads a frame or names the rule that it breaks.
pub fn frame(data: &[u8], asked: Asked<'_>, changes: &mut Changes) -> Result<Message, Refusal> {
    let envelope: Envelope<'_> = json::object(data)?;
    match &envelope.stream {
        Some(stream) => combined(stream, envelope.data, asked, changes),
        None => raw(data, &envelope, asked, changes),
    }
}

fn combined(
    stream: &str,
    data: Option<&RawValue>,
    asked: Asked<'_>,
    changes: &mut Changes,
) -> Result<Message, Refusal> {
    if stream == forced::EVERYBODYS && asked.forced.is_some() {
        let data = data.ok_or_else(|| Refusal::new("wrong shape", "no data"))?;
        return forced::orders(data.get().as_bytes(), None, asked);
    }
    let Some((id, channel)) = asked_stream(stream, asked) else {
        // A notice of the exchange belongs to no stream.
        let kind = data.map(|data| json::object::<Kind<'_>>(data.get().as_bytes()));
        let is_notice = matches!(kind, Some(Ok(Kind { e: Some(e) })) if e == "serverShutdown");
        return Ok(if is_notice {
            Message::Shutdown
        } else {
            Message::Ignored
        });
    };
    let data = data.ok_or_else(|| Refusal::new("wrong shape", "no data"))?;
    event(data.get().as_bytes(), channel, Some(id), asked, changes)
}

/// The instrument and channel of a stream name, if it was asked for.
fn asked_stream(stream: &str, asked: Asked<'_>) -> Option<(u32, Channel)> {
    let (name, channel) = stream.split_once('@')?;
    let (id, _) = asked.instruments.find_active(name.as_bytes())?;
    // A book stream at any speed will do: the update ids chain all the same.
    let is_depth = channel == "depth"
        || channel
            .strip_prefix("depth@")
            .and_then(|speed| speed.strip_suffix("ms"))
            .is_some_and(|speed| {
                !speed.is_empty() && speed.bytes().all(|byte| byte.is_ascii_digit())
            });
    if is_depth {
        return asked.books.then_some((id, Channel::Depth));
    }
    if channel == "forceOrder" {
        return asked.forced.is_some().then_some((id, Channel::Forced));
    }
    let trades = asked.trades.filter(|trades| trades.name() == channel)?;
    Some((id, Channel::Trade(trades)))
}

fn raw(
    data: &[u8],
    envelope: &Envelope<'_>,
    asked: Asked<'_>,
    changes: &mut Changes,
) -> Result<Message, Refusal> {
    let Some(kind) = envelope.e else {
        let failed = envelope.error.is_some() || envelope.code.is_some();
        let number = envelope.id.and_then(|id| id.get().parse().ok());
        if let Some(number) = number {
            let problem = failed.then(|| String::from_utf8_lossy(data).into_owned());
            return Ok(Message::Answer(number, problem));
        }
        if failed {
            return Err(Refusal::new(
                "exchange error",
                String::from_utf8_lossy(data),
            ));
        }
        // An answer to a request that is none of ours, or a stream whose events carry no type (bookTicker, partial
        // books).
        let is_answer = envelope.result.is_some() || envelope.id.is_some();
        let is_known = is_answer || envelope.s.is_some() || envelope.last_update_id.is_some();
        return if is_known {
            Ok(Message::Ignored)
        } else {
            Err(Refusal::new("wrong shape", "no event type"))
        };
    };
    let kind: Cow<'_, str> = text(kind)?;
    let channel = match (&*kind, asked.trades) {
        ("serverShutdown", _) => return Ok(Message::Shutdown),
        ("depthUpdate", _) if asked.books => Channel::Depth,
        ("forceOrder", _) if asked.forced.is_some() => return forced::orders(data, None, asked),
        (kind, Some(trades)) if kind == trades.name() => Channel::Trade(trades),
        _ => return Ok(Message::Ignored),
    };
    let symbol = envelope
        .s
        .ok_or_else(|| Refusal::new("wrong shape", "no symbol"))?;
    let symbol = text(symbol)?;
    if active(&symbol, asked).is_none() {
        return Ok(Message::Ignored);
    }
    event(data, channel, None, asked, changes)
}

fn text(raw: &RawValue) -> Result<Cow<'_, str>, Refusal> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    scalar::<Text<'_>>(raw).map(|text| text.0)
}

fn scalar<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, Refusal> {
    serde_json::from_str(raw.get()).map_err(|error| Refusal::new("wrong shape", error.to_string()))
}

fn active(symbol: &str, asked: Asked<'_>) -> Option<u32> {
    let (id, instrument) = by_symbol(asked.instruments, symbol)?;
    instrument.active.then_some(id)
}

/// Reads the event of an asked stream; `streamed` is the instrument that the wrapper named.
fn event(
    data: &[u8],
    channel: Channel,
    streamed: Option<u32>,
    asked: Asked<'_>,
    changes: &mut Changes,
) -> Result<Message, Refusal> {
    match channel {
        Channel::Depth => {
            let wire: WireDepth<'_> = json::object(data)?;
            let instrument = instrument(&wire.e, "depthUpdate", &wire.s, streamed, asked)?;
            let time = nanoseconds(wire.time_ms)?;
            if wire.first > wire.last {
                let found = format!("U {} is above u {}", wire.first, wire.last);
                return Err(Refusal::new("update ids out of order", found));
            }
            let previous = match asked.venue {
                Venue::Spot => None,
                Venue::UsdMargined => {
                    let previous = wire.pu;
                    let previous = previous.ok_or_else(|| Refusal::new("wrong shape", "no pu"))?;
                    Some(scalar(previous)?)
                }
            };
            json::levels(&wire.b, &mut changes.bids)?;
            json::levels(&wire.a, &mut changes.asks)?;
            Ok(Message::Depth(DepthUpdate {
                instrument,
                ids: UpdateIds {
                    first: wire.first,
                    last: wire.last,
                    previous,
                    time,
                },
            }))
        }
        Channel::Forced => forced::orders(data, streamed, asked),
        Channel::Trade(stream) => {
            let wire: WireTrade<'_> = json::object(data)?;
            let id = match stream {
                TradeStream::Trade => wire.t,
                TradeStream::AggTrade => wire.a,
            };
            let id = scalar(id.ok_or_else(|| Refusal::new("wrong shape", "no trade id"))?)?;
            let instrument = instrument(&wire.e, stream.name(), &wire.s, streamed, asked)?;
            let made = trade(instrument, id, (wire.p, wire.q), wire.time_ms, wire.m)?;
            Ok(Message::Trade(made))
        }
    }
}

fn instrument(
    kind: &str,
    expected: &str,
    symbol: &str,
    streamed: Option<u32>,
    asked: Asked<'_>,
) -> Result<u32, Refusal> {
    if kind != expected {
        return Err(Refusal::new(
            "wrong shape",
            format!("event type {kind} where {expected} belongs"),
        ));
    }
    match active(symbol, asked) {
        Some(id) if streamed.is_none_or(|streamed| streamed == id) => Ok(id),
        _ => Err(Refusal::new(
            "wrong symbol",
            format!("{symbol} in another symbol's stream"),
        )),
    }
}

/// A trade of these numbers: price, and quantity.
pub(super) fn trade(
    instrument: u32,
    id: u64,
    (price, quantity): (Number, Number),
    time_ms: u64,
    buyer_is_maker: bool,
) -> Result<TradeMade, Refusal> {
    let (price, quantity): (Decimal, Decimal) = (price.unsigned()?, quantity.unsigned()?);
    let time = nanoseconds(time_ms)?;
    Ok(TradeMade {
        instrument,
        id,
        price,
        quantity,
        time,
        side: side(buyer_is_maker),
    })
}

/// Reads a depth snapshot or names the rule that it breaks.
pub fn snapshot(body: &[u8], changes: &mut Changes) -> Result<u64, Refusal> {
    let wire: WireSnapshot = json::object(body)?;
    json::levels(&wire.bids, &mut changes.bids)?;
    json::levels(&wire.asks, &mut changes.asks)?;
    Ok(wire.last_update_id)
}
