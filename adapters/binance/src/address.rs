//! Addresses of the exchange.

use std::fmt::Write;

use crate::instruments::Instrument;
use crate::settings::Settings;

/// Stands in an address as it is; everything else is written as percent signs and hexadecimal digits (some symbols
/// are in Chinese).
pub fn encoded(text: &str) -> String {
    let mut to = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte) {
            to.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(to, "%{byte:02X}");
        }
    }
    to
}

/// How many streams one instrument has.
pub const fn streams_each(settings: &Settings) -> usize {
    settings.books as usize + settings.trades.is_some() as usize
}

/// The address of a connection with these instruments' streams: `{ws_url}/stream?streams=a/b/c`.
/// <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#general-wss-information>
pub fn connection<'a>(
    settings: &Settings,
    instruments: impl Iterator<Item = &'a Instrument>,
) -> String {
    let mut streams = Vec::new();
    for instrument in instruments {
        if settings.books {
            streams.push(encoded(&format!("{}@depth@100ms", instrument.stream)));
        }
        if let Some(trades) = settings.trades {
            streams.push(encoded(&format!("{}@{}", instrument.stream, trades.name())));
        }
    }
    format!("{}/stream?streams={}", settings.ws_url, streams.join("/"))
}
