//! The part of the configuration that this adapter reads. A bad value is told and replaced by its default, so that one
//! typing error does not stop a feed.

use marketprism_kit::Output;
use marketprism_kit::wit::LogLevel;
use serde_json::Value;

/// Keys read from an exchange's block, as `describe` lists them.
pub const KEYS: [&str; 13] = [
    "exchange",
    "market_type",
    "data_types",
    "trade_stream",
    "api.base_url",
    "api.ws_url",
    "orderbook.method",
    "orderbook.snapshot_interval",
    "orderbook.snapshot_depth",
    "orderbook.nats_publish_depth",
    "orderbook.depth_limit",
    "orderbook.deltas",
    "orderbook.buffer_max_size",
];

/// Most levels of a published book that follows every change.
const PUBLISH_DEPTH_MAX: u64 = 400;
/// Most levels that the exchange gives in one depth snapshot.
const DEPTH_LIMIT_MAX: u64 = 5_000;
const NANOSECONDS: f64 = 1e9;

/// When the top of a book is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// At multiples of this many nanoseconds since the epoch.
    Interval(u64),
    /// On every change.
    Change,
}

/// Which stream trades come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeStream {
    /// Each trade (`t` is its id).
    Trade,
    /// The fills of one taker order at one price together (`a` is its id).
    AggTrade,
}

impl TradeStream {
    /// The name in the stream's address and in the event's `e`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::AggTrade => "aggTrade",
        }
    }
}

/// The settings of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Address of the REST interface, without a slash at its end.
    pub base_url: String,
    /// Address of the WebSocket interface, without a slash at its end.
    pub ws_url: String,
    /// Whether order books are collected.
    pub books: bool,
    /// Where trades are collected from, if they are.
    pub trades: Option<TradeStream>,
    /// When books are published.
    pub method: Method,
    /// How many levels a side are published.
    pub publish_depth: usize,
    /// How many levels a side are asked for in a depth snapshot.
    pub depth_limit: usize,
    /// Whether every change of a book is published too.
    pub deltas: bool,
    /// Most events buffered for one book while its snapshot is fetched.
    pub buffer_events_max: usize,
}

impl Settings {
    /// Reads the settings' JSON text.
    pub fn read(text: &str, out: &mut Output) -> Self {
        let block = serde_json::from_str::<Value>(text).unwrap_or_else(|error| {
            out.log(
                LogLevel::Error,
                format_args!("settings: {error}; using the defaults"),
            );
            Value::Null
        });
        let mut reader = Reader { block: &block, out };
        let venue = reader.text("exchange", crate::VENUE);
        if venue != crate::VENUE {
            reader.bad("exchange", &format!("{venue:?} is not served"));
        }
        let types = reader.list("data_types", &["orderbook", "trade"]);
        let stream = reader.text("trade_stream", "trade");
        let stream = match stream.as_str() {
            "trade" => TradeStream::Trade,
            "aggTrade" => TradeStream::AggTrade,
            other => {
                reader.bad(
                    "trade_stream",
                    &format!("{other:?} is neither trade nor aggTrade"),
                );
                TradeStream::Trade
            }
        };
        let interval = reader.interval("orderbook.snapshot_interval");
        let snapshot_depth = reader.count("orderbook.snapshot_depth", 100, DEPTH_LIMIT_MAX);
        let change_depth =
            reader.count("orderbook.nats_publish_depth", PUBLISH_DEPTH_MAX, u64::MAX);
        let (method, publish_depth) = match reader.text("orderbook.method", "snapshot").as_str() {
            "snapshot" => (Method::Interval(interval), snapshot_depth),
            _ => (Method::Change, change_depth.min(PUBLISH_DEPTH_MAX)),
        };
        Self {
            base_url: reader.address("api.base_url", "https://api.binance.com"),
            ws_url: reader.address("api.ws_url", "wss://stream.binance.com:9443"),
            books: types.iter().any(|name| name == "orderbook"),
            trades: types.iter().any(|name| name == "trade").then_some(stream),
            method,
            publish_depth: to_usize(publish_depth),
            depth_limit: to_usize(reader.count("orderbook.depth_limit", 500, DEPTH_LIMIT_MAX)),
            deltas: reader.flag("orderbook.deltas"),
            buffer_events_max: to_usize(reader.count("orderbook.buffer_max_size", 5_000, 100_000)),
        }
    }
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

struct Reader<'a> {
    block: &'a Value,
    out: &'a mut Output,
}

impl Reader<'_> {
    fn value(&self, key: &str) -> Option<&Value> {
        let value = key
            .split('.')
            .try_fold(self.block, |value, part| value.get(part))?;
        (!value.is_null()).then_some(value)
    }

    fn bad(&mut self, key: &str, why: &str) {
        self.out.log(
            LogLevel::Error,
            format_args!("{key}: {why}; using the default"),
        );
    }

    fn text(&mut self, key: &str, default: &str) -> String {
        match self
            .value(key)
            .map(|value| value.as_str().map(str::to_owned))
        {
            Some(Some(text)) => text,
            Some(None) => {
                self.bad(key, "not a text");
                default.to_owned()
            }
            None => default.to_owned(),
        }
    }

    fn address(&mut self, key: &str, default: &str) -> String {
        self.text(key, default).trim_end_matches('/').to_owned()
    }

    fn list(&mut self, key: &str, default: &[&str]) -> Vec<String> {
        let default = || default.iter().map(|name| (*name).to_owned()).collect();
        let Some(value) = self.value(key) else {
            return default();
        };
        let names = value.as_array().and_then(|all| {
            all.iter()
                .map(|name| name.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
        });
        names.unwrap_or_else(|| {
            self.bad(key, "not a list of texts");
            default()
        })
    }

    fn count(&mut self, key: &str, default: u64, most: u64) -> u64 {
        match self.value(key).map(Value::as_u64) {
            None => default,
            Some(Some(count)) if (1..=most).contains(&count) => count,
            Some(_) => {
                self.bad(key, &format!("not a whole number from 1 to {most}"));
                default
            }
        }
    }

    fn flag(&mut self, key: &str) -> bool {
        match self.value(key).map(Value::as_bool) {
            None => false,
            Some(Some(flag)) => flag,
            Some(None) => {
                self.bad(key, "neither true nor false");
                false
            }
        }
    }

    fn interval(&mut self, key: &str) -> u64 {
        let default = 1.0;
        let seconds = match self.value(key).map(Value::as_f64) {
            None => default,
            Some(Some(seconds)) if (0.01..=86_400.0).contains(&seconds) => seconds,
            Some(_) => {
                self.bad(key, "not a number of seconds from 0.01 to 86400");
                default
            }
        };
        // In whole milliseconds, so that 0.1 means exactly that.
        ((seconds * 1000.0).round() / 1000.0 * NANOSECONDS).round() as u64
    }
}
