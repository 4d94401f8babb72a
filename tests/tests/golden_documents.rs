//! The documents that the old collector published, beside what this one makes of the same raw values.
//!
//! `NAME.in.json` holds the raw values and the frozen clock, `NAME.out.json` what was published. Every difference has
//! to be listed here with the decision of the contract (D1 to D22) that wants it and with the new value; a difference
//! that is not listed fails, and so does a listed one that does not occur. JSON knows one kind of number, so `13.0`
//! and `13` are equal where the old document has a float.
//!
//! The data is not part of this repository: see [`marketprism_tests::shared`].

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

#[path = "golden_documents/case.rs"]
mod case;
#[path = "golden_documents/chain.rs"]
mod chain;
#[path = "golden_documents/frequent.rs"]
mod frequent;
#[path = "golden_documents/rare.rs"]
mod rare;
#[path = "golden_documents/raw.rs"]
mod raw;
#[path = "golden_documents/scripts.rs"]
mod scripts;

use std::collections::{BTreeMap, BTreeSet};

use marketprism_tests::hot_storage;
use serde_json::Value;

use case::Case;
use chain::{Adapters, play};
use frequent::{books_at_intervals, books_on_change, trades};
use rare::{liquidations, rates, ratios};
use raw::{golden, lines};
use scripts::scripts;

#[test]
fn every_document_is_as_it_was_but_for_the_decisions() {
    for case in cases() {
        case.check();
    }
}

#[test]
fn every_golden_document_is_compared() {
    let mut published = BTreeSet::new();
    for entry in std::fs::read_dir(golden()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name
            .strip_suffix(".out.json")
            .filter(|name| *name != "normalizer_only")
        {
            let lines = lines(name).len();
            published.extend((0..lines).map(|line| (name.to_owned(), line)));
        }
    }
    let compared: BTreeSet<_> = cases()
        .into_iter()
        .filter_map(|case| Some((case.name.to_owned(), case.line?)))
        .collect();
    assert_eq!(compared, published);
}

/// What the storage service makes of each message, against what it made of the old one.
#[test]
fn the_storage_service_reads_every_type_as_before_but_for_the_decisions() {
    let text = std::fs::read_to_string(golden().join("hot_storage_view.jsonl")).unwrap();
    let mut views: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for view in text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
    {
        views
            .entry(view["case"].as_str().unwrap().to_owned())
            .or_default()
            .push(view["validated"].clone());
    }
    let (mut compared, mut types) = (0, BTreeSet::new());
    for case in cases() {
        let message = case.write();
        let row = hot_storage::read(&message.subject, &message.payload)
            .unwrap_or_else(|complaints| panic!("{}: {complaints:?}", case.name));
        types.insert(message.data_type.name());
        if let (Some(line), Some(views)) = (case.line, views.get(case.name)) {
            case.check_row(&views[line], &row);
            compared += 1;
        }
    }
    assert_eq!(compared, views.values().map(Vec::len).sum::<usize>());
    assert_eq!(types, BTreeSet::from(hot_storage::DATA_TYPES));
}

/// The old documents themselves: what the rules above make of them is what the service made of them.
#[test]
fn the_consumer_of_these_tests_reads_as_the_storage_service_does() {
    let text = std::fs::read_to_string(golden().join("hot_storage_view.jsonl")).unwrap();
    let mut lines_of: BTreeMap<String, usize> = BTreeMap::new();
    for view in text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
    {
        let name = view["case"].as_str().unwrap();
        let line = lines_of.entry(name.to_owned()).or_default();
        let old = lines(name)[*line].clone();
        *line += 1;
        // An exponent without a point is what the service cannot read (D4).
        let payload = old["payload"].to_string().replace("1E-8", "0.00000001");
        let row = hot_storage::read(view["subject"].as_str().unwrap(), payload.as_bytes());
        let row = row.unwrap_or_else(|complaints| panic!("{name}: {complaints:?}"));
        let wanted = view["validated"].to_string().replace("1E-8", "0.00000001");
        let wanted: Value = serde_json::from_str(&wanted).unwrap();
        for (field, value) in wanted.as_object().unwrap() {
            assert!(
                case::same_row(value, &row[field]),
                "{name}: {field}: {value} {}",
                row[field]
            );
        }
    }
}

/// The raw input of each file through the real adapter, the sandbox and the writer.
#[test]
fn what_an_exchange_sends_becomes_the_very_document_of_its_case() {
    let adapters = Adapters::load();
    let mut faults = Vec::new();
    for script in scripts() {
        let name = script.case;
        let Some(adapter) = adapters.of(&script) else {
            // A venue whose adapter is still to be written has nothing to compare.
            if !adapters.is_to_come(&script) {
                faults.push(format!("{name}: no adapter serves it"));
            }
            continue;
        };
        let mut wanted: Vec<Case> = cases();
        wanted.retain(|case| case.name == name && !case.is_among(script.once));
        let (messages, asked) = play(&script, adapter.clone(), wanted.len());
        let (came, expected) = (messages.len(), wanted.len());
        // Polls and intervals go on; trades and forced orders come once.
        let is_once = matches!(script.data_type, "trade" | "liquidation");
        if came < expected || (is_once && came > expected) {
            let asked = asked.join("\n  ");
            faults.push(format!(
                "{name}: {came} messages, not {expected}, after\n  {asked}"
            ));
        }
        for (case, message) in wanted.iter().zip(&messages) {
            faults.extend(case.faults(message, &script.differences));
            if let Err(complaints) = hot_storage::read(&message.subject, &message.payload) {
                faults.push(format!("{name}: the storage service: {complaints:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_golden_file_has_a_script() {
    let with_script: BTreeSet<_> = scripts().into_iter().map(|script| script.case).collect();
    let files: BTreeSet<_> = cases().into_iter().map(|case| case.name).collect();
    assert_eq!(with_script, files);
}

fn cases() -> Vec<Case> {
    [
        trades(),
        books_at_intervals(),
        books_on_change(),
        rates(),
        liquidations(),
        ratios(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
