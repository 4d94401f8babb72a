//! The exact shapes, byte for byte, in the exchange's own order of fields. Returns `None` wherever a frame differs.

use marketprism_kit::scan::Scan;
use marketprism_kit::wit::{Level, Side};

use super::{Asked, BookFrame, Chain, Message, NS_PER_MS, Scratch, TradeMade};

/// Reads a push of books or trades.
#[inline]
pub fn frame(data: &[u8], asked: Asked<'_>, scratch: &mut Scratch) -> Option<Message> {
    let mut scan = Scan::new(data);
    scan.literal(b"{\"arg\":{\"channel\":\"")?;
    match scan.rest().first()? {
        b'b' if asked.books => {
            if scan.until(b'"')? != b"books" {
                return None;
            }
            let instrument = instrument(&mut scan, asked)?;
            book(scan, scratch.one_book()?)?;
            Some(Message::Books(instrument))
        }
        b't' if asked.trades => {
            scan.literal(b"trades\"")?;
            scan.literal(b",\"instId\":\"")?;
            let name = scan.until(b'"')?;
            let instrument = asked.instruments.find_active(name)?.0;
            scratch.trades.clear();
            scan.literal(b"},\"data\":[")?;
            scratch.trades.push(trade(&mut scan, name)?);
            scan.literal(b"]}")?;
            scan.end()?;
            Some(Message::Trades(instrument))
        }
        _ => None,
    }
}

#[inline]
fn instrument(scan: &mut Scan<'_>, asked: Asked<'_>) -> Option<u32> {
    scan.literal(b",\"instId\":\"")?;
    let (id, _) = asked.instruments.find_active(scan.until(b'"')?)?;
    Some(id)
}

#[inline]
fn book(mut scan: Scan<'_>, to: &mut BookFrame) -> Option<()> {
    scan.literal(b"},\"action\":\"")?;
    let is_snapshot = match scan.until(b'"')? {
        b"update" => false,
        b"snapshot" => true,
        _ => return None,
    };
    scan.literal(b",\"data\":[{\"asks\":")?;
    levels(&mut scan, &mut to.levels.asks)?;
    scan.literal(b",\"bids\":")?;
    levels(&mut scan, &mut to.levels.bids)?;
    scan.literal(b",\"ts\":\"")?;
    let time = scan.unsigned()?.checked_mul(NS_PER_MS)?;
    scan.literal(b"\",\"checksum\":0,\"seqId\":")?;
    let sequence = scan.unsigned()?;
    scan.literal(b",\"prevSeqId\":")?;
    let previous = if scan.rest().first() == Some(&b'-') {
        scan.literal(b"-1")?;
        None
    } else {
        Some(scan.unsigned()?)
    };
    scan.literal(b"}]}")?;
    scan.end()?;
    if is_snapshot != previous.is_none() {
        return None;
    }
    to.is_snapshot = is_snapshot;
    to.chain = Some(Chain { sequence, previous });
    to.time = time;
    Some(())
}

/// Reads `[["price","quantity","0","orders"],...]` to its end.
#[inline]
fn levels(scan: &mut Scan<'_>, levels: &mut Vec<Level>) -> Option<()> {
    scan.literal(b"[")?;
    if scan.rest().first() == Some(&b']') {
        return scan.literal(b"]");
    }
    loop {
        scan.literal(b"[\"")?;
        let price = scan.decimal()?;
        scan.literal(b"\",\"")?;
        let quantity = scan.decimal()?;
        scan.literal(b"\",\"0\",\"")?;
        scan.unsigned()?;
        levels.push(Level {
            price: price.mantissa,
            quantity: quantity.mantissa,
            price_scale: price.scale,
            quantity_scale: quantity.scale,
        });
        scan.literal(b"\"]")?;
        match scan.rest().first()? {
            b',' => scan.literal(b",")?,
            _ => return scan.literal(b"]"),
        }
    }
}

#[inline]
fn trade(scan: &mut Scan<'_>, name: &[u8]) -> Option<TradeMade> {
    scan.literal(b"{\"instId\":\"")?;
    scan.text(name)?;
    scan.literal(b"\",\"tradeId\":\"")?;
    let id = scan.unsigned()?;
    scan.literal(b"\",\"px\":\"")?;
    let price = scan.decimal()?;
    scan.literal(b"\",\"sz\":\"")?;
    let quantity = scan.decimal()?;
    scan.literal(b"\",\"side\":\"")?;
    let side = if scan.rest().first() == Some(&b'b') {
        scan.literal(b"buy")?;
        Side::Buy
    } else {
        scan.literal(b"sell")?;
        Side::Sell
    };
    scan.literal(b"\",\"ts\":\"")?;
    let time = scan.unsigned()?.checked_mul(NS_PER_MS)?;
    scan.literal(b"\"")?;
    let mut count = 1;
    if scan.rest().first() == Some(&b',') {
        scan.literal(b",\"count\":\"")?;
        count = scan.unsigned()?;
        scan.literal(b"\"")?;
        if scan.rest().first() == Some(&b',') {
            scan.literal(b",\"source\":\"0\",\"seqId\":")?;
            scan.unsigned()?;
        }
    }
    scan.literal(b"}")?;
    // The general path says what is wrong with such a count.
    if count == 0 || count > id.checked_add(1)? {
        return None;
    }
    Some(TradeMade {
        id,
        count,
        price,
        quantity,
        time,
        side,
    })
}
