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
        }
    }

    pub(crate) fn text(&self, combined: bool) -> &Utf8Bytes {
        if combined { &self.combined } else { &self.raw }
    }
}

fn utf8(bytes: Bytes) -> Utf8Bytes {
    Utf8Bytes::try_from(bytes).expect("a slice between characters")
}
