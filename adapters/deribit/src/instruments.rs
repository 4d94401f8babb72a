//! What is collected: instruments and volatility indices, found by the names that frames carry.

use marketprism_kit::book::empty_report;
use marketprism_kit::index::Index;
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
        self.trades.report(&mut report.counters);
        if let Some(book) = &self.book {
            book.report(&mut report, levels);
        }
        let both = [
            ("orderbook", self.book_stream),
            ("trade", self.trade_stream),
        ];
        for (data_type, stream) in both {
            let Some(stream) = stream else {
                continue;
            };
            report.streams.extend(streams.report(stream, data_type));
            if report.problem.is_none() {
                report.problem = streams.refusal(stream).map(str::to_owned);
            }
        }
        if self.listing == Listing::Missing {
            report.problem = Some("the exchange does not list it".to_owned());
        }
        if let Some(problem) = self.problem {
            report.problem = Some(problem.to_owned());
        }
        report
    }
}

/// Everything that is collected or was.
#[derive(Debug, Default)]
pub struct Instruments {
    all: Vec<Instrument>,
    /// Instruments by name; indices have currencies' names, which no channel carries.
    markets: Index,
}

impl Instruments {
    /// All, active or not.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Instrument)> {
        (0..).zip(&mut self.all)
    }

    /// All, active or not.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Instrument)> {
        (0..).zip(&self.all)
    }

    /// Those that are collected.
    pub fn active(&self) -> impl Iterator<Item = (u32, &Instrument)> {
        self.iter().filter(|(_, instrument)| instrument.active)
    }

    /// One by its number.
    #[inline]
    pub fn get_mut(&mut self, id: u32) -> Option<&mut Instrument> {
        self.all.get_mut(id as usize)
    }

    /// One by its number.
    #[inline]
    pub fn get(&self, id: u32) -> Option<&Instrument> {
        self.all.get(id as usize)
    }

    /// The number of the next new one.
    pub fn next_id(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }

    /// Adds one.
    pub fn add(&mut self, instrument: Instrument) {
        if !instrument.is_index {
            self.markets
                .insert(instrument.name.as_bytes(), self.next_id());
        }
        self.all.push(instrument);
    }

    /// The active instrument of a name that a channel carries.
    #[inline]
    pub fn market(&self, name: &str) -> Option<u32> {
        let id = self.markets.get(name.as_bytes())?;
        self.get(id)?.active.then_some(id)
    }

    /// One by its name, active or not.
    pub fn find(&self, name: &str, is_index: bool) -> Option<u32> {
        let mut all = self.iter();
        all.find(|(_, it)| it.is_index == is_index && it.name == name)
            .map(|(id, _)| id)
    }
}
