//! What a simulated exchange does: its data, its pace, its limits.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::faults::Faults;
use super::limits::Limits;
use super::venue::Venue;
use crate::capture::START_NS;

/// Everything that can be chosen. The default is a calm exchange on a free loopback port.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose protocol is spoken.
    pub venue: Venue,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Chooses the market and what the faults hit.
    pub seed: u64,
    /// Where the data comes from.
    pub source: Source,
    /// How fast the market's time runs.
    pub pace: Pace,
    /// The exchange's rules.
    pub limits: Limits,
    /// How long things take that nobody wants to wait for.
    pub scales: Scales,
    /// What the exchange does in another way than usual.
    pub ways: Ways,
    /// What goes wrong.
    pub faults: Faults,
    /// Frames that may wait for one connection. At real pace a connection with more is cut, as the exchange does;
    /// at other paces the market waits.
    pub queue_frames_max: usize,
    /// Entries of the ledger; older ones are forgotten.
    pub ledger_entries_max: usize,
    /// Trades of a symbol that REST can still tell.
    pub trades_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            venue: Venue::BinanceSpot,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            source: Source::Market(MarketSource::default()),
            pace: Pace::Real,
            limits: Limits::default(),
            scales: Scales::default(),
            ways: Ways::default(),
            faults: Faults::none(),
            queue_frames_max: 16_384,
            ledger_entries_max: 4_000_000,
            trades_max: 500_000,
        }
    }
}

impl Settings {
    /// The default with these symbols.
    #[must_use]
    pub fn of_symbols(symbols: &[&str]) -> Self {
        let symbols = symbols.iter().map(|&symbol| symbol.to_owned()).collect();
        Self {
            source: Source::Market(MarketSource {
                symbols,
                ..MarketSource::default()
            }),
            ..Self::default()
        }
    }

    /// The default of a venue with these symbols, in that venue's names.
    #[must_use]
    pub fn of_venue(venue: Venue, symbols: &[&str]) -> Self {
        Self {
            venue,
            limits: Limits::of(venue),
            ..Self::of_symbols(symbols)
        }
    }
}

/// How long things take that nobody wants to wait for, in the market's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scales {
    /// Between two rows of ratios of the period `5m`; those of other periods in proportion.
    pub ratio_period: Duration,
    /// A candle of a minute; others in proportion.
    pub candle_minute: Duration,
    /// Between two mark prices and funding rates.
    pub marks: Duration,
    /// Between two values of the open interest.
    pub open_interest: Duration,
    /// How long a book of OKX does not change before a frame says so.
    pub keep_alive: Duration,
}

impl Default for Scales {
    fn default() -> Self {
        Self {
            ratio_period: Duration::from_secs(300),
            candle_minute: Duration::from_secs(60),
            marks: Duration::from_secs(1),
            open_interest: Duration::from_secs(5),
            keep_alive: Duration::from_secs(60),
        }
    }
}

/// What the exchange does in another way than usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// OKX: the first push of a book is no whole book, as its documentation announces.
    pub no_first_book: bool,
}

/// Where the data comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A market whose truth is known.
    Market(MarketSource),
    /// A recording, one JSON object per line: its frames, and its depth answers kept up to date by its frames.
    Recording(PathBuf),
}

/// A market whose truth is known.
#[derive(Clone, Debug)]
pub struct MarketSource {
    /// Symbols in the exchange's names.
    pub symbols: Vec<String>,
    /// Orders of each symbol in a second of the market; three in ten trade, most others change the book.
    pub orders_per_second: u64,
    /// More symbols, in which next to nothing happens.
    pub quiet_symbols: Vec<String>,
    /// Forced orders of each symbol in a minute of the market, about; several at once count as one.
    pub liquidations_per_minute: u64,
    /// When the market opens, in nanoseconds since the epoch.
    pub start_ns: u64,
    /// Changes of each symbol's book that can be looked back.
    pub history_changes_max: usize,
}

impl Default for MarketSource {
    fn default() -> Self {
        Self {
            symbols: vec!["BTCUSDT".to_owned(), "ETHUSDT".to_owned()],
            orders_per_second: 250,
            quiet_symbols: Vec::new(),
            liquidations_per_minute: 20,
            start_ns: START_NS,
            history_changes_max: 1_000_000,
        }
    }
}

/// How fast the market's time runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As the clock does.
    Real,
    /// As fast as every connection takes it; stands while nobody has a stream.
    Fastest,
    /// At most so many times as fast as the clock: no faster than every connection takes it. Stands while nobody has a
    /// stream.
    Times(u32),
    /// Only when a test says so.
    Stepped,
}
