//! Every recording of every venue through the shipped `.wasm`: what comes out is what the independent reference replay
//! of the same recording found, for every symbol of it.

use marketprism_tests::replayed::{equals_the_oracle, recordings, replay};

/// Replays the recordings of an exchange and compares each with its oracle.
fn check(exchange: &str) {
    for recording in recordings(exchange) {
        for method in ["snapshot", "websocket"] {
            let orderbook = format!("method: {method}, deltas: true, depth_limit: 1000");
            let block = recording.block(&orderbook);
            let (_, summary) = replay(&block, &marketprism_tests::capture(recording.name));
            equals_the_oracle(recording.name, &summary);
        }
    }
}

#[test]
fn binance_spot() {
    check("binance_spot");
}

#[test]
fn binance_derivatives() {
    check("binance_derivatives");
}

#[test]
fn okx_spot() {
    check("okx_spot");
}

#[test]
fn okx_derivatives() {
    check("okx_derivatives");
}

#[test]
fn deribit_derivatives() {
    check("deribit_derivatives");
}
