//! SUBSCRIBE and the other requests of a WebSocket client, and their answers.
//! <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#live-subscribingunsubscribing-to-streams>

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

/// Longest text that is an id.
const ID_CHARACTERS_MAX: usize = 36;

#[derive(Deserialize)]
enum Method {
    #[serde(rename = "SUBSCRIBE")]
    Subscribe,
    #[serde(rename = "UNSUBSCRIBE")]
    Unsubscribe,
    #[serde(rename = "LIST_SUBSCRIPTIONS")]
    ListSubscriptions,
    #[serde(rename = "SET_PROPERTY")]
    SetProperty,
    #[serde(rename = "GET_PROPERTY")]
    GetProperty,
}

#[derive(Deserialize)]
struct Request {
    method: Method,
    #[serde(default)]
    params: Vec<Value>,
    #[serde(default, deserialize_with = "given")]
    id: Option<Value>,
}

/// A null that was written is not one that is missing.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The answer to a request, which may change the connection's streams and form; and the streams asked for in it.
pub(super) fn answer(
    text: &str,
    streams: &mut BTreeSet<Arc<str>>,
    combined: &mut bool,
) -> (String, Vec<Arc<str>>) {
    let mut asked = Vec::new();
    let answer = respond(text, streams, combined, &mut asked);
    (answer, asked)
}

