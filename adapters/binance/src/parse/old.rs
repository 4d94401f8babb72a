//! Trades of the past, as REST answers tell them. They are rare, so there is one path only, and it is the general one.

use marketprism_kit::Refusal;
use marketprism_kit::json::{self, Number};
use serde::Deserialize;

use super::TradeMade;
use super::general::trade;
use crate::settings::TradeStream;

/// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#old-trade-lookup>
#[derive(Deserialize)]
struct OldTrade {
    id: u64,
    price: Number,
    qty: Number,
    #[serde(rename = "time")]
    time_ms: u64,
    #[serde(rename = "isBuyerMaker")]
    buyer_is_maker: bool,
}

/// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#compressedaggregate-trades-list>
#[derive(Deserialize)]
struct OldAggTrade {
    a: u64,
    p: Number,
    q: Number,
    #[serde(rename = "T")]
    time_ms: u64,
    m: bool,
}

/// Reads the answer of `GET /api/v3/historicalTrades` or `GET /api/v3/aggTrades`, in its own order.
pub fn trades(
    body: &[u8],
    stream: TradeStream,
    instrument: u32,
) -> Result<Vec<TradeMade>, Refusal> {
    let rows = json::list(body)?;
    let rows = rows.into_iter().map(|row| row.get().as_bytes());
    let read = rows.map(|row| match stream {
        TradeStream::Trade => {
            let it: OldTrade = json::object(row)?;
            let numbers = (it.price, it.qty);
            trade(instrument, it.id, numbers, it.time_ms, it.buyer_is_maker)
        }
        TradeStream::AggTrade => {
            let it: OldAggTrade = json::object(row)?;
            trade(instrument, it.a, (it.p, it.q), it.time_ms, it.m)
        }
    });
    read.collect()
}
