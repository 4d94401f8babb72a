//! What a client of OKX says: subscribe, unsubscribe and ping, and their answers.
//! <https://www.okx.com/docs-v5/en/#overview-websocket-subscribe>

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::exchange::dialect::{Heard, Talk};
use crate::exchange::records::Violation;

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    id: Option<String>,
    op: String,
    args: Vec<Argument>,
}

/// What is asked for; what else it says does not matter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Argument {
    channel: String,
    inst_id: Option<String>,
    inst_type: Option<String>,
}

impl Argument {
    /// A channel of forced orders knows types only; all others are of one instrument.
    fn is_of_type(&self) -> bool {
        self.channel == "liquidation-orders"
    }

    fn stream(&self) -> Option<Arc<str>> {
        let of = if self.is_of_type() {
            self.inst_type.as_ref()
        } else {
            self.inst_id.as_ref()
        };
        Some(format!("{}:{}", self.channel, of?).into())
    }

    /// As the exchange repeats it.
    fn told(&self) -> String {
        let channel = Value::from(self.channel.as_str());
        let (key, value) = if self.is_of_type() {
            ("instType", &self.inst_type)
        } else {
            ("instId", &self.inst_id)
        };
        let value = Value::from(value.as_deref().unwrap_or_default());
        format!(r#"{{"channel":{channel},"{key}":{value}}}"#)
    }

    /// Why it is refused: code and message.
    fn refusal(&self) -> (u32, String) {
        if matches!(self.channel.as_str(), "books-l2-tbt" | "books50-l2-tbt") {
            return (60_011, "Please log in".to_owned());
        }
        let named = [("instType", &self.inst_type), ("instId", &self.inst_id)];
        let mut what = format!("channel:{}", self.channel);
        for (name, value) in named {
            if let Some(value) = value {
                what.push_str(&format!(",{name}:{value}"));
            }
        }
        let message = format!(
            "Wrong URL or {what} doesn't exist. Please use the correct URL, channel and parameters referring to API document."
        );
        (60_018, message)
    }
}

pub(super) fn hear(talk: &mut Talk<'_>, text: &str) -> Heard {
    let connection = format!("{:08x}", 0xa4d3_0000_u64 + talk.connection);
    if text == "ping" {
        return Heard::answer("pong");
    }
    let invalid = || {
        Heard::answer(refused(
            &None,
            60_012,
            &format!("Invalid request: {text}"),
            &connection,
        ))
    };
    let Ok(request) = serde_json::from_str::<Request>(text) else {
        return invalid();
    };
    let begins = match request.op.as_str() {
        "subscribe" => true,
        "unsubscribe" => false,
        _ => return invalid(),
    };
    if !allowed(talk) {
        let answer = refused(&request.id, 60_014, "Requests too frequent", &connection);
        return Heard {
            violation: Some(Violation::Subscriptions(talk.connection)),
            ..Heard::answer(answer)
        };
    }
    let mut heard = Heard::default();
    for argument in &request.args {
        let known = |stream: &Arc<str>| talk.feed.market().is_some_and(|feed| feed.knows(stream));
        let Some(stream) = argument.stream().filter(known) else {
            let (code, message) = argument.refusal();
            let answer = refused(&request.id, code, &message, &connection);
            heard.answers.push(answer);
            continue;
        };
        let (id, told) = (id(&request.id), argument.told());
        let event = &request.op;
        heard.answers.push(format!(
            r#"{{{id}"event":"{event}","arg":{told},"connId":"{connection}"}}"#
        ));
        if begins {
            let first = talk.feed.market_mut().and_then(|feed| feed.first(&stream));
            heard.first.extend(first);
            talk.streams.insert(stream.clone());
            heard.asked.push(stream);
        } else {
            talk.streams.remove(&stream);
        }
    }
    heard
}

/// Counts a request; false when there were too many in the window.
fn allowed(talk: &mut Talk<'_>) -> bool {
    let limits = &talk.settings.limits;
    let requests = &mut talk.manners.requests;
    while requests
        .pop_front_if(|at| talk.now.duration_since(*at) >= limits.subscriptions_window)
        .is_some()
    {}
    requests.push_back(talk.now);
    requests.len() <= limits.subscriptions_max
}

fn id(id: &Option<String>) -> String {
    id.as_ref().map_or_else(String::new, |id| {
        format!(r#""id":{},"#, Value::from(id.as_str()))
    })
}

fn refused(id_of: &Option<String>, code: u32, message: &str, connection: &str) -> String {
    let (id, message) = (id(id_of), Value::from(message));
    format!(r#"{{{id}"event":"error","msg":{message},"code":"{code}","connId":"{connection}"}}"#)
}