fn respond(
    text: &str,
    streams: &mut BTreeSet<Arc<str>>,
    combined: &mut bool,
    asked: &mut Vec<Arc<str>>,
) -> String {
    let request: Request = match serde_json::from_str(text) {
        Ok(request) => request,
        Err(error) if error.is_data() => {
            return refusal(2, &format!("Invalid request: {error}"), None);
        }
        Err(error) => return refusal(3, &format!("Invalid JSON: {error}"), None),
    };
    let Some(id) = request.id.filter(is_id) else {
        let message = "Invalid request: request ID must be an unsigned integer";
        return refusal(2, message, None);
    };
    let done = perform(&request.method, &request.params, streams, combined, asked);
    match done {
        Ok(result) => format!(r#"{{"result":{result},"id":{id}}}"#),
        Err((code, message)) => refusal(code, message, Some(&id)),
    }
}

fn is_id(id: &Value) -> bool {
    match id {
        Value::Null => true,
        Value::Number(number) => number.is_i64(),
        Value::String(text) => {
            text.len() <= ID_CHARACTERS_MAX && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }
        _ => false,
    }
}

fn perform(
    method: &Method,
    params: &[Value],
    streams: &mut BTreeSet<Arc<str>>,
    combined: &mut bool,
    asked: &mut Vec<Arc<str>>,
) -> Result<Value, (u8, &'static str)> {
    const NO_NAME: (u8, &str) = (2, "Invalid request: property name must be a string");
    let names = || -> Option<Vec<&str>> { params.iter().map(Value::as_str).collect() };
    match method {
        Method::Subscribe => {
            let names = names().ok_or((2, "Invalid request: stream name must be a string"))?;
            asked.extend(names.into_iter().map(Arc::<str>::from));
            streams.extend(asked.iter().cloned());
            Ok(Value::Null)
        }
        Method::Unsubscribe => {
            let names = names().ok_or((2, "Invalid request: stream name must be a string"))?;
            for name in names {
                streams.remove(name);
            }
            Ok(Value::Null)
        }
        Method::ListSubscriptions if params.is_empty() => {
            Ok(streams.iter().map(|name| json!(**name)).collect())
        }
        Method::ListSubscriptions => Err((2, "Invalid request: too many parameters")),
        Method::SetProperty => match params {
            [Value::String(name), value] if name == "combined" => {
                *combined = value
                    .as_bool()
                    .ok_or((1, "Invalid value type: expected Boolean"))?;
                Ok(Value::Null)
            }
            [Value::String(_), _] => Err((0, "Unknown property")),
            [_, _, _, ..] => Err((2, "Invalid request: too many parameters")),
            _ => Err(NO_NAME),
        },
        Method::GetProperty => match params {
            [Value::String(name)] if name == "combined" => Ok(json!(*combined)),
            [Value::String(_)] => Err((0, "Unknown property")),
            [_, _, ..] => Err((2, "Invalid request: too many parameters")),
            _ => Err(NO_NAME),
        },
    }
}

fn refusal(code: u8, message: &str, id: Option<&Value>) -> String {
    let message = json!(message);
    match id {
        Some(id) => format!(r#"{{"error":{{"code":{code},"msg":{message}}},"id":{id}}}"#),
        None => format!(r#"{{"error":{{"code":{code},"msg":{message}}}}}"#),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(streams: &mut BTreeSet<Arc<str>>, combined: &mut bool, request: &str, expected: &str) {
        assert_eq!(answer(request, streams, combined).0, expected, "{request}");
    }

    #[test]
    fn requests_are_answered_as_the_exchange_does() {
        let (mut streams, mut combined) = (BTreeSet::new(), false);
        for (request, expected) in [
            (
                r#"{"method":"SUBSCRIBE","params":["b@trade","a@depth"],"id":1}"#,
                r#"{"result":null,"id":1}"#,
            ),
            (
                r#"{"method":"LIST_SUBSCRIPTIONS","id":"x7"}"#,
                r#"{"result":["a@depth","b@trade"],"id":"x7"}"#,
            ),
            (
                r#"{"method":"UNSUBSCRIBE","params":["b@trade"],"id":null}"#,
                r#"{"result":null,"id":null}"#,
            ),
            (
                r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#,
                r#"{"result":["a@depth"],"id":3}"#,
            ),
            (
                r#"{"method":"GET_PROPERTY","params":["combined"],"id":4}"#,
                r#"{"result":false,"id":4}"#,
            ),
            (
                r#"{"method":"SET_PROPERTY","params":["combined",true],"id":5}"#,
                r#"{"result":null,"id":5}"#,
            ),
            (
                r#"{"method":"GET_PROPERTY","params":["combined"],"id":6}"#,
                r#"{"result":true,"id":6}"#,
            ),
        ] {
            check(&mut streams, &mut combined, request, expected);
        }
    }

    #[test]
    fn bad_requests_get_an_error_object() {
        let (mut streams, mut combined) = (BTreeSet::new(), true);
        for (request, expected) in [
            (
                "x",
                r#"{"error":{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}}"#,
            ),
            (
                r#"{"id":1}"#,
                r#"{"error":{"code":2,"msg":"Invalid request: missing field `method` at line 1 column 8"}}"#,
            ),
            (
                r#"{"method":"SUBSCRIBE","params":[]}"#,
                r#"{"error":{"code":2,"msg":"Invalid request: request ID must be an unsigned integer"}}"#,
            ),
            (
                r#"{"method":"SUBSCRIBE","params":[],"id":1.5}"#,
                r#"{"error":{"code":2,"msg":"Invalid request: request ID must be an unsigned integer"}}"#,
            ),
            (
                r#"{"method":"SET_PROPERTY","params":["other",true],"id":5}"#,
                r#"{"error":{"code":0,"msg":"Unknown property"},"id":5}"#,
            ),
            (
                r#"{"method":"SET_PROPERTY","params":["combined",1],"id":5}"#,
                r#"{"error":{"code":1,"msg":"Invalid value type: expected Boolean"},"id":5}"#,
            ),
        ] {
            check(&mut streams, &mut combined, request, expected);
        }
        let unknown = answer(r#"{"method":"JOIN","id":1}"#, &mut streams, &mut combined).0;
        assert!(
            unknown.contains("unknown variant `JOIN`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`"),
            "{unknown}"
        );
        assert!(streams.is_empty() && combined);
    }
}
