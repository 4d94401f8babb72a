//! What the server's JetStream answers.

use async_nats::{Message, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::streams::{error_code, words};
use crate::wire;

/// The server's codes for: no message on this subject; a message larger than the stream takes.
const NO_MESSAGE: u64 = 10_037;
const TOO_LARGE: u64 = 10_054;

/// What came of a published message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Acknowledged {
    /// It is stored; true: it was before.
    Stored(bool),
    /// It will never be.
    TooLarge,
    /// It is not, or not known to be.
    Not(String),
}

/// Reads an acknowledgement.
pub(super) fn acknowledged(answer: &Message) -> Acknowledged {
    if answer.status == Some(StatusCode::NO_RESPONDERS) {
        return Acknowledged::Not("no stream takes the message".to_owned());
    }
    let Ok(said) = serde_json::from_slice::<Value>(&answer.payload) else {
        return Acknowledged::Not("an answer without meaning".to_owned());
    };
    match error_code(&said) {
        Some(TOO_LARGE) => Acknowledged::TooLarge,
        Some(_) => Acknowledged::Not(words(&said)),
        None if said.get("seq").is_some_and(Value::is_u64) => {
            let is_double = said.get("duplicate").and_then(Value::as_bool);
            Acknowledged::Stored(is_double.unwrap_or(false))
        }
        None => Acknowledged::Not("an answer without meaning".to_owned()),
    }
}

/// Reads the answer to the question for the last message on a subject: its id, none where there is no message or no
/// id; or what went wrong.
pub(super) fn last_id(answer: &Message) -> Result<Option<String>, String> {
    if answer.status == Some(StatusCode::NO_RESPONDERS) {
        return Err("JetStream is not enabled on the server, or not for this user".to_owned());
    }
    let said: Value = serde_json::from_slice(&answer.payload).map_err(|error| error.to_string())?;
    match error_code(&said) {
        Some(NO_MESSAGE) => return Ok(None),
        Some(_) => return Err(words(&said)),
        None => {}
    }
    let Some(message) = said.get("message") else {
        return Err("an answer without meaning".to_owned());
    };
    let headers = message.get("hdrs").and_then(Value::as_str);
    let Ok(headers) = BASE64_STANDARD.decode(headers.unwrap_or_default()) else {
        return Err("an answer without meaning".to_owned());
    };
    Ok(id_in(&String::from_utf8_lossy(&headers)))
}

/// The id among the lines of a header.
fn id_in(headers: &str) -> Option<String> {
    let mut lines = headers.lines().filter_map(|line| line.split_once(':'));
    let (_, id) = lines.find(|(name, _)| name.eq_ignore_ascii_case(wire::Message::ID_HEADER))?;
    Some(id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(payload: &str) -> Message {
        Message {
            subject: "inbox".into(),
            reply: None,
            payload: payload.to_owned().into(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        }
    }

    #[test]
    fn an_acknowledgement_says_whether_the_message_is_stored() {
        for (payload, wanted) in [
            (r#"{"stream":"S","seq":7}"#, Acknowledged::Stored(false)),
            (
                r#"{"stream":"S","seq":7,"duplicate":true}"#,
                Acknowledged::Stored(true),
            ),
            (
                r#"{"error":{"code":400,"err_code":10054,"description":"large"}}"#,
                Acknowledged::TooLarge,
            ),
            (
                r#"{"error":{"code":503,"description":"insufficient resources"}}"#,
                Acknowledged::Not("insufficient resources".to_owned()),
            ),
            (
                "{}",
                Acknowledged::Not("an answer without meaning".to_owned()),
            ),
        ] {
            assert_eq!(acknowledged(&answer(payload)), wanted, "{payload}");
        }
    }

    #[test]
    fn the_last_id_is_read_from_the_headers_of_the_last_message() {
        let headers = BASE64_STANDARD.encode("NATS/1.0\r\nNats-Msg-Id: a:b:1\r\n\r\n");
        let payload = format!(r#"{{"message":{{"subject":"s","seq":1,"hdrs":"{headers}"}}}}"#);
        assert_eq!(last_id(&answer(&payload)), Ok(Some("a:b:1".to_owned())));
        let none = r#"{"error":{"code":404,"err_code":10037,"description":"no message found"}}"#;
        assert_eq!(last_id(&answer(none)), Ok(None));
        let plain = r#"{"message":{"subject":"s","seq":1}}"#;
        assert_eq!(last_id(&answer(plain)), Ok(None));
        let missing = r#"{"error":{"code":404,"err_code":10059,"description":"stream not found"}}"#;
        assert_eq!(
            last_id(&answer(missing)),
            Err("stream not found".to_owned())
        );
    }
}
