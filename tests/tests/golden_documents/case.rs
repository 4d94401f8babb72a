//! One raw datum, the document that it should become, and the comparison with the one that it became.

use std::collections::{BTreeMap, BTreeSet};

use marketprism_host::sandbox::contract::{Instrument, MarketEvent, MarketType};
use marketprism_host::wire::{Message, Stamp, Subjects, Transport, Writer};
use serde_json::{Value, json};

use crate::raw::{lines, stamp};

/// One raw datum, what it should become, and how that differs from what it became.
pub struct Case {
    pub name: &'static str,
    /// The line of the old output, from 0; none for what the old collector did not publish.
    pub line: Option<usize>,
    venue: Venue,
    pub event: MarketEvent,
    /// Decision, place in the document, new value.
    differences: Vec<(&'static str, String, Value)>,
}

impl Case {
    pub fn new(name: &'static str, line: usize, event: MarketEvent) -> Self {
        Self {
            name,
            line: Some(line),
            venue: Venue::of(name),
            event,
            differences: Vec::new(),
        }
    }

    /// Sets the line of the old output, or that there is none.
    pub fn at(mut self, line: Option<usize>) -> Self {
        self.line = line;
        self
    }

    /// Lists a difference in the payload.
    pub fn differs(mut self, decision: &'static str, field: &str, value: Value) -> Self {
        self.differences
            .push((decision, format!("/payload/{field}"), value));
        self
    }

    /// Lists the fields that D1 adds to every message; `event_ms` is the exchange's time.
    pub fn timed(self, event_ms: Option<u64>) -> Self {
        let received_ns = stamp(self.name).received_ns;
        self.differs("D1", "event_ts_ms", json!(event_ms)).differs(
            "D1",
            "received_ts_ns",
            json!(received_ns),
        )
    }

    /// Lists the message id, which D2 makes from the datum alone.
    pub fn identified(mut self, id: &str) -> Self {
        self.differences
            .push(("D2", "/headers/Nats-Msg-Id".to_owned(), json!(id)));
        self
    }

    /// Takes another instrument than the venue's first.
    pub fn of(mut self, exchange_symbol: &str, symbol: &str) -> Self {
        self.venue.instrument.exchange_symbol = exchange_symbol.to_owned();
        self.venue.instrument.symbol = symbol.to_owned();
        self
    }

    /// Whether it is about one of these lines of the old output.
    pub fn is_among(&self, lines: &[usize]) -> bool {
        self.line.is_some_and(|line| lines.contains(&line))
    }

    pub fn write(&self) -> Message {
        self.write_at(stamp(self.name))
    }

    fn write_at(&self, stamp: Stamp) -> Message {
        let mut writer = Writer::new(self.venue.name, Subjects::default(), 1).unwrap();
        writer.declare(self.venue.instrument.clone()).unwrap();
        writer.write(&self.event, stamp).unwrap()
    }

    /// Compares a message that an adapter brought about with the one of this case, published at the same time.
    /// `differences`: line, decision, field and value where they differ. Gives what is not as it should be.
    pub fn faults(
        &self,
        message: &Message,
        differences: &[(usize, &str, &str, Value)],
    ) -> Vec<String> {
        let mut wanted = document(&self.write_at(message.stamp));
        for (line, decision, field, value) in differences {
            assert_decision(decision);
            if self.line == Some(*line) {
                wanted["payload"][*field] = value.clone();
            }
        }
        let found = document(message);
        let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
        leaves("", &wanted, &mut old);
        leaves("", &found, &mut new);
        let places: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        let Self { name, line, .. } = self;
        places
            .into_iter()
            .filter(|place| old.get(*place) != new.get(*place))
            .map(|place| {
                let (wanted, found) = (old.get(place), new.get(place));
                format!("{name} line {line:?}: {place} should be {wanted:?}, is {found:?}")
            })
            .collect()
    }

    /// Compares a row of the storage service with the one of the old document: what differs has to be listed.
    pub fn check_row(&self, old: &Value, new: &Value) {
        let plain = old.to_string().replace("1E-8", "0.00000001");
        let old: Value = serde_json::from_str(&plain).unwrap();
        let (old, new) = (old.as_object().unwrap(), new.as_object().unwrap());
        let names =
            |row: &serde_json::Map<String, Value>| row.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(old), names(new), "{}", self.name);
        for (field, value) in old {
            let place = format!("/payload/{field}");
            let is_listed = self.differences.iter().any(|(_, it, _)| *it == place);
            let (now, name) = (&new[field], self.name);
            assert!(
                same_row(value, now) || is_listed,
                "{name}: {field} was {value}, is {now}, not listed"
            );
        }
    }

