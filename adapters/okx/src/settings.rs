//! The part of the configuration that this adapter reads.

use marketprism_kit::Output;
use marketprism_kit::settings::{BookSettings, Reader};

use crate::parse::is_book_channel;
use crate::polled::publish;

/// Keys read from an exchange's block besides those of [`BookSettings`], as `describe` lists them.
const KEYS: [&str; 10] = [
    "exchange",
    "market_type",
    "data_types",
    "api.base_url",
    "api.ws_url",
    "orderbook.channel",
    "data_types.funding_rate.interval",
    "data_types.open_interest.interval",
    "data_types.lsr_top_position.interval",
    "data_types.lsr_all_account.interval",
];

/// Most levels of a side that the exchange's books have.
const DEPTH_MAX: u64 = 400;

/// A poll more often than this gives nothing new.
const INTERVAL_MIN: u64 = 1_000_000_000;

/// What is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Venue {
    /// `okx_spot`.
    Spot,
    /// `okx_derivatives`.
    Derivatives,
}

impl Venue {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Spot, Self::Derivatives];

    /// Its value of a block's `exchange`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spot => "okx_spot",
            Self::Derivatives => "okx_derivatives",
        }
    }
}

/// The settings of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What is served.
    pub venue: Venue,
    /// Address of the REST interface, without a slash at its end.
    pub base_url: String,
    /// Address of the public WebSocket interface.
    pub ws_url: String,
    /// Whether order books are collected.
    pub books: bool,
    /// The channel that books are taken from.
    pub channel: String,
    /// What of books is published, and when.
    pub book: BookSettings,
    /// Whether trades are collected.
    pub trades: bool,
    /// Whether forced orders are collected.
    pub liquidations: bool,
    /// What is polled, and how often in nanoseconds.
    pub polled: Vec<(publish::Kind, u64)>,
}

impl Settings {
    /// The keys that are read, as `describe` lists them.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        KEYS.into_iter().chain(BookSettings::KEYS)
    }

    /// Reads the settings' JSON text.
    pub fn read(text: &str, out: &mut Output) -> Self {
        let mut reader = Reader::new(text, out);
        let name = reader.text("exchange", Venue::Spot.name());
        let venue = Venue::ALL.into_iter().find(|venue| venue.name() == name);
        let venue = venue.unwrap_or_else(|| {
            reader.bad("exchange", &format!("{name:?} is not served"));
            // By what it trades, the next best thing.
            match reader.text("market_type", "spot").as_str() {
                "spot" => Venue::Spot,
                _ => Venue::Derivatives,
            }
        });
        let types = reader.list("data_types", &["orderbook", "trade"]);
        let has = |name: &str| types.iter().any(|wanted| wanted == name);
        let is_derivative = venue == Venue::Derivatives;
        let mut polled = Vec::new();
        for kind in publish::Kind::ALL {
            let key = format!("data_type_settings.{}.interval", kind.data_type());
            if has(kind.data_type()) && is_derivative {
                let interval = reader.interval(&key, kind.interval_default());
                polled.push((kind, interval.max(INTERVAL_MIN)));
            }
        }
        let channel = reader.text("orderbook.channel", "books");
        let channel = if is_book_channel(&channel) {
            channel
        } else {
            reader.bad("orderbook.channel", "no channel of changes of books");
            "books".to_owned()
        };
        for name in &types {
            let is_known = matches!(name.as_str(), "orderbook" | "trade")
                || (is_derivative && crate::DATA_TYPES.contains(&name.as_str()));
            if !is_known {
                reader.bad("data_types", &format!("{name:?} is not to be had here"));
            }
        }
        Self {
            venue,
            base_url: reader.address("api.base_url", "https://www.okx.com"),
            ws_url: reader.address("api.ws_url", "wss://ws.okx.com:8443/ws/v5/public"),
            books: has("orderbook"),
            channel,
            book: BookSettings::read(&mut reader, (DEPTH_MAX, DEPTH_MAX)),
            trades: has("trade"),
            liquidations: has("liquidation") && is_derivative,
            polled,
        }
    }

    /// Levels a side of the channel's books: the exchange keeps them so, and a snapshot by request must be the same.
    pub fn window(&self) -> usize {
        if self.channel.starts_with("books50") {
            50
        } else {
            400
        }
    }
}
