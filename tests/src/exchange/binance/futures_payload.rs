//! Payloads of USD-M futures, keys in the exchange's order.

use super::payload::list;
use crate::exchange::facts::{MARK_DECIMALS, Mark};
use crate::exchange::liquidations::Liquidation;
use crate::exchange::numbers::fixed;
use crate::exchange::trades::{AggregateTrade, TimedTrade};
use crate::market::{Level, Levels, Snapshot, Terms, Trade};

/// From the match to the event.
const EVENT_DELAY_MS: u64 = 5;
/// Decimals of a rate.
const RATE_DECIMALS: u32 = 8;

pub(super) fn price(terms: &Terms, price: u64) -> String {
    fixed(price, terms.price_decimals)
}

pub(super) fn quantity(terms: &Terms, quantity: u64) -> String {
    fixed(quantity, terms.quantity_decimals)
}

/// A rate with its sign.
pub(super) fn rate(rate: i64) -> String {
    let sign = if rate < 0 { "-" } else { "" };
    format!("{sign}{}", fixed(rate.unsigned_abs(), RATE_DECIMALS))
}

fn sides(terms: &Terms, levels: &Levels) -> (String, String) {
    let side = |levels: &[Level]| {
        list(levels, |level| {
            let price = price(terms, level.price);
            format!(r#"["{price}","{}"]"#, quantity(terms, level.quantity))
        })
    };
    (side(&levels.bids), side(&levels.asks))
}

/// The ids of a depth event: `U`, `u` and `pu`.
pub(super) struct DepthIds {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) previous: u64,
}

/// `<symbol>@depth` at any speed.
pub(super) fn depth(terms: &Terms, time_ms: u64, ids: &DepthIds, levels: &Levels) -> String {
    let (symbol, event_ms) = (&terms.symbol, time_ms + EVENT_DELAY_MS);
    let DepthIds {
        first,
        last,
        previous,
    } = ids;
    let (bids, asks) = sides(terms, levels);
    format!(
        r#"{{"e":"depthUpdate","E":{event_ms},"T":{time_ms},"s":"{symbol}","U":{first},"u":{last},"pu":{previous},"b":{bids},"a":{asks}}}"#
    )
}

