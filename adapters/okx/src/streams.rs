//! How the exchange is asked for its streams.
//! <https://www.okx.com/docs-v5/en/#overview-websocket-subscribe>

use marketprism_kit::streams::{Limits, MessagePace, Protocol};

use crate::settings::Settings;

/// Most connections of one session, the one that is about to replace another not counted.
pub const CONNECTIONS_MAX: usize = 8;

const SECOND: u64 = 1_000_000_000;

/// The exchange takes 480 messages an hour and connection, 64 KiB long at most. It cuts no connection by plan: it
/// announces what it closes.
pub const LIMITS: Limits = Limits {
    connections_max: CONNECTIONS_MAX,
    streams_per_connection: 240,
    names_per_message: 60,
    message_pace: MessagePace {
        at_once: 20,
        every: 8 * SECOND,
    },
    lifetime: 7 * 24 * 3600 * SECOND,
};

/// The channel of forced orders.
pub const LIQUIDATIONS: &str = "liquidation-orders";

/// The words of the exchange.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// The address of every connection.
    pub ws_url: &'a str,
}

impl<'a> Words<'a> {
    /// Those of a session.
    pub fn of(settings: &'a Settings) -> Self {
        Self {
            ws_url: &settings.ws_url,
        }
    }
}

impl Protocol for Words<'_> {
    fn address(&self, _group: u8) -> String {
        self.ws_url.to_owned()
    }

    fn subscribe(&self, number: u32, names: &[&str]) -> String {
        message("subscribe", number, names)
    }

    fn unsubscribe(&self, number: u32, names: &[&str]) -> String {
        message("unsubscribe", number, names)
    }
}

/// Names are those of [`stream_name`](crate::parse::stream_name): channel and instrument, of letters, digits and dashes.
fn message(word: &str, number: u32, names: &[&str]) -> String {
    let args: Vec<_> = names
        .iter()
        .map(|name| {
            let (channel, of) = name.split_once(':').unwrap_or((name, ""));
            let key = if channel == LIQUIDATIONS {
                "instType"
            } else {
                "instId"
            };
            format!(r#"{{"channel":"{channel}","{key}":"{of}"}}"#)
        })
        .collect();
    format!(
        r#"{{"id":"{number}","op":"{word}","args":[{}]}}"#,
        args.join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::message;

    #[test]
    fn a_message_names_instruments_and_types_of_them() {
        assert_eq!(
            message(
                "subscribe",
                7,
                &["books:BTC-USDT", "liquidation-orders:SWAP"]
            ),
            r#"{"id":"7","op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"},{"channel":"liquidation-orders","instType":"SWAP"}]}"#
        );
    }
}
