//! A market in the words of Binance spot: combined-stream frames and the REST depth answer, keys in its order.

use std::fmt::Write as _;

use crate::market::{DepthUpdate, Level, Levels, News, Occurrence, Snapshot, Terms, Trade};

/// Decimal places that Binance writes, whatever the tick.
const DECIMALS: usize = 8;
const NS_PER_MS: u64 = 1_000_000;

/// The frame that a combined stream sends.
#[must_use]
pub fn frame(occurrence: &Occurrence) -> String {
    let Occurrence {
        time_ns,
        terms,
        news,
    } = occurrence;
    let time_ms = time_ns / NS_PER_MS;
    match news {
        News::Trade(trade) => trade_frame(terms, time_ms, trade),
        News::Depth(update) => depth_frame(terms, time_ms, update),
    }
}

fn trade_frame(terms: &Terms, time_ms: u64, trade: &Trade) -> String {
    let stream = terms.symbol.to_ascii_lowercase();
    let data = trade_data(terms, time_ms, trade);
    format!(r#"{{"stream":"{stream}@trade","data":{data}}}"#)
}

/// The payload of `<symbol>@trade`.
#[must_use]
pub fn trade_data(terms: &Terms, time_ms: u64, trade: &Trade) -> String {
    let Terms {
        symbol,
        price_decimals,
        quantity_decimals,
        ..
    } = terms;
    let price = decimal(trade.level.price, *price_decimals);
    let quantity = decimal(trade.level.quantity, *quantity_decimals);
    let Trade {
        id, buyer_is_maker, ..
    } = trade;
    format!(
        r#"{{"e":"trade","E":{time_ms},"s":"{symbol}","t":{id},"p":"{price}","q":"{quantity}","T":{time_ms},"m":{buyer_is_maker},"M":true}}"#
    )
}

fn depth_frame(terms: &Terms, time_ms: u64, update: &DepthUpdate) -> String {
    let stream = terms.symbol.to_ascii_lowercase();
    let data = depth_data(terms, time_ms, update);
    format!(r#"{{"stream":"{stream}@depth@100ms","data":{data}}}"#)
}

/// The payload of `<symbol>@depth` at any speed.
#[must_use]
pub fn depth_data(terms: &Terms, time_ms: u64, update: &DepthUpdate) -> String {
    let symbol = &terms.symbol;
    let DepthUpdate {
        first_update_id,
        last_update_id,
        levels,
    } = update;
    let (bids, asks) = sides(terms, levels);
    format!(
        r#"{{"e":"depthUpdate","E":{time_ms},"s":"{symbol}","U":{first_update_id},"u":{last_update_id},"b":{bids},"a":{asks}}}"#
    )
}

/// The body of the answer to GET /api/v3/depth.
#[must_use]
pub fn depth_answer(terms: &Terms, snapshot: &Snapshot) -> String {
    let (bids, asks) = sides(terms, &snapshot.levels);
    format!(
        r#"{{"lastUpdateId":{},"bids":{bids},"asks":{asks}}}"#,
        snapshot.last_update_id
    )
}

fn sides(terms: &Terms, levels: &Levels) -> (String, String) {
    let side = |levels: &[Level]| {
        let mut text = String::from("[");
        for (place, Level { price, quantity }) in levels.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let price = decimal(*price, terms.price_decimals);
            let quantity = decimal(*quantity, terms.quantity_decimals);
            // Writing to a string cannot fail.
            let _ = write!(text, r#"{comma}["{price}","{quantity}"]"#);
        }
        text.push(']');
        text
    };
    (side(&levels.bids), side(&levels.asks))
}

/// Ticks or lots as a decimal number.
#[must_use]
pub fn decimal(count: u64, decimals: u32) -> String {
    let unit = 10_u64.pow(decimals);
    let width = decimals as usize;
    let mut text = (count / unit).to_string();
    text.push('.');
    if width > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, "{:0width$}", count % unit);
    }
    text.extend(std::iter::repeat_n('0', DECIMALS.saturating_sub(width)));
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn numbers_have_eight_decimals() {
        assert_eq!(decimal(6_183_764, 2), "61837.64000000");
        assert_eq!(decimal(2_000, 5), "0.02000000");
        assert_eq!(decimal(0, 5), "0.00000000");
        assert_eq!(decimal(7, 0), "7.00000000");
        assert_eq!(decimal(105, 8), "0.00000105");
    }

    #[test]
    fn frames_have_the_form_of_the_exchange() {
        let terms = Arc::new(Terms::of("BTCUSDT"));
        let trade = Trade {
            id: 42,
            level: Level {
                price: 6_183_764,
                quantity: 2_000,
            },
            buyer_is_maker: true,
        };
        let occurrence = Occurrence {
            time_ns: 1_723_161_255_343_000_001,
            terms: terms.clone(),
            news: News::Trade(trade),
        };
        assert_eq!(
            frame(&occurrence),
            r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":42,"p":"61837.64000000","q":"0.02000000","T":1723161255343,"m":true,"M":true}}"#
        );
        let levels = Levels {
            bids: vec![
                Level {
                    price: 6_173_763,
                    quantity: 0,
                },
                Level {
                    price: 6_173_017,
                    quantity: 1,
                },
            ],
            asks: vec![],
        };
        let update = DepthUpdate {
            first_update_id: 7,
            last_update_id: 9,
            levels: levels.clone(),
        };
        assert_eq!(
            frame(&Occurrence {
                news: News::Depth(update),
                ..occurrence
            }),
            r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255343,"s":"BTCUSDT","U":7,"u":9,"b":[["61737.63000000","0.00000000"],["61730.17000000","0.00001000"]],"a":[]}}"#
        );
        assert_eq!(
            depth_answer(
                &terms,
                &Snapshot {
                    last_update_id: 9,
                    levels
                }
            ),
            r#"{"lastUpdateId":9,"bids":[["61737.63000000","0.00000000"],["61730.17000000","0.00001000"]],"asks":[]}"#
        );
    }
}
