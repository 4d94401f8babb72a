//! Reading the golden files and the values in them.

use std::path::PathBuf;

use marketprism_host::sandbox::contract::{Decimal, Level, pack};
use marketprism_host::wire::Stamp;
use serde_json::Value;

/// How long before publishing a message was received, in these tests.
const RECEIVED_NS_BEFORE: u64 = 1_234_567;

pub fn golden() -> PathBuf {
    marketprism_tests::shared("marketprism/golden")
}

fn input(name: &str) -> Value {
    let file = golden().join(format!("{name}.in.json"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

pub fn raw(name: &str) -> Value {
    input(name)["raw"].clone()
}

pub fn stamp(name: &str) -> Stamp {
    let published_ns = input(name)["frozen_now_ms"].as_u64().unwrap() * 1_000_000;
    Stamp {
        published_ns,
        received_ns: published_ns - RECEIVED_NS_BEFORE,
    }
}

/// The published documents of a file, without the line that holds the old collector's counters.
pub fn lines(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(golden().join(format!("{name}.out.json"))).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line.get("_manager_stats").is_none())
        .collect()
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

pub fn number(value: &Value) -> u64 {
    text(value).parse().unwrap()
}

/// Milliseconds of a raw value as nanoseconds.
pub fn nanos(value: &Value) -> u64 {
    number(value) * 1_000_000
}

pub fn decimal(value: &Value) -> Decimal {
    let text = text(value);
    let scale = text
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    Decimal {
        mantissa: text.replace('.', "").parse().unwrap(),
        scale: u8::try_from(scale).unwrap(),
    }
}

pub fn levels(raw: &Value) -> Vec<i64> {
    let rows = raw.as_array().unwrap().iter();
    rows.flat_map(|row| {
        let (price, quantity) = (decimal(&row[0]), decimal(&row[1]));
        pack(&[Level {
            price: price.mantissa,
            quantity: quantity.mantissa,
            price_scale: price.scale,
            quantity_scale: quantity.scale,
        }])
    })
    .collect()
}
