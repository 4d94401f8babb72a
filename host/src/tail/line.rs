//! One message as one line: when it came, how old it was then, its subject, and the few values that a person looks for.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::value::RawValue;

use crate::bus::Received;
use crate::wire::DataType;

/// Narrowest and widest column of subjects, in characters.
const SUBJECT_WIDTHS: (usize, usize) = (34, 64);

/// Longest line of a message that is shown as it came, in characters.
const RAW_CHARS_MAX: usize = 160;

/// Longest single value, in characters.
const VALUE_CHARS_MAX: usize = 80;

/// Writes lines; the column of subjects grows with what comes.
pub(super) struct Lines {
    subject_width: usize,
}

impl Lines {
    pub fn new() -> Self {
        Self {
            subject_width: SUBJECT_WIDTHS.0,
        }
    }

    /// The line of a message, without its end.
    pub fn line(&mut self, message: &Received) -> String {
        let subject = cut(&message.subject, SUBJECT_WIDTHS.1);
        self.subject_width = self.subject_width.max(subject.chars().count());
        let document = Document::read(&message.payload);
        let age = document
            .as_ref()
            .and_then(|document| age(document, message.time_ns));
        let said = match &document {
            Some(document) => document.in_words(&message.subject),
            None => None,
        };
        format!(
            "{} {:>8} {subject:<width$} {}",
            clock(message.time_ns / 1_000_000),
            age.unwrap_or_else(|| "-".to_owned()),
            said.unwrap_or_else(|| as_it_came(&message.payload)),
            width = self.subject_width,
        )
    }
}

/// Subject and payload on one line, whatever is in them.
pub(super) fn raw(message: &Received) -> Vec<u8> {
    let mut line = message.subject.clone().into_bytes();
    line.push(b' ');
    line.extend(message.payload.iter().map(|byte| match byte {
        // Outside a text of JSON they are white space, inside they cannot be.
        b'\n' | b'\r' => b' ',
        byte => *byte,
    }));
    line
}

/// The top level of a JSON object, every value with the digits that were sent.
struct Document<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Document<'a> {
    fn read(payload: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok().map(Self)
    }

    /// What it says, where its type is known.
    fn in_words(&self, subject: &str) -> Option<String> {
        let named = self.get("data_type");
        let first = || subject.split('.').next().unwrap_or_default().into();
        let name = named.unwrap_or_else(first);
        let words = match DataType::from_name(&name)? {
            DataType::Trade => self.pairs(
                &format!(
                    "{:<4} {}",
                    self.text("side"),
                    self.times("price", "quantity")
                ),
                &[("base", "quantity_base"), ("id", "trade_id")],
            ),
            DataType::Orderbook => self.pairs(
                &format!(
                    "bid {:<27} ask {:<27} {}",
                    self.best("bids"),
                    self.best("asks"),
                    self.levels()
                ),
                &[
                    ("id", "last_update_id"),
                    ("", "book_state"),
                    ("", "update_type"),
                ],
            ),
            DataType::OrderbookStatus => self.pairs(
                &format!("{:<9} {}", self.text("state"), self.text("reason")),
                &[
                    ("gaps", "gaps"),
                    ("resyncs", "resyncs"),
                    ("id", "last_update_id"),
                ],
            ),
            DataType::OrderbookDelta => {
                let kind = match &*self.text("snapshot") {
                    "true" => "snapshot",
                    _ => "change",
                };
                let (first, last) = (self.text("first_update_id"), self.text("last_update_id"));
                self.pairs(
                    &format!("{kind:<8} ids {first}..{last} {}", self.levels()),
                    &[("after", "prev_update_id")],
                )
            }
            DataType::FundingRate => self.pairs(
                &format!(
                    "rate {:<13} next {}",
                    self.text("current_funding_rate"),
                    self.next()
                ),
                &[
                    ("every", "funding_interval"),
                    ("estimated", "estimated_funding_rate"),
                    ("mark", "mark_price"),
                    ("index", "index_price"),
                ],
            ),
            DataType::OpenInterest => self.pairs(
                &format!(
                    "{} {}",
                    self.text("open_interest"),
                    self.text("open_interest_unit")
                ),
                &[("usd", "open_interest_usd"), ("mark", "mark_price")],
            ),
            DataType::Liquidation => self.pairs(
                &format!(
                    "{:<4} {}",
                    self.text("side"),
                    self.times("price", "quantity")
                ),
                &[
                    ("worth", "notional_value"),
                    ("", "status"),
                    ("id", "liquidation_id"),
                ],
            ),
            DataType::LsrTopPosition => self.pairs(
                &format!("long/short {}", self.text("long_short_ratio")),
                &[
                    ("long", "long_position_ratio"),
                    ("short", "short_position_ratio"),
                    ("period", "period"),
                ],
            ),
            DataType::LsrAllAccount => self.pairs(
                &format!("long/short {}", self.text("long_short_ratio")),
                &[
                    ("long", "long_account_ratio"),
                    ("short", "short_account_ratio"),
                    ("period", "period"),
                ],
            ),
            DataType::VolatilityIndex => self.pairs(
                &format!("index {}", self.text("volatility_index")),
                &[
                    ("open", "open"),
                    ("high", "high"),
                    ("low", "low"),
                    ("resolution", "resolution"),
                ],
            ),
        };
        Some(words)
    }

    /// `first`, and after it those of the values that are there.
    fn pairs(&self, first: &str, values: &[(&str, &str)]) -> String {
        let mut words = first.to_owned();
        for (label, name) in values {
            let Some(value) = self.get(name) else {
                continue;
            };
            let gap = if label.is_empty() { "" } else { " " };
            _ = write!(words, "  {label}{gap}{value}");
        }
        words
    }

    /// The value of that name, as a person reads it; none where it is absent or null.
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = self.0.get(name)?;
        (value.get() != "null").then(|| plain(value))
    }

    fn text(&self, name: &str) -> Cow<'_, str> {
        self.get(name).unwrap_or(Cow::Borrowed("-"))
    }

    fn times(&self, price: &str, quantity: &str) -> String {
        format!("{} x {}", self.text(price), self.text(quantity))
    }

    fn side(&self, name: &str) -> Vec<&RawValue> {
        let side = self.0.get(name);
        side.and_then(|side| serde_json::from_str(side.get()).ok())
            .unwrap_or_default()
    }

    /// The first level of a side, in either of its two forms.
    fn best(&self, name: &str) -> String {
        #[derive(serde::Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            price: &'a RawValue,
            #[serde(borrow)]
            quantity: &'a RawValue,
        }
        let side = self.side(name);
        let Some(first) = side.first().map(|level| level.get()) else {
            return "-".to_owned();
        };
        let pair = serde_json::from_str::<(&RawValue, &RawValue)>(first).or_else(|_| {
            serde_json::from_str::<Named<'_>>(first).map(|level| (level.price, level.quantity))
        });
        match pair {
            Ok((price, quantity)) => format!("{} x {}", plain(price), plain(quantity)),
            Err(_) => "?".to_owned(),
        }
    }

    fn levels(&self) -> String {
        let (bids, asks) = (self.side("bids").len(), self.side("asks").len());
        format!("levels {bids}/{asks}")
    }

    fn next(&self) -> String {
        let time: Option<u64> = self.text("next_funding_ts_ms").parse().ok();
        time.map_or_else(|| "-".to_owned(), clock)
    }
}

