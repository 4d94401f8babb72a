//! The venues that can be simulated, by the names that the configuration gives them.

use super::binance::{Futures, Spot};
use super::deribit::Deribit;
use super::dialect::Dialect;
use super::okx::Okx;

/// Whose protocol is spoken, and whose rules hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Venue {
    /// Binance spot.
    #[default]
    BinanceSpot,
    /// Binance USD-M futures.
    BinanceDerivatives,
    /// OKX spot.
    OkxSpot,
    /// OKX perpetual swaps.
    OkxDerivatives,
    /// Deribit.
    DeribitDerivatives,
}

impl Venue {
    /// Every one of them.
    pub const ALL: [Self; 5] = [
        Self::BinanceSpot,
        Self::BinanceDerivatives,
        Self::OkxSpot,
        Self::OkxDerivatives,
        Self::DeribitDerivatives,
    ];

    /// Its name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BinanceSpot => "binance_spot",
            Self::BinanceDerivatives => "binance_derivatives",
            Self::OkxSpot => "okx_spot",
            Self::OkxDerivatives => "okx_derivatives",
            Self::DeribitDerivatives => "deribit_derivatives",
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
            Self::OkxSpot | Self::OkxDerivatives => "/ws/v5/public",
            Self::DeribitDerivatives => "/ws/api/v2",
        }
    }

    /// The instruments that this venue has for a market of BTCUSDT, ETHUSDT and so on; other names stay as they are.
    #[must_use]
    pub fn instrument(self, symbol: &str) -> String {
        let Some(base) = symbol
            .strip_suffix("USDT")
            .filter(|base| !base.ends_with('-'))
        else {
            return symbol.to_owned();
        };
        match self {
            Self::BinanceSpot | Self::BinanceDerivatives => symbol.to_owned(),
            Self::OkxSpot => format!("{base}-USDT"),
            Self::OkxDerivatives => format!("{base}-USDT-SWAP"),
            Self::DeribitDerivatives => format!("{base}-PERPETUAL"),
        }
    }

    pub(crate) fn dialect(self) -> Box<dyn Dialect> {
        match self {
            Self::BinanceSpot => Box::new(Spot),
            Self::BinanceDerivatives => Box::new(Futures),
            Self::OkxSpot => Box::new(Okx::SPOT),
            Self::OkxDerivatives => Box::new(Okx::SWAP),
            Self::DeribitDerivatives => Box::new(Deribit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn venues_are_known_by_their_names_and_have_instruments_of_their_own() {
        for venue in Venue::ALL {
            assert_eq!(Venue::parse(venue.name()), Ok(venue));
        }
        assert!(Venue::parse("bnance").unwrap_err().contains("okx_spot"));
        let names = Venue::ALL.map(|venue| venue.instrument("BTCUSDT"));
        let expected = [
            "BTCUSDT",
            "BTCUSDT",
            "BTC-USDT",
            "BTC-USDT-SWAP",
            "BTC-PERPETUAL",
        ];
        assert_eq!(names, expected);
        assert_eq!(Venue::OkxSpot.instrument("UNI-USDT"), "UNI-USDT");
    }
}
