//! What an answer or a frame said that is no book and no trade, in the exchange's own words: a test compares it with
//! what a client made of it.

use std::time::Duration;

/// What a datum is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatumKind {
    /// A funding rate.
    Funding,
    /// Hours between two fundings.
    FundingInterval,
    /// An open interest.
    OpenInterest,
    /// A mark price.
    MarkPrice,
    /// Long and short positions of top traders.
    RatioTopPosition,
    /// Long and short accounts of top traders.
    RatioTopAccount,
    /// Long and short accounts of all.
    RatioAllAccount,
    /// A candle of a volatility index.
    Volatility,
}

/// One datum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datum {
    /// What it is about.
    pub kind: DatumKind,
    /// The instrument, or the currency.
    pub symbol: String,
    /// The exchange's time of it, in milliseconds since the epoch.
    pub time_ms: u64,
    /// The exchange's fields as it wrote them, without quotation marks.
    pub fields: Vec<(&'static str, String)>,
}

impl Datum {
    /// A field by its name; empty when there is none.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        let mut fields = self.fields.iter();
        let found = fields.find(|(key, _)| *key == name);
        found.map_or("", |(_, value)| value)
    }
}

/// A datum that was told, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Since the simulator's start.
    pub at: Duration,
    /// Path and query of the request, or the stream.
    pub by: String,
    /// What.
    pub datum: Datum,
}
