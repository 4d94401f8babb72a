//! The instruments of a session and how a frame finds its own.

use marketprism_kit::wit::{Counters, InstrumentReport, StreamReport, StreamState};

use crate::settings::Settings;
use crate::sync::BookSync;
use crate::trades::Trades;

/// One instrument that is or was collected. Its number is its place in the list and never changes.
#[derive(Debug)]
pub struct Instrument {
    /// The exchange's name, "BTCUSDT".
    pub symbol: String,
    /// The name in stream names, "btcusdt".
    pub stream: String,
    /// False once it is no longer configured.
    pub active: bool,
    /// The connection that carries its streams, once there is one.
    pub connection: Option<u32>,
    /// Its book, when books are collected.
    pub book: Option<BookSync>,
    /// When its depth stream last brought something.
    pub book_heard: Option<u64>,
    /// Its trades.
    pub trades: Trades,
    /// When its trade stream last brought something.
    pub trades_heard: Option<u64>,
}

impl Instrument {
    /// An instrument that is not collected yet.
    pub fn new(id: u32, symbol: String) -> Self {
        Self {
            stream: symbol.to_lowercase(),
            trades: Trades::new(id, &symbol),
            symbol,
            active: false,
            connection: None,
            book: None,
            book_heard: None,
            trades_heard: None,
        }
    }

    /// Its state, with `levels` of each side of its book.
    pub fn report(&self, id: u32, settings: &Settings, levels: usize) -> InstrumentReport {
        let mut report = InstrumentReport {
            instrument: id,
            problem: None,
            book_state: None,
            last_update_id: None,
            counters: Counters {
                trades: 0,
                duplicate_trades: 0,
                missing_trades: 0,
                fetched_trades: 0,
                updates_applied: 0,
                gaps: 0,
                resyncs: 0,
            },
            streams: self.streams(settings),
            bids: Vec::new(),
            asks: Vec::new(),
            bid_levels: 0,
            ask_levels: 0,
        };
        self.trades.report(&mut report.counters);
        if let Some(book) = &self.book {
            book.report(&mut report, levels);
        }
        report
    }

    /// The streams that are collected of it.
    fn streams(&self, settings: &Settings) -> Vec<StreamReport> {
        let stream = |data_type: &str, heard| StreamReport {
            data_type: data_type.to_owned(),
            state: StreamState::Live,
            heard,
            silence_max: None,
            resubscribed: 0,
        };
        let book = settings.books.then(|| stream("orderbook", self.book_heard));
        let trades = settings.trades.map(|_| stream("trade", self.trades_heard));
        book.into_iter().chain(trades).collect()
    }
}

/// The instruments, found by the names that frames carry.
#[derive(Debug, Default)]
pub struct Instruments {
    all: Vec<Instrument>,
    /// Open addressing over the stream names: number plus one, 0 for empty. A power of two long, at most half full.
    slots: Vec<u32>,
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

    /// The number that the next new instrument will have.
    pub fn next_id(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }

    /// Adds an instrument.
    pub fn add(&mut self, instrument: Instrument) {
        self.all.push(instrument);
        self.index();
    }

    fn index(&mut self) {
        let size = (self.all.len() * 2).next_power_of_two();
        self.slots = vec![0; size];
        let mask = size - 1;
        for (number, instrument) in (1_u32..).zip(&self.all) {
            let mut at = hash(instrument.stream.as_bytes()) & mask;
            while self.slots.get(at).is_some_and(|slot| *slot != 0) {
                at = (at + 1) & mask;
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = number;
            }
        }
    }

    /// The active instrument whose streams begin with this name.
    #[inline]
    pub fn by_stream(&self, stream: &[u8]) -> Option<(u32, &Instrument)> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash(stream) & mask;
        loop {
            let id = self.slots.get(at)?.checked_sub(1)?;
            let instrument = self.get(id)?;
            if instrument.stream.as_bytes() == stream {
                return instrument.active.then_some((id, instrument));
            }
            at = (at + 1) & mask;
        }
    }

    /// The instrument of this symbol, active or not.
    pub fn by_symbol(&self, symbol: &str) -> Option<(u32, &Instrument)> {
        self.iter()
            .find(|(_, instrument)| instrument.symbol == symbol)
    }
}

/// Names are short and chosen by the exchange: any cheap mixing will do.
#[inline]
fn hash(name: &[u8]) -> usize {
    let mixed = name.iter().fold(0_u32, |hash, byte| {
        (hash.rotate_left(5) ^ u32::from(*byte)).wrapping_mul(0x9E37_79B9)
    });
    (mixed ^ (mixed >> 15)) as usize
}
