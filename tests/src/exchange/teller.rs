//! How the market's news become a venue's frames: what a venue must say for that, and what it writes with.

use std::fmt::Debug;
use std::sync::Arc;

use super::facts::Facts;
use super::feed::Wanted;
use super::frame::{Frame, Item};
use super::liquidations::Liquidation;
use super::numbering::Numbering;
use super::trades::AggregateTrade;
use crate::market::{DepthUpdate, Market, Snapshot, Terms, Trade};

/// One venue's way to tell what happens.
pub(crate) trait Teller: Debug + Send {
    /// A book changed, 100 ms after it was told last.
    fn depth(&mut self, scene: &Scene<'_>, update: &DepthUpdate, pen: &mut Pen<'_>);

    /// An order traded.
    fn order(&mut self, scene: &Scene<'_>, order: &Order<'_>, pen: &mut Pen<'_>);

    /// Somebody's position was closed by force.
    fn liquidation(&mut self, _scene: &Scene<'_>, _one: &Liquidation, _pen: &mut Pen<'_>) {}

    /// A step of time is over.
    fn step(&mut self, _now: &Now<'_>, _pen: &mut Pen<'_>) {}

    /// What a stream begins with for who asks for it now.
    fn first(&mut self, _now: &Now<'_>, _stream: &str) -> Option<Frame> {
        None
    }

    /// The book as it was told last, for venues whose REST tells no newer one; ids are the venue's.
    fn told(&self, _symbol: &str, _levels_max: usize) -> Option<Snapshot> {
        None
    }

    /// Every stream that exists; none when any name is accepted.
    fn knows(&self, _stream: &str) -> bool {
        true
    }
}

/// Of which instrument, and when.
pub(crate) struct Scene<'a> {
    pub(crate) terms: &'a Arc<Terms>,
    pub(crate) time_ns: u64,
    pub(crate) numbering: &'a Numbering,
}

impl Scene<'_> {
    pub(crate) const fn time_ms(&self) -> u64 {
        self.time_ns / 1_000_000
    }
}

/// What one order traded.
pub(crate) struct Order<'a> {
    pub(crate) trades: &'a [Trade],
    /// The same, by price.
    pub(crate) aggregates: &'a [AggregateTrade],
}

/// The end of a step.
pub(crate) struct Now<'a> {
    pub(crate) market: &'a Market,
    pub(crate) facts: &'a Facts,
    pub(crate) time_ns: u64,
    pub(crate) numbering: &'a std::collections::BTreeMap<String, Numbering>,
}

impl Now<'_> {
    pub(crate) const fn time_ms(&self) -> u64 {
        self.time_ns / 1_000_000
    }
}

/// Writes frames that somebody listens to.
pub(crate) struct Pen<'a> {
    pub(crate) wanted: &'a Wanted<'a>,
    pub(crate) out: &'a mut Vec<Frame>,
}

impl Pen<'_> {
    /// A frame whose text has a form with and one without its stream's name.
    pub(crate) fn wrapped(
        &mut self,
        stream: &Arc<str>,
        item: Item,
        time_ns: u64,
        data: impl FnOnce() -> String,
    ) {
        if (self.wanted)(stream) {
            let frame = Frame::new(stream.clone(), item, time_ns, &data());
            self.out.push(frame);
        }
    }

    /// A frame of one form.
    pub(crate) fn plain(
        &mut self,
        stream: &Arc<str>,
        item: Item,
        time_ns: u64,
        text: impl FnOnce() -> String,
    ) {
        if (self.wanted)(stream) {
            let frame = Frame::plain(stream.clone(), item, time_ns, text());
            self.out.push(frame);
        }
    }
}
