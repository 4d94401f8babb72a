//! The wire shapes of OKX. The fast path reads the exact shapes that the exchange sends today for books and trades;
//! whatever it does not know goes the general path, which alone decides what is refused.
//!
//! Shapes: <https://www.okx.com/docs-v5/en/#order-book-trading-market-data>

pub mod answer;
mod control;
mod fast;
mod general;

pub use control::{Control, stream_name};
pub use fast::frame as fast_frame;
pub use general::frame as general_frame;

use marketprism_kit::Refusal;
use marketprism_kit::book::Changes;
use marketprism_kit::decimal::DecimalError;
use marketprism_kit::json::Number;
use marketprism_kit::wit::{Decimal, Side};

use crate::instruments::Instruments;

/// Nanoseconds in a millisecond, the exchange's unit of time.
const NS_PER_MS: u64 = 1_000_000;

/// What frames are read into; reused from one to the next.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Scratch {
    /// Books of a [`Message::Books`].
    pub books: Vec<BookFrame>,
    /// Trades of a [`Message::Trades`].
    pub trades: Vec<TradeMade>,
    /// Forced orders of a [`Message::Liquidations`].
    pub liquidations: Vec<ForcedOrder>,
}

impl Scratch {
    /// Makes room for one book and gives it, empty.
    fn one_book(&mut self) -> Option<&mut BookFrame> {
        self.books.resize_with(1, BookFrame::default);
        let book = self.books.first_mut()?;
        book.clear();
        Some(book)
    }
}

/// What a frame says; what it brings is in the [`Scratch`] that it was read into.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Pushes of a `books*` channel, of the instrument of this number.
    Books(u32),
    /// Trades of the instrument of this number.
    Trades(u32),
    /// Forced orders of the configured instruments, from the stream of this `instType`.
    Liquidations(String),
    /// About the connection or its subscriptions.
    Control(Control),
    /// `pong`.
    Pong,
    /// A stream that nobody asked for.
    Ignored,
}

/// Why a frame could not be used, and whose book it was when it was a book's.
#[derive(Debug, Clone, PartialEq)]
pub struct Unusable {
    /// The broken rule.
    pub refusal: Refusal,
    /// The instrument whose book can be followed no longer without a new snapshot.
    pub resync: Option<u32>,
}

impl From<Refusal> for Unusable {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            resync: None,
        }
    }
}

/// Ids of a push of a `books*` channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// `seqId`.
    pub sequence: u64,
    /// `prevSeqId`; none for -1.
    pub previous: Option<u64>,
}

/// One push of a `books*` channel, or the answer of `GET /api/v5/market/books`.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct BookFrame {
    /// The whole book, not a change of it.
    pub is_snapshot: bool,
    /// `seqId` and `prevSeqId`, where both are there.
    pub chain: Option<Chain>,
    /// `checksum`, where it is not 0: 0 stands for none since June 2026.
    pub checksum: Option<i32>,
    /// `ts`, in nanoseconds.
    pub time: u64,
    /// Its levels, as they came.
    pub levels: Changes,
}

impl BookFrame {
    fn clear(&mut self) {
        let mut levels = std::mem::take(&mut self.levels);
        levels.clear();
        *self = Self {
            levels,
            ..Self::default()
        };
    }

    /// Nothing has changed: the exchange says that the book is alive.
    pub fn is_keep_alive(&self) -> bool {
        let same = self
            .chain
            .is_some_and(|chain| chain.previous == Some(chain.sequence));
        same && self.levels.bids.is_empty() && self.levels.asks.is_empty()
    }
}

/// A trade, or several of one taker at one price.
#[derive(Debug, Clone, PartialEq)]
pub struct TradeMade {
    /// `tradeId`, of the last one when there are several.
    pub id: u64,
    /// `count`: how many there are, with ids up to `id`; 1 where it is not said.
    pub count: u64,
    /// `px`.
    pub price: Decimal,
    /// `sz`.
    pub quantity: Decimal,
    /// `ts`, in nanoseconds.
    pub time: u64,
    /// The taker's side.
    pub side: Side,
}

/// One detail of the channel `liquidation-orders`.
#[derive(Debug, Clone, PartialEq)]
pub struct ForcedOrder {
    /// The instrument's number.
    pub instrument: u32,
    /// `ts`, in milliseconds.
    pub time_ms: u64,
    /// Side of the order.
    pub side: Side,
    /// `bkPx`, the bankruptcy price.
    pub price: Decimal,
    /// `sz`.
    pub quantity: Decimal,
    /// `bkPx` and `sz` as they came.
    pub texts: [String; 2],
}

/// What frames are read against.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The instruments that are collected.
    pub instruments: &'a Instruments,
    /// Whether books were asked for.
    pub books: bool,
    /// Whether trades were asked for.
    pub trades: bool,
    /// Whether forced orders were asked for.
    pub liquidations: bool,
}

/// Reads a frame.
#[inline]
pub fn frame(data: &[u8], asked: Asked<'_>, scratch: &mut Scratch) -> Result<Message, Unusable> {
    match fast::frame(data, asked, scratch) {
        Some(message) => Ok(message),
        None => general::frame(data, asked, scratch),
    }
}

/// Whether a channel brings the changes of books: any of `books`, `books-l2-tbt`, `books50-l2-tbt` and what may come
/// beside them. `books5` brings five levels whole each time and is another thing.
pub fn is_book_channel(channel: &str) -> bool {
    channel.starts_with("books") && channel != "books5"
}

fn nanoseconds(ms: u64) -> Result<u64, Refusal> {
    ms.checked_mul(NS_PER_MS)
        .ok_or_else(|| Refusal::new("number out of range", format!("time {ms}")))
}

/// A whole number, which stands bare or in a string.
fn integer(number: Number) -> Result<i64, Refusal> {
    let number = number.signed()?;
    if number.scale == 0 {
        Ok(number.mantissa)
    } else {
        Err(DecimalError::NotANumber.into())
    }
}

/// As [`integer`], and not negative.
fn unsigned(number: Number) -> Result<u64, Refusal> {
    let number = integer(number)?;
    u64::try_from(number).map_err(|_| Refusal::new("negative number", number.to_string()))
}

/// A time in milliseconds, in nanoseconds.
fn time(number: Number) -> Result<u64, Refusal> {
    nanoseconds(unsigned(number)?)
}

fn side(text: &str) -> Result<Side, Refusal> {
    match text {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        other => Err(Refusal::new("wrong shape", format!("side {other:?}"))),
    }
}
