//! How streams are asked for: the exchange's names, paths and messages.

use std::fmt::Write;

use marketprism_kit::streams::{Expected, Limits, MessagePace, Protocol, StreamId, Streams};

use crate::settings::{Settings, TradeStream};
use crate::venue::Venue;

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;

/// Most connections of one session, with the one that is opened beside another to replace it.
pub const CONNECTIONS_MAX: usize = 16;

/// All streams of spot; book and trades of USD-M.
/// <https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Connect>
pub const PUBLIC: u8 = 0;

/// Aggregate trades and forced orders of USD-M. On a path that does not carry a stream, asking for it is acknowledged
/// and nothing ever comes.
pub const MARKET: u8 = 1;

impl Venue {
    /// What the exchange allows; a connection lives for 24 hours. Spot takes five messages a second, USD-M ten, answers
    /// to pings among them.
    /// <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#websocket-limits>
    pub const fn limits(self) -> Limits {
        let (at_once, every) = match self {
            Self::Spot => (2, SECOND / 2),
            Self::UsdMargined => (4, SECOND / 4),
        };
        Limits {
            connections_max: CONNECTIONS_MAX - 1,
            streams_per_connection: 200,
            names_per_message: 100,
            message_pace: MessagePace { at_once, every },
            lifetime: 23 * HOUR + HOUR / 2,
        }
    }

    /// The connections that carry a trade stream.
    pub const fn trade_group(self, stream: TradeStream) -> u8 {
        match (self, stream) {
            (Self::Spot, _) | (Self::UsdMargined, TradeStream::Trade) => PUBLIC,
            (Self::UsdMargined, TradeStream::AggTrade) => MARKET,
        }
    }
}

impl Protocol for Settings {
    fn address(&self, group: u8) -> String {
        let path = match (self.venue, group) {
            (Venue::Spot, _) => "/stream",
            (Venue::UsdMargined, MARKET) => "/market/stream",
            (Venue::UsdMargined, _) => "/public/stream",
        };
        format!("{}{path}", self.ws_url)
    }

    fn subscribe(&self, number: u32, names: &[&str]) -> String {
        message("SUBSCRIBE", number, names)
    }

    fn unsubscribe(&self, number: u32, names: &[&str]) -> String {
        message("UNSUBSCRIBE", number, names)
    }
}

/// <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#live-subscribingunsubscribing-to-streams>
fn message(method: &str, number: u32, names: &[&str]) -> String {
    let mut text = format!(r#"{{"method":"{method}","params":["#);
    for (place, name) in names.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        // Names are letters, digits and a few signs; writing to a string cannot fail.
        let _ = write!(text, r#"{comma}"{name}""#);
    }
    let _ = write!(text, r#"],"id":{number}}}"#);
    text
}

/// The streams of one instrument, as far as they are collected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamIds {
    /// Its book.
    pub book: Option<StreamId>,
    /// Its trades.
    pub trades: Option<StreamId>,
    /// Its forced orders.
    pub forced: Option<StreamId>,
}

impl StreamIds {
    /// Wants the streams of a symbol that the settings ask for; `name` is the symbol in stream names.
    pub fn wanted(streams: &mut Streams, settings: &Settings, symbol: &str, name: &str) -> Self {
        let venue = settings.venue;
        let mut add = |group, channel: &str, expected| {
            streams.add(group, &format!("{name}@{channel}"), expected)
        };
        Self {
            book: settings
                .books
                .then(|| add(PUBLIC, "depth@100ms", Expected::Steady)),
            trades: settings
                .trades
                .map(|stream| add(venue.trade_group(stream), stream.name(), Expected::Lively)),
            forced: settings
                .wants_forced_of(symbol)
                .then(|| add(MARKET, "forceOrder", Expected::Rare)),
        }
    }

    /// All of them.
    pub fn all(self) -> impl Iterator<Item = StreamId> {
        [self.book, self.trades, self.forced].into_iter().flatten()
    }
}
