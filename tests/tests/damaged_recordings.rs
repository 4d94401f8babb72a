//! Damaged copies of every recording: whatever is lost, doubled, swapped or spoiled on the way, no wrong book is
//! published, nothing of a book that is not synced, and no trade that arrived is missing or comes twice.

use std::collections::{BTreeMap, BTreeSet};

use marketprism_tests::damaged::damaged;
use marketprism_tests::replayed::{Recording, recordings, replay};
use serde_json::Value;

/// Damaged copies of each recording.
const COPIES: u64 = 6;

/// How books are published.
const BOOKS: &str = "method: websocket, depth_limit: 1000, nats_publish_depth: 25";

/// What a replay published.
#[derive(Default)]
struct Published {
    /// Bids and asks by subject and update id.
    books: BTreeMap<(String, u64), (Vec<Value>, Vec<Value>)>,
    /// Trades by subject and id, with their receive times.
    trades: BTreeMap<(String, String), u64>,
}

/// Reads the messages and holds what every replay must keep to.
fn read(messages: &str, about: &str) -> Published {
    let mut published = Published::default();
    let mut synced = BTreeSet::new();
    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).expect("a message is JSON");
        let subject = message["subject"].as_str().expect("a subject").to_owned();
        let payload = &message["payload"];
        let (kind, rest) = subject.split_once('.').expect("a kind");
        match kind {
            "orderbook_status" if payload["state"] == "synced" => {
                synced.insert(rest.to_owned());
            }
            "orderbook_status" => {
                synced.remove(rest);
            }
            "orderbook" | "orderbook_delta" => {
                assert!(
                    synced.contains(rest),
                    "{about}: {subject} while it is not synced"
                );
                let Some(id) = payload["last_update_id"].as_u64() else {
                    continue;
                };
                if kind == "orderbook" {
                    let before = newest.insert(rest.to_owned(), id).unwrap_or(0);
                    assert!(
                        before <= id,
                        "{about}: {subject} went back from {before} to {id}"
                    );
                    let side = |name: &str| payload[name].as_array().expect("levels").clone();
                    let book = (side("bids"), side("asks"));
                    published.books.insert((subject, id), book);
                }
            }
            "trade" => {
                let id = payload["trade_id"].as_str().expect("an id").to_owned();
                let time = payload["received_ts_ns"].as_u64().expect("a time");
                let twice = published.trades.insert((subject.clone(), id.clone()), time);
                assert_eq!(twice, None, "{about}: {subject} {id} came twice");
            }
            _ => {}
        }
    }
    published
}

/// Replays damaged copies of a recording and judges each by the recording itself.
fn check(recording: &Recording) {
    let (name, block) = (recording.name, recording.block(BOOKS));
    let spare = 2 * recording.symbols().len();
    let (messages, _) = replay(&block, &marketprism_tests::capture(name));
    let truth = read(&messages, name);
    let frames = messages.lines().count() as u64;
    for seed in 0..COPIES {
        let about = format!("{name}, copy {seed}");
        // From one damage in the whole recording to one in twenty frames.
        let one_in = (frames >> seed).max(20);
        let copy = damaged(name, seed, one_in, spare);
        let (messages, summary) = replay(&block, copy.file.path());
        let found = read(&messages, &about);
        assert_eq!(summary["faults"], 0, "{about}");
        for ((subject, id), (bids, asks)) in &found.books {
            // A book that begins after what was lost may stand between two updates of the whole recording.
            if let Some(true_book) = truth.books.get(&(subject.clone(), *id)) {
                for (side, true_side) in [(bids, &true_book.0), (asks, &true_book.1)] {
                    let levels = side.len().min(true_side.len());
                    assert_eq!(
                        side[..levels],
                        true_side[..levels],
                        "{about}: {subject} at {id}"
                    );
                }
            }
        }
        for (trade, time) in &truth.trades {
            assert!(
                found.trades.contains_key(trade) || copy.lost.contains(time),
                "{about}: {trade:?} is missing"
            );
        }
        for trade in found.trades.keys() {
            assert!(
                truth.trades.contains_key(trade),
                "{about}: {trade:?} was made up"
            );
        }
        if copy.spoiled > 0 {
            assert_ne!(summary["refused_frames"], 0, "{about}: nothing was counted");
        }
    }
}

fn check_all(exchange: &str) {
    for recording in recordings(exchange) {
        check(recording);
    }
}

#[test]
fn binance_spot() {
    check_all("binance_spot");
}

#[test]
fn binance_derivatives() {
    check_all("binance_derivatives");
}

#[test]
fn okx_spot() {
    check_all("okx_spot");
}

#[test]
fn okx_derivatives() {
    check_all("okx_derivatives");
}

#[test]
fn deribit_derivatives() {
    check_all("deribit_derivatives");
}
