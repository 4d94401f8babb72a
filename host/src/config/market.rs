//! The words of the configuration for what is traded and what is collected.

use serde::{Deserialize, Serialize};

/// What kind of market it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MarketType {
    /// Coins, delivered at once.
    Spot,
    /// Swaps and futures.
    #[serde(
        alias = "swap",
        alias = "futures",
        alias = "future",
        alias = "perp",
        alias = "derivatives"
    )]
    Perpetual,
    /// Options.
    #[serde(alias = "option")]
    Options,
}

impl MarketType {
    /// Its name in subjects and payloads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Perpetual => "perpetual",
            Self::Options => "options",
        }
    }
}

/// What can be collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    /// Order books.
    Orderbook,
    /// Trades.
    Trade,
    /// Funding rates.
    FundingRate,
    /// Open interest.
    OpenInterest,
    /// Liquidations.
    Liquidation,
    /// Long/short ratio of the top traders' positions.
    LsrTopPosition,
    /// Long/short ratio of all accounts.
    LsrAllAccount,
    /// Volatility index.
    VolatilityIndex,
}

impl DataType {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Orderbook,
        Self::Trade,
        Self::FundingRate,
        Self::OpenInterest,
        Self::Liquidation,
        Self::LsrTopPosition,
        Self::LsrAllAccount,
        Self::VolatilityIndex,
    ];

    /// Its name in the configuration, in subjects and in payloads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Orderbook => "orderbook",
            Self::Trade => "trade",
            Self::FundingRate => "funding_rate",
            Self::OpenInterest => "open_interest",
            Self::Liquidation => "liquidation",
            Self::LsrTopPosition => "lsr_top_position",
            Self::LsrAllAccount => "lsr_all_account",
            Self::VolatilityIndex => "volatility_index",
        }
    }
}
