//! The streams of the configuration, made or brought up to date on the server.
//!
//! What a stream has beyond the configuration, for example a description, stays as it is.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::{Client, Request};
use serde_json::{Map, Value, json};

/// The server's code for a stream that does not exist.
const NO_SUCH_STREAM: u64 = 10_059;

/// One stream. Fields are as the configuration has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSettings {
    /// Its name.
    pub name: String,
    /// Subjects that it keeps, with wildcards.
    pub subjects: Vec<String>,
    /// `limits`, `interest` or `workqueue`.
    pub retention: &'static str,
    /// Most messages; -1 is no limit.
    pub max_msgs: i64,
    /// Most bytes; -1 is no limit.
    pub max_bytes: i64,
    /// Longest time that a message is kept; zero is no limit.
    pub max_age: Duration,
    /// Most consumers; -1 is no limit.
    pub max_consumers: i32,
    /// Copies in a cluster.
    pub replicas: usize,
    /// `file` or `memory`.
    pub storage: &'static str,
    /// `old` or `new`.
    pub discard: &'static str,
    /// Time in which a known id is a double; zero leaves it to the server.
    pub duplicate_window: Duration,
}

impl StreamSettings {
    /// Whether it keeps a subject.
    pub(super) fn keeps(&self, subject: &str) -> bool {
        self.subjects
            .iter()
            .any(|pattern| matches(pattern, subject))
    }

    fn fields(&self) -> Map<String, Value> {
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let mut fields = Map::new();
        for (name, value) in [
            ("subjects", json!(self.subjects)),
            ("retention", json!(self.retention)),
            ("max_msgs", json!(self.max_msgs)),
            ("max_bytes", json!(self.max_bytes)),
            ("max_age", json!(ns(self.max_age))),
            ("max_consumers", json!(self.max_consumers)),
            ("num_replicas", json!(self.replicas)),
            ("storage", json!(self.storage)),
            ("discard", json!(self.discard)),
        ] {
            fields.insert(name.to_owned(), value);
        }
        if !self.duplicate_window.is_zero() {
            let window = json!(ns(self.duplicate_window));
            fields.insert("duplicate_window".to_owned(), window);
        }
        fields
    }

    /// Makes the stream or brings it up to date. The error says what the server said.
    pub(super) async fn prepare(&self, client: &Client, timeout: Duration) -> Result<(), String> {
        let name = &self.name;
        let ask = async |what: &str, body: &Value| {
            let subject = format!("$JS.API.STREAM.{what}.{name}");
            ask(client, subject, body, timeout).await
        };
        let wanted = self.fields();
        let info = ask("INFO", &Value::Null).await?;
        let Some(Value::Object(config)) = info.get("config") else {
            if error_code(&info) != Some(NO_SUCH_STREAM) {
                return Err(words(&info));
            }
            let mut config = wanted;
            config.insert("name".to_owned(), json!(name));
            let made = ask("CREATE", &Value::Object(config)).await?;
            return match error_code(&made) {
                Some(_) => Err(words(&made)),
                None => {
                    tracing::info!("stream {name}: made");
                    Ok(())
                }
            };
        };
        let mut changed = config.clone();
        let mut differing = Vec::new();
        for (key, value) in wanted {
            if config.get(&key).is_none_or(|has| !is_same(has, &value)) {
                differing.push(key.clone());
                changed.insert(key, value);
            }
        }
        if differing.is_empty() {
            return Ok(());
        }
        let updated = ask("UPDATE", &Value::Object(changed)).await?;
        let differing = differing.join(", ");
        if error_code(&updated).is_some() {
            return Err(format!("{}; it differs in {differing}", words(&updated)));
        }
        tracing::info!("stream {name}: brought up to date: {differing}");
        Ok(())
    }
}

/// Asks the server's JetStream.
async fn ask(
    client: &Client,
    subject: String,
    body: &Value,
    timeout: Duration,
) -> Result<Value, String> {
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    // An inbox of its own: the library would keep a place for each answer that never comes.
    let request = Request::new()
        .payload(body.into())
        .inbox(client.new_inbox())
        .timeout(Some(timeout));
    let answer = client.send_request(subject, request).await;
    let answer = answer.map_err(|error| match error.kind() {
        async_nats::RequestErrorKind::NoResponders => {
            "JetStream is not enabled on the server, or not for this user".to_owned()
        }
        _ => error.to_string(),
    })?;
    serde_json::from_slice(&answer.payload).map_err(|error| error.to_string())
}

/// The code of the error in an answer.
pub(super) fn error_code(answer: &Value) -> Option<u64> {
    let error = answer.get("error")?;
    let code = error.get("err_code").or_else(|| error.get("code"));
    Some(code.and_then(Value::as_u64).unwrap_or_default())
}

/// The words of the error in an answer.
pub(super) fn words(answer: &Value) -> String {
    let said = answer.pointer("/error/description").and_then(Value::as_str);
    said.unwrap_or("an answer without meaning").to_owned()
}

fn is_same(has: &Value, wanted: &Value) -> bool {
    match (has, wanted) {
        (Value::Array(has), Value::Array(wanted)) => {
            let set = |list: &[Value]| list.iter().map(Value::to_string).collect::<BTreeSet<_>>();
            set(has) == set(wanted)
        }
        _ => has == wanted,
    }
}

/// Whether a pattern with wildcards holds a subject.
fn matches(pattern: &str, subject: &str) -> bool {
    let mut parts = subject.split('.');
    for wanted in pattern.split('.') {
        match (wanted, parts.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(part)) if wanted == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_holds_the_subjects_that_the_server_gives_it() {
        for (pattern, subject, holds) in [
            ("funding_rate.>", "funding_rate.alpha.spot.BTC-USDT", true),
            ("funding_rate.>", "funding_rate", false),
            (
                "funding_rate.alpha.>",
                "funding_rate.alpha_spot.spot.BTC-USDT",
                false,
            ),
            (
                "*.alpha.*.BTC-USDT",
                "liquidation.alpha.spot.BTC-USDT",
                true,
            ),
            ("*.alpha.*", "liquidation.alpha.spot.BTC-USDT", false),
            ("a.b", "a.b", true),
            ("a.b", "a.b.c", false),
            ("a.b.c", "a.b", false),
        ] {
            assert_eq!(matches(pattern, subject), holds, "{pattern} {subject}");
        }
    }
}
