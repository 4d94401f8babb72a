//! The changes of a book, so that it can be seen as it was at an earlier update id: a whole book now and then, and
//! every change after it. Some 35 bytes a change; oldest forgotten first.

use std::collections::VecDeque;

use crate::book::{Book, Level, Levels, Side};

/// Changes between two whole books: looking back applies at most these.
const SPAN_CHANGES: usize = 2_048;

/// A bounded past.
#[derive(Debug)]
pub(crate) struct History {
    changes_max: usize,
    changes: usize,
    spans: VecDeque<Span>,
}

/// A whole book, and what happened to it.
#[derive(Debug)]
struct Span {
    update_id: u64,
    book: Levels,
    changes: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    level: Level,
    /// Of its update id, from the span's.
    offset: u32,
    side: Side,
}

impl History {
    /// A past that reaches back at least so many changes.
    pub(crate) fn new(changes_max: usize) -> Self {
        Self {
            changes_max,
            changes: 0,
            spans: VecDeque::new(),
        }
    }

    /// How many changes it holds.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.changes
    }

    /// Before the first change of an update: the book as it is, at its update id.
    pub(crate) fn begin(&mut self, update_id: u64, next_update_id: u64, book: &Book) {
        let fits = self.spans.back().is_some_and(|span| {
            span.changes.len() < SPAN_CHANGES
                && u32::try_from(next_update_id - span.update_id).is_ok()
        });
        if fits {
            return;
        }
        self.spans.push_back(Span {
            update_id,
            book: book.top(usize::MAX),
            changes: Vec::with_capacity(SPAN_CHANGES),
        });
        while let Some(oldest) = self
            .spans
            .pop_front_if(|oldest| self.changes - oldest.changes.len() >= self.changes_max)
        {
            self.changes -= oldest.changes.len();
        }
    }

    /// A change of the update that was begun.
    pub(crate) fn push(&mut self, update_id: u64, side: Side, level: Level) {
        let span = self.spans.back_mut().expect("an update was begun");
        let offset = u32::try_from(update_id - span.update_id).expect("begin looked at this");
        span.changes.push(Change {
            level,
            offset,
            side,
        });
        self.changes += 1;
    }

    /// The book at an update id; none when it is forgotten, to come, or no update ended there.
    pub(crate) fn book_at(&self, update_id: u64) -> Option<Book> {
        let after = self
            .spans
            .partition_point(|span| span.update_id <= update_id);
        let span = self.spans.get(after.checked_sub(1)?)?;
        let offset = u32::try_from(update_id - span.update_id).ok()?;
        let mut book = Book::of(&span.book);
        let mut at = 0;
        for change in &span.changes {
            if change.offset > offset {
                break;
            }
            book.set(change.side, change.level);
            at = change.offset;
        }
        (at == offset).then_some(book)
    }

    /// Brings a book from one update id to a later one. False when what lies between is forgotten or to come, or no
    /// update ended there; the book is of no use then.
    pub(crate) fn bring(&self, book: &mut Book, from: u64, to: u64) -> bool {
        let after = self.spans.partition_point(|span| span.update_id <= from);
        let Some(first) = after.checked_sub(1) else {
            return from == to;
        };
        let mut at = from;
        for span in self.spans.range(first..) {
            let id = |change: &Change| span.update_id + u64::from(change.offset);
            let start = span.changes.partition_point(|change| id(change) <= from);
            for change in span.changes.iter().skip(start) {
                if id(change) > to {
                    return at == to;
                }
                book.set(change.side, change.level);
                at = id(change);
            }
        }
        at == to
    }
}
