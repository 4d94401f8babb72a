//! The part of the configuration that this adapter reads.

use marketprism_kit::Output;
use marketprism_kit::settings::{BookSettings, Reader};

const MINUTE: u64 = 60_000_000_000;

/// Keys read from an exchange's block beside those of books, as `describe` lists them.
const OWN_KEYS: [&str; 9] = [
    "exchange",
    "market_type",
    "data_types",
    "stream_interval",
    "api.base_url",
    "api.ws_url",
    "volatility_index.collection_interval_minutes",
    "volatility_index.resolution",
    "volatility_index.backfill_minutes",
];

/// The exchange sends whole books; this is only the most that may be published with `method: snapshot`.
const DEPTH_MAX: u64 = 10_000;

/// Lengths of candles that the exchange has, by its names of them, in seconds.
/// <https://docs.deribit.com/api-reference/market-data/public-get_volatility_index_data>
const RESOLUTIONS: [(&str, u64); 5] = [
    ("1", 1),
    ("60", 60),
    ("3600", 3_600),
    ("43200", 43_200),
    ("1D", 86_400),
];

/// How volatility indices are collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolatilitySettings {
    /// How often they are asked for, in nanoseconds.
    pub interval: u64,
    /// Length of a candle as the exchange names it.
    pub resolution: String,
    /// The same in nanoseconds.
    pub candle: u64,
    /// How far back missed candles are fetched, in nanoseconds.
    pub backfill: u64,
}

/// The settings of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Address of the REST interface, without a slash at its end.
    pub base_url: String,
    /// Address of the WebSocket interface.
    pub ws_url: String,
    /// Whether order books are collected, and how.
    pub books: Option<BookSettings>,
    /// Whether trades are collected.
    pub trades: bool,
    /// Whether volatility indices are collected, and how.
    pub volatility: Option<VolatilitySettings>,
    /// The last part of the names of channels: how often they bring something.
    pub stream_interval: String,
}

/// The keys that are read, as `describe` lists them.
pub fn keys() -> Vec<String> {
    let all = OWN_KEYS.iter().chain(&BookSettings::KEYS);
    all.map(|key| (*key).to_owned()).collect()
}

impl Settings {
    /// Reads the settings' JSON text.
    pub fn read(text: &str, out: &mut Output) -> Self {
        let mut reader = Reader::new(text, out);
        let venue = reader.text("exchange", crate::VENUE);
        if venue != crate::VENUE {
            reader.bad("exchange", &format!("{venue:?} is not served"));
        }
        let types = reader.list("data_types", &["volatility_index"]);
        let collects = |name: &str| types.iter().any(|wanted| wanted == name);
        let interval = reader.text("stream_interval", "100ms");
        let stream_interval = if matches!(interval.as_str(), "100ms" | "agg2" | "raw") {
            interval
        } else {
            reader.bad(
                "stream_interval",
                &format!("{interval:?} is none of 100ms, agg2 and raw"),
            );
            "100ms".to_owned()
        };
        let books = BookSettings::read(&mut reader, (DEPTH_MAX, DEPTH_MAX));
        let volatility = volatility(&mut reader);
        Self {
            base_url: reader.address("api.base_url", "https://www.deribit.com"),
            ws_url: reader.address("api.ws_url", "wss://www.deribit.com/ws/api/v2"),
            books: collects("orderbook").then_some(books),
            trades: collects("trade"),
            volatility: collects("volatility_index").then_some(volatility),
            stream_interval,
        }
    }

    /// Whether anything is collected that instruments have and currencies have not.
    pub const fn has_streams(&self) -> bool {
        self.books.is_some() || self.trades
    }
}

fn volatility(reader: &mut Reader<'_>) -> VolatilitySettings {
    const KEY: &str = "volatility_index.resolution";
    let minutes = reader.count("volatility_index.collection_interval_minutes", 1, 1_440);
    let backfill = reader.count("volatility_index.backfill_minutes", 60, 1_440);
    // Without quotes it is a number.
    let resolution = reader.value(KEY).map_or("60".to_owned(), |value| {
        value.as_str().map_or(value.to_string(), str::to_owned)
    });
    let known = RESOLUTIONS.iter().find(|(name, _)| *name == resolution);
    let (name, seconds) = known.copied().unwrap_or_else(|| {
        reader.bad(
            KEY,
            &format!("{resolution} is none of 1, 60, 3600, 43200 and 1D"),
        );
        ("60", 60)
    });
    VolatilitySettings {
        interval: minutes * MINUTE,
        resolution: name.to_owned(),
        candle: seconds * 1_000_000_000,
        backfill: backfill * MINUTE,
    }
}
