//! The payloads of order books: the top of a book, the levels that an update changed, and a change of state.

use super::WireError;
use super::json::Payload;
use super::names::Prepared;
use super::number::decimal;
use crate::sandbox::contract::{
    Book, BookChange, BookOccasion, BookState, BookStatus, NUMBERS_PER_LEVEL, unpack,
};

/// Longest reason of a change of state that is written, in characters.
const REASON_CHARS_MAX: usize = 256;

/// Writes the top of a book.
///
/// A snapshot at a fixed time has levels as arrays; a book published on change has them as objects, with its kind and
/// its number of levels. Both forms are the old collector's, and its consumer reads both.
///
/// # Errors
/// [`WireError::EmptySide`] for a snapshot at a fixed time with no bids or no asks: consumers take the first level of
/// each side, so nothing is sent.
pub(super) fn top(
    mut payload: Payload<'_>,
    instrument: &Prepared,
    book: &Book,
) -> Result<(), WireError> {
    payload.raw(&instrument.normalized_symbol);
    payload.raw(br#","data_type":"orderbook","data_source":"marketprism","book_state":"synced""#);
    payload.integer_or_null("last_update_id", book.last_update_id);
    let update_type = match book.occasion {
        BookOccasion::Interval => {
            if book.bids.is_empty() || book.asks.is_empty() {
                return Err(WireError::EmptySide {
                    bids: book.bids.len() / NUMBERS_PER_LEVEL,
                    asks: book.asks.len() / NUMBERS_PER_LEVEL,
                });
            }
            sides::<Array>(&mut payload, &book.bids, &book.asks)?;
            None
        }
        BookOccasion::Snapshot => Some("snapshot"),
        BookOccasion::Update => Some("update"),
    };
    if let Some(update_type) = update_type {
        payload.literal("update_type", update_type);
        payload.integer(
            "depth_levels",
            (book.bids.len() + book.asks.len()) / NUMBERS_PER_LEVEL,
        );
        if let Some(first) = book.first_update_id {
            payload.integer("first_update_id", first);
        }
        if let Some(previous) = book.previous_update_id {
            payload.integer("prev_update_id", previous);
        }
        sides::<Object>(&mut payload, &book.bids, &book.asks)?;
    }
    payload.standardized();
    payload.end(book.time);
    Ok(())
}

/// Writes the levels that one update changed, or the whole book that replaces what a consumer has.
pub(super) fn change(
    mut payload: Payload<'_>,
    instrument: &Prepared,
    change: &BookChange,
) -> Result<(), WireError> {
    payload.raw(&instrument.normalized_symbol);
    payload.raw(br#","data_type":"orderbook_delta","data_source":"marketprism""#);
    payload.boolean("snapshot", change.snapshot);
    payload.integer("first_update_id", change.first_update_id);
    payload.integer("last_update_id", change.last_update_id);
    payload.integer("prev_update_id", change.previous_update_id);
    sides::<Array>(&mut payload, &change.bids, &change.asks)?;
    payload.end(change.time);
    Ok(())
}

/// Writes a change of a book's state.
pub(super) fn status(mut payload: Payload<'_>, instrument: &Prepared, status: &BookStatus) {
    payload.raw(&instrument.normalized_symbol);
    payload.raw(br#","data_type":"orderbook_status","data_source":"marketprism""#);
    payload.literal("state", state_name(status.state));
    let reason: String = status.reason.chars().take(REASON_CHARS_MAX).collect();
    payload.words("reason", &reason);
    payload.integer("gaps", status.gaps);
    payload.integer("resyncs", status.resyncs);
    payload.integer("updates_applied", status.updates_applied);
    payload.integer_or_null("last_update_id", Some(status.sequence).filter(|id| *id > 0));
    payload.end(Some(status.time));
}

/// A book's state as payloads, summaries and people's lines write it.
pub const fn state_name(state: BookState) -> &'static str {
    match state {
        BookState::Synced => "synced",
        BookState::Resyncing => "resyncing",
        BookState::Stale => "stale",
    }
}

/// How one level is written: before the price, between price and quantity, after the quantity.
trait Form {
    const OPEN: &'static [u8];
    const MIDDLE: &'static [u8];
    const CLOSE: &'static [u8];
}

/// `["price","quantity"]`.
struct Array;

impl Form for Array {
    const OPEN: &'static [u8] = b"[\"";
    const MIDDLE: &'static [u8] = b"\",\"";
    const CLOSE: &'static [u8] = b"\"],";
}

/// `{"price":"price","quantity":"quantity"}`.
struct Object;

impl Form for Object {
    const OPEN: &'static [u8] = b"{\"price\":\"";
    const MIDDLE: &'static [u8] = b"\",\"quantity\":\"";
    const CLOSE: &'static [u8] = b"\"},";
}

fn sides<F: Form>(payload: &mut Payload<'_>, bids: &[i64], asks: &[i64]) -> Result<(), WireError> {
    payload.raw(br#","bids":"#);
    levels::<F>(payload.out, bids)?;
    payload.raw(br#","asks":"#);
    levels::<F>(payload.out, asks)
}

fn levels<F: Form>(out: &mut Vec<u8>, packed: &[i64]) -> Result<(), WireError> {
    if !packed.len().is_multiple_of(NUMBERS_PER_LEVEL) {
        return Err(WireError::Levels {
            numbers: packed.len(),
        });
    }
    out.push(b'[');
    for level in unpack(packed) {
        out.extend_from_slice(F::OPEN);
        decimal(out, level.price, level.price_scale)?;
        out.extend_from_slice(F::MIDDLE);
        decimal(out, level.quantity, level.quantity_scale)?;
        out.extend_from_slice(F::CLOSE);
    }
    if !packed.is_empty() {
        out.pop();
    }
    out.push(b']');
    Ok(())
}
