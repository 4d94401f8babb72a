//! Frames of OKX, keys in the exchange's order.

use super::instruments::family;
use crate::exchange::liquidations::Liquidation;
use crate::exchange::numbers::trimmed;
use crate::exchange::trades::AggregateTrade;
use crate::exchange::view::{Changes, Happened};
use crate::market::{Level, Levels, Terms};

pub(super) fn list<T>(all: &[T], one: impl Fn(&T) -> String) -> String {
    let texts: Vec<_> = all.iter().map(one).collect();
    format!("[{}]", texts.join(","))
}

/// Price, quantity, a zero that once meant something, and a number of orders.
fn level(terms: &Terms, level: &Level) -> String {
    let orders = if level.quantity == 0 {
        0
    } else {
        1 + level.price % 7
    };
    let price = trimmed(level.price, terms.price_decimals);
    let quantity = trimmed(level.quantity, terms.quantity_decimals);
    format!(r#"["{price}","{quantity}","0","{orders}"]"#)
}

pub(super) fn levels(terms: &Terms, levels: &[Level]) -> String {
    list(levels, |one| level(terms, one))
}

/// The ids of a frame of a book; none before a whole one.
pub(super) struct BookIds {
    pub(super) previous: Option<u64>,
    pub(super) id: u64,
}

/// A frame of the channel `books`. The checksum is 0 since 2026-06-23.
pub(super) fn book(
    symbol: &str,
    time_ms: u64,
    ids: &BookIds,
    (bids, asks): (&str, &str),
) -> String {
    let (action, previous) = match ids.previous {
        None => ("snapshot", "-1".to_owned()),
        Some(previous) => ("update", previous.to_string()),
    };
    let id = ids.id;
    format!(
        r#"{{"arg":{{"channel":"books","instId":"{symbol}"}},"action":"{action}","data":[{{"asks":{asks},"bids":{bids},"ts":"{time_ms}","checksum":0,"seqId":{id},"prevSeqId":{previous}}}]}}"#
    )
}

pub(super) fn whole(terms: &Terms, all: &Levels) -> (String, String) {
    (levels(terms, &all.bids), levels(terms, &all.asks))
}

pub(super) fn changes(terms: &Terms, changes: &Changes) -> (String, String) {
    let side = |all: &[(Happened, Level)]| list(all, |(_, one)| level(terms, one));
    (side(&changes.bids), side(&changes.asks))
}

/// A frame of the channel `trades`: what one order traded at one price, under the id of its last trade.
pub(super) fn trade(terms: &Terms, trade: &AggregateTrade, id: u64) -> String {
    let symbol = &terms.symbol;
    let AggregateTrade {
        first_id,
        last_id,
        time_ms,
        level,
        buyer_is_maker,
        ..
    } = trade;
    let price = trimmed(level.price, terms.price_decimals);
    let quantity = trimmed(level.quantity, terms.quantity_decimals);
    let side = if *buyer_is_maker { "sell" } else { "buy" };
    let count = last_id - first_id + 1;
    format!(
        r#"{{"arg":{{"channel":"trades","instId":"{symbol}"}},"data":[{{"instId":"{symbol}","tradeId":"{last_id}","px":"{price}","sz":"{quantity}","side":"{side}","ts":"{time_ms}","count":"{count}","source":"0","seqId":{id}}}]}}"#
    )
}

/// A frame of the channel `liquidation-orders`: each instrument once, with all that happened to it.
pub(super) fn liquidations(all: &[Liquidation]) -> String {
    let mut symbols: Vec<&str> = all.iter().map(|one| one.terms.symbol.as_str()).collect();
    symbols.sort_unstable();
    symbols.dedup();
    let data = list(&symbols, |symbol| {
        let of_symbol = all.iter().filter(|one| one.terms.symbol == **symbol);
        let details: Vec<_> = of_symbol.map(detail).collect();
        let details = details.join(",");
        let family = family(symbol);
        format!(
            r#"{{"details":[{details}],"instFamily":"{family}","instId":"{symbol}","instType":"SWAP","uly":"{family}"}}"#
        )
    });
    format!(r#"{{"arg":{{"channel":"liquidation-orders","instType":"SWAP"}},"data":{data}}}"#)
}

fn detail(one: &Liquidation) -> String {
    let Liquidation {
        terms,
        time_ms,
        sold,
        price,
        quantity,
        ..
    } = one;
    let (position, side) = if *sold {
        ("long", "sell")
    } else {
        ("short", "buy")
    };
    let price = trimmed(*price, terms.price_decimals);
    let quantity = trimmed(*quantity, terms.quantity_decimals);
    format!(
        r#"{{"bkLoss":"0","bkPx":"{price}","ccy":"","posSide":"{position}","side":"{side}","sz":"{quantity}","ts":"{time_ms}"}}"#
    )
}

/// A frame of a channel whose rows are those of a REST answer.
pub(super) fn row(channel: &str, symbol: &str, row: &str) -> String {
    format!(r#"{{"arg":{{"channel":"{channel}","instId":"{symbol}"}},"data":[{row}]}}"#)
}
