//! The wire shapes of Binance. The fast path reads the exact shape that the exchange sends today; whatever it does
//! not know goes the general path, which alone decides what is refused.
//!
//! Shapes: <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams> and
//! <https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams>

mod fast;
mod forced;
mod general;
mod old;
pub mod polled;

pub use fast::frame as fast_frame;
pub use forced::{EVERYBODYS as EVERYBODYS_FORCED, ForcedOrder};
pub use general::frame as general_frame;
pub use old::trades as old_trades;

use marketprism_kit::Refusal;
pub use marketprism_kit::book::Changes;
use marketprism_kit::book::UpdateIds;
use marketprism_kit::wit::{Decimal, Side};

use crate::instruments::Instruments;
use crate::settings::{Forced, Settings, TradeStream};
use crate::venue::Venue;

/// Nanoseconds in a millisecond, the exchange's unit of time.
const NS_PER_MS: u64 = 1_000_000;

/// What a frame says; a depth update's levels are in the [`Changes`] that it was read into.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// `depthUpdate`.
    Depth(DepthUpdate),
    /// `trade` or `aggTrade`, whichever was asked for.
    Trade(TradeMade),
    /// `forceOrder`.
    Forced(Vec<ForcedOrder>),
    /// The answer to one of our messages: its number, and what is wrong with it.
    Answer(u64, Option<String>),
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
    /// `U`, `u`, `pu` (USD-M only) and `E`.
    pub ids: UpdateIds,
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
    /// The market.
    pub venue: Venue,
    /// The instruments that are collected.
    pub instruments: &'a Instruments,
    /// Whether depth streams were asked for.
    pub books: bool,
    /// The trade stream that was asked for.
    pub trades: Option<TradeStream>,
    /// Which forced orders were asked for.
    pub forced: Option<Forced>,
}

impl<'a> Asked<'a> {
    /// What these settings ask for.
    pub const fn new(instruments: &'a Instruments, settings: &Settings) -> Self {
        Self {
            venue: settings.venue,
            instruments,
            books: settings.books,
            trades: settings.trades,
            forced: settings.forced,
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

/// Reads a depth snapshot, the answer of `GET .../depth`; gives its `lastUpdateId`.
pub fn snapshot(body: &[u8], changes: &mut Changes) -> Result<u64, Refusal> {
    match fast::snapshot(body, changes) {
        Some(last_update_id) => Ok(last_update_id),
        None => general::snapshot(body, changes),
    }
}

/// Milliseconds of the exchange as nanoseconds.
fn nanoseconds(ms: u64) -> Result<u64, Refusal> {
    ms.checked_mul(NS_PER_MS)
        .ok_or_else(|| Refusal::new("number out of range", format!("time {ms}")))
}

const fn side(buyer_is_maker: bool) -> Side {
    if buyer_is_maker {
        Side::Sell
    } else {
        Side::Buy
    }
}
