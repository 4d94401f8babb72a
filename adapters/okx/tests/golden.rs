//! The raw messages that the old collector's documents were made of: what the adapter makes of them. The documents
//! themselves are compared by the tests of the whole.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_kit::testing;
use marketprism_kit::testing::recording::{self, json};
use marketprism_kit::wit::{Action, Event, MarketEvent, Side, unpack};
use marketprism_okx::PolledKind;
use serde_json::Value;
use world::World;

fn raw(name: &str) -> Value {
    json(&format!("marketprism/golden/{name}.in.json"))["raw"].clone()
}

fn events(actions: &[Action]) -> Vec<&MarketEvent> {
    let published = actions.iter().filter_map(|action| match action {
        Action::Publish(event) => Some(event),
        _ => None,
    });
    published.collect()
}

fn world(venue: &str, name: &str) -> World {
    let settings = format!(
        r#"{{"exchange":"{venue}","data_types":["orderbook","trade","liquidation"],"orderbook":{{"method":"websocket"}}}}"#
    );
    world::with(&settings, &[name])
}

/// Tells what one contract of BTC-USDT-SWAP is.
fn with_contracts(mut world: World) -> World {
    world.answer(1, r#"{"code":"0","data":[{"instId":"BTC-USDT-SWAP","ctType":"linear","ctVal":"0.01","ctMult":"1"}]}"#);
    world
}

#[test]
fn trades() {
    let mut spot = world("okx_spot", "BTC-USDT");
    let actions = spot.actions(&testing::frame(0, raw("okx_spot_trade").to_string()));
    let [MarketEvent::Trade(trade)] = events(&actions)[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(
        (trade.sequence, trade.time),
        (785_123_456, 1_760_000_000_455_000_000)
    );
    assert_eq!(
        (trade.price.to_string(), trade.quantity.to_string()),
        ("121548.1".into(), "0.00041".into())
    );
    assert_eq!(
        (trade.side, trade.quantity_base, &trade.id),
        (Side::Sell, None, &None)
    );

    let mut swap = with_contracts(world("okx_derivatives", "BTC-USDT-SWAP"));
    let actions = swap.actions(&testing::frame(0, raw("okx_derivatives_trade").to_string()));
    let [MarketEvent::Trade(trade)] = events(&actions)[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(
        (trade.sequence, trade.quantity.to_string()),
        (1_885_123_456, "1.25".into())
    );
    assert_eq!(trade.quantity_base.unwrap().to_string(), "0.0125");
}

#[test]
fn books() {
    for (venue, name) in [
        ("okx_spot", "BTC-USDT"),
        ("okx_derivatives", "BTC-USDT-SWAP"),
    ] {
        let mut world = world(venue, name);
        let pushes = raw(&format!("{venue}_orderbook_incremental"));
        let mut found = Vec::new();
        for push in pushes.as_array().unwrap() {
            // As it was before the old collector merged the action into the row.
            let frame = serde_json::json!({
                "arg": {"channel": "books", "instId": name},
                "action": push["action"],
                "data": [push],
            });
            for event in events(&world.actions(&testing::frame(0, frame.to_string()))) {
                if let MarketEvent::Book(it) = event {
                    let side = |levels: &[i64]| {
                        let levels = unpack(levels);
                        levels
                            .iter()
                            .map(testing::level)
                            .collect::<Vec<_>>()
                            .join(" ")
                    };
                    found.push(format!(
                        "{:?} {:?} {:?} bids {} asks {}",
                        it.last_update_id,
                        it.first_update_id,
                        it.previous_update_id,
                        side(&it.bids),
                        side(&it.asks)
                    ));
                }
            }
        }
        // The checksums of these two are those of the exchange's rule.
        assert_eq!(
            found,
            [
                "Some(100) Some(100) Some(-1) bids 121548.1x0.9 121547.3x0.02 asks 121548.2x0.31 121549x1.2",
                "Some(104) Some(104) Some(100) bids 121548.1x1.5 121547.3x0.02 asks 121548.2x0.31 121550x2",
            ]
        );
    }
}

#[test]
fn snapshots_by_request() {
    for name in [
        "okx_spot_orderbook_snapshot",
        "okx_derivatives_orderbook_snapshot",
    ] {
        let body = raw(name).to_string();
        let book = marketprism_okx::parse::answer::book(body.as_bytes()).unwrap();
        assert_eq!(book.chain.unwrap().sequence, 55_512_345);
        assert_eq!(book.time, 1_760_000_000_455_000_000);
        assert_eq!(testing::level(&book.levels.bids[0]), "121548.1x0.9");
        assert_eq!(testing::level(&book.levels.asks[1]), "121549x1.2");
    }
}

#[test]
fn forced_orders() {
    let mut swap = with_contracts(world("okx_derivatives", "BTC-USDT-SWAP"));
    let frame = testing::frame(0, raw("okx_derivatives_liquidation").to_string());
    let actions = swap.actions(&frame);
    let found: Vec<_> = events(&actions)
        .into_iter()
        .map(|event| match event {
            MarketEvent::Liquidation(it) => (
                it.id.as_str(),
                it.sequence,
                it.notional_value.as_deref(),
                it.quantity_base.as_deref(),
                it.filled_quantity.as_deref(),
                it.all_instruments,
            ),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        found,
        [
            (
                "okx_1760000000455_BTC-USDT-SWAP_sell_120500.1_13_0",
                1_760_000_000_455,
                Some("1566501.3"),
                Some("0.13"),
                None,
                false
            ),
            (
                "okx_1760000000456_BTC-USDT-SWAP_sell_120400.1_2_0",
                1_760_000_000_456,
                Some("240800.2"),
                Some("0.02"),
                None,
                false
            ),
        ]
    );
}

fn polled(kind: PolledKind, body: &Value) -> MarketEvent {
    let body = body.to_string();
    kind.event(0, "BTC-USDT-SWAP", body.as_bytes()).unwrap().1
}

#[test]
fn what_is_polled() {
    let MarketEvent::FundingRate(rate) =
        polled(PolledKind::Funding, &raw("okx_derivatives_funding_rate"))
    else {
        panic!("no rate")
    };
    assert_eq!(
        (rate.current.as_str(), rate.estimated),
        ("0.0000712345", None)
    );
    assert_eq!(rate.interval.as_deref(), Some("8h"));
    assert_eq!(
        (rate.time, rate.next_funding),
        (1_760_000_000_455_000_000, Some(1_760_025_600_000_000_000))
    );

    let body = raw("okx_derivatives_open_interest")["public/open-interest"].clone();
    let MarketEvent::OpenInterest(interest) = polled(PolledKind::OpenInterest, &body) else {
        panic!("no interest")
    };
    assert_eq!(
        (interest.value.as_str(), interest.usd.as_deref()),
        ("2612345.67", Some("3174000000"))
    );

    for (name, ratio, long, short) in [
        (
            "lsr_all_account",
            "1.62",
            "0.6183206106870229007633587786",
            "0.3816793893129770992366412214",
        ),
        (
            "lsr_top_position",
            "1.62",
            "0.6183206106870229007633587786",
            "0.3816793893129770992366412214",
        ),
        (
            "lsr_all_account_below1",
            "0.8",
            "0.4444444444444444444444444444",
            "0.5555555555555555555555555556",
        ),
    ] {
        let body = raw(&format!("okx_derivatives_{name}"));
        let MarketEvent::LongShortRatio(it) = polled(PolledKind::AllAccount, &body) else {
            panic!("no ratio")
        };
        assert_eq!(
            (it.ratio.as_str(), it.long.as_str(), it.short.as_str()),
            (ratio, long, short),
            "{name}"
        );
        assert_eq!((it.sequence, it.period.as_str()), (1_759_999_800_000, "5m"));
    }
}

#[test]
fn the_names_of_every_recorded_instrument() {
    for (name, venue, count_min) in [
        ("okx_spot.cf-2021-07-c1", "okx_spot", 300),
        ("okx_spot.cf-2022-05", "okx_spot", 300),
        ("okx_swap.cf-2021-07-c1", "okx_derivatives", 80),
        ("okx_swap.cf-2022-05", "okx_derivatives", 100),
    ] {
        let records = recording::recording(name);
        let answer = records.iter().find(|record| record.kind == "http").unwrap();
        let answer: Value = serde_json::from_str(&answer.data).unwrap();
        let rows = answer["data"].as_array().unwrap();
        assert!(rows.len() >= count_min, "{name}: {}", rows.len());
        for row in rows {
            let part = |key: &str| row[key].as_str().unwrap();
            let name = part("instId");
            let settings = format!(r#"{{"exchange":"{venue}","data_types":[]}}"#);
            let mut driver = testing::Driver::<marketprism_okx::Okx>::default();
            let told = driver.told(1, &testing::start(&settings, &[name]));
            // What the exchange itself calls the two sides; of swaps the coins of the underlying.
            let (market, symbol) = if venue == "okx_spot" {
                ("Spot", format!("{}-{}", part("baseCcy"), part("quoteCcy")))
            } else {
                ("Perpetual", part("uly").to_owned())
            };
            let expected = format!("declare 0 {name} okx MarketType::{market} {symbol}\n");
            assert!(told.starts_with(&expected), "{name}: {told}");
            driver.tell(2, &Event::Stop);
        }
    }
}