/// GET /fapi/v1/depth.
pub(super) fn depth_answer(terms: &Terms, time_ms: u64, snapshot: &Snapshot) -> String {
    let (bids, asks) = sides(terms, &snapshot.levels);
    let (id, event_ms) = (snapshot.last_update_id, time_ms + EVENT_DELAY_MS);
    format!(r#"{{"lastUpdateId":{id},"E":{event_ms},"T":{time_ms},"bids":{bids},"asks":{asks}}}"#)
}

/// `<symbol>@trade`, which the documentation does not name.
pub(super) fn trade(terms: &Terms, time_ms: u64, trade: &Trade) -> String {
    let (symbol, event_ms) = (&terms.symbol, time_ms + EVENT_DELAY_MS);
    let Trade {
        id,
        level,
        buyer_is_maker,
    } = trade;
    let price = price(terms, level.price);
    let quantity = quantity(terms, level.quantity);
    format!(
        r#"{{"e":"trade","E":{event_ms},"T":{time_ms},"s":"{symbol}","t":{id},"p":"{price}","q":"{quantity}","X":"MARKET","m":{buyer_is_maker}}}"#
    )
}

/// `<symbol>@aggTrade`.
pub(super) fn aggregate(terms: &Terms, trade: &AggregateTrade) -> String {
    let (symbol, event_ms) = (&terms.symbol, trade.time_ms + EVENT_DELAY_MS);
    let (id, rest) = (trade.id, aggregate_rest(terms, trade));
    format!(r#"{{"e":"aggTrade","E":{event_ms},"a":{id},"s":"{symbol}",{rest}}}"#)
}

/// GET /fapi/v1/aggTrades.
pub(super) fn aggregates(terms: &Terms, trades: &[AggregateTrade]) -> String {
    list(trades, |trade| {
        let rest = aggregate_rest(terms, trade);
        format!(r#"{{"a":{},{rest}}}"#, trade.id)
    })
}

/// What an aggregate trade is told with in both ways.
fn aggregate_rest(terms: &Terms, trade: &AggregateTrade) -> String {
    let AggregateTrade {
        first_id,
        last_id,
        time_ms,
        level,
        buyer_is_maker,
        ..
    } = trade;
    let price = price(terms, level.price);
    let quantity = quantity(terms, level.quantity);
    format!(
        r#""p":"{price}","q":"{quantity}","f":{first_id},"l":{last_id},"T":{time_ms},"m":{buyer_is_maker}"#
    )
}

/// GET /fapi/v1/trades and /fapi/v1/historicalTrades.
pub(super) fn trades(terms: &Terms, trades: &[TimedTrade]) -> String {
    const QUOTE_DECIMALS: u32 = 2;
    list(trades, |TimedTrade { time_ms, trade }| {
        let Level {
            price: ticks,
            quantity: lots,
        } = trade.level;
        let unit = 10_u64.pow(terms.price_decimals + terms.quantity_decimals - QUOTE_DECIMALS);
        let quote = fixed(ticks * lots / unit, QUOTE_DECIMALS);
        let (price, quantity) = (price(terms, ticks), quantity(terms, lots));
        format!(
            r#"{{"id":{},"price":"{price}","qty":"{quantity}","quoteQty":"{quote}","time":{time_ms},"isBuyerMaker":{}}}"#,
            trade.id, trade.buyer_is_maker
        )
    })
}

/// `<symbol>@forceOrder` and `!forceOrder@arr`.
pub(super) fn force_order(event_ms: u64, one: &Liquidation) -> String {
    let Liquidation {
        terms,
        time_ms,
        sold,
        ..
    } = one;
    let side = if *sold { "SELL" } else { "BUY" };
    let symbol = &terms.symbol;
    let (price, average) = (price(terms, one.price), price(terms, one.average_price));
    let quantity = quantity(terms, one.quantity);
    format!(
        r#"{{"e":"forceOrder","E":{event_ms},"o":{{"s":"{symbol}","S":"{side}","o":"LIMIT","f":"IOC","q":"{quantity}","p":"{price}","ap":"{average}","X":"FILLED","l":"{quantity}","z":"{quantity}","T":{time_ms}}}}}"#
    )
}

/// `<symbol>@bookTicker`; none while a side is empty.
pub(super) fn ticker(terms: &Terms, time_ms: u64, id: u64, best: &Levels) -> Option<String> {
    let (symbol, event_ms) = (&terms.symbol, time_ms + EVENT_DELAY_MS);
    let (bid, ask) = (best.bids.first()?, best.asks.first()?);
    Some(format!(
        r#"{{"e":"bookTicker","u":{id},"s":"{symbol}","b":"{}","B":"{}","a":"{}","A":"{}","T":{time_ms},"E":{event_ms}}}"#,
        price(terms, bid.price),
        quantity(terms, bid.quantity),
        price(terms, ask.price),
        quantity(terms, ask.quantity)
    ))
}

/// `<symbol>@markPrice` at any speed.
pub(super) fn mark_price(symbol: &str, mark: &Mark, next_funding_ms: u64) -> String {
    let Mark {
        time_ms,
        price,
        index,
        funding_rate,
    } = *mark;
    let price = fixed(price, MARK_DECIMALS);
    let (index, rate) = (fixed(index, MARK_DECIMALS), rate(funding_rate));
    format!(
        r#"{{"e":"markPriceUpdate","E":{time_ms},"s":"{symbol}","p":"{price}","P":"{price}","i":"{index}","r":"{rate}","T":{next_funding_ms}}}"#
    )
}

/// One symbol of GET /fapi/v1/exchangeInfo.
pub(super) fn symbol_info(terms: &Terms) -> String {
    let symbol = &terms.symbol;
    let quotes = ["USDT", "USDC"];
    let (base, quote) = quotes
        .iter()
        .find_map(|quote| Some((symbol.strip_suffix(quote)?, *quote)))
        .unwrap_or((symbol, "USDT"));
    let (tick, lot) = (price(terms, 1), quantity(terms, 1));
    let (price_decimals, quantity_decimals) = (terms.price_decimals, terms.quantity_decimals);
    format!(
        r#"{{"symbol":"{symbol}","pair":"{symbol}","contractType":"PERPETUAL","deliveryDate":4133404800000,"onboardDate":1569398400000,"status":"TRADING","maintMarginPercent":"2.5000","requiredMarginPercent":"5.0000","baseAsset":"{base}","quoteAsset":"{quote}","marginAsset":"{quote}","pricePrecision":{price_decimals},"quantityPrecision":{quantity_decimals},"baseAssetPrecision":8,"quotePrecision":8,"underlyingType":"COIN","underlyingSubType":["PoW"],"triggerProtect":"0.0500","liquidationFee":"0.012500","marketTakeBound":"0.05","filters":[{{"filterType":"PRICE_FILTER","minPrice":"{tick}","maxPrice":"4529764","tickSize":"{tick}"}},{{"filterType":"LOT_SIZE","minQty":"{lot}","maxQty":"1000","stepSize":"{lot}"}}],"orderTypes":["LIMIT","MARKET"],"timeInForce":["GTC","IOC","FOK","GTX"]}}"#
    )
}

/// GET /fapi/v1/exchangeInfo.
pub(super) fn exchange_info(time_ms: u64, weight_max: u64, symbols: &[&Terms]) -> String {
    let symbols = list(symbols, |terms| symbol_info(terms));
    format!(
        r#"{{"timezone":"UTC","serverTime":{time_ms},"futuresType":"U_MARGINED","rateLimits":[{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":{weight_max}}}],"exchangeFilters":[],"assets":[{{"asset":"USDT","marginAvailable":true,"autoAssetExchange":"-10000"}}],"symbols":{symbols}}}"#
    )
}
