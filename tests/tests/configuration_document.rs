//! docs/configuration.md holds every key that is read with its default, and no other.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};

use marketprism_host::adapter_folder;
use marketprism_host::config::{Keys, keys};
use marketprism_host::limits::Limits;
use marketprism_host::sandbox::{Engine, Grant};
use marketprism_tests::workspace;
use serde_json::Value;

fn document() -> String {
    let path = workspace().join("docs/configuration.md");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of every line of a table whose first cell is code.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let inside = line.trim_matches('|');
            inside.split('|').map(str::trim).collect()
        })
}

/// The part of the document from a heading to the next.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let from = text
        .split_once(&format!("# {heading}\n"))
        .unwrap_or_else(|| panic!("no heading {heading:?}"))
        .1;
    from.split("\n#").next().unwrap()
}

fn code(cell: &str) -> &str {
    cell.strip_prefix('`')
        .and_then(|cell| cell.strip_suffix('`'))
        .unwrap_or_else(|| panic!("not code: {cell:?}"))
}

/// What the document shows of a value.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

/// The settings that the built adapters say they read, as keys of the file.
fn settings_of_adapters() -> BTreeSet<String> {
    let engine = Engine::new(None).unwrap();
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(workspace().join("adapters")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        let adapter =
            adapter_folder::open(&engine, &path, &Grant::default(), &Limits::default()).unwrap();
        let settings = &adapter.description().settings;
        found.extend(settings.iter().map(|setting| {
            if setting.starts_with("data_types.") {
                setting.clone()
            } else {
                format!("exchanges.*.{setting}")
            }
        }));
    }
    assert!(!found.is_empty(), "no adapter is built: make adapters");
    found
}

#[test]
fn every_key_that_is_read_is_in_the_document_with_its_default_and_no_other() {
    let Keys {
        defaults,
        by_exchange,
    } = keys();
    let mut wanted: BTreeMap<String, Value> = defaults;
    for key in settings_of_adapters() {
        // A section that an adapter reads as a whole stands for the keys below it.
        let section = format!("{key}.");
        if !wanted.keys().any(|known| known.starts_with(&section)) {
            wanted.entry(key).or_insert(Value::Null);
        }
    }
    let text = document();
    let mut told = BTreeMap::new();
    for row in rows(&text).filter(|row| row.len() == 3) {
        let [key, meaning, default] = row[..] else {
            unreachable!()
        };
        assert!(!meaning.is_empty(), "{key} has no meaning");
        let twice = told.insert(code(key).to_owned(), default.to_owned());
        assert!(twice.is_none(), "{key} is told twice");
    }
    for (key, value) in &wanted {
        let in_block = key.strip_prefix("exchanges.*.").unwrap_or_default();
        let default = match value {
            Value::Null if by_exchange.values().any(|own| own.contains_key(in_block)) => {
                "*by exchange*".to_owned()
            }
            Value::Null => "*none*".to_owned(),
            value => shown(value),
        };
        assert_eq!(told.get(key), Some(&default), "default of {key}");
    }
    let unread: Vec<&String> = told
        .keys()
        .filter(|key| !wanted.contains_key(*key))
        .collect();
    assert!(unread.is_empty(), "nobody reads {unread:?}");
}

#[test]
fn every_default_of_an_exchange_is_in_the_document_and_no_other() {
    let text = document();
    let table = section(&text, "Defaults by exchange");
    let header = table
        .lines()
        .find(|line| line.starts_with("| key"))
        .unwrap();
    let exchanges: Vec<&str> = header
        .trim_matches('|')
        .split('|')
        .skip(1)
        .map(|cell| code(cell.trim()))
        .collect();
    let mut told: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for row in rows(table) {
        assert_eq!(row.len(), exchanges.len() + 1, "{row:?}");
        for (exchange, cell) in exchanges.iter().zip(row.iter().skip(1)) {
            let own = told.entry((*exchange).to_owned()).or_default();
            if !cell.is_empty() {
                own.insert(code(row[0]).to_owned(), (*cell).to_owned());
            }
        }
    }
    let wanted: BTreeMap<String, BTreeMap<String, String>> = keys()
        .by_exchange
        .into_iter()
        .map(|(exchange, own)| {
            let own = own.iter().map(|(key, value)| (key.clone(), shown(value)));
            (exchange, own.collect())
        })
        .collect();
    assert_eq!(told, wanted);
}

/// The variables of the environment that the host's source names.
fn variables() -> BTreeSet<String> {
    fn collect(folder: &std::path::Path, into: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                into.extend(
                    text.split('"')
                        .filter(|text| is_variable(text))
                        .map(str::to_owned),
                );
            }
        }
    }
    let mut found = BTreeSet::new();
    collect(&workspace().join("host/src"), &mut found);
    found
}

fn is_variable(text: &str) -> bool {
    let ours = [
        "MARKETPRISM_",
        "COLLECTOR_",
        "NATS_U",
        "HEALTH_",
        "METRICS_",
    ];
    ours.iter().any(|begin| text.starts_with(begin))
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

#[test]
fn every_variable_of_the_environment_is_in_the_document_and_no_other() {
    let text = document();
    let told: BTreeSet<String> = rows(section(&text, "Environment"))
        .map(|row| code(row[0]).to_owned())
        .collect();
    assert_eq!(told, variables());
}

#[test]
fn the_document_leads_to_the_keys_without_effect() {
    assert!(document().contains("(../config/not_used.txt)"));
    assert!(workspace().join("config/not_used.txt").exists());
}
