//! One data type of one instrument: what came, what found its partner, what waits.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::document::differences;
use super::example::{Example, FieldDifference, Kind};
use super::identity::Identity;
use super::report::{Counts, SubjectReport};
use super::waiting::{Held, Waiting};
use super::{Settings, Side};
use crate::wire::{DataType, Message};

/// Examples kept of each kind.
const EXAMPLES_MAX: usize = 3;

/// Fields named in one example.
const FIELDS_MAX: usize = 4;

/// One data type of one instrument.
#[derive(Debug, Default)]
pub(super) struct Subject {
    waiting: Waiting,
    counts: Counts,
    fields: BTreeMap<String, u64>,
    examples: Vec<Example>,
    /// Messages so far, of the old side and of the new.
    places: (u64, u64),
    /// The last places, of the old side and of the new, that are known to be in the same order.
    ordered: (u64, u64),
}

impl Subject {
    /// Takes a message of one side.
    pub(super) fn add(
        &mut self,
        settings: &Settings,
        side: Side,
        message: &Message,
        tick: Option<u64>,
    ) {
        let identity = Identity::of(message, tick);
        let place = match side {
            Side::Old => &mut self.places.0,
            Side::New => &mut self.places.1,
        };
        *place += 1;
        let held = Held {
            side,
            name: identity.name.as_str().into(),
            event_ms: identity.event_ms,
            stood: identity.stood,
            payload: message.payload.clone(),
            place: *place,
            published_ns: message.stamp.published_ns,
            is_settled: false,
        };
        match self.waiting.find(&held.name) {
            Some(known) if identity.is_once && (known.is_settled || known.side == side) => {
                self.counts.repeated += 1;
            }
            Some(known) if known.side != side => {
                self.meet(settings, message.data_type, held, identity)
            }
            _ => self.waiting.keep(held),
        }
    }

    /// Compares a message with its partner, which waits.
    fn meet(&mut self, settings: &Settings, data_type: DataType, held: Held, identity: Identity) {
        let Some(partner) = self.waiting.take(&held.name) else {
            return;
        };
        if identity.is_once {
            self.waiting.keep(Held {
                payload: Bytes::new(),
                is_settled: true,
                ..held.clone()
            });
        }
        if let (Some(one), Some(other)) = (held.stood, partner.stood)
            && one.is_apart(other)
        {
            self.counts.apart += 1;
            return;
        }
        let (old, new) = match held.side {
            Side::Old => (held, partner),
            Side::New => (partner, held),
        };
        let mut fields = differences(settings, data_type, &old.payload, &new.payload);
        if data_type == DataType::OrderbookStatus && !self.is_in_order(old.place, new.place) {
            let text = |place: u64| Some(format!("state number {place}"));
            fields.push(FieldDifference::new(
                "order",
                text(old.place),
                text(new.place),
            ));
        }
        if fields.is_empty() {
            self.counts.same += 1;
            return;
        }
        self.counts.different += 1;
        for field in &fields {
            *self.fields.entry(field.field.clone()).or_default() += 1;
        }
        fields.truncate(FIELDS_MAX);
        self.tell(Example {
            kind: Kind::Different,
            name: identity.name,
            event_ms: identity.event_ms,
            fields,
        });
    }

    /// Whether what stands at these places came in the same order as what was met before.
    fn is_in_order(&mut self, old: u64, new: u64) -> bool {
        let is_same = (old > self.ordered.0) == (new > self.ordered.1);
        self.ordered = (self.ordered.0.max(old), self.ordered.1.max(new));
        is_same
    }

    /// Gives up the messages that were published before `time`. Those from before `judged_from` are not counted.
    pub(super) fn give_up_older(&mut self, time: u64, judged_from: u64) {
        while let Some(held) = self.waiting.take_older(time) {
            self.give_up(held, judged_from);
        }
    }

    /// Gives up the oldest message because there is no room for it; false when there is none.
    pub(super) fn give_up_for_room(&mut self, judged_from: u64) -> bool {
        let Some(held) = self.waiting.take_oldest() else {
            return false;
        };
        let is_judged = !held.is_settled && held.published_ns >= judged_from;
        self.counts.cut_short += u64::from(is_judged);
        self.give_up(held, judged_from);
        true
    }

    /// Gives up all that waits.
    pub(super) fn give_up_all(&mut self, judged_from: u64) {
        while let Some(held) = self.waiting.take_oldest() {
            self.give_up(held, judged_from);
        }
    }

    fn give_up(&mut self, held: Held, judged_from: u64) {
        if held.is_settled || held.published_ns < judged_from {
            return;
        }
        let kind = match held.side {
            Side::Old => {
                self.counts.missing += 1;
                Kind::Missing
            }
            Side::New => {
                self.counts.extra += 1;
                Kind::Extra
            }
        };
        self.tell(Example {
            kind,
            name: held.name.to_string(),
            event_ms: held.event_ms,
            fields: Vec::new(),
        });
    }

    fn tell(&mut self, example: Example) {
        let known = self.examples.iter().filter(|it| it.kind == example.kind);
        if known.count() < EXAMPLES_MAX {
            self.examples.push(example);
        }
    }

    /// What its waiting messages cost, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.waiting.bytes()
    }

    /// How it stands.
    pub(super) fn report(&self, data_type: DataType, subject: &str) -> SubjectReport {
        SubjectReport {
            data_type,
            subject: subject.to_owned(),
            counts: Counts {
                waiting: self.waiting.count(),
                ..self.counts
            },
            fields: self.fields.clone(),
            examples: self.examples.clone(),
        }
    }
}
