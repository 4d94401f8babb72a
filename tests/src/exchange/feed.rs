//! The source of data, whichever it is.

use std::io;
use std::sync::Arc;

use super::frame::Frame;
use super::market_feed::MarketFeed;
use super::recording_feed::RecordingFeed;
use super::settings::{Settings, Source};
use super::trades::Trades;
use crate::market::{Levels, Listing, Snapshot, Terms};

/// Whether somebody listens to a stream: others need not be written.
pub(crate) type Wanted<'a> = dyn Fn(&str) -> bool + 'a;

/// A market or a recording.
#[derive(Debug)]
pub(crate) enum Feed {
    Market(Box<MarketFeed>),
    Recording(Box<RecordingFeed>),
}

impl Feed {
    pub(crate) fn open(settings: &Settings) -> io::Result<Self> {
        Ok(match &settings.source {
            Source::Market(source) => Self::Market(Box::new(MarketFeed::open(
                settings.seed,
                source,
                settings.trades_max,
            ))),
            Source::Recording(path) => {
                Self::Recording(Box::new(RecordingFeed::open(path, settings.trades_max)?))
            }
        })
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
            Self::Market(feed) => Some(feed.market.listing(symbol)?.snapshot(levels_max)),
            Self::Recording(feed) => feed.snapshot(symbol, levels_max),
        }
    }

    /// A symbol's true state; none in a recording.
    pub(crate) fn listing(&self, symbol: &str) -> Option<&Listing> {
        match self {
            Self::Market(feed) => feed.market.listing(symbol),
            Self::Recording(_) => None,
        }
    }

    /// The book at an update id.
    pub(crate) fn top(&self, symbol: &str, update_id: u64, levels_max: usize) -> Option<Levels> {
        match self {
            Self::Market(feed) => feed.market.listing(symbol)?.top_at(update_id, levels_max),
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

/// `btcusdt@trade` for BTCUSDT and trade.
pub(crate) fn stream_name(symbol: &str, kind: &str) -> Arc<str> {
    format!("{}@{kind}", symbol.to_ascii_lowercase()).into()
}
