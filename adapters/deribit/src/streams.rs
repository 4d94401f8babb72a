//! How the exchange is asked for channels: JSON-RPC messages and what is said about their answers.
//! <https://docs.deribit.com/api-reference/subscription-management/public-subscribe>

use std::collections::VecDeque;

use marketprism_kit::Output;
use marketprism_kit::streams::{Limits, MessagePace, Protocol, StreamId, Streams};
use marketprism_kit::wit::LogLevel;
use serde_json::json;

use crate::alarm;
use crate::parse::{Outcome, Reply, RpcError};

/// Connections that one address may hold: 32, and a request counts while it lasts, so that some are left to requests.
/// <https://docs.deribit.com/articles/connection-management-best-practices>
pub const CONNECTIONS_OF_ADDRESS: u32 = 32 - 8;

/// Most connections of one session: two versions of it, and others, find room too.
const CONNECTIONS_MAX: usize = 8;

/// Most channels of one connection, the exchange's own limit.
const CHANNELS_MAX: usize = 500;

/// Connections that one session needs at most: one more while one is renewed.
pub const CONNECTIONS_EVER: u32 = CONNECTIONS_MAX as u32 + 1;

/// Time between two messages. A subscribe message costs 3,000 credits of 30,000, and about 3.3 of them are refilled in
/// a second. <https://docs.deribit.com/articles/rate-limits>
const MESSAGE_EVERY: u64 = 500_000_000;

/// Seconds between the exchange's signs of life, 10 at least.
/// <https://docs.deribit.com/api-reference/session-management/public-set_heartbeat>
const HEARTBEAT_SECONDS: u32 = 30;

/// Numbers of messages: fixed ones, then from each of these on one for each message to many channels, and one for each
/// channel alone.
const HEARTBEAT: u64 = 1;
const TEST: u64 = 2;
const MANY: u64 = 1_000_000;
const ALONE: u64 = 10_000_000_000;

/// The exchange's limits.
pub const LIMITS: Limits = Limits {
    connections_max: CONNECTIONS_MAX,
    streams_per_connection: CHANNELS_MAX,
    names_per_message: 100,
    message_pace: MessagePace {
        at_once: 4,
        every: MESSAGE_EVERY,
    },
    // The exchange names no time after which it cuts a connection; a day is long enough for any.
    lifetime: 86_400_000_000_000,
};

/// How the exchange is spoken to.
#[derive(Debug, Clone)]
pub struct Rpc {
    /// Address of the WebSocket interface.
    pub address: String,
}

impl Protocol for Rpc {
    fn address(&self, _group: u8) -> String {
        self.address.clone()
    }

    fn subscribe(&self, number: u32, names: &[&str]) -> String {
        message(MANY + u64::from(number), "subscribe", names)
    }

    fn unsubscribe(&self, number: u32, names: &[&str]) -> String {
        message(MANY + u64::from(number), "unsubscribe", names)
    }
}

fn message(id: u64, method: &str, channels: &[&str]) -> String {
    let method = format!("public/{method}");
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {"channels": channels}})
        .to_string()
}

/// Asks for signs of life, so that a dead connection is known on both sides.
pub fn set_heartbeat() -> String {
    json!({
        "jsonrpc": "2.0",
        "id": HEARTBEAT,
        "method": "public/set_heartbeat",
        "params": {"interval": HEARTBEAT_SECONDS},
    })
    .to_string()
}

/// Answers the exchange's question whether we live.
pub fn test() -> String {
    json!({"jsonrpc": "2.0", "id": TEST, "method": "public/test", "params": {}}).to_string()
}

/// Channels of a message that was refused as a whole, to be asked for one by one: a bad one must not keep the others
/// out.
#[derive(Debug, Default)]
pub struct Alone {
    waiting: VecDeque<(u32, StreamId)>,
}

impl Alone {
    /// Takes in the answer to a message of ours.
    pub fn answered(
        &mut self,
        now: u64,
        connection: u32,
        reply: &Reply,
        streams: &mut Streams,
        out: &mut Output,
    ) {
        let Some(id) = reply.id else {
            if let Outcome::Error(error) = &reply.outcome {
                tell(error, out);
            }
            return;
        };
        let (asked, is_alone) = if let Some(stream) = id.checked_sub(ALONE) {
            (u32::try_from(stream).into_iter().collect(), true)
        } else if let Some(number) = id.checked_sub(MANY).and_then(|it| u32::try_from(it).ok()) {
            let asked = streams.asked_in(connection, number);
            let is_alone = asked.len() == 1;
            (asked, is_alone)
        } else {
            (Vec::new(), false)
        };
        match &reply.outcome {
            Outcome::Channels(accepted) => {
                for stream in asked {
                    let is_accepted = streams
                        .name(stream)
                        .is_some_and(|name| accepted.iter().any(|it| it == name));
                    if is_accepted {
                        streams.acknowledged(stream, connection, now);
                    } else {
                        let reason = "the channel is not among those that it accepted";
                        streams.refused(stream, connection, now, reason, out);
                    }
                }
            }
            // The next look at the streams finds what was not acknowledged, and asks again.
            Outcome::Error(error) if error.code == RpcError::TOO_MANY_REQUESTS => tell(error, out),
            Outcome::Error(error) if is_alone => {
                for stream in asked {
                    streams.refused(stream, connection, now, &error.message, out);
                }
            }
            Outcome::Error(error) => {
                tell(error, out);
                if self.waiting.is_empty() && !asked.is_empty() {
                    out.wake_at(alarm::ALONE.number(), now + MESSAGE_EVERY);
                }
                let asked = asked.into_iter().map(|stream| (connection, stream));
                let new = asked
                    .filter(|it| !self.waiting.contains(it))
                    .collect::<Vec<_>>();
                self.waiting.extend(new);
            }
            Outcome::Done => {}
        }
    }

    /// The time for the next one has come.
    pub fn wake(&mut self, now: u64, streams: &Streams, out: &mut Output) {
        while let Some((connection, stream)) = self.waiting.pop_front() {
            let mut waiting = streams.unacknowledged(connection);
            if let Some((_, name)) = waiting.find(|(id, _)| *id == stream) {
                let id = ALONE + u64::from(stream);
                out.send(connection, &message(id, "subscribe", &[name]));
                break;
            }
        }
        if !self.waiting.is_empty() {
            out.wake_at(alarm::ALONE.number(), now + MESSAGE_EVERY);
        }
    }
}

fn tell(error: &RpcError, out: &mut Output) {
    out.log(
        LogLevel::Warn,
        format_args!("the exchange says: {} ({})", error.message, error.code),
    );
}
