//! What a simulated exchange does: its data, its pace, its limits.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::faults::Faults;
use crate::capture::START_NS;

/// Everything that can be chosen. The default is a calm exchange on a free loopback port.
#[derive(Clone, Debug)]
pub struct Settings {
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
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            source: Source::Market(MarketSource::default()),
            pace: Pace::Real,
            limits: Limits::default(),
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

/// The exchange's rules, after
/// <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams> and
/// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits>.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Between two pings.
    pub ping_every: Duration,
    /// A connection whose pong takes longer is cut.
    pub pong_within: Duration,
    /// Messages that a connection may send in a second: ping, pong and JSON count.
    pub messages_per_second: usize,
    /// Streams of one connection.
    pub streams_max: usize,
    /// Connections in one window; all clients are one IP here.
    pub connections_max: usize,
    /// That window.
    pub connections_window: Duration,
    /// How long a connection may live.
    pub cut_after: Duration,
    /// How long before the cut `serverShutdown` is sent, if at all.
    pub shutdown_notice: Option<Duration>,
    /// Weight that REST requests may have in one window.
    pub weight_max: u64,
    /// That window.
    pub weight_window: Duration,
    /// Requests refused with 429 in a window before the ban.
    pub refusals_max: u64,
    /// How long a ban lasts: 418 for everything.
    pub ban: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ping_every: Duration::from_secs(20),
            pong_within: Duration::from_secs(60),
            messages_per_second: 5,
            streams_max: 1_024,
            connections_max: 300,
            connections_window: Duration::from_secs(300),
            cut_after: Duration::from_secs(24 * 3_600),
            shutdown_notice: None,
            weight_max: 6_000,
            weight_window: Duration::from_secs(60),
            refusals_max: 10,
            ban: Duration::from_secs(120),
        }
    }
}
