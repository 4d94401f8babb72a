//! The part of the configuration that this adapter reads. A bad value is told and replaced by its default, so that one
//! typing error does not stop a feed.

use marketprism_kit::Output;
use marketprism_kit::settings::{BookSettings, Reader};

use crate::polled::Kind;
use crate::venue::Venue;

/// Keys read from an exchange's block besides those of [`BookSettings`], as `describe` lists them.
const KEYS: [&str; 11] = [
    "exchange",
    "market_type",
    "data_types",
    "trade_stream",
    "api.base_url",
    "api.ws_url",
    "data_types.liquidation.symbols",
    "data_types.funding_rate.interval",
    "data_types.open_interest.interval",
    "data_types.lsr_top_position.interval",
    "data_types.lsr_all_account.interval",
];

/// Levels a side that are asked for in a depth snapshot unless a block says otherwise.
const DEPTH_LIMIT: u64 = 500;

/// Which stream trades come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeStream {
    /// Each trade (`t` is its id).
    Trade,
    /// The fills of one taker order at one price together (`a` is its id).
    AggTrade,
}

impl TradeStream {
    /// The name in the stream's name and in the event's `e`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::AggTrade => "aggTrade",
        }
    }
}

/// Whose forced orders are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forced {
    /// Of every symbol of the exchange.
    OfAll,
    /// Of the configured symbols that are named.
    OfNamed,
}

/// The settings of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The market.
    pub venue: Venue,
    /// Address of the REST interface, without a slash at its end.
    pub base_url: String,
    /// Address of the WebSocket interface, without a slash at its end.
    pub ws_url: String,
    /// Whether order books are collected.
    pub books: bool,
    /// How they are kept and published.
    pub book: BookSettings,
    /// Where trades are collected from, if they are.
    pub trades: Option<TradeStream>,
    /// Whose forced orders are collected, if they are.
    pub forced: Option<Forced>,
    /// The symbols whose forced orders are collected, in the exchange's names; unless those of all are.
    pub forced_of: Vec<String>,
    /// What is polled, each at its interval in nanoseconds.
    pub polled: Vec<(Kind, u64)>,
}

impl Settings {
    /// The keys that are read, as `describe` lists them.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        KEYS.into_iter().chain(BookSettings::KEYS)
    }

    /// Reads the settings' JSON text.
    pub fn read(text: &str, out: &mut Output) -> Self {
        let mut reader = Reader::new(text, out);
        let named = reader.text("exchange", Venue::Spot.name());
        let venue = Venue::named(&named).unwrap_or_else(|| {
            reader.bad("exchange", &format!("{named:?} is not served"));
            Venue::Spot
        });
        let types = reader.list("data_types", &["orderbook", "trade"]);
        for name in &types {
            if !venue.data_types().contains(&name.as_str()) {
                let why = format!("{} has no {name:?}; it is left out", venue.name());
                reader.bad("data_types", &why);
            }
        }
        let has = |name: &str| {
            venue.data_types().contains(&name) && types.iter().any(|wanted| wanted == name)
        };
        let trades = trade_stream(&mut reader, venue);
        let mut book = BookSettings::read(&mut reader, (DEPTH_LIMIT, venue.depth_limit_max()));
        book.depth_limit = venue.depth_limit(book.depth_limit);
        let forced_of = has("liquidation").then(|| forced_of(&mut reader));
        let polled = Kind::OF_INSTRUMENTS
            .into_iter()
            .filter(|kind| has(kind.data_type()))
            .map(|kind| {
                let key = format!("data_type_settings.{}.interval", kind.data_type());
                (kind, reader.interval(&key, kind.interval()))
            })
            .collect();
        Self {
            venue,
            base_url: reader.address("api.base_url", venue.base_url()),
            ws_url: reader.address("api.ws_url", venue.ws_url()),
            books: has("orderbook"),
            book,
            trades: has("trade").then_some(trades),
            forced: forced_of.as_ref().map(|of| match of.as_slice() {
                [] => Forced::OfAll,
                _ => Forced::OfNamed,
            }),
            forced_of: forced_of.unwrap_or_default(),
            polled,
        }
    }

    /// Whether forced orders of this configured symbol are asked for one by one.
    pub fn wants_forced_of(&self, symbol: &str) -> bool {
        self.forced == Some(Forced::OfNamed) && self.forced_of.iter().any(|named| named == symbol)
    }
}

fn trade_stream(reader: &mut Reader<'_>, venue: Venue) -> TradeStream {
    let default = venue.trade_stream();
    match reader.text("trade_stream", default.name()).as_str() {
        "trade" => TradeStream::Trade,
        "aggTrade" => TradeStream::AggTrade,
        other => {
            reader.bad(
                "trade_stream",
                &format!("{other:?} is neither trade nor aggTrade"),
            );
            default
        }
    }
}

/// The list may name symbols of other exchanges too, and may write BTC-USDT.
fn forced_of(reader: &mut Reader<'_>) -> Vec<String> {
    let named = reader.list("data_type_settings.liquidation.symbols", &[]);
    let symbols = named
        .iter()
        .map(|name| name.replace('-', "").to_uppercase());
    symbols.collect()
}
