//! What a request asks for, and what is wrong with it: status 400, code and message.
//! <https://developers.binance.com/docs/binance-spot-api-docs/errors>

use crate::exchange::dialect::{Desk, Reply};
use crate::exchange::parameters::Parameters;
use crate::exchange::trades::{Query, Trades};
use crate::market::Terms;

/// Code and message.
pub(super) type Refusal = (i32, &'static str);
pub(super) const INVALID_SYMBOL: Refusal = (-1121, "Invalid symbol.");
pub(super) const NO_SYMBOL: Refusal = (
    -1102,
    "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
);
const BAD_NUMBER: Refusal = (
    -1100,
    "Illegal characters found in a parameter; legal range is '^[0-9]{1,20}$'.",
);
const TRADES_LIMIT_MAX: usize = 1_000;

pub(super) fn symbol(parameters: &Parameters) -> Result<&str, Refusal> {
    parameters.get("symbol").ok_or(NO_SYMBOL)
}

pub(super) fn number(parameters: &Parameters, name: &str) -> Result<Option<u64>, Refusal> {
    parameters.number(name).map_err(|_| BAD_NUMBER)
}

pub(super) fn limit(
    parameters: &Parameters,
    default: usize,
    most: usize,
) -> Result<usize, Refusal> {
    let limit = number(parameters, "limit")?.map(|limit| limit as usize);
    Ok(limit.unwrap_or(default).clamp(1, most))
}

/// The symbol that is asked for.
pub(super) fn terms<'a>(desk: &Desk<'a>, parameters: &Parameters) -> Result<&'a Terms, Refusal> {
    let symbol = symbol(parameters)?;
    desk.feed.terms(symbol).ok_or(INVALID_SYMBOL)
}

/// Its trades, and which of them: times count for aggregates only, an id does not for the recent ones.
pub(super) fn trades<'a>(
    desk: &Desk<'a>,
    parameters: &Parameters,
    kind: &str,
) -> Result<(&'a Terms, &'a Trades, Query), Refusal> {
    let terms = terms(desk, parameters)?;
    let trades = desk.feed.trades(&terms.symbol).ok_or(INVALID_SYMBOL)?;
    let timed = kind == "aggTrades";
    let query = Query {
        from_id: number(parameters, "fromId")?.filter(|_| kind != "trades"),
        start_ms: number(parameters, "startTime")?.filter(|_| timed),
        end_ms: number(parameters, "endTime")?.filter(|_| timed),
        limit: limit(parameters, 500, TRADES_LIMIT_MAX)?,
    };
    Ok((terms, trades, query))
}

/// The symbols that exchangeInfo is asked for: all, or those named.
pub(super) fn symbols<'a>(
    desk: &Desk<'a>,
    parameters: &Parameters,
) -> Result<Vec<&'a Terms>, Refusal> {
    let named: Option<Vec<String>> = match (parameters.get("symbol"), parameters.get("symbols")) {
        (Some(symbol), _) => Some(vec![symbol.to_owned()]),
        (_, Some(list)) => Some(serde_json::from_str(list).map_err(|_| NO_SYMBOL)?),
        _ => None,
    };
    match named {
        None => Ok(desk.feed.symbols()),
        Some(names) => {
            let found = names.iter().map(|name| desk.feed.terms(name));
            found.collect::<Option<_>>().ok_or(INVALID_SYMBOL)
        }
    }
}

/// The answer that a result makes.
pub(super) fn reply(result: Result<Reply, Refusal>) -> Reply {
    result.unwrap_or_else(|(code, message)| {
        Reply::new(400, format!(r#"{{"code":{code},"msg":"{message}"}}"#))
    })
}
