//! The exact shapes of USD-M.

use marketprism_kit::book::UpdateIds;
use marketprism_kit::scan::Scan;

use crate::parse::{Asked, Changes, DepthUpdate, Message, NS_PER_MS, TradeMade, side};
use crate::settings::TradeStream;

/// Reads what follows the `@` of the stream's name.
#[inline]
pub fn frame(
    mut scan: Scan<'_>,
    instrument: u32,
    symbol: &[u8],
    asked: Asked<'_>,
    changes: &mut Changes,
) -> Option<Message> {
    match scan.rest().first()? {
        b'd' if asked.books => depth(scan, instrument, symbol, changes).map(Message::Depth),
        b't' if asked.trades == Some(TradeStream::Trade) => {
            scan.literal(b"trade\",\"data\":{\"e\":\"trade\",\"E\":")?;
            trade(scan, instrument, symbol).map(Message::Trade)
        }
        b'a' if asked.trades == Some(TradeStream::AggTrade) => {
            scan.literal(b"aggTrade\",\"data\":{\"e\":\"aggTrade\",\"E\":")?;
            agg_trade(scan, instrument, symbol).map(Message::Trade)
        }
        _ => None,
    }
}

#[inline]
fn depth(
    mut scan: Scan<'_>,
    instrument: u32,
    symbol: &[u8],
    changes: &mut Changes,
) -> Option<DepthUpdate> {
    scan.literal(b"depth@")?;
    scan.unsigned()?;
    scan.literal(b"ms\",\"data\":{\"e\":\"depthUpdate\",\"E\":")?;
    let time = scan.unsigned()?.checked_mul(NS_PER_MS)?;
    scan.literal(b",\"T\":")?;
    scan.unsigned()?;
    scan.literal(b",\"s\":\"")?;
    scan.text(symbol)?;
    scan.literal(b"\",\"")?;
    if scan.rest().first() == Some(&b'p') {
        scan.literal(b"ps\":\"")?;
        word(&mut scan)?;
        scan.literal(b",\"st\":")?;
        scan.unsigned()?;
        scan.literal(b",\"")?;
    }
    scan.literal(b"U\":")?;
    let first = scan.unsigned()?;
    scan.literal(b",\"u\":")?;
    let last = scan.unsigned()?;
    scan.literal(b",\"pu\":")?;
    let previous = scan.unsigned()?;
    if first > last {
        return None;
    }
    changes.clear();
    scan.literal(b",\"b\":")?;
    scan.levels(&mut changes.bids)?;
    scan.literal(b",\"a\":")?;
    scan.levels(&mut changes.asks)?;
    scan.literal(b"}}")?;
    scan.end()?;
    Some(DepthUpdate {
        instrument,
        ids: UpdateIds {
            first,
            last,
            previous: Some(previous),
            time,
        },
    })
}

#[inline]
fn trade(mut scan: Scan<'_>, instrument: u32, symbol: &[u8]) -> Option<TradeMade> {
    scan.unsigned()?;
    scan.literal(b",\"T\":")?;
    let time = scan.unsigned()?.checked_mul(NS_PER_MS)?;
    scan.literal(b",\"s\":\"")?;
    scan.text(symbol)?;
    scan.literal(b"\",\"t\":")?;
    let id = scan.unsigned()?;
    scan.literal(b",\"p\":\"")?;
    let price = scan.decimal()?;
    scan.literal(b"\",\"q\":\"")?;
    let quantity = scan.decimal()?;
    scan.literal(b"\",\"")?;
    if scan.rest().first() == Some(&b'X') {
        scan.literal(b"X\":\"")?;
        word(&mut scan)?;
        scan.literal(b",\"")?;
    }
    scan.literal(b"m\":")?;
    let buyer_is_maker = scan.boolean()?;
    end(&mut scan)?;
    Some(TradeMade {
        instrument,
        id,
        price,
        quantity,
        time,
        side: side(buyer_is_maker),
    })
}

#[inline]
fn agg_trade(mut scan: Scan<'_>, instrument: u32, symbol: &[u8]) -> Option<TradeMade> {
    scan.unsigned()?;
    scan.literal(b",\"a\":")?;
    let id = scan.unsigned()?;
    scan.literal(b",\"s\":\"")?;
    scan.text(symbol)?;
    scan.literal(b"\",\"p\":\"")?;
    let price = scan.decimal()?;
    scan.literal(b"\",\"q\":\"")?;
    let quantity = scan.decimal()?;
    scan.literal(b"\",\"")?;
    // The quantity without what was traded against orders for retail customers; part of `q`.
    if scan.rest().first() == Some(&b'n') {
        scan.literal(b"nq\":\"")?;
        scan.decimal()?;
        scan.literal(b"\",\"")?;
    }
    scan.literal(b"f\":")?;
    scan.unsigned()?;
    scan.literal(b",\"l\":")?;
    scan.unsigned()?;
    scan.literal(b",\"T\":")?;
    let time = scan.unsigned()?.checked_mul(NS_PER_MS)?;
    scan.literal(b",\"m\":")?;
    let buyer_is_maker = scan.boolean()?;
    end(&mut scan)?;
    Some(TradeMade {
        instrument,
        id,
        price,
        quantity,
        time,
        side: side(buyer_is_maker),
    })
}

/// Reads a text of letters, digits and underscores, and the quote behind it.
#[inline]
fn word(scan: &mut Scan<'_>) -> Option<()> {
    let text = scan.until(b'"')?;
    text.iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .then_some(())
}

/// Reads the end of a trade, before which a kind of symbol may stand.
#[inline]
fn end(scan: &mut Scan<'_>) -> Option<()> {
    if scan.rest().first() == Some(&b',') {
        scan.literal(b",\"st\":")?;
        scan.unsigned()?;
    }
    scan.literal(b"}}")?;
    scan.end()
}
