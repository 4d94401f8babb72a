//! The exact shapes, byte for byte, in the exchange's own order of fields. Returns `None` wherever a frame differs.

mod usdm;

use marketprism_kit::book::UpdateIds;
use marketprism_kit::scan::Scan;

use super::{Asked, Changes, DepthUpdate, Message, NS_PER_MS, TradeMade, side};
use crate::settings::TradeStream;
use crate::venue::Venue;

/// Reads a frame of an asked stream in the combined form.
#[inline]
pub fn frame(data: &[u8], asked: Asked<'_>, changes: &mut Changes) -> Option<Message> {
    let mut scan = Scan::new(data);
    scan.literal(b"{\"stream\":\"")?;
    let (id, instrument) = asked.instruments.find_active(scan.until(b'@')?)?;
    let symbol = instrument.symbol.as_bytes();
    if asked.venue == Venue::UsdMargined {
        return usdm::frame(scan, id, symbol, asked, changes);
    }
    match scan.rest().first()? {
        b'd' if asked.books => depth(scan, id, symbol, changes).map(Message::Depth),
        b't' if asked.trades == Some(TradeStream::Trade) => {
            scan.literal(b"trade\",\"data\":{\"e\":\"trade\",\"E\":")?;
            trade(scan, id, symbol, &TRADE).map(Message::Trade)
        }
        b'a' if asked.trades == Some(TradeStream::AggTrade) => {
            scan.literal(b"aggTrade\",\"data\":{\"e\":\"aggTrade\",\"E\":")?;
            trade(scan, id, symbol, &AGG_TRADE).map(Message::Trade)
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
    scan.literal(b"depth@100ms\",\"data\":{\"e\":\"depthUpdate\",\"E\":")?;
    let time = scan.unsigned()?.checked_mul(NS_PER_MS)?;
    scan.literal(b",\"s\":\"")?;
    scan.text(symbol)?;
    scan.literal(b"\",\"U\":")?;
    let first = scan.unsigned()?;
    scan.literal(b",\"u\":")?;
    let last = scan.unsigned()?;
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
            previous: None,
            time,
        },
    })
}

/// The keys around the ids of a trade: its own, and those of the two ids that stand before its time.
struct IdKeys {
    own: &'static [u8; 6],
    first: &'static [u8; 3],
    second: &'static [u8; 5],
}

/// A trade, whose older form names both orders.
const TRADE: IdKeys = IdKeys {
    own: b"\",\"t\":",
    first: b"b\":",
    second: b",\"a\":",
};

/// An aggregate trade, which names its first and last trade.
const AGG_TRADE: IdKeys = IdKeys {
    own: b"\",\"a\":",
    first: b"f\":",
    second: b",\"l\":",
};

#[inline]
fn trade(mut scan: Scan<'_>, instrument: u32, symbol: &[u8], keys: &IdKeys) -> Option<TradeMade> {
    scan.unsigned()?;
    scan.literal(b",\"s\":\"")?;
    scan.text(symbol)?;
    scan.literal(keys.own)?;
    let id = scan.unsigned()?;
    scan.literal(b",\"p\":\"")?;
    let price = scan.decimal()?;
    scan.literal(b"\",\"q\":\"")?;
    let quantity = scan.decimal()?;
    scan.literal(b"\",\"")?;
    if scan.rest().first() != Some(&b'T') {
        scan.literal(keys.first)?;
        scan.unsigned()?;
        scan.literal(keys.second)?;
        scan.unsigned()?;
        scan.literal(b",\"")?;
    }
    scan.literal(b"T\":")?;
    let time = scan.unsigned()?.checked_mul(NS_PER_MS)?;
    scan.literal(b",\"m\":")?;
    let buyer_is_maker = scan.boolean()?;
    scan.literal(b",\"M\":")?;
    scan.boolean()?;
    scan.literal(b"}}")?;
    scan.end()?;
    Some(TradeMade {
        instrument,
        id,
        price,
        quantity,
        time,
        side: side(buyer_is_maker),
    })
}

/// Reads a depth snapshot.
pub fn snapshot(body: &[u8], changes: &mut Changes) -> Option<u64> {
    changes.clear();
    let mut scan = Scan::new(body);
    scan.literal(b"{\"lastUpdateId\":")?;
    let last_update_id = scan.unsigned()?;
    if scan.rest().get(2) == Some(&b'E') {
        scan.literal(b",\"E\":")?;
        scan.unsigned()?;
        scan.literal(b",\"T\":")?;
        scan.unsigned()?;
    }
    scan.literal(b",\"bids\":")?;
    scan.levels(&mut changes.bids)?;
    scan.literal(b",\"asks\":")?;
    scan.levels(&mut changes.asks)?;
    scan.literal(b"}")?;
    scan.end()?;
    Some(last_update_id)
}
