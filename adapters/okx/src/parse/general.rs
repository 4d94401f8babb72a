//! The general path: any valid JSON, in whatever order and with whatever fields are new.

use std::borrow::Cow;

use marketprism_kit::Refusal;
use marketprism_kit::arithmetic::plain_text;
use marketprism_kit::book::Changes;
use marketprism_kit::json::{self, Number, WireLevel};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::control::{self, WireEvent};
use super::{
    Asked, BookFrame, Chain, ForcedOrder, Message, Scratch, TradeMade, Unusable, integer,
    is_book_channel, nanoseconds, side, time, unsigned,
};

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    arg: Option<&'a RawValue>,
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Arg<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
    #[serde(borrow, rename = "instId")]
    instrument: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "instType")]
    instrument_type: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct WireBook<'a> {
    asks: Vec<WireLevel>,
    bids: Vec<WireLevel>,
    ts: Number,
    checksum: Option<Number>,
    #[serde(rename = "seqId")]
    sequence: Option<Number>,
    #[serde(rename = "prevSeqId")]
    previous: Option<Number>,
    #[serde(borrow, rename = "instId")]
    instrument: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct WireTrade<'a> {
    #[serde(borrow, rename = "instId")]
    instrument: Cow<'a, str>,
    #[serde(rename = "tradeId")]
    id: Number,
    px: Number,
    sz: Number,
    #[serde(borrow)]
    side: Cow<'a, str>,
    ts: Number,
    count: Option<Number>,
}

#[derive(Deserialize)]
struct WireForced<'a> {
    #[serde(borrow, rename = "instId")]
    instrument: Cow<'a, str>,
    #[serde(borrow)]
    details: &'a RawValue,
}

#[derive(Deserialize)]
struct WireDetail<'a> {
    #[serde(borrow)]
    side: Cow<'a, str>,
    #[serde(borrow, rename = "bkPx")]
    price: &'a RawValue,
    #[serde(borrow, rename = "sz")]
    quantity: &'a RawValue,
    ts: Number,
}

/// Reads a frame or names the rule that it breaks.
pub fn frame(data: &[u8], asked: Asked<'_>, scratch: &mut Scratch) -> Result<Message, Unusable> {
    // <https://www.okx.com/docs-v5/en/#overview-websocket-connect>: text, not JSON.
    if data.trim_ascii() == b"pong" {
        return Ok(Message::Pong);
    }
    let envelope: Envelope<'_> = json::object(data)?;
    if envelope.event.is_some() {
        let event: WireEvent<'_> = json::object(data)?;
        return Ok(Message::Control(control::read(&event)));
    }
    let arg = envelope
        .arg
        .ok_or_else(|| Refusal::new("wrong shape", "neither arg nor event"))?;
    let arg: Arg<'_> = json::object(arg.get().as_bytes())?;
    if arg.channel == "liquidation-orders" && asked.liquidations {
        forced_orders(rows(envelope.data)?, asked, scratch)?;
        let kind = arg.instrument_type.unwrap_or_default().into_owned();
        return Ok(Message::Liquidations(kind));
    }
    let name = arg.instrument.as_deref().unwrap_or_default();
    let Some((instrument, _)) = asked.instruments.find_active(name.as_bytes()) else {
        return Ok(Message::Ignored);
    };
    match &*arg.channel {
        "trades" if asked.trades => {
            trades(rows(envelope.data)?, name, scratch)?;
            Ok(Message::Trades(instrument))
        }
        channel if is_book_channel(channel) && asked.books => {
            let action = envelope.action.map(text).transpose()?;
            books(rows(envelope.data)?, name, action.as_deref(), scratch).map_err(|refusal| {
                let resync = refusal.rule == UNPROVEN;
                Unusable {
                    refusal,
                    resync: resync.then_some(instrument),
                }
            })?;
            Ok(Message::Books(instrument))
        }
        _ => Ok(Message::Ignored),
    }
}

fn rows(data: Option<&RawValue>) -> Result<Vec<&RawValue>, Refusal> {
    let data = data.ok_or_else(|| Refusal::new("wrong shape", "no data"))?;
    json::list(data.get().as_bytes())
}

fn text(raw: &RawValue) -> Result<Cow<'_, str>, Refusal> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    let text: Result<Text<'_>, _> = serde_json::from_str(raw.get());
    text.map(|text| text.0)
        .map_err(|error| Refusal::new("wrong shape", error.to_string()))
}

fn is_of(found: &str, name: &str) -> Result<(), Refusal> {
    if found == name {
        Ok(())
    } else {
        let found = format!("{found} in the stream of {name}");
        Err(Refusal::new("wrong symbol", found))
    }
}

/// The rule that a push breaks by which nothing can be proven: the book must be built anew.
const UNPROVEN: &str = "no seqId and no checksum";

