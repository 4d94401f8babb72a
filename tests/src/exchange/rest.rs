//! REST: the public endpoints of Binance spot that a collector uses, their weights and their errors.
//! <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints>

use std::time::Duration;

use super::faults::RestFault;
use super::http::{Answer, Request, decoded};
use super::payload;
use super::records::{RequestRecord, Violation};
use super::state::{Shared, State};
use super::trades::Query;
use super::weight::Verdict;
use crate::binance_form::depth_answer;

const NS_PER_MS: u64 = 1_000_000;
const DEPTH_LIMIT_MAX: usize = 5_000;
const TRADES_LIMIT_MAX: usize = 1_000;

/// A refusal: status 400, code and message.
type Refusal = (i32, &'static str);
const INVALID_SYMBOL: Refusal = (-1121, "Invalid symbol.");
const NO_SYMBOL: Refusal = (
    -1102,
    "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
);
const BAD_NUMBER: Refusal = (
    -1100,
    "Illegal characters found in a parameter; legal range is '^[0-9]{1,20}$'.",
);

/// The answer to a request, and how long it takes.
pub(crate) fn answer(shared: &Shared, request: &Request) -> (Answer, Duration) {
    let at = shared.began.elapsed();
    let limits = &shared.settings.limits;
    let mut state = shared.lock();
    let state = &mut *state;
    let parameters = Parameters::of(request);
    let weight = weight(request.path(), &parameters);
    let (verdict, used) = state.weight.charge(limits, at, weight);
    let fault = match verdict {
        Verdict::Granted => state.rest_fault(),
        Verdict::Refused(_) | Verdict::Banned(_) => None,
    };
    let mut last_update_id = None;
    let mut delay = Duration::ZERO;
    let mut answer = match (verdict, fault) {
        (Verdict::Banned(rest), _) => {
            state.violation(Violation::Banned);
            let until = state.feed.now_ns() / NS_PER_MS + rest.as_millis() as u64;
            limited(
                418,
                rest,
                &format!(
                    "Way too much request weight used; IP banned until {until}. Please use WebSocket Streams for live updates to avoid bans."
                ),
            )
        }
        (Verdict::Refused(rest), _) => {
            state.violation(Violation::Weight);
            limited(429, rest, &too_much(limits.weight_max))
        }
        (_, Some(RestFault::Refused)) => {
            limited(429, Duration::from_secs(1), &too_much(limits.weight_max))
        }
        (_, Some(RestFault::Failing)) => Answer::new(
            500,
            r#"{"code":-1000,"msg":"An unknown error occurred while processing the request."}"#,
        ),
        (_, fault) => {
            let mut answer = match endpoint(state, request, &parameters, limits.weight_max) {
                Ok(Some((body, id))) => {
                    last_update_id = id;
                    Answer::new(200, body)
                }
                Ok(None) => Answer::new(404, "{}"),
                Err((code, message)) => {
                    Answer::new(400, format!(r#"{{"code":{code},"msg":"{message}"}}"#))
                }
            };
            answer.truncated = fault == Some(RestFault::Truncated);
            if fault == Some(RestFault::Late) {
                delay = state.faults.late;
            }
            answer
        }
    };
    answer.headers.push(format!("X-MBX-USED-WEIGHT: {used}"));
    answer.headers.push(format!("X-MBX-USED-WEIGHT-1M: {used}"));
    state.request(RequestRecord {
        at,
        target: request.target.clone(),
        weight,
        status: answer.status,
        last_update_id,
        fault,
    });
    shared.happened();
    (answer, delay)
}

fn too_much(most: u64) -> String {
    format!(
        "Too much request weight used; current limit is {most} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."
    )
}

fn limited(status: u16, rest: Duration, message: &str) -> Answer {
    let mut answer = Answer::new(status, format!(r#"{{"code":-1003,"msg":"{message}"}}"#));
    let seconds = rest.as_millis().div_ceil(1_000).max(1);
    answer.headers.push(format!("Retry-After: {seconds}"));
    answer
}

fn weight(path: &str, parameters: &Parameters) -> u64 {
    match path {
        "/api/v3/depth" => match parameters.limit(100, DEPTH_LIMIT_MAX).unwrap_or(100) {
            0..=100 => 5,
            101..=500 => 25,
            501..=1_000 => 50,
            _ => 250,
        },
        "/api/v3/aggTrades" => 4,
        "/api/v3/historicalTrades" | "/api/v3/trades" => 25,
        "/api/v3/exchangeInfo" => 20,
        _ => 1,
    }
}

/// A body and the update id in it; none for an unknown path.
fn endpoint(
    state: &State,
    request: &Request,
    parameters: &Parameters,
    weight_max: u64,
) -> Result<Option<(String, Option<u64>)>, Refusal> {
    let time_ms = state.feed.now_ns() / NS_PER_MS;
    let body = match request.path() {
        "/api/v3/ping" => "{}".to_owned(),
        "/api/v3/time" => format!(r#"{{"serverTime":{time_ms}}}"#),
        "/api/v3/exchangeInfo" => exchange_info(state, parameters, time_ms, weight_max)?,
        "/api/v3/depth" => {
            let symbol = parameters.symbol()?;
            let terms = state.feed.terms(symbol).ok_or(INVALID_SYMBOL)?;
            let limit = parameters.limit(100, DEPTH_LIMIT_MAX)?;
            let snapshot = state.feed.snapshot(symbol, limit).unwrap_or_default();
            let body = depth_answer(terms, &snapshot);
            return Ok(Some((body, Some(snapshot.last_update_id))));
        }
        path @ ("/api/v3/aggTrades" | "/api/v3/historicalTrades" | "/api/v3/trades") => {
            let symbol = parameters.symbol()?;
            let terms = state.feed.terms(symbol).ok_or(INVALID_SYMBOL)?;
            let trades = state.feed.trades(symbol).ok_or(INVALID_SYMBOL)?;
            let recent = path == "/api/v3/trades";
            let timed = path == "/api/v3/aggTrades";
            let query = Query {
                from_id: parameters.number("fromId")?.filter(|_| !recent),
                start_ms: parameters.number("startTime")?.filter(|_| timed),
                end_ms: parameters.number("endTime")?.filter(|_| timed),
                limit: parameters.limit(500, TRADES_LIMIT_MAX)?,
            };
            if timed {
                payload::aggregates(terms, &trades.aggregates(query))
            } else {
                payload::trades(terms, &trades.singles(query))
            }
        }
        _ => return Ok(None),
    };
    Ok(Some((body, None)))
}

fn exchange_info(
    state: &State,
    parameters: &Parameters,
    time_ms: u64,
    weight_max: u64,
) -> Result<String, Refusal> {
    let named: Option<Vec<String>> = match (parameters.get("symbol"), parameters.get("symbols")) {
        (Some(symbol), _) => Some(vec![symbol.to_owned()]),
        (_, Some(list)) => Some(serde_json::from_str(list).map_err(|_| NO_SYMBOL)?),
        _ => None,
    };
    let symbols = match named {
        None => state.feed.symbols(),
        Some(names) => {
            let found = names.iter().map(|name| state.feed.terms(name));
            found.collect::<Option<_>>().ok_or(INVALID_SYMBOL)?
        }
    };
    Ok(payload::exchange_info(time_ms, weight_max, &symbols))
}

/// The query.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(request: &Request) -> Self {
        let pairs = request.query().split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.to_owned(), decoded(value)))
        });
        Self(pairs.collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    fn symbol(&self) -> Result<&str, Refusal> {
        self.get("symbol").ok_or(NO_SYMBOL)
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let number = self
            .get(name)
            .map(|text| text.parse().map_err(|_| BAD_NUMBER));
        number.transpose()
    }

    fn limit(&self, default: usize, most: usize) -> Result<usize, Refusal> {
        let limit = self.number("limit")?.map(|limit| limit as usize);
        Ok(limit.unwrap_or(default).clamp(1, most))
    }
}
