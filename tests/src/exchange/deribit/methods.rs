//! Public methods, the same by HTTP and on a WebSocket. <https://docs.deribit.com/#market-data>

use std::time::Duration;

use serde_json::{Value, json};

use super::{currency, payload};
use crate::exchange::datum::{Datum, DatumKind};
use crate::exchange::dialect::Desk;
use crate::exchange::facts::{Candle, span};
use crate::exchange::market_feed::MarketFeed;
use crate::exchange::numbers::floating;
use crate::exchange::parameters::Parameters;
use crate::market::Terms;

/// Levels of a book, if nothing else is asked for.
const DEPTH: u64 = 5;
const DEPTH_MAX: u64 = 10_000;
const TRADES: u64 = 10;
const TRADES_MAX: u64 = 1_000;
/// Candles of one answer; more go by `continuation`.
const CANDLES_MAX: usize = 1_000;
const VOLATILITY_DECIMALS: u32 = 2;

/// Why a method fails.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) code: i32,
    pub(super) message: &'static str,
    pub(super) data: Value,
}

impl Failure {
    pub(super) const fn new(status: u16, code: i32, message: &'static str) -> Self {
        Self {
            status,
            code,
            message,
            data: Value::Null,
        }
    }

    pub(super) fn parameter(name: &str) -> Self {
        Self {
            data: json!({"reason": "invalid value", "param": name}),
            ..Self::new(400, -32_602, "Invalid params")
        }
    }
}

/// What a method gives.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) result: String,
    pub(super) update_id: Option<u64>,
    pub(super) data: Vec<Datum>,
}

impl Done {
    fn of(result: impl Into<String>) -> Self {
        Self {
            result: result.into(),
            ..Self::default()
        }
    }
}

pub(super) fn call(
    desk: &Desk<'_>,
    method: &str,
    parameters: &Parameters,
) -> Result<Done, Failure> {
    let unknown = Failure::new(400, -32_601, "Method not found");
    let Some(feed) = desk.feed.market() else {
        return Err(unknown);
    };
    match method {
        "public/test" | "public/hello" => Ok(Done::of(r#"{"version":"1.2.26"}"#)),
        "public/get_time" => Ok(Done::of(desk.time_ms.to_string())),
        "public/get_instruments" => instruments(desk, parameters),
        "public/get_order_book" => order_book(desk, feed, parameters),
        "public/get_last_trades_by_instrument" => last_trades(desk, parameters),
        "public/get_volatility_index_data" => volatility(desk, feed, parameters),
        _ => Err(unknown),
    }
}

fn number(parameters: &Parameters, name: &str) -> Result<Option<u64>, Failure> {
    let number = parameters.number(name);
    number.map_err(|_| Failure::parameter(name))
}

fn instrument<'a>(desk: &Desk<'a>, parameters: &Parameters) -> Result<&'a Terms, Failure> {
    let name = parameters.get("instrument_name");
    let name = name.ok_or_else(|| Failure::parameter("instrument_name"))?;
    let terms = desk.feed.terms(name);
    terms.ok_or(Failure::new(400, 13_020, "not_found"))
}

fn instruments(desk: &Desk<'_>, parameters: &Parameters) -> Result<Done, Failure> {
    let wanted = parameters.get("currency").unwrap_or("any");
    let symbols = desk.feed.symbols().into_iter();
    let symbols = symbols.filter(|terms| wanted == "any" || currency(&terms.symbol) == wanted);
    let kind = parameters.get("kind").unwrap_or("future");
    let rows: Vec<_> = symbols
        .filter(|_| kind == "future")
        .map(payload::instrument)
        .collect();
    Ok(Done::of(format!("[{}]", rows.join(","))))
}

fn order_book(
    desk: &Desk<'_>,
    feed: &MarketFeed,
    parameters: &Parameters,
) -> Result<Done, Failure> {
    let terms = instrument(desk, parameters)?;
    let depth = number(parameters, "depth")?;
    let depth = depth.unwrap_or(DEPTH).clamp(1, DEPTH_MAX) as usize;
    let book = feed.told(&terms.symbol, depth);
    let mark = feed.facts.mark(&terms.symbol);
    let (Some(book), Some(mark)) = (book, mark) else {
        return Err(Failure::new(400, 13_020, "not_found"));
    };
    Ok(Done {
        update_id: Some(book.last_update_id),
        ..Done::of(payload::order_book(terms, desk.time_ms, &book, &mark))
    })
}

