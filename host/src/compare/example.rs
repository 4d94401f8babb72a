//! Examples of what differs, for whoever has to find out why.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

/// Longest text of a value in an example, in characters.
const VALUE_CHARS_MAX: usize = 120;

/// How a datum of one side stands to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Both have it, and it differs.
    Different,
    /// Only the old version has it.
    Missing,
    /// Only the new version has it.
    Extra,
}

impl Kind {
    /// Every kind that there are examples of.
    pub const ALL: [Self; 3] = [Self::Different, Self::Missing, Self::Extra];

    /// The kind in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Different => "different",
            Self::Missing => "missing",
            Self::Extra => "extra",
        }
    }
}

/// One datum that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Example {
    /// In which way.
    pub kind: Kind,
    /// Which datum: `trade 17`, `update 4711`, or the id of its message.
    pub name: String,
    /// When it was, by the exchange's clock, in milliseconds since the epoch.
    #[serde(rename = "event_ts_ms")]
    pub event_ms: Option<u64>,
    /// Where both differ; not all of it when there is much.
    pub fields: Vec<FieldDifference>,
}

/// A field that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FieldDifference {
    /// The field of the payload; `order` when two states came in another order.
    pub field: String,
    /// The first element that differs, from 0, where the field is a list.
    pub element: Option<usize>,
    /// The old version's text, cut; none where it has none.
    pub old: Option<String>,
    /// The new version's.
    pub new: Option<String>,
}

impl FieldDifference {
    /// A difference in a whole field.
    pub(super) fn new(field: &str, old: Option<String>, new: Option<String>) -> Self {
        Self {
            field: field.to_owned(),
            element: None,
            old: old.map(cut),
            new: new.map(cut),
        }
    }
}

impl fmt::Display for FieldDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        if let Some(element) = self.element {
            write!(f, "[{element}]")?;
        }
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, " {} became {}", text(&self.old), text(&self.new))
    }
}

impl Example {
    pub(super) fn json(&self) -> Value {
        let field = |it: &FieldDifference| json!({ "field": it.field, "element": it.element, "old": it.old, "new": it.new });
        json!({
            "kind": self.kind.name(),
            "name": self.name,
            "event_ts_ms": self.event_ms,
            "fields": self.fields.iter().map(field).collect::<Vec<_>>(),
        })
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}..", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