    pub fn check(&self) {
        let message = self.write();
        let Some(line) = self.line else { return };
        let new = document(&message);
        let mut old_leaves = BTreeMap::new();
        leaves("", &lines(self.name)[line], &mut old_leaves);
        let mut new_leaves = BTreeMap::new();
        leaves("", &new, &mut new_leaves);

        let mut listed = BTreeMap::new();
        for (decision, place, value) in &self.differences {
            assert_decision(decision);
            assert!(
                listed.insert(place.clone(), value).is_none(),
                "{place} is listed twice"
            );
        }
        let mut wrong = Vec::new();
        for place in old_leaves
            .keys()
            .chain(new_leaves.keys())
            .collect::<BTreeSet<_>>()
        {
            let (old, new) = (old_leaves.get(place), new_leaves.get(place));
            match (listed.remove(place), same(old, new)) {
                (None, true) => {}
                (None, false) => {
                    wrong.push(format!("{place}: was {old:?}, is {new:?}, not listed"))
                }
                (Some(_), true) => wrong.push(format!("{place}: is listed and does not differ")),
                (Some(wanted), false) if new == Some(wanted) => {}
                (Some(wanted), false) => {
                    wrong.push(format!("{place}: should be {wanted}, is {new:?}"))
                }
            }
        }
        wrong.extend(
            listed
                .into_keys()
                .map(|place| format!("{place}: is listed and does not occur")),
        );
        assert!(
            wrong.is_empty(),
            "{} line {line}:\n{}",
            self.name,
            wrong.join("\n")
        );
    }
}

fn assert_decision(decision: &str) {
    let number = decision.strip_prefix('D').and_then(|it| it.parse().ok());
    let is_one = number.is_some_and(|number: u8| (1..=22).contains(&number));
    assert!(is_one, "{decision} is no decision of the contract");
}

/// A message in the form of the golden files.
fn document(message: &Message) -> Value {
    json!({
        "transport": match message.transport { Transport::Core => "core", Transport::Stream => "jetstream" },
        "subject": &*message.subject,
        "headers": message.msg_id.as_ref().map(|id| json!({ "Nats-Msg-Id": id })),
        "payload": serde_json::from_slice::<Value>(&message.payload).unwrap(),
    })
}

/// Every value of a document by its place.
fn leaves(place: &str, value: &Value, out: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, value)| leaves(&format!("{place}/{name}"), value, out));
        }
        Value::Array(items) => {
            out.insert(format!("{place}/length"), json!(items.len()));
            items
                .iter()
                .enumerate()
                .for_each(|(at, value)| leaves(&format!("{place}/{at}"), value, out));
        }
        _ => {
            out.insert(place.to_owned(), value.clone());
        }
    }
}

/// Whether two values of a column are the same; numbers as the database takes them.
pub fn same_row(old: &Value, new: &Value) -> bool {
    match (old.as_f64(), new.as_f64()) {
        (Some(old), Some(new)) => old == new,
        _ => old == new,
    }
}

fn same(old: Option<&Value>, new: Option<&Value>) -> bool {
    match (old, new) {
        (Some(Value::Number(old)), Some(Value::Number(new))) if old.is_f64() => {
            old.as_f64() == new.as_f64()
        }
        _ => old == new,
    }
}

/// The venue of a golden file: the beginning of its name.
struct Venue {
    name: &'static str,
    instrument: Instrument,
}

impl Venue {
    fn of(file: &str) -> Self {
        let instrument =
            |exchange_symbol: &str, exchange: &str, market_type, symbol: &str| Instrument {
                id: 0,
                exchange_symbol: exchange_symbol.to_owned(),
                exchange: exchange.to_owned(),
                market_type,
                symbol: symbol.to_owned(),
            };
        for (name, instrument) in [
            (
                "binance_spot",
                instrument("BTCUSDT", "binance", MarketType::Spot, "BTC-USDT"),
            ),
            (
                "binance_derivatives",
                instrument("BTCUSDT", "binance", MarketType::Perpetual, "BTC-USDT"),
            ),
            (
                "okx_spot",
                instrument("BTC-USDT", "okx", MarketType::Spot, "BTC-USDT"),
            ),
            (
                "okx_derivatives",
                instrument("BTC-USDT-SWAP", "okx", MarketType::Perpetual, "BTC-USDT"),
            ),
            (
                "deribit_derivatives",
                instrument("BTC", "deribit", MarketType::Options, "BTC"),
            ),
        ] {
            if file.starts_with(name) {
                return Self { name, instrument };
            }
        }
        panic!("{file} belongs to no venue");
    }
}
