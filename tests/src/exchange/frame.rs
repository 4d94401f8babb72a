//! What a stream sends: a text in both forms, and what it is about.

use std::sync::Arc;

use tokio_tungstenite::tungstenite::{Bytes, Utf8Bytes};

/// What a frame is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// A diff: its `U` and `u`.
    Depth {
        /// `U`.
        first: u64,
        /// `u`.
        last: u64,
    },
    /// A trade: its `t`.
    Trade(u64),
    /// An aggregate trade.
    AggregateTrade {
        /// `a`.
        id: u64,
        /// `f`.
        first: u64,
        /// `l`.
        last: u64,
    },
    /// The best prices at this update id.
    Ticker(u64),
    /// A book's state or its change, where the exchange names both states.
    Book {
        /// The id before it: `prevSeqId`, `prev_change_id`; none for a whole book.
        previous: Option<u64>,
        /// The id after it: `seqId`, `change_id`.
        id: u64,
    },
    /// Several single trades: the ids of the first and the last one.
    Trades {
        /// Of the first.
        first: u64,
        /// Of the last.
        last: u64,
    },
    /// Forced orders: the numbers of the first and the last one, as `Truth::liquidation` has them.
    Liquidations {
        /// Of the first.
        first: u64,
        /// Of the last.
        last: u64,
    },
    /// A datum that is no book and no trade, of this time in milliseconds.
    Datum(u64),
    /// Something else that a recording holds.
    Other,
}

/// A frame, cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) stream: Arc<str>,
    pub(crate) item: Item,
    /// The market's time of it.
    pub(crate) time_ns: u64,
    combined: Utf8Bytes,
    raw: Utf8Bytes,
    first: bool,
}

impl Frame {
    pub(crate) fn new(stream: Arc<str>, item: Item, time_ns: u64, data: &str) -> Self {
        let head = format!(r#"{{"stream":"{stream}","data":"#);
        let mut text = String::with_capacity(head.len() + data.len() + 1);
        text.push_str(&head);
        text.push_str(data);
        text.push('}');
        let text = Bytes::from(text);
        let raw = text.slice(head.len()..head.len() + data.len());
        Self {
            stream,
            item,
            time_ns,
            combined: utf8(text),
            raw: utf8(raw),
            first: false,
        }
    }

    /// A frame of one form.
    pub(crate) fn plain(stream: Arc<str>, item: Item, time_ns: u64, text: String) -> Self {
        let text = utf8(Bytes::from(text));
        Self {
            stream,
            item,
            time_ns,
            combined: text.clone(),
            raw: text,
            first: false,
        }
    }

    /// It is what a stream begins with.
    pub(crate) const fn begins(&self) -> bool {
        self.first
    }

    /// The same as what a stream begins with.
    pub(crate) fn into_first(mut self) -> Self {
        self.first = true;
        self
    }

    pub(crate) fn text(&self, combined: bool) -> &Utf8Bytes {
        if combined { &self.combined } else { &self.raw }
    }
}

fn utf8(bytes: Bytes) -> Utf8Bytes {
    Utf8Bytes::try_from(bytes).expect("a slice between characters")
}
