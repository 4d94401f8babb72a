//! The sink of an adapter's actions. Its methods, and nothing else inside `handle`, allocate from the arena.

use std::fmt::Display;

use crate::arena;
use crate::book::{Levels, Top};
use crate::wit::{
    Action, Book, BookChange, BookOccasion, BookStatus, Connect, Instrument, InstrumentReport,
    LogLevel, LogLine, MarketEvent, Request, Send, Trade, WakeAt, pack,
};
use crate::{bindings, refusal};

/// What an adapter wants done, in the order in which it is said.
///
/// Storage for the actions comes from the arena. No method runs an adapter's closure or iterator while the arena is
/// in use, so that state cannot come to hold memory of the arena.
#[derive(Debug)]
pub struct Output {
    actions: Vec<Action>,
}

impl Output {
    /// An empty sink; the host side of the kit and tests make one per event.
    pub(crate) const fn new() -> Self {
        Self {
            actions: Vec::new(),
        }
    }

    /// The actions said so far.
    pub(crate) fn into_actions(self) -> Vec<Action> {
        self.actions
    }

    fn push(&mut self, make: impl FnOnce() -> Action) {
        let _scratch = arena::scratch();
        self.actions.push(make());
    }

    /// Opens a WebSocket connection under the number `connection`.
    pub fn connect(&mut self, connection: u32, address: &str) {
        self.push(|| {
            Action::Connect(Connect {
                connection,
                address: address.to_owned(),
            })
        });
    }

    /// Sends a text message.
    pub fn send(&mut self, connection: u32, text: &str) {
        self.push(|| {
            Action::Send(Send {
                connection,
                text: text.to_owned(),
            })
        });
    }

    /// Closes a connection; `closed` follows.
    pub fn close(&mut self, connection: u32) {
        self.push(|| Action::Close(connection));
    }

    /// Sends an HTTP GET request that costs `weight` of the exchange's budget, for a data type of an instrument.
    pub fn request(
        &mut self,
        request: u32,
        address: &str,
        weight: u32,
        data_type: &str,
        instrument: Option<u32>,
    ) {
        self.push(|| {
            Action::Request(Request {
                request,
                address: address.to_owned(),
                weight,
                data_type: data_type.to_owned(),
                instrument,
            })
        });
    }

    /// Asks for an alarm at `time` (nanoseconds since the epoch), replacing one that waits under the same number.
    pub fn wake_at(&mut self, alarm: u32, time: u64) {
        self.push(|| Action::WakeAt(WakeAt { alarm, time }));
    }

    /// Names an instrument; to be said before the first market event that carries its id.
    pub fn declare(&mut self, instrument: &Instrument) {
        self.push(|| Action::Declare(instrument.clone()));
    }

    /// Publishes a market event for which there is no method of its own (the rarely published types).
    pub fn publish(&mut self, event: MarketEvent) {
        self.push(|| Action::Publish(event));
    }

    /// Publishes a trade.
    pub fn trade(&mut self, trade: Trade) {
        self.push(|| Action::Publish(MarketEvent::Trade(trade)));
    }

    /// Publishes the top of a book.
    pub fn book(&mut self, head: &BookHead, bids: Top<'_>, asks: Top<'_>) {
        self.push(|| {
            Action::Publish(MarketEvent::Book(Book {
                instrument: head.instrument,
                sequence: head.sequence,
                last_update_id: head.last_update_id,
                time: head.time,
                occasion: head.occasion,
                first_update_id: head.first_update_id,
                previous_update_id: head.previous_update_id,
                bids: pack(&bids.to_vec()),
                asks: pack(&asks.to_vec()),
            }))
        });
    }

    /// Publishes the changed levels of a book, or the whole book when `head.snapshot` says so.
    pub fn book_change(&mut self, head: &ChangeHead, bids: Levels<'_>, asks: Levels<'_>) {
        self.push(|| {
            Action::Publish(MarketEvent::BookChange(BookChange {
                instrument: head.instrument,
                sequence: head.last_update_id,
                time: head.time,
                snapshot: head.snapshot,
                first_update_id: head.first_update_id,
                last_update_id: head.last_update_id,
                previous_update_id: head.previous_update_id,
                bids: levels(bids),
                asks: levels(asks),
            }))
        });
    }

    /// Publishes a change of a book's state.
    pub fn book_status(&mut self, status: BookStatus) {
        self.push(|| Action::Publish(MarketEvent::BookStatus(status)));
    }

    /// Answers `report-wanted`.
    pub fn report(&mut self, instruments: Vec<InstrumentReport>) {
        self.push(|| Action::Report(instruments));
    }

    /// Tells the exchange's clock minus the machine's, in nanoseconds.
    pub fn clock_difference(&mut self, nanoseconds: i64) {
        self.push(|| Action::ClockDifference(nanoseconds));
    }

    /// Says that the frame of this event belongs to a stream that nobody asked for.
    pub fn ignored(&mut self) {
        self.push(|| Action::Ignored);
    }

    /// Says that the frame or answer of this event could not be used.
    pub fn refused(&mut self, refusal: &refusal::Refusal) {
        self.push(|| {
            Action::Refused(bindings::marketprism::adapter::types::Refusal {
                rule: refusal.rule.to_owned(),
                detail: refusal.detail.clone(),
            })
        });
    }

    /// Writes a log line. Nothing may be logged per frame.
    pub fn log(&mut self, level: LogLevel, message: impl Display) {
        // Formatted before the arena is entered: a `Display` of an adapter is the adapter's code.
        let message = message.to_string();
        self.push(|| Action::Log(LogLine { level, message }));
    }
}

fn levels(levels: Levels<'_>) -> Vec<i64> {
    match levels {
        Levels::Top(top) => pack(&top.to_vec()),
        Levels::Changed(changed) => pack(changed),
    }
}

/// What a published top of a book says besides its levels; the fields are those of the contract's `book`.
#[derive(Debug, Clone)]
pub struct BookHead {
    /// The instrument.
    pub instrument: u32,
    /// Rises with every update of the book.
    pub sequence: u64,
    /// The exchange's id of the last update, where it has one.
    pub last_update_id: Option<u64>,
    /// Exchange time of the last update in nanoseconds, where one is known.
    pub time: Option<u64>,
    /// Why it is published.
    pub occasion: BookOccasion,
    /// First update id, where the payload of the venue carries it.
    pub first_update_id: Option<i64>,
    /// Update id before, where the payload of the venue carries it.
    pub previous_update_id: Option<i64>,
}

/// What a published book change says besides its levels; the fields are those of the contract's `book-change`.
#[derive(Debug, Clone)]
pub struct ChangeHead {
    /// The instrument.
    pub instrument: u32,
    /// Exchange time of the update in nanoseconds, where one is known.
    pub time: Option<u64>,
    /// True: the levels are the whole book.
    pub snapshot: bool,
    /// First update id in this change.
    pub first_update_id: u64,
    /// Last update id in this change.
    pub last_update_id: u64,
    /// `last_update_id` of the change before.
    pub previous_update_id: u64,
}
