//! Reading an exchange's block of the configuration. A bad value is told and replaced by its default, so that one
//! typing error does not stop a feed.

use serde_json::Value;

use crate::Output;
use crate::wit::LogLevel;

const SECOND: f64 = 1e9;

/// Reads one block, key by key. Keys of inner maps are written with dots: `orderbook.method`.
#[derive(Debug)]
pub struct Reader<'a> {
    block: Value,
    out: &'a mut Output,
}

impl<'a> Reader<'a> {
    /// A reader of the settings' JSON text; a text that is none is told and counts as empty.
    pub fn new(text: &str, out: &'a mut Output) -> Self {
        let block = serde_json::from_str(text).unwrap_or_else(|error| {
            out.log(
                LogLevel::Error,
                format_args!("settings: {error}; using the defaults"),
            );
            Value::Null
        });
        Self { block, out }
    }

    /// The value of a key; none when it is not there or empty.
    pub fn value(&self, key: &str) -> Option<&Value> {
        let value = key
            .split('.')
            .try_fold(&self.block, |value, part| value.get(part))?;
        (!value.is_null()).then_some(value)
    }

    /// Tells that a key's value is of no use.
    pub fn bad(&mut self, key: &str, why: &str) {
        self.out.log(
            LogLevel::Error,
            format_args!("{key}: {why}; using the default"),
        );
    }

    /// A text.
    pub fn text(&mut self, key: &str, default: &str) -> String {
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

    /// An address, without slashes at its end.
    pub fn address(&mut self, key: &str, default: &str) -> String {
        self.text(key, default).trim_end_matches('/').to_owned()
    }

    /// A list of texts.
    pub fn list(&mut self, key: &str, default: &[&str]) -> Vec<String> {
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

    /// A whole number from 1 to `most`.
    pub fn count(&mut self, key: &str, default: u64, most: u64) -> u64 {
        match self.value(key).map(Value::as_u64) {
            None => default,
            Some(Some(count)) if (1..=most).contains(&count) => count,
            Some(_) => {
                self.bad(key, &format!("not a whole number from 1 to {most}"));
                default
            }
        }
    }

    /// As [`Reader::count`], as a size.
    pub fn size(&mut self, key: &str, default: u64, most: u64) -> usize {
        usize::try_from(self.count(key, default, most)).unwrap_or(usize::MAX)
    }

    /// True or false; false when it is not there.
    pub fn flag(&mut self, key: &str) -> bool {
        match self.value(key).map(Value::as_bool) {
            None => false,
            Some(Some(flag)) => flag,
            Some(None) => {
                self.bad(key, "neither true nor false");
                false
            }
        }
    }

    /// A number of seconds from 0.01 to a day, in nanoseconds; `default` in seconds.
    pub fn interval(&mut self, key: &str, default: f64) -> u64 {
        let seconds = match self.value(key).map(Value::as_f64) {
            None => default,
            Some(Some(seconds)) if (0.01..=86_400.0).contains(&seconds) => seconds,
            Some(_) => {
                self.bad(key, "not a number of seconds from 0.01 to 86400");
                default
            }
        };
        // In whole milliseconds, so that 0.1 means exactly that.
        ((seconds * 1000.0).round() / 1000.0 * SECOND).round() as u64
    }
}

/// When the top of a book is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// At multiples of this many nanoseconds since the epoch.
    Interval(u64),
    /// On every change.
    Change,
}

/// What an exchange's block says about order books (`orderbook.*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookSettings {
    /// When books are published.
    pub method: Method,
    /// How many levels a side are published.
    pub publish_depth: usize,
    /// How many levels a side are asked for in a snapshot.
    pub depth_limit: usize,
    /// Whether every change of a book is published too.
    pub deltas: bool,
    /// Most updates of one book that wait for its snapshot.
    pub buffer_events_max: usize,
}

impl BookSettings {
    /// The keys that are read, as `describe` lists them.
    pub const KEYS: [&str; 7] = [
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

    /// Reads them; `depth_limit` is the default and the most that the exchange gives in a snapshot.
    pub fn read(reader: &mut Reader<'_>, depth_limit: (u64, u64)) -> Self {
        let interval = reader.interval("orderbook.snapshot_interval", 1.0);
        let snapshot_depth = reader.size("orderbook.snapshot_depth", 100, depth_limit.1);
        let most = Self::PUBLISH_DEPTH_MAX;
        let change_depth = reader.count("orderbook.nats_publish_depth", most, u64::MAX);
        let change_depth = usize::try_from(change_depth.min(most)).unwrap_or(usize::MAX);
        let (method, publish_depth) = match reader.text("orderbook.method", "snapshot").as_str() {
            "snapshot" => (Method::Interval(interval), snapshot_depth),
            _ => (Method::Change, change_depth),
        };
        Self {
            method,
            publish_depth,
            depth_limit: reader
                .size("orderbook.depth_limit", depth_limit.0, u64::MAX)
                .min(usize::try_from(depth_limit.1).unwrap_or(usize::MAX)),
            deltas: reader.flag("orderbook.deltas"),
            buffer_events_max: reader.size("orderbook.buffer_max_size", 5_000, 100_000),
        }
    }

    /// When the next top at a fixed time is due, where there are such.
    pub const fn next_interval(&self, now: u64) -> Option<u64> {
        match self.method {
            Method::Interval(interval) => {
                Some((now / interval).saturating_add(1).saturating_mul(interval))
            }
            Method::Change => None,
        }
    }
}
