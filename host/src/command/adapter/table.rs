//! Tables for people, from what a daemon answers.

use std::io::Write;

use serde_json::Value;

use super::operation::length;

/// A column: its title, and where its value stands in an entry.
pub(super) type Column = (&'static str, &'static str);

/// Prints a line for each entry below a line of titles.
pub(super) fn print(columns: &[Column], entries: &Value) -> anyhow::Result<()> {
    let titles = columns.iter().map(|(title, _)| (*title).to_owned());
    let mut rows: Vec<Vec<String>> = vec![titles.collect()];
    for entry in entries.as_array().into_iter().flatten() {
        let cells = columns
            .iter()
            .map(|(title, place)| cell(title, entry.pointer(place)));
        rows.push(cells.collect());
    }
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut output = std::io::stdout();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        writeln!(output, "{}", line.join("  ").trim_end())?;
    }
    Ok(())
}

fn cell(title: &str, value: Option<&Value>) -> String {
    match (title, value) {
        (_, None | Some(Value::Null)) => "-".to_owned(),
        ("memory", Some(bytes)) => {
            let mib = bytes.as_f64().unwrap_or(0.0) / f64::from(1 << 20);
            format!("{mib:.1} MiB")
        }
        ("faults", Some(Value::Object(kinds))) => {
            let count: u64 = kinds.values().filter_map(Value::as_u64).sum();
            count.to_string()
        }
        ("sha256", Some(Value::String(text))) => text.chars().take(12).collect(),
        // To the second.
        ("began", Some(Value::String(text))) => text.chars().take(19).collect(),
        ("took" | "pause", Some(seconds)) => seconds.as_f64().map(length).unwrap_or_default(),
        (_, Some(Value::String(text))) => text.clone(),
        (_, Some(other)) => other.to_string(),
    }
}
