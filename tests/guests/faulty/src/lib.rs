//! The adapter of Binance that breaks down as an order says. The order stands in the file itself, where a test writes it:
//! so a version is faulty under the settings with which the version before it ran well.
//!
//! | order | what it does |
//! |---|---|
//! | nothing | nothing: it is the adapter of Binance |
//! | `start` | panics at its start |
//! | `frame COUNT` | panics at that frame |
//! | `promoted` | panics when its turn comes |
//! | `after COUNT` | panics at that frame after its turn has come |
//! | `deaf` | never hears a frame |

use std::hint::black_box;

use marketprism_binance::Binance;
use marketprism_kit::wit::{Description, Event};
use marketprism_kit::{Adapter, Output};

marketprism_kit::export_adapter!(Faulty);

/// What a test looks for in the file; the order follows, filled up with blanks.
static ORDER: [u8; 48] = *b"marketprism-faulty-order:                       ";

/// The adapter.
#[derive(Debug)]
pub struct Faulty {
    inner: Binance,
    order: &'static str,
    count: u64,
    frames: u64,
    frames_at_promotion: Option<u64>,
}

impl Adapter for Faulty {
    fn describe() -> Description {
        let inner = Binance::describe();
        Description {
            version: format!("{}-faulty", inner.version),
            ..inner
        }
    }

    fn new() -> Self {
        // What the compiler sees of it is not what is in the file.
        let order = std::str::from_utf8(black_box(&ORDER)).unwrap_or_default();
        let (_, order) = order.split_once(':').unwrap_or_default();
        let (order, count) = order.trim().split_once(' ').unwrap_or((order.trim(), ""));
        Self {
            inner: Binance::new(),
            order,
            count: count.parse().unwrap_or(0),
            frames: 0,
            frames_at_promotion: None,
        }
    }

    fn handle(&mut self, now: u64, event: &Event, out: &mut Output) {
        match event {
            Event::Frame(_) => self.frames += 1,
            Event::Promoted => self.frames_at_promotion = Some(self.frames),
            _ => {}
        }
        let is_frame = matches!(event, Event::Frame(_));
        let is_time = match self.order {
            "start" => matches!(event, Event::Start(_)),
            "frame" => is_frame && self.frames == self.count,
            "promoted" => matches!(event, Event::Promoted),
            "after" => {
                let since = self.frames_at_promotion.map(|then| self.frames - then);
                is_frame && since == Some(self.count)
            }
            _ => false,
        };
        if is_time {
            break_down(self.order);
        }
        if !(is_frame && self.order == "deaf") {
            self.inner.handle(now, event, out);
        }
    }
}

#[expect(clippy::panic, reason = "it is what was ordered")]
fn break_down(order: &str) {
    panic!("it was ordered to break down: {order}");
}