/// A text without its quotation marks, any other value as it stands.
fn plain(value: &RawValue) -> Cow<'_, str> {
    let text: Option<Cow<'_, str>> = match value.get().starts_with('"') {
        true => serde_json::from_str(value.get())
            .ok()
            .map(Cow::Owned::<str>),
        false => None,
    };
    let text = text.unwrap_or(Cow::Borrowed(value.get()));
    let clean = text.len() <= VALUE_CHARS_MAX && !text.chars().any(char::is_control);
    if clean {
        text
    } else {
        Cow::Owned(cut(&text, VALUE_CHARS_MAX))
    }
}

/// A message that is none of ours, shortened.
fn as_it_came(payload: &[u8]) -> String {
    if payload.is_empty() {
        return "(empty)".to_owned();
    }
    // A character has four bytes at most: no more than is shown needs to be looked at.
    let start = payload.get(..RAW_CHARS_MAX * 4 + 4).unwrap_or(payload);
    cut(&String::from_utf8_lossy(start), RAW_CHARS_MAX)
}

/// `text` on one line, without control characters, and not too long.
fn cut(text: &str, chars_max: usize) -> String {
    let mut line = String::new();
    for (place, character) in text.chars().enumerate() {
        if place == chars_max {
            line.push('…');
            break;
        }
        line.push(if character.is_control() {
            ' '
        } else {
            character
        });
    }
    line
}

/// How old a message was when it came, by the exchange's clock.
fn age(document: &Document<'_>, now_ns: u64) -> Option<String> {
    let event_ms: i64 = document.get("event_ts_ms")?.parse().ok()?;
    let age_ms = i64::try_from(now_ns / 1_000_000)
        .ok()?
        .checked_sub(event_ms)?;
    let seconds = age_ms as f64 / 1_000.0;
    Some(match age_ms.unsigned_abs() {
        0..10_000 => format!("{age_ms} ms"),
        10_000..600_000 => format!("{seconds:.1} s"),
        600_000..36_000_000 => format!("{:.1} min", seconds / 60.0),
        36_000_000..172_800_000 => format!("{:.1} h", seconds / 3_600.0),
        _ => format!("{:.1} d", seconds / 86_400.0),
    })
}

/// The time of day in UTC, of milliseconds since the epoch.
fn clock(ms: u64) -> String {
    let seconds = ms / 1_000;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        ms % 1_000
    )
}
