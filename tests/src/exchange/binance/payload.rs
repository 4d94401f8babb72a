//! Payloads of spot that `binance_form` does not know: aggregate trades, best prices, and REST answers about trades and
//! symbols. Keys are in the exchange's order.

use crate::binance_form::decimal;
use crate::exchange::trades::{AggregateTrade, TimedTrade};
use crate::market::{Level, Levels, Terms};

/// Decimals of a quote quantity.
const QUOTE_DECIMALS: u32 = 8;

/// The payload of `<symbol>@aggTrade`.
pub(super) fn aggregate(terms: &Terms, trade: &AggregateTrade) -> String {
    let symbol = &terms.symbol;
    let time_ms = trade.time_ms;
    let fields = aggregate_fields(terms, trade);
    format!(r#"{{"e":"aggTrade","E":{time_ms},"s":"{symbol}",{fields}}}"#)
}

fn aggregate_fields(terms: &Terms, trade: &AggregateTrade) -> String {
    let AggregateTrade {
        id,
        first_id,
        last_id,
        time_ms,
        level,
        buyer_is_maker,
    } = trade;
    let price = decimal(level.price, terms.price_decimals);
    let quantity = decimal(level.quantity, terms.quantity_decimals);
    format!(
        r#""a":{id},"p":"{price}","q":"{quantity}","f":{first_id},"l":{last_id},"T":{time_ms},"m":{buyer_is_maker},"M":true"#
    )
}

/// The payload of `<symbol>@bookTicker`; none while a side is empty.
pub(super) fn ticker(terms: &Terms, update_id: u64, best: &Levels) -> Option<String> {
    let symbol = &terms.symbol;
    let price = |level: &Level| decimal(level.price, terms.price_decimals);
    let quantity = |level: &Level| decimal(level.quantity, terms.quantity_decimals);
    let (bid, ask) = (best.bids.first()?, best.asks.first()?);
    Some(format!(
        r#"{{"u":{update_id},"s":"{symbol}","b":"{}","B":"{}","a":"{}","A":"{}"}}"#,
        price(bid),
        quantity(bid),
        price(ask),
        quantity(ask)
    ))
}

/// The body of the answer to GET /api/v3/aggTrades.
pub(super) fn aggregates(terms: &Terms, trades: &[AggregateTrade]) -> String {
    list(trades, |trade| {
        format!("{{{}}}", aggregate_fields(terms, trade))
    })
}

/// The body of the answers to GET /api/v3/trades and /api/v3/historicalTrades.
pub(super) fn trades(terms: &Terms, trades: &[TimedTrade]) -> String {
    list(trades, |TimedTrade { time_ms, trade }| {
        let Level { price, quantity } = trade.level;
        let quote = quote(terms, trade.level);
        let price = decimal(price, terms.price_decimals);
        let quantity = decimal(quantity, terms.quantity_decimals);
        format!(
            r#"{{"id":{},"price":"{price}","qty":"{quantity}","quoteQty":"{quote}","time":{time_ms},"isBuyerMaker":{},"isBestMatch":true}}"#,
            trade.id, trade.buyer_is_maker
        )
    })
}

fn quote(terms: &Terms, Level { price, quantity }: Level) -> String {
    let product = u128::from(price) * u128::from(quantity);
    let decimals = terms.price_decimals + terms.quantity_decimals;
    let scaled = match decimals.checked_sub(QUOTE_DECIMALS) {
        Some(more) => product / 10_u128.pow(more),
        None => product * 10_u128.pow(QUOTE_DECIMALS - decimals),
    };
    let unit = 10_u128.pow(QUOTE_DECIMALS);
    format!("{}.{:08}", scaled / unit, scaled % unit)
}

/// The body of the answer to GET /api/v3/avgPrice: what was paid on average in so many minutes.
pub(super) fn average_price(terms: &Terms, minutes: u64, trades: &[TimedTrade]) -> String {
    let sum = |value: fn(&Level) -> u128| -> u128 {
        trades.iter().map(|one| value(&one.trade.level)).sum()
    };
    let paid = sum(|level| u128::from(level.price) * u128::from(level.quantity));
    let price = paid
        .checked_div(sum(|level| u128::from(level.quantity)))
        .and_then(|price| u64::try_from(price).ok())
        .unwrap_or(terms.opening_price);
    let price = decimal(price, terms.price_decimals);
    let close_time = trades.last().map_or(0, |one| one.time_ms);
    format!(r#"{{"mins":{minutes},"price":"{price}","closeTime":{close_time}}}"#)
}

/// One symbol of the answer to GET /api/v3/exchangeInfo.
pub(super) fn symbol_info(terms: &Terms) -> String {
    const QUOTES: [&str; 8] = ["USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB", "EUR", "TRY"];
    let symbol = &terms.symbol;
    let (base, quote) = QUOTES
        .iter()
        .find_map(|quote| Some((symbol.strip_suffix(quote)?, *quote)))
        .filter(|(base, _)| !base.is_empty())
        .unwrap_or((symbol, "USDT"));
    let step = |decimals: u32| decimal(1, decimals);
    let (tick, lot) = (step(terms.price_decimals), step(terms.quantity_decimals));
    format!(
        r#"{{"symbol":"{symbol}","status":"TRADING","baseAsset":"{base}","baseAssetPrecision":8,"quoteAsset":"{quote}","quotePrecision":8,"quoteAssetPrecision":8,"baseCommissionPrecision":8,"quoteCommissionPrecision":8,"orderTypes":["LIMIT","LIMIT_MAKER","MARKET"],"icebergAllowed":true,"ocoAllowed":true,"isSpotTradingAllowed":true,"isMarginTradingAllowed":false,"filters":[{{"filterType":"PRICE_FILTER","minPrice":"{tick}","maxPrice":"1000000.00000000","tickSize":"{tick}"}},{{"filterType":"LOT_SIZE","minQty":"{lot}","maxQty":"9000000.00000000","stepSize":"{lot}"}}],"permissions":[],"permissionSets":[["SPOT"]]}}"#
    )
}

/// The body of the answer to GET /api/v3/exchangeInfo.
pub(super) fn exchange_info(time_ms: u64, weight_max: u64, symbols: &[&Terms]) -> String {
    let symbols = list(symbols, |terms| symbol_info(terms));
    format!(
        r#"{{"timezone":"UTC","serverTime":{time_ms},"rateLimits":[{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":{weight_max}}}],"exchangeFilters":[],"symbols":{symbols}}}"#
    )
}

pub(super) fn list<T>(all: &[T], one: impl Fn(&T) -> String) -> String {
    let texts: Vec<_> = all.iter().map(one).collect();
    format!("[{}]", texts.join(","))
}
