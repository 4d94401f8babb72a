//! What is collected: instruments and volatility indices, found by the names that frames carry.

use marketprism_kit::book::empty_report;
use marketprism_kit::instruments::{self, Collected};
use marketprism_kit::streams::{StreamId, Streams};
use marketprism_kit::wit::InstrumentReport;

use crate::sync::BookSync;
use crate::trades::{Market, Trades};

/// What the exchange's list says of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// The list has not come yet.
    Unknown,
    /// It is there.
    Listed,
    /// It is not there: never listed, or expired.
    Missing,
}

/// One thing that is collected under a name of its own: an instrument, or a currency's volatility index.
#[derive(Debug)]
pub struct Instrument {
    /// The exchange's name: "BTC-PERPETUAL", or the currency of an index.
    pub name: String,
    /// It is a currency's volatility index.
    pub is_index: bool,
    /// Collected now.
    pub active: bool,
    /// Whether the exchange lists it.
    pub listing: Listing,
    /// Why it cannot be collected, where the configuration asks for what there is not.
    pub problem: Option<&'static str>,
    /// Its book, when books are collected.
    pub book: Option<BookSync>,
    /// The stream of its book.
    pub book_stream: Option<StreamId>,
    /// Its trades.
    pub trades: Trades,
    /// The stream of its trades.
    pub trade_stream: Option<StreamId>,
}

impl Instrument {
    /// An instrument, or an index, that is not collected yet.
    pub fn new(id: u32, name: String, is_index: bool) -> Self {
        Self {
            trades: Market::trades(id, &name),
            name,
            is_index,
            active: false,
            listing: Listing::Unknown,
            problem: None,
            book: None,
            book_stream: None,
            trade_stream: None,
        }
    }

    /// Its state, with `levels` of each side of its book.
    pub fn report(&self, id: u32, streams: &Streams, levels: usize) -> InstrumentReport {
        let mut report = empty_report(id);
        let unlisted =
            (self.listing == Listing::Missing).then_some("the exchange does not list it");
        report.problem = self.problem.or(unlisted).map(str::to_owned);
        self.trades.report(&mut report.counters);
        if let Some(book) = &self.book {
            book.report(&mut report, levels);
        }
        let mine = [
            ("orderbook", self.book_stream),
            ("trade", self.trade_stream),
        ];
        streams.tell(mine, &mut report);
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

/// Everything that is collected or was.
pub type Instruments = instruments::Instruments<Instrument>;