/// From `start_seq` to `end_seq`, oldest first when `sorting` is asc, else newest first.
fn last_trades(desk: &Desk<'_>, parameters: &Parameters) -> Result<Done, Failure> {
    let terms = instrument(desk, parameters)?;
    let count = number(parameters, "count")?;
    let count = count.unwrap_or(TRADES).clamp(1, TRADES_MAX) as usize;
    let start = number(parameters, "start_seq")?.unwrap_or(0);
    let end = number(parameters, "end_seq")?.unwrap_or(u64::MAX - 1);
    let trades = desk.feed.trades(&terms.symbol);
    let trades = trades.ok_or(Failure::new(400, 13_020, "not_found"))?;
    let mut rows = trades.singles_before(Some(end.saturating_add(1)), usize::MAX);
    rows.retain(|one| one.trade.id >= start);
    if parameters.get("sorting") == Some("asc") {
        rows.reverse();
    }
    let has_more = rows.len() > count;
    rows.truncate(count);
    let rows: Vec<_> = rows
        .iter()
        .map(|one| payload::trade(terms, one.time_ms, &one.trade))
        .collect();
    let rows = rows.join(",");
    Ok(Done::of(format!(
        r#"{{"trades":[{rows}],"has_more":{has_more}}}"#
    )))
}

fn volatility(
    desk: &Desk<'_>,
    feed: &MarketFeed,
    parameters: &Parameters,
) -> Result<Done, Failure> {
    let name = parameters.get("currency");
    let known = |name: &&str| {
        let mut symbols = desk.feed.symbols().into_iter();
        symbols.any(|terms| currency(&terms.symbol) == *name)
    };
    let name = name
        .filter(known)
        .ok_or_else(|| Failure::parameter("currency"))?;
    let needed = |key| number(parameters, key)?.ok_or_else(|| Failure::parameter(key));
    let start_ms = needed("start_timestamp")?;
    let end_ms = needed("end_timestamp")?.min(desk.time_ms);
    let resolution = parameters.get("resolution").unwrap_or_default();
    let seconds = match resolution {
        "1" => 1,
        "60" => 60,
        "3600" => 3_600,
        "43200" => 43_200,
        "1D" => 86_400,
        _ => return Err(Failure::parameter("resolution")),
    };
    let length = feed.facts.candle_length(seconds);
    let step = length.max(Duration::from_millis(1)).as_millis() as u64;
    let mut candles = Vec::new();
    let mut continuation = None;
    let mut at = span(end_ms, length);
    while at >= start_ms {
        if candles.len() == CANDLES_MAX {
            continuation = Some(at);
            break;
        }
        candles.extend(feed.facts.candle(name, seconds, at, desk.time_ms));
        let Some(before) = at.checked_sub(step) else {
            break;
        };
        at = before;
    }
    candles.reverse();
    let data: Vec<_> = candles
        .iter()
        .map(|one| datum(name, resolution, one))
        .collect();
    let row = |datum: &Datum| {
        let values = ["open", "high", "low", "close"].map(|key| datum.field(key).to_owned());
        format!("[{},{}]", datum.time_ms, values.join(","))
    };
    let rows: Vec<_> = data.iter().map(row).collect();
    let (rows, continuation) = (rows.join(","), json!(continuation));
    Ok(Done {
        data,
        ..Done::of(format!(
            r#"{{"data":[{rows}],"continuation":{continuation}}}"#
        ))
    })
}

fn datum(currency: &str, resolution: &str, candle: &Candle) -> Datum {
    let value = |value| floating(value, VOLATILITY_DECIMALS);
    Datum {
        kind: DatumKind::Volatility,
        symbol: currency.to_owned(),
        time_ms: candle.time_ms,
        fields: vec![
            ("open", value(candle.open)),
            ("high", value(candle.high)),
            ("low", value(candle.low)),
            ("close", value(candle.close)),
            ("resolution", resolution.to_owned()),
        ],
    }
}
