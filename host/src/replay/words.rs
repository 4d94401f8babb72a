//! The summary of a replay for people.

use std::fmt::Write as _;

use serde_json::Value;

/// A summary for people, in a few lines.
pub(super) fn summary(summary: &Value) -> String {
    let mut text = String::new();
    let adapter = field(summary, "adapter");
    let _ = writeln!(
        text,
        "{} frames in {:.1} s through {} {}: {} ignored, {} refused, {} faults",
        field(summary, "frames"),
        field(summary, "elapsed_s").as_f64().unwrap_or(0.0),
        words(field(adapter, "name")),
        words(field(adapter, "version")),
        field(summary, "ignored_frames"),
        field(summary, "refused_frames"),
        field(summary, "faults"),
    );
    for (data_type, count) in members(summary, "published") {
        let _ = writeln!(text, "  {count:>8} {data_type} messages published");
    }
    for (symbol, instrument) in members(summary, "instruments") {
        let _ = writeln!(
            text,
            "  {symbol}: book {}, {} updates, {} gaps, {} trades of {} in all",
            words(field(instrument, "book_state")),
            field(instrument, "book_updates_applied"),
            field(instrument, "gaps"),
            field(instrument, "trades"),
            words(field(instrument, "trade_quantity")),
        );
    }
    text
}

fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

fn members<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    field(value, name).as_object().into_iter().flatten()
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or("none")
}
