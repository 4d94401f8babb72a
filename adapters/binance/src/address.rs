//! Addresses of the exchange.

use std::fmt::Write;

use crate::instruments::Instrument;
use crate::settings::{Settings, TradeStream};

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

/// The address that gives `count` trades from the id `first` on, and what it costs of the request budget.
///
/// The page asks for no API key for either, so none is sent:
/// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#old-trade-lookup>.
/// `aggTrades` is also served by the host for market data only, whose list does not name `historicalTrades`:
/// <https://github.com/binance/binance-spot-api-docs/blob/master/faqs/market_data_only.md>. Where it is refused, the
/// trades stay missing.
pub fn old_trades(
    settings: &Settings,
    stream: TradeStream,
    symbol: &str,
    first: u64,
    count: u64,
) -> (String, u32) {
    let (endpoint, weight) = match stream {
        TradeStream::Trade => ("historicalTrades", 25),
        TradeStream::AggTrade => ("aggTrades", 4),
    };
    let address = format!(
        "{}/api/v3/{endpoint}?symbol={}&fromId={first}&limit={count}",
        settings.base_url,
        encoded(symbol)
    );
    (address, weight)
}
