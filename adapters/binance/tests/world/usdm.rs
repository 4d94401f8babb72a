//! Frames of USD-M.

use super::World;

/// A session of USD-M with its first connection open; `more` are further settings, each with a comma before it.
pub fn world(types: &str, more: &str) -> World {
    let settings = format!(r#"{{"exchange":"binance_derivatives","data_types":[{types}]{more}}}"#);
    super::with(&settings, &["BTCUSDT"])
}

pub fn depth(first: u64, last: u64, previous: u64, bids: &str, asks: &str) -> String {
    format!(
        r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1000,"T":998,"s":"BTCUSDT","U":{first},"u":{last},"pu":{previous},"b":[{bids}],"a":[{asks}]}}}}"#
    )
}

pub fn agg_trade(id: u64, price: &str) -> String {
    format!(
        r#"{{"stream":"btcusdt@aggTrade","data":{{"e":"aggTrade","E":1001,"a":{id},"s":"BTCUSDT","p":"{price}","q":"0.5","f":1,"l":2,"T":1000,"m":false}}}}"#
    )
}
