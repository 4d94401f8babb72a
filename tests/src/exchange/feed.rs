//! The source of data, whichever it is.

use std::io;

use super::dialect::Dialect;
use super::frame::Frame;
use super::market_feed::MarketFeed;
use super::recording_feed::RecordingFeed;
use super::settings::{Settings, Source};
use super::trades::Trades;
use super::venue::Venue;
use crate::market::{Levels, Snapshot, Terms};

/// Whether somebody listens to a stream: others need not be written.
pub(crate) type Wanted<'a> = dyn Fn(&str) -> bool + 'a;

/// A market or a recording.
#[derive(Debug)]
pub(crate) enum Feed {
    Market(Box<MarketFeed>),
    Recording(Box<RecordingFeed>),
}

impl Feed {
    pub(crate) fn open(dialect: &dyn Dialect, settings: &Settings) -> io::Result<Self> {
        match &settings.source {
            Source::Market(source) => {
                let feed = MarketFeed::open(dialect, settings, source);
                Ok(Self::Market(Box::new(feed)))
            }
            Source::Recording(path) if settings.venue == Venue::BinanceSpot => {
                let feed = RecordingFeed::open(path, settings.trades_max)?;
                Ok(Self::Recording(Box::new(feed)))
            }
            Source::Recording(_) => {
                let text = "only recordings of Binance spot can be told";
                Err(io::Error::new(io::ErrorKind::Unsupported, text))
            }
        }
    }

    /// What only a market has.
    pub(crate) fn market(&self) -> Option<&MarketFeed> {
        match self {
            Self::Market(feed) => Some(feed),
            Self::Recording(_) => None,
        }
    }

    /// The same, to change it.
    pub(crate) fn market_mut(&mut self) -> Option<&mut MarketFeed> {
        match self {
            Self::Market(feed) => Some(feed),
            Self::Recording(_) => None,
        }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        match self {
            Self::Market(feed) => feed.now_ns,
            Self::Recording(feed) => feed.now_ns,
        }
    }

    /// There is nothing to come.
    pub(crate) fn ended(&self) -> bool {
        match self {
            Self::Market(_) => false,
            Self::Recording(feed) => feed.ended(),
        }
    }

    /// Lets happen what happens up to a time, that time included.
    pub(crate) fn advance(&mut self, until_ns: u64, wanted: &Wanted<'_>, out: &mut Vec<Frame>) {
        match self {
            Self::Market(feed) => feed.advance(until_ns, wanted, out),
            Self::Recording(feed) => feed.advance(until_ns, wanted, out),
        }
    }

    pub(crate) fn symbols(&self) -> Vec<&Terms> {
        match self {
            Self::Market(feed) => feed
                .market
                .listings()
                .iter()
                .map(|listing| &**listing.terms())
                .collect(),
            Self::Recording(feed) => feed.symbols(),
        }
    }

    pub(crate) fn terms(&self, symbol: &str) -> Option<&Terms> {
        let mut symbols = self.symbols().into_iter();
        symbols.find(|terms| terms.symbol == symbol)
    }

    /// The book now.
    pub(crate) fn snapshot(&self, symbol: &str, levels_max: usize) -> Option<Snapshot> {
        match self {
            Self::Market(feed) => feed.snapshot(symbol, levels_max),
            Self::Recording(feed) => feed.snapshot(symbol, levels_max),
        }
    }

    /// The book at an update id.
    pub(crate) fn top(&self, symbol: &str, update_id: u64, levels_max: usize) -> Option<Levels> {
        match self {
            Self::Market(feed) => {
                let update_id = feed.numbering(symbol)?.meant(update_id)?;
                feed.market.listing(symbol)?.top_at(update_id, levels_max)
            }
            Self::Recording(feed) => feed.top(symbol, update_id, levels_max),
        }
    }

    pub(crate) fn trades(&self, symbol: &str) -> Option<&Trades> {
        match self {
            Self::Market(feed) => feed.trades(symbol),
            Self::Recording(feed) => feed.trades(symbol),
        }
    }
}
