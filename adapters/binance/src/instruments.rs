//! The instruments of a session and how a frame finds its own.

use marketprism_kit::book::empty_report;
use marketprism_kit::instruments::{self, Collected};
use marketprism_kit::streams::{StreamId, Streams};
use marketprism_kit::wit::InstrumentReport;

use crate::checks::Check;
use crate::polled::Known;
use crate::streams::StreamIds;
use crate::sync::BookSync;
use crate::trades::{Market, Trades};

/// Longest name of an instrument, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Whether a text can be a symbol: letters of any script, digits and underscores.
pub fn is_symbol(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && text
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_')
}

/// One instrument that is or was collected. Its number is its place in the list and never changes.
#[derive(Debug)]
pub struct Instrument {
    /// The exchange's name, "BTCUSDT".
    pub symbol: String,
    /// The name in stream names, "btcusdt".
    pub stream: String,
    /// False once it is no longer configured.
    pub active: bool,
    /// Forced orders of it are collected.
    pub is_forced_wanted: bool,
    /// Its streams.
    pub streams: StreamIds,
    /// Its book, when books are collected.
    pub book: Option<BookSync>,
    /// Its trades.
    pub trades: Trades,
    /// What polled answers said of it.
    pub known: Known,
    /// Whether the exchange knows it.
    pub check: Check,
}

impl Instrument {
    /// An instrument that is not collected yet.
    pub fn new(id: u32, symbol: String) -> Self {
        Self {
            stream: symbol.to_lowercase(),
            active: false,
            is_forced_wanted: false,
            streams: StreamIds::default(),
            book: None,
            trades: Market::trades(id, &symbol),
            known: Known::default(),
            check: Check::default(),
            symbol,
        }
    }

    /// Its state without what is polled, with `levels` of each side of its book.
    pub fn report(
        &self,
        id: u32,
        streams: &Streams,
        forced_of_all: Option<StreamId>,
        levels: usize,
    ) -> InstrumentReport {
        let mut report = empty_report(id);
        report.problem = self.check.problem().map(str::to_owned);
        let mine = [
            ("orderbook", self.streams.book),
            ("trade", self.streams.trades),
            ("liquidation", self.streams.forced.or(forced_of_all)),
        ];
        streams.tell(mine, &mut report);
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
        [&self.symbol, &self.stream]
    }
}

/// The instruments, found by the names that frames carry.
pub type Instruments = instruments::Instruments<Instrument>;

/// The instrument of this symbol, active or not.
pub fn by_symbol<'a>(all: &'a Instruments, symbol: &str) -> Option<(u32, &'a Instrument)> {
    let found = all.find(symbol.as_bytes());
    found.filter(|(_, instrument)| instrument.symbol == symbol)
}
