//! The wire shapes of Binance spot. The fast path reads the exact shape that the exchange sends today; whatever it does
//! not know goes the general path, which alone decides what is refused.
//!
//! Shapes: <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams>

mod fast;
mod general;
mod old;

pub use fast::frame as fast_frame;
pub use general::frame as general_frame;
pub use old::trades as old_trades;

use marketprism_kit::Refusal;
use marketprism_kit::wit::{Decimal, Level, Side};

use crate::instruments::Instruments;
use crate::settings::{Settings, TradeStream};

/// Nanoseconds in a millisecond, the exchange's unit of time.
const NS_PER_MS: u64 = 1_000_000;

/// Levels of the frame or answer being read; reused from one to the next.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Changes {
    /// Changed bids, as they came.
    pub bids: Vec<Level>,
    /// Changed asks, as they came.
    pub asks: Vec<Level>,
}

impl Changes {
    /// Forgets the levels.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }
}

/// What a frame says; a depth update's levels are in the [`Changes`] that it was read into.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// `depthUpdate`.
    Depth(DepthUpdate),
    /// `trade` or `aggTrade`, whichever was asked for.
    Trade(TradeMade),
    /// `serverShutdown`: the connection will be closed.
    Shutdown,
    /// A stream or an answer that nobody asked for.
    Ignored,
}

/// A `depthUpdate` without its levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepthUpdate {
    /// The instrument's number.
    pub instrument: u32,
    /// `U`.
    pub first: u64,
    /// `u`.
    pub last: u64,
    /// `E`, in nanoseconds.
    pub time: u64,
}

/// A `trade` or `aggTrade`.
#[derive(Debug, Clone, PartialEq)]
pub struct TradeMade {
    /// The instrument's number.
    pub instrument: u32,
    /// `t` of a trade, `a` of an aggregate trade.
    pub id: u64,
    /// `p`.
    pub price: Decimal,
    /// `q`.
    pub quantity: Decimal,
    /// `T`, in nanoseconds.
    pub time: u64,
    /// The taker's side: `m` (the buyer is the maker) means that the taker sold.
    pub side: Side,
}

/// What frames are read against.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The instruments that are collected.
    pub instruments: &'a Instruments,
    /// Whether depth streams were asked for.
    pub books: bool,
    /// The trade stream that was asked for.
    pub trades: Option<TradeStream>,
}

impl<'a> Asked<'a> {
    /// What these settings ask for.
    pub const fn new(instruments: &'a Instruments, settings: &Settings) -> Self {
        Self {
            instruments,
            books: settings.books,
            trades: settings.trades,
        }
    }
}

/// Reads a frame.
#[inline]
pub fn frame(data: &[u8], asked: Asked<'_>, changes: &mut Changes) -> Result<Message, Refusal> {
    match fast::frame(data, asked, changes) {
        Some(message) => Ok(message),
        None => general::frame(data, asked, changes),
    }
}

/// Reads the answer of `GET /api/v3/depth`; gives its `lastUpdateId`.
pub fn snapshot(body: &[u8], changes: &mut Changes) -> Result<u64, Refusal> {
    match fast::snapshot(body, changes) {
        Some(last_update_id) => Ok(last_update_id),
        None => general::snapshot(body, changes),
    }
}

const fn side(buyer_is_maker: bool) -> Side {
    if buyer_is_maker {
        Side::Sell
    } else {
        Side::Buy
    }
}
