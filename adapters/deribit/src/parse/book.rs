//! Book messages: `[action, price, amount]` entries, numbered by `change_id`.

use std::borrow::Cow;
use std::fmt;

use marketprism_kit::Refusal;
use marketprism_kit::book::Changes;
use marketprism_kit::json::{self, Number};
use marketprism_kit::wit::Level;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::{BookUpdate, nanoseconds, same_name};

#[derive(serde::Deserialize)]
struct WireBook<'a> {
    /// Messages of before 2021 carry none.
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    timestamp: u64,
    #[serde(borrow)]
    instrument_name: Cow<'a, str>,
    change_id: u64,
    prev_change_id: Option<u64>,
    bids: Vec<Entry>,
    asks: Vec<Entry>,
}

#[derive(Clone, Copy, PartialEq)]
enum Verb {
    New,
    Change,
    Delete,
    Unknown,
}

#[derive(Clone, Copy)]
struct Entry {
    verb: Verb,
    price: Number,
    amount: Number,
}

/// Reads the message of a book's channel; its levels go to `changes`.
pub fn update(
    data: &[u8],
    instrument: u32,
    name: &str,
    changes: &mut Changes,
) -> Result<BookUpdate, Refusal> {
    let wire: WireBook<'_> = json::object(data)?;
    same_name(&wire.instrument_name, name)?;
    let previous = match (wire.kind.as_deref(), wire.prev_change_id) {
        // A snapshot may name the message before it too; it stands for itself.
        (Some("snapshot"), _) | (None, None) => None,
        (Some("change") | None, Some(previous)) => Some(previous),
        (Some("change"), None) => return Err(Refusal::new("wrong shape", "no prev_change_id")),
        (Some(other), _) => return Err(Refusal::new("wrong shape", format!("type {other}"))),
    };
    let is_snapshot = previous.is_none();
    levels(&wire.bids, is_snapshot, &mut changes.bids)?;
    levels(&wire.asks, is_snapshot, &mut changes.asks)?;
    Ok(BookUpdate {
        instrument,
        id: wire.change_id,
        previous,
        time: nanoseconds(wire.timestamp)?,
    })
}

fn levels(from: &[Entry], is_snapshot: bool, to: &mut Vec<Level>) -> Result<(), Refusal> {
    to.clear();
    for entry in from {
        to.push(level(entry, is_snapshot)?);
    }
    Ok(())
}

fn level(entry: &Entry, is_snapshot: bool) -> Result<Level, Refusal> {
    let (price, amount) = (entry.price.unsigned()?, entry.amount.unsigned()?);
    let quantity = match entry.verb {
        Verb::Unknown => return Err(Refusal::new("wrong shape", "unknown action")),
        Verb::Change | Verb::Delete if is_snapshot => {
            return Err(Refusal::new(
                "wrong shape",
                "a snapshot that changes levels",
            ));
        }
        Verb::Delete => 0,
        Verb::New | Verb::Change if amount.mantissa == 0 => {
            return Err(Refusal::new("wrong shape", "a level without an amount"));
        }
        Verb::New | Verb::Change => amount.mantissa,
    };
    Ok(Level {
        price: price.mantissa,
        quantity,
        price_scale: price.scale,
        quantity_scale: amount.scale,
    })
}

impl<'de> Deserialize<'de> for Verb {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Word;

        impl Visitor<'_> for Word {
            type Value = Verb;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an action")
            }

            fn visit_str<E>(self, word: &str) -> Result<Verb, E> {
                Ok(match word {
                    "new" => Verb::New,
                    "change" => Verb::Change,
                    "delete" => Verb::Delete,
                    _ => Verb::Unknown,
                })
            }
        }

        from.deserialize_str(Word)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Triple;

        impl<'de> Visitor<'de> for Triple {
            type Value = Entry;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("[action, price, amount]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Entry, A::Error> {
                let missing = |at| serde::de::Error::invalid_length(at, &self);
                let verb = from.next_element()?.ok_or_else(|| missing(0))?;
                let price = from.next_element()?.ok_or_else(|| missing(1))?;
                let amount = from.next_element()?.ok_or_else(|| missing(2))?;
                while from.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Entry {
                    verb,
                    price,
                    amount,
                })
            }
        }

        from.deserialize_seq(Triple)
    }
}
