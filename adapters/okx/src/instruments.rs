//! The instruments of a session, their names, and how a frame finds its own.

use marketprism_kit::book::empty_report;
use marketprism_kit::instruments::{self, Collected};
use marketprism_kit::names::base_quote;
use marketprism_kit::polls::{Key, Polls};
use marketprism_kit::streams::{StreamId, Streams};
use marketprism_kit::wit::{InstrumentReport, MarketType};

use crate::contracts::Contract;
use crate::polled::publish;
use crate::settings::Venue;
use crate::sync::BookSync;
use crate::trades::Trades;

/// What an instrument is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Coins against coins or money.
    Spot,
    /// A perpetual swap.
    Swap,
    /// A future that ends on a day.
    Future,
    /// An option.
    Option,
}

impl Kind {
    /// The kind of an instrument of a venue: "BTC-USDT-SWAP", "BTC-USD-241227", "BTC-USD-241227-50000-C".
    pub fn of(name: &str, venue: Venue) -> Self {
        match (venue, name.split('-').count()) {
            (Venue::Spot, _) => Self::Spot,
            (Venue::Derivatives, 5) => Self::Option,
            (Venue::Derivatives, _) if name.ends_with("-SWAP") => Self::Swap,
            (Venue::Derivatives, _) => Self::Future,
        }
    }

    /// The exchange's word for it, `instType`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spot => "SPOT",
            Self::Swap => "SWAP",
            Self::Future => "FUTURES",
            Self::Option => "OPTION",
        }
    }

    /// The market, as subjects and payloads name it.
    pub const fn market_type(self) -> MarketType {
        match self {
            Self::Spot => MarketType::Spot,
            Self::Swap | Self::Future => MarketType::Perpetual,
            Self::Option => MarketType::Options,
        }
    }
}

/// The normalised symbol: "BTC-USDT-SWAP" is "BTC-USDT"; a dated future keeps its name.
pub fn normalised(name: &str) -> String {
    let name = name.to_uppercase();
    let stripped = ["-PERPETUAL", "-SWAP"]
        .iter()
        .find_map(|end| name.strip_suffix(end));
    base_quote(stripped.unwrap_or(&name))
}

/// One instrument that is or was collected. Its number is its place in the list and never changes.
#[derive(Debug)]
pub struct Instrument {
    /// The exchange's name, "BTC-USDT-SWAP".
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// False once it is no longer configured.
    pub active: bool,
    /// Its book, when books are collected.
    pub book: Option<BookSync>,
    /// The stream of its book.
    pub book_stream: Option<StreamId>,
    /// Its trades.
    pub trades: Trades,
    /// The stream of its trades.
    pub trade_stream: Option<StreamId>,
    /// The stream of forced orders, which it shares with all of its kind.
    pub liquidation_stream: Option<StreamId>,
    /// What one contract of it is, once that is known.
    pub contract: Option<Contract>,
    /// Why it cannot be polled, in the exchange's words.
    pub problem: Option<String>,
}

impl Instrument {
    /// An instrument that is not collected yet.
    pub fn new(name: String, venue: Venue) -> Self {
        Self {
            kind: Kind::of(&name, venue),
            name,
            active: false,
            book: None,
            book_stream: None,
            trades: Trades::default(),
            trade_stream: None,
            liquidation_stream: None,
            contract: None,
            problem: None,
        }
    }

    /// Its state, with `levels` of each side of its book.
    pub fn report(
        &self,
        id: u32,
        (streams, polls, now): (&Streams, &Polls, u64),
        levels: usize,
    ) -> InstrumentReport {
        let mut report = empty_report(id);
        report.problem = self.problem.clone();
        let mine = [
            ("orderbook", self.book_stream),
            ("trade", self.trade_stream),
            ("liquidation", self.liquidation_stream),
        ];
        streams.tell(mine, &mut report);
        for kind in publish::Kind::ALL {
            let key = Key {
                kind: kind as u8,
                instrument: id,
            };
            report
                .streams
                .extend(polls.report(key, kind.data_type(), now));
        }
        self.trades.report(&mut report.counters);
        if let Some(book) = &self.book {
            book.report(&mut report, levels);
        }
        report
    }
}

impl Collected for Instrument {
    fn is_active(&self) -> bool {
        self.active
    }

    fn names(&self) -> [&str; 2] {
        [&self.name; 2]
    }
}

/// The instruments, found by the names that frames carry.
pub type Instruments = instruments::Instruments<Instrument>;

#[cfg(test)]
mod tests {
    use super::{Kind, normalised};
    use crate::settings::Venue;
    use marketprism_kit::wit::MarketType;

    #[test]
    fn names_are_those_of_the_contract() {
        for (name, symbol, kind) in [
            ("BTC-USDT-SWAP", "BTC-USDT", Kind::Swap),
            ("eth-usd-swap", "ETH-USD", Kind::Swap),
            ("BTC-USD-241227", "BTC-USD-241227", Kind::Future),
            (
                "BTC-USD-241227-50000-C",
                "BTC-USD-241227-50000-C",
                Kind::Option,
            ),
        ] {
            assert_eq!(normalised(name), symbol);
            assert_eq!(Kind::of(&name.to_uppercase(), Venue::Derivatives), kind);
        }
        assert_eq!(normalised("BTC-USDT"), "BTC-USDT");
        assert_eq!(
            Kind::of("BTC-USDT", Venue::Spot).market_type(),
            MarketType::Spot
        );
    }
}
