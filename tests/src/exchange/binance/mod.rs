//! Binance: what spot and USD-M futures have in common. Streams named in the address or asked for by JSON, frames with
//! or without their stream's name, a weight budget with 429 beyond it and 418 for who goes on.

mod commands;
mod futures;
mod futures_payload;
mod futures_rest;
mod futures_teller;
mod payload;
mod query;
mod spot;
mod spot_rest;
mod spot_teller;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::dialect::{Heard, Talk, Trouble};
use super::http::{Answer, Request, decoded};
pub(super) use futures::Futures;
pub(super) use spot::Spot;

/// `btcusdt@trade` for BTCUSDT and trade.
fn stream_name(symbol: &str, kind: &str) -> Arc<str> {
    format!("{}@{kind}", symbol.to_ascii_lowercase()).into()
}

/// The form and the streams that an address asks for, below a path; none when it is no address of streams.
fn asked_streams(request: &Request, below: &str) -> Option<(bool, BTreeSet<Arc<str>>)> {
    let path = decoded(request.path());
    let path = path.strip_prefix(below)?;
    let (combined, names) = if path == "/stream" {
        let mut pairs = request.query().split('&');
        let names = pairs.find_map(|pair| pair.strip_prefix("streams="));
        (true, decoded(names.unwrap_or_default()))
    } else {
        let rest = path.strip_prefix("/ws")?;
        (rest.is_empty() || rest.starts_with('/')).then_some(())?;
        (false, rest.to_owned())
    };
    let names = names.split('/').filter(|name| !name.is_empty());
    Some((combined, names.map(Arc::from).collect()))
}

fn hear(talk: &mut Talk<'_>, text: &str) -> Heard {
    let (answer, asked) = commands::answer(text, talk.streams, talk.combined);
    Heard {
        asked,
        ..Heard::answer(answer)
    }
}

fn refuse(trouble: &Trouble) -> Answer {
    match trouble {
        Trouble::Banned { rest, until_ms } => limited(
            418,
            *rest,
            &format!(
                "Way too much request weight used; IP banned until {until_ms}. Please use WebSocket Streams for live updates to avoid bans."
            ),
        ),
        // How a connection too many is refused is not documented.
        Trouble::Limited { rest, most: 0 } => limited(429, *rest, "Too many connections."),
        Trouble::Limited { rest, most } => limited(
            429,
            *rest,
            &format!(
                "Too much request weight used; current limit is {most} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."
            ),
        ),
        Trouble::Failing => Answer::new(
            500,
            r#"{"code":-1000,"msg":"An unknown error occurred while processing the request."}"#,
        ),
        Trouble::NotFound => Answer::new(404, "{}"),
    }
}

fn limited(status: u16, rest: Duration, message: &str) -> Answer {
    let mut answer = Answer::new(status, format!(r#"{{"code":-1003,"msg":"{message}"}}"#));
    let seconds = rest.as_millis().div_ceil(1_000).max(1);
    answer.headers.push(format!("Retry-After: {seconds}"));
    answer
}
