//! REST of spot: the public endpoints that a collector uses, and their weights.
//! <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints>

use super::payload;
use super::query::{self, Refusal};
use crate::binance_form::depth_answer;
use crate::exchange::dialect::{Desk, Reply};
use crate::exchange::parameters::Parameters;
use crate::exchange::trades::Query;

const DEPTH_LIMIT_MAX: usize = 5_000;
/// Over which an average price is taken.
const AVERAGE_MINUTES: u64 = 5;

pub(super) fn weight(path: &str, parameters: &Parameters) -> u64 {
    match path {
        "/api/v3/depth" => match query::limit(parameters, 100, DEPTH_LIMIT_MAX).unwrap_or(100) {
            0..=100 => 5,
            101..=500 => 25,
            501..=1_000 => 50,
            _ => 250,
        },
        "/api/v3/aggTrades" => 4,
        "/api/v3/historicalTrades" | "/api/v3/trades" => 25,
        "/api/v3/exchangeInfo" => 20,
        "/api/v3/avgPrice" => 2,
        _ => 1,
    }
}

pub(super) fn endpoint(
    desk: &Desk<'_>,
    path: &str,
    parameters: &Parameters,
) -> Result<Reply, Refusal> {
    let time_ms = desk.time_ms;
    let body = match path {
        "/api/v3/ping" => "{}".to_owned(),
        "/api/v3/time" => format!(r#"{{"serverTime":{time_ms}}}"#),
        "/api/v3/exchangeInfo" => {
            let symbols = query::symbols(desk, parameters)?;
            payload::exchange_info(time_ms, desk.settings.limits.weight_max, &symbols)
        }
        "/api/v3/depth" => {
            let terms = query::terms(desk, parameters)?;
            let limit = query::limit(parameters, 100, DEPTH_LIMIT_MAX)?;
            let snapshot = desk.feed.snapshot(&terms.symbol, limit).unwrap_or_default();
            let mut reply = Reply::ok(depth_answer(terms, &snapshot));
            reply.update_id = Some(snapshot.last_update_id);
            return Ok(reply);
        }
        "/api/v3/avgPrice" => {
            let (terms, trades, _) = query::trades(desk, parameters, "trades")?;
            let recent = Query {
                from_id: None,
                start_ms: Some(time_ms.saturating_sub(AVERAGE_MINUTES * 60_000)),
                end_ms: None,
                limit: usize::MAX,
            };
            payload::average_price(terms, AVERAGE_MINUTES, &trades.singles(recent))
        }
        "/api/v3/aggTrades" => {
            let (terms, trades, query) = query::trades(desk, parameters, "aggTrades")?;
            payload::aggregates(terms, &trades.aggregates(query))
        }
        "/api/v3/historicalTrades" | "/api/v3/trades" => {
            let kind = path.trim_start_matches("/api/v3/");
            let (terms, trades, query) = query::trades(desk, parameters, kind)?;
            payload::trades(terms, &trades.singles(query))
        }
        _ => return Ok(Reply::new(404, "{}")),
    };
    Ok(Reply::ok(body))
}
