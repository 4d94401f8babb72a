//! Where two payloads of one datum differ.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::Settings;
use super::example::FieldDifference;
use crate::wire::DataType;

/// Times of the host in payloads: when a message was received and written, which is nothing about the datum.
const HOST_TIMES: [&str; 4] = [
    "ts_ms",
    "collected_ts_ms",
    "received_ts_ns",
    "standardized_at",
];

/// What a book's state counts since its adapter was started.
const SINCE_START: [&str; 3] = ["gaps", "resyncs", "updates_applied"];

/// The fields of one payload, each with its text as it stands there.
type Fields<'a> = BTreeMap<&'a str, &'a RawValue>;

/// The fields in which two payloads differ, in the order of their names; digits count, not values.
pub(super) fn differences(
    settings: &Settings,
    data_type: DataType,
    old: &[u8],
    new: &[u8],
) -> Vec<FieldDifference> {
    if old == new {
        return Vec::new();
    }
    let (Ok(old_fields), Ok(new_fields)) = (fields(old), fields(new)) else {
        let text = |bytes: &[u8]| Some(String::from_utf8_lossy(bytes).into_owned());
        return vec![FieldDifference::new("payload", text(old), text(new))];
    };
    let mut names: Vec<&str> = old_fields
        .keys()
        .chain(new_fields.keys())
        .copied()
        .collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| is_compared(settings, data_type, name))
        .filter_map(|name| field(name, old_fields.get(name), new_fields.get(name)))
        .collect()
}

fn fields(payload: &[u8]) -> serde_json::Result<Fields<'_>> {
    serde_json::from_slice(payload)
}

fn is_compared(settings: &Settings, data_type: DataType, name: &str) -> bool {
    let is_of_status = data_type == DataType::OrderbookStatus;
    // A state's event time is when the adapter saw it.
    let is_seen = is_of_status && name == "event_ts_ms";
    let is_counted = is_of_status && !settings.began_together && SINCE_START.contains(&name);
    !(HOST_TIMES.contains(&name) || is_seen || is_counted)
}

fn field(name: &str, old: Option<&&RawValue>, new: Option<&&RawValue>) -> Option<FieldDifference> {
    let (old, new) = (old.map(|value| value.get()), new.map(|value| value.get()));
    if old == new {
        return None;
    }
    if let (Some(old), Some(new)) = (old, new)
        && let Some(difference) = element(name, old, new)
    {
        return Some(difference);
    }
    let text = |value: Option<&str>| value.map(str::to_owned);
    Some(FieldDifference::new(name, text(old), text(new)))
}

/// The first element in which two lists differ.
fn element(name: &str, old: &str, new: &str) -> Option<FieldDifference> {
    let list = |text| serde_json::from_str::<Vec<&RawValue>>(text).ok();
    let (old, new) = (list(old)?, list(new)?);
    let at = |list: &[&RawValue], place: usize| list.get(place).map(|value| value.get().to_owned());
    let place = (0..old.len().max(new.len())).find(|place| at(&old, *place) != at(&new, *place))?;
    Some(FieldDifference {
        element: Some(place),
        ..FieldDifference::new(name, at(&old, place), at(&new, place))
    })
}
