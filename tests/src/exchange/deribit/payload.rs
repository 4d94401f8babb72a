//! Frames and results of Deribit: numbers are JSON numbers, quantities US dollars.

use super::{currency, index_name};
use crate::exchange::facts::{MARK_DECIMALS, Mark};
use crate::exchange::numbers::floating;
use crate::exchange::view::{Change, Changes, Happened};
use crate::market::{Level, Levels, Snapshot, Terms, Trade};

/// US dollars of a contract.
const CONTRACT_DOLLARS: u64 = 10;
const VOLATILITY_DECIMALS: u32 = 2;

fn price(terms: &Terms, price: u64) -> String {
    floating(price, terms.price_decimals)
}

fn amount(terms: &Terms, amount: u64) -> String {
    floating(amount, terms.quantity_decimals)
}

fn list<T>(all: &[T], one: impl Fn(&T) -> String) -> String {
    let texts: Vec<_> = all.iter().map(one).collect();
    format!("[{}]", texts.join(","))
}

/// What a channel tells.
pub(super) fn told(channel: &str, data: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"{channel}","data":{data}}}}}"#
    )
}

/// A whole book.
pub(super) fn whole(terms: &Terms, time_ms: u64, id: u64, levels: &Levels) -> String {
    let new = |level: &Level| (Happened::New, *level);
    let (bids, asks): (Vec<_>, Vec<_>) = (
        levels.bids.iter().map(new).collect(),
        levels.asks.iter().map(new).collect(),
    );
    let (symbol, bids, asks) = (&terms.symbol, side(terms, &bids), side(terms, &asks));
    format!(
        r#"{{"type":"snapshot","timestamp":{time_ms},"instrument_name":"{symbol}","change_id":{id},"bids":{bids},"asks":{asks}}}"#
    )
}

/// Changes of a book.
pub(super) fn changed(
    terms: &Terms,
    time_ms: u64,
    (previous, id): (u64, u64),
    changes: &Changes,
) -> String {
    let symbol = &terms.symbol;
    let (bids, asks) = (side(terms, &changes.bids), side(terms, &changes.asks));
    format!(
        r#"{{"type":"change","timestamp":{time_ms},"prev_change_id":{previous},"instrument_name":"{symbol}","change_id":{id},"bids":{bids},"asks":{asks}}}"#
    )
}

fn side(terms: &Terms, changes: &[Change]) -> String {
    list(changes, |(happened, level)| {
        let word = match happened {
            Happened::New => "new",
            Happened::Changed => "change",
            Happened::Gone => "delete",
        };
        let price = price(terms, level.price);
        format!(r#"["{word}",{price},{}]"#, amount(terms, level.quantity))
    })
}

/// One trade; ids of other currencies than BTC have it in front.
pub(super) fn trade(terms: &Terms, time_ms: u64, trade: &Trade) -> String {
    let symbol = &terms.symbol;
    let Trade {
        id,
        level,
        buyer_is_maker,
    } = trade;
    let prefix = match currency(symbol) {
        "BTC" => String::new(),
        other => format!("{other}-"),
    };
    let direction = if *buyer_is_maker { "sell" } else { "buy" };
    let price = price(terms, level.price);
    let contracts = floating(level.quantity * 10 / CONTRACT_DOLLARS, 1);
    let amount = amount(terms, level.quantity);
    let match_id = id * 2;
    format!(
        r#"{{"timestamp":{time_ms},"price":{price},"amount":{amount},"direction":"{direction}","index_price":{price},"instrument_name":"{symbol}","trade_seq":{id},"mark_price":{price},"tick_direction":0,"contracts":{contracts},"trade_id":"{prefix}{match_id}","starbase_match_id":"{match_id}","starbase_timestamp":{time_ms}}}"#
    )
}

/// What the channel of a volatility index tells.
pub(super) fn volatility(currency: &str, time_ms: u64, value: u64) -> String {
    let value = floating(value, VOLATILITY_DECIMALS);
    let name = index_name(currency);
    format!(r#"{{"timestamp":{time_ms},"volatility":{value},"index_name":"{name}"}}"#)
}

/// The result of get_order_book.
pub(super) fn order_book(terms: &Terms, time_ms: u64, book: &Snapshot, mark: &Mark) -> String {
    let symbol = &terms.symbol;
    let side = |levels: &[Level]| {
        list(levels, |level| {
            let price = price(terms, level.price);
            format!("[{price},{}]", amount(terms, level.quantity))
        })
    };
    let Levels { bids, asks } = &book.levels;
    let best = |levels: &[Level]| levels.first().copied();
    let zero = Level {
        price: 0,
        quantity: 0,
    };
    let (bid, ask) = (best(bids).unwrap_or(zero), best(asks).unwrap_or(zero));
    let (bid_price, bid_amount) = (price(terms, bid.price), amount(terms, bid.quantity));
    let (ask_price, ask_amount) = (price(terms, ask.price), amount(terms, ask.quantity));
    let (bids, asks, id) = (side(bids), side(asks), book.last_update_id);
    let index = floating(mark.index, MARK_DECIMALS);
    let mark = floating(mark.price, MARK_DECIMALS);
    format!(
        r#"{{"timestamp":{time_ms},"state":"open","mark_price":{mark},"instrument_name":"{symbol}","index_price":{index},"change_id":{id},"bids":{bids},"best_bid_price":{bid_price},"best_bid_amount":{bid_amount},"best_ask_price":{ask_price},"best_ask_amount":{ask_amount},"asks":{asks}}}"#
    )
}

/// One row of get_instruments.
pub(super) fn instrument(terms: &Terms) -> String {
    let symbol = &terms.symbol;
    let base = currency(symbol);
    let (index, tick) = (index_name(base), price(terms, 1));
    let contract = floating(CONTRACT_DOLLARS, 0);
    format!(
        r#"{{"price_index":"{index}","kind":"future","instrument_name":"{symbol}","max_leverage":50,"maker_commission":0.0,"taker_commission":0.0005,"instrument_type":"reversed","expiration_timestamp":32503708800000,"creation_timestamp":1534167754000,"is_active":true,"tick_size":{tick},"contract_size":{contract},"instrument_id":124972,"min_trade_amount":{contract},"future_type":"reversed","settlement_currency":"{base}","settlement_period":"perpetual","base_currency":"{base}","counter_currency":"USD","quote_currency":"USD","tick_size_steps":[]}}"#
    )
}
