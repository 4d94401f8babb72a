//! The venues that can be simulated, by the names that the configuration gives them.

use super::binance::{Futures, Spot};
use super::dialect::Dialect;

/// Whose protocol is spoken, and whose rules hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Venue {
    /// Binance spot.
    #[default]
    BinanceSpot,
    /// Binance USD-M futures.
    BinanceDerivatives,
}

impl Venue {
    /// Every one of them.
    pub const ALL: [Self; 2] = [Self::BinanceSpot, Self::BinanceDerivatives];

    /// Its name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BinanceSpot => "binance_spot",
            Self::BinanceDerivatives => "binance_derivatives",
        }
    }

    /// Reads such a name.
    ///
    /// # Errors
    /// The names that there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut venues = Self::ALL.into_iter();
        venues.find(|venue| venue.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no venue is called {text:?}; there are {names}")
        })
    }

    /// What `api.ws_url` has behind the host.
    #[must_use]
    pub const fn ws_path(self) -> &'static str {
        match self {
            Self::BinanceSpot | Self::BinanceDerivatives => "",
        }
    }

    /// The instruments that this venue has for a market of BTCUSDT, ETHUSDT and so on; other names stay as they are.
    #[must_use]
    pub fn instrument(self, symbol: &str) -> String {
        match self {
            Self::BinanceSpot | Self::BinanceDerivatives => symbol.to_owned(),
        }
    }

    pub(crate) fn dialect(self) -> Box<dyn Dialect> {
        match self {
            Self::BinanceSpot => Box::new(Spot),
            Self::BinanceDerivatives => Box::new(Futures),
        }
    }
}
