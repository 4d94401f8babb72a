//! The wire shapes of Deribit: JSON-RPC 2.0 frames, read by one general path. A change of a book takes it 2 µs, and the
//! exchange sends ten a second of a book at most: a path for the known shape would not pay.
//!
//! Notifications: <https://docs.deribit.com/articles/notifications>. Book:
//! <https://docs.deribit.com/subscriptions/orderbook/bookinstrument_nameinterval>. Trades:
//! <https://docs.deribit.com/subscriptions/trades/tradesinstrument_nameinterval>

mod answers;
mod book;
mod trade;

pub use answers::{Candle, Candles, Listed, candles, exchange_time, listed, old_trades};

use std::borrow::Cow;

use marketprism_kit::book::Changes;
use marketprism_kit::wit::{Decimal, Side};
use marketprism_kit::{Refusal, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::instruments::Instruments;

/// Nanoseconds in a millisecond, the exchange's unit of time.
const NS_PER_MS: u64 = 1_000_000;

/// What a frame says. A book message's levels are in the scratch that it was read into, and so are trades.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A snapshot or a change of an instrument's book.
    Book(BookUpdate),
    /// Trades of an instrument, one or more.
    Trades(u32),
    /// The exchange wants to know whether we live.
    TestRequest,
    /// A sign of life.
    Heartbeat,
    /// The answer to one of our messages.
    Reply(Reply),
    /// A stream that nobody asked for.
    Ignored,
}

/// A book message without its levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookUpdate {
    /// The instrument's number.
    pub instrument: u32,
    /// `change_id`.
    pub id: u64,
    /// `prev_change_id`, of a change; none of a snapshot.
    pub previous: Option<u64>,
    /// `timestamp`, in nanoseconds.
    pub time: u64,
}

/// A trade.
#[derive(Debug, Clone, PartialEq)]
pub struct TradeMade {
    /// The instrument's number.
    pub instrument: u32,
    /// `trade_seq`: counts the instrument's trades without a hole.
    pub sequence: u64,
    /// `trade_id`: the exchange's name of the trade, for example "403691824" or "ETH-284830839".
    pub id: String,
    /// `price`.
    pub price: Decimal,
    /// `amount`: US dollars of an inverse future or perpetual, coins otherwise.
    pub quantity: Decimal,
    /// `timestamp`, in nanoseconds.
    pub time: u64,
    /// `direction`: the taker's side.
    pub side: Side,
}

/// The answer to one of our messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The number that we gave the message; none when the answer carries none of ours.
    pub id: Option<u64>,
    /// What the exchange says.
    pub outcome: Outcome,
}

/// What the exchange says to one of our messages.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The names of channels.
    Channels(Vec<String>),
    /// Something else.
    Done,
    /// It could not be done.
    Error(RpcError),
}

/// An error in the exchange's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcError {
    /// <https://docs.deribit.com/articles/errors>
    pub code: i64,
    /// For people.
    pub message: String,
}

impl RpcError {
    /// So many requests that the exchange closes the connection.
    pub const TOO_MANY_REQUESTS: i64 = 10_028;
}

/// What frames are read against.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The instruments that are collected.
    pub instruments: &'a Instruments,
    /// Whether books were asked for.
    pub books: bool,
    /// Whether trades were asked for.
    pub trades: bool,
}

/// What the frame being read carries besides its message; reused from one to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Levels of a book message; quantity 0 removes.
    pub changes: Changes,
    /// Trades, in the order of the frame.
    pub trades: Vec<TradeMade>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Notification<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct Heartbeat<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct WireError<'a> {
    code: i64,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Which of an instrument's channels a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Book,
    Trades,
}

/// Reads a frame or names the rule that it breaks.
pub fn frame(data: &[u8], asked: Asked<'_>, scratch: &mut Scratch) -> Result<Message, Refusal> {
    let envelope: Envelope<'_> = json::object(data)?;
    let params = || {
        let params = envelope.params.map(|params| params.get().as_bytes());
        params.ok_or_else(|| Refusal::new("wrong shape", "no params"))
    };
    match envelope.method.as_deref() {
        Some("subscription") => notification(json::object(params()?)?, asked, scratch),
        Some("heartbeat") => {
            let heartbeat: Heartbeat<'_> = json::object(params()?)?;
            Ok(match &*heartbeat.kind {
                "test_request" => Message::TestRequest,
                _ => Message::Heartbeat,
            })
        }
        Some(_) => Ok(Message::Ignored),
        None => reply(&envelope).map(Message::Reply),
    }
}

fn notification(
    wire: Notification<'_>,
    asked: Asked<'_>,
    scratch: &mut Scratch,
) -> Result<Message, Refusal> {
    let Some((instrument, name, channel)) = asked_channel(&wire.channel, asked) else {
        return Ok(Message::Ignored);
    };
    let data = wire.data.get().as_bytes();
    match channel {
        Channel::Book => {
            book::update(data, instrument, name, &mut scratch.changes).map(Message::Book)
        }
        Channel::Trades => {
            trade::stream(data, instrument, name, &mut scratch.trades)?;
            Ok(Message::Trades(instrument))
        }
    }
}

/// The instrument and channel of a name such as `book.BTC-PERPETUAL.100ms`, if it was asked for. Any interval will do:
/// the ids chain all the same. More parts mean another channel (a grouped book, a currency's trades).
fn asked_channel<'n>(channel: &'n str, asked: Asked<'_>) -> Option<(u32, &'n str, Channel)> {
    let mut parts = channel.split('.');
    let kind = match parts.next()? {
        "book" if asked.books => Channel::Book,
        "trades" if asked.trades => Channel::Trades,
        _ => return None,
    };
    let (name, interval) = (parts.next()?, parts.next()?);
    if interval.is_empty() || parts.next().is_some() {
        return None;
    }
    let instrument = asked.instruments.find_active(name.as_bytes())?.0;
    Some((instrument, name, kind))
}

fn reply(envelope: &Envelope<'_>) -> Result<Reply, Refusal> {
    let id = envelope.id.and_then(|id| id.get().parse().ok());
    if let Some(error) = envelope.error {
        let outcome = Outcome::Error(rpc_error(error)?);
        return Ok(Reply { id, outcome });
    }
    let Some(result) = envelope.result else {
        return Err(Refusal::new("wrong shape", "no method and no result"));
    };
    let channels = serde_json::from_str::<Vec<String>>(result.get());
    let outcome = channels.map_or(Outcome::Done, Outcome::Channels);
    Ok(Reply { id, outcome })
}

fn rpc_error(raw: &RawValue) -> Result<RpcError, Refusal> {
    let wire: WireError<'_> = json::object(raw.get().as_bytes())?;
    let message = match wire.data {
        Some(data) => format!("{} {}", wire.message, data.get()),
        None => wire.message.into_owned(),
    };
    Ok(RpcError {
        code: wire.code,
        message,
    })
}

/// The instrument that a message names must be the one of its channel.
fn same_name(named: &str, expected: &str) -> Result<(), Refusal> {
    if named == expected {
        return Ok(());
    }
    let found = format!("{named} in the channel of {expected}");
    Err(Refusal::new("wrong symbol", found))
}

fn nanoseconds(ms: u64) -> Result<u64, Refusal> {
    ms.checked_mul(NS_PER_MS)
        .ok_or_else(|| Refusal::new("number out of range", format!("time {ms}")))
}