fn books(
    rows: Vec<&RawValue>,
    name: &str,
    action: Option<&str>,
    scratch: &mut Scratch,
) -> Result<(), Refusal> {
    scratch.books.clear();
    for row in rows {
        let wire: WireBook<'_> = json::object(row.get().as_bytes())?;
        if let Some(found) = &wire.instrument {
            is_of(found, name)?;
        }
        let mut book = book(&wire)?;
        if book.chain.is_none() && book.checksum.is_none() {
            return Err(Refusal::new(UNPROVEN, name));
        }
        let by_chain = book.chain.map(|chain| chain.previous.is_none());
        book.is_snapshot = match (action, by_chain) {
            (Some("snapshot"), None | Some(true)) | (None, Some(true)) => true,
            (Some("update"), None | Some(false)) | (None, Some(false)) => false,
            (action, _) => {
                let found = format!("action {action:?} with prevSeqId {:?}", book.chain);
                return Err(Refusal::new("neither snapshot nor update", found));
            }
        };
        scratch.books.push(book);
    }
    if scratch.books.is_empty() {
        return Err(Refusal::new("wrong shape", "empty data"));
    }
    Ok(())
}

/// The ids, levels and time of a book; whether it is a snapshot is said elsewhere.
pub(super) fn book(wire: &WireBook<'_>) -> Result<BookFrame, Refusal> {
    let sequence = wire.sequence.map(unsigned).transpose()?;
    let previous = wire.previous.map(integer).transpose()?;
    let chain =
        match (sequence, previous) {
            (Some(sequence), Some(-1)) => Some(Chain {
                sequence,
                previous: None,
            }),
            (Some(sequence), Some(previous)) => Some(Chain {
                sequence,
                previous: Some(u64::try_from(previous).map_err(|_| {
                    Refusal::new("negative number", format!("prevSeqId {previous}"))
                })?),
            }),
            _ => None,
        };
    let checksum = wire.checksum.map(integer).transpose()?.unwrap_or(0);
    let checksum = i32::try_from(checksum)
        .map_err(|_| Refusal::new("number out of range", format!("checksum {checksum}")))?;
    let mut book = BookFrame {
        is_snapshot: false,
        chain,
        checksum: (checksum != 0).then_some(checksum),
        time: time(wire.ts)?,
        levels: Changes::default(),
    };
    json::levels(&wire.bids, &mut book.levels.bids)?;
    json::levels(&wire.asks, &mut book.levels.asks)?;
    Ok(book)
}

/// The `seqId` of the answer of a request, which carries no `prevSeqId`.
pub(super) fn sequence(wire: &WireBook<'_>) -> Result<Option<u64>, Refusal> {
    wire.sequence.map(unsigned).transpose()
}

fn trades(rows: Vec<&RawValue>, name: &str, scratch: &mut Scratch) -> Result<(), Refusal> {
    scratch.trades.clear();
    for row in rows {
        let wire: WireTrade<'_> = json::object(row.get().as_bytes())?;
        is_of(&wire.instrument, name)?;
        let id = unsigned(wire.id)?;
        let count = wire.count.map(unsigned).transpose()?.unwrap_or(1);
        if count == 0 || count > id.saturating_add(1) {
            let found = format!("count {count} of trade {id}");
            return Err(Refusal::new("number out of range", found));
        }
        scratch.trades.push(TradeMade {
            id,
            count,
            price: wire.px.unsigned()?,
            quantity: wire.sz.unsigned()?,
            time: time(wire.ts)?,
            side: side(&wire.side)?,
        });
    }
    Ok(())
}

/// Reads the details of the configured instruments. What is wrong with those of another instrument concerns nobody.
fn forced_orders(
    rows: Vec<&RawValue>,
    asked: Asked<'_>,
    scratch: &mut Scratch,
) -> Result<(), Refusal> {
    scratch.liquidations.clear();
    for row in rows {
        let wire: WireForced<'_> = json::object(row.get().as_bytes())?;
        let Some((instrument, _)) = asked.instruments.find_active(wire.instrument.as_bytes())
        else {
            continue;
        };
        for detail in json::list(wire.details.get().as_bytes())? {
            let detail: WireDetail<'_> = json::object(detail.get().as_bytes())?;
            let time_ms = unsigned(detail.ts)?;
            nanoseconds(time_ms)?;
            let texts = [plain(detail.price)?, plain(detail.quantity)?];
            let read = |raw: &RawValue| {
                let number: Result<Number, _> = serde_json::from_str(raw.get());
                number
                    .map_err(|_| Refusal::new("not a number", raw.get()))?
                    .unsigned()
            };
            scratch.liquidations.push(ForcedOrder {
                instrument,
                time_ms,
                side: side(&detail.side)?,
                price: read(detail.price)?,
                quantity: read(detail.quantity)?,
                texts,
            });
        }
    }
    Ok(())
}

/// The digits of a number that stands bare or in a string.
fn plain(raw: &RawValue) -> Result<String, Refusal> {
    Ok(plain_text(raw.get().trim_matches('"').as_bytes())?)
}
