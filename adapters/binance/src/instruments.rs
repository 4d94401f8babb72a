//! The instruments of a session and how a frame finds its own.

use marketprism_kit::book::empty_report;
use marketprism_kit::index::Index;
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

    /// Its state without its streams, with `levels` of each side of its book.
    pub fn report(&self, id: u32, levels: usize) -> InstrumentReport {
        let mut report = empty_report(id);
        report.problem = self.check.problem().map(str::to_owned);
        self.trades.report(&mut report.counters);
        if let Some(book) = &self.book {
            book.report(&mut report, levels);
        }
        report
    }
}

/// The instruments, found by the names that frames carry.
#[derive(Debug, Default)]
pub struct Instruments {
    all: Vec<Instrument>,
    by_stream: Index,
    by_symbol: Index,
}

impl Instruments {
    /// All instruments, active or not.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Instrument)> {
        (0..).zip(&mut self.all)
    }

    /// All instruments, active or not.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Instrument)> {
        (0..).zip(&self.all)
    }

    /// One instrument by its number.
    #[inline]
    pub fn get_mut(&mut self, id: u32) -> Option<&mut Instrument> {
        self.all.get_mut(id as usize)
    }

    /// One instrument by its number.
    #[inline]
    pub fn get(&self, id: u32) -> Option<&Instrument> {
        self.all.get(id as usize)
    }

    /// How many there are, active or not.
    pub const fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The number that the next new instrument will have.
    pub fn next_id(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }

    /// Adds an instrument.
    pub fn add(&mut self, instrument: Instrument) {
        let id = self.next_id();
        self.by_stream.insert(instrument.stream.as_bytes(), id);
        self.by_symbol.insert(instrument.symbol.as_bytes(), id);
        self.all.push(instrument);
    }

    /// The active instrument whose streams begin with this name.
    #[inline]
    pub fn by_stream(&self, stream: &[u8]) -> Option<(u32, &Instrument)> {
        let id = self.by_stream.get(stream)?;
        let instrument = self.get(id)?;
        instrument.active.then_some((id, instrument))
    }

    /// The instrument of this symbol, active or not.
    pub fn by_symbol(&self, symbol: &str) -> Option<(u32, &Instrument)> {
        let id = self.by_symbol.get(symbol.as_bytes())?;
        Some((id, self.get(id)?))
    }
}
