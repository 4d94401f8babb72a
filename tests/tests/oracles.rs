//! Every recording of every venue through the shipped `.wasm`: what comes out is what the independent reference replay
//! of the same recording found, for every symbol of it.

use marketprism_tests::replayed::{equals_the_oracle, oracle, replay};

/// Replays a recording with all its symbols and compares with its oracle. `more` is added to the block.
fn check(name: &str, exchange: &str, market_type: &str, more: &str) {
    let symbols: Vec<_> = oracle(name).keys().cloned().collect();
    for method in ["snapshot", "websocket"] {
        let block = format!(
            "exchanges:\n  {exchange}:\n    market_type: {market_type}\n    symbols: [{}]\n    \
             data_types: [orderbook, trade]\n    orderbook: {{method: {method}, deltas: true, depth_limit: 1000}}\n{more}",
            symbols.join(", ")
        );
        let (_, summary) = replay(&block, &marketprism_tests::capture(name));
        equals_the_oracle(name, &summary);
    }
}

#[test]
fn binance_spot() {
    check(
        "binance_spot.cf-2021-10",
        "binance_spot",
        "spot",
        "    trade_stream: aggTrade\n",
    );
    check("binance_spot.hft-btc-120s", "binance_spot", "spot", "");
}

#[test]
fn binance_derivatives() {
    let exchange = "binance_derivatives";
    check("binance_usdm.cf-2021-07", exchange, "perpetual", "");
    check(
        "binance_usdm.hft-btc-120s",
        exchange,
        "perpetual",
        "    trade_stream: trade\n",
    );
}

#[test]
fn okx_spot() {
    for recording in [
        "cf-2021-07-c1",
        "cf-2022-05",
        "derived-seq-2021-07-c1",
        "derived-seq-2022-05",
    ] {
        check(&format!("okx_spot.{recording}"), "okx_spot", "spot", "");
    }
}

#[test]
fn okx_derivatives() {
    for recording in [
        "cf-2021-07-c1",
        "cf-2022-05",
        "derived-seq-2021-07-c1",
        "derived-seq-2022-05",
    ] {
        check(
            &format!("okx_swap.{recording}"),
            "okx_derivatives",
            "perpetual",
            "",
        );
    }
}

#[test]
fn deribit_derivatives() {
    check("deribit.cf-2021-07", "deribit_derivatives", "perpetual", "");
}
