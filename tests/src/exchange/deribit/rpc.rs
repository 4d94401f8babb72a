//! JSON-RPC 2.0 as Deribit speaks it: requests, answers and what concerns the connection itself: streams and
//! heartbeats. <https://docs.deribit.com/#json-rpc>

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::methods::{self, Failure};
use crate::exchange::dialect::{Desk, Heard, Reply, Talk};
use crate::exchange::parameters::Parameters;

/// Shortest time between two heartbeats, in seconds.
const HEARTBEAT_MIN: u64 = 10;

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    id: Value,
    method: String,
    #[serde(default)]
    params: Value,
}

/// The envelope of a result.
fn result(id: Option<&Value>, result: &str, time_ms: u64) -> String {
    let id = id.map_or_else(String::new, |id| format!(r#""id":{id},"#));
    let micros = time_ms * 1_000;
    let out = micros + 150;
    format!(
        r#"{{"jsonrpc":"2.0",{id}"result":{result},"usIn":{micros},"usOut":{out},"usDiff":150,"testnet":false}}"#
    )
}

/// The envelope of an error.
fn error(id: Option<&Value>, failure: &Failure, time_ms: u64) -> String {
    let id = id.map_or_else(String::new, |id| format!(r#""id":{id},"#));
    let Failure {
        code,
        message,
        data,
        ..
    } = failure;
    let data = if data.is_null() {
        String::new()
    } else {
        format!(r#""data":{data},"#)
    };
    let micros = time_ms * 1_000;
    let out = micros + 150;
    format!(
        r#"{{"jsonrpc":"2.0",{id}"error":{{"message":"{message}",{data}"code":{code}}},"usIn":{micros},"usOut":{out},"usDiff":150,"testnet":false}}"#
    )
}

/// The answer to a request by HTTP.
pub(super) fn reply(desk: &Desk<'_>, method: &str, parameters: &Parameters) -> Reply {
    match methods::call(desk, method, parameters) {
        Ok(done) => {
            let mut reply = Reply::ok(result(None, &done.result, desk.time_ms)).with(done.data);
            reply.update_id = done.update_id;
            reply
        }
        Err(failure) => Reply::new(failure.status, error(None, &failure, desk.time_ms)),
    }
}

pub(super) fn hear(talk: &mut Talk<'_>, text: &str) -> Heard {
    let time_ms = talk.feed.now_ns() / 1_000_000;
    let Ok(request) = serde_json::from_str::<Request>(text) else {
        let failure = Failure::new(400, -32_700, "Parse error");
        return Heard::answer(error(Some(&Value::Null), &failure, time_ms));
    };
    let mut heard = Heard::default();
    let done = perform(talk, &request, &mut heard);
    heard.answers.push(match done {
        Ok(done) => result(Some(&request.id), &done, time_ms),
        Err(failure) => error(Some(&request.id), &failure, time_ms),
    });
    heard
}

fn perform(talk: &mut Talk<'_>, request: &Request, heard: &mut Heard) -> Result<String, Failure> {
    let params = &request.params;
    match request.method.as_str() {
        "public/subscribe" => subscribe(talk, &channels(params)?, heard),
        "public/unsubscribe" => {
            let mut given_up = channels(params)?;
            given_up.retain(|channel| talk.streams.remove(channel.as_str()));
            Ok(json!(given_up).to_string())
        }
        "public/unsubscribe_all" => {
            talk.streams.clear();
            Ok(r#""ok""#.to_owned())
        }
        "public/set_heartbeat" => {
            let interval = params["interval"].as_u64();
            let interval = interval
                .filter(|interval| *interval >= HEARTBEAT_MIN)
                .and_then(|interval| u32::try_from(interval).ok())
                .ok_or_else(|| Failure::parameter("interval"))?;
            talk.manners.heartbeat = Some(talk.settings.limits.heartbeat_second * interval);
            heard.heartbeat_set = true;
            Ok(r#""ok""#.to_owned())
        }
        "public/disable_heartbeat" => {
            talk.manners.heartbeat = None;
            talk.manners.test_until = None;
            heard.heartbeat_set = true;
            Ok(r#""ok""#.to_owned())
        }
        method => {
            if method == "public/test" {
                talk.manners.test_until = None;
            }
            let desk = Desk {
                feed: talk.feed,
                settings: talk.settings,
                time_ms: talk.feed.now_ns() / 1_000_000,
            };
            methods::call(&desk, method, &named(params)).map(|done| done.result)
        }
    }
}

fn channels(params: &Value) -> Result<Vec<String>, Failure> {
    let channels = serde_json::from_value(params["channels"].clone());
    channels.map_err(|_| Failure::parameter("channels"))
}

/// The channels that exist are taken and told; one that needs a login spoils the whole request.
fn subscribe(
    talk: &mut Talk<'_>,
    channels: &[String],
    heard: &mut Heard,
) -> Result<String, Failure> {
    if channels.iter().any(|channel| channel.ends_with(".raw")) {
        let message = "raw_subscriptions_not_available_for_unauthorized";
        return Err(Failure::new(400, 13_778, message));
    }
    let mut taken = Vec::new();
    for channel in channels {
        let known = talk.feed.market().is_some_and(|feed| feed.knows(channel));
        if !known {
            continue;
        }
        let stream: Arc<str> = channel.as_str().into();
        let first = talk.feed.market_mut().and_then(|feed| feed.first(&stream));
        heard.first.extend(first);
        talk.streams.insert(stream.clone());
        heard.asked.push(stream);
        taken.push(channel);
    }
    Ok(json!(taken).to_string())
}

/// The parameters of a request as they would be in an address.
fn named(params: &Value) -> Parameters {
    let pairs = params.as_object().into_iter().flatten();
    let pairs = pairs.map(|(name, value)| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), text)
    });
    Parameters::from_pairs(pairs.collect())
}
