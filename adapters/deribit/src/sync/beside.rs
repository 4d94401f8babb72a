//! A book that is built from another connection beside the live one.

use marketprism_kit::Refusal;
use marketprism_kit::book::{Book, Changes};

use crate::parse::BookUpdate;

/// The book of the connection that is about to take over.
#[derive(Debug)]
pub struct Beside {
    /// That connection.
    pub connection: u32,
    /// Its book.
    pub book: Book,
    /// `change_id` of its last message.
    pub last: u64,
    /// Exchange time of its last message in nanoseconds.
    pub time: u64,
    /// `prev_change_id` of its last message.
    previous: Option<u64>,
}

impl Beside {
    /// A book from a snapshot; none when no true book is like that.
    pub fn begin(
        connection: u32,
        update: &BookUpdate,
        changes: &Changes,
    ) -> Result<Option<Box<Self>>, Refusal> {
        let mut book = Book::default();
        book.load(&changes.bids, &changes.asks, usize::MAX)?;
        Ok((!book.is_crossed()).then(|| {
            Box::new(Self {
                connection,
                book,
                last: update.id,
                time: update.time,
                previous: None,
            })
        }))
    }

    /// Takes in the next message; false when it does not follow and the book is of no more use.
    pub fn take(&mut self, update: &BookUpdate, changes: &Changes) -> Result<bool, Refusal> {
        if (update.previous, update.id) == (self.previous, self.last) {
            return Ok(true);
        }
        match update.previous {
            None => self.book.load(&changes.bids, &changes.asks, usize::MAX)?,
            Some(previous) if previous == self.last => {
                self.book.apply(&changes.bids, &changes.asks)?;
            }
            Some(_) => return Ok(false),
        }
        (self.previous, self.last, self.time) = (update.previous, update.id, update.time);
        Ok(!self.book.is_crossed())
    }
}
