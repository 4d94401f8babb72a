//! Trades: each once, in the exchange's order, and what the stream left out fetched.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_kit::testing;
use world::{SECOND, World, quietly, trade, trades};

const TRADES: &str = r#"{"data_types":["trade"]}"#;

fn btc() -> World {
    world::open(TRADES, &["BTC-PERPETUAL"])
}

/// The sequences of the trades published, in their order.
fn published(said: &str) -> Vec<u64> {
    said.lines()
        .filter_map(|line| {
            line.strip_prefix("trade 0 #")?
                .split(' ')
                .next()?
                .parse()
                .ok()
        })
        .collect()
}

fn old(sequences: &[u64]) -> String {
    let all: Vec<_> = sequences.iter().map(|it| trade(*it)).collect();
    format!(
        r#"{{"result":{{"trades":[{}],"has_more":false}}}}"#,
        all.join(",")
    )
}

#[test]
fn every_trade_of_a_frame_is_published_once() {
    let mut world = btc();
    assert_eq!(
        world.frame(&trades(&[5, 6])),
        "trade 0 #5 buy 50000.0 x 10.0 at 1000000000\n\
         trade 0 #6 buy 50000.0 x 10.0 at 1000000000\n"
    );
    assert_eq!(world.frame(&trades(&[5, 6])), "");
    // The successor of a connection brings them too.
    assert_eq!(published(&world.frame_on(1, &trades(&[6, 7]))), [7]);
    let report = world.report();
    assert!(
        report.contains("trades 3 duplicates 3 missing 0"),
        "{report}"
    );
}

#[test]
fn swapped_frames_are_put_in_order() {
    let mut world = btc();
    world.frame(&trades(&[1]));
    assert!(published(&world.frame(&trades(&[3]))).is_empty());
    assert_eq!(published(&world.frame(&trades(&[2]))), [2, 3]);
}

#[test]
fn what_the_stream_left_out_is_fetched_and_published_in_order() {
    let mut world = btc();
    world.frame(&trades(&[1]));
    world.frame(&trades(&[5]));
    let said = quietly(&world.wait(SECOND));
    assert!(said.contains(
        "get_last_trades_by_instrument?instrument_name=BTC-PERPETUAL&start_seq=2&end_seq=4&count=3&sorting=asc weight 500"
    ), "{said}");
    let request = world.asked("get_last_trades");
    assert_eq!(
        published(&world.answer(request, &old(&[2, 3, 4]))),
        [2, 3, 4, 5]
    );
    let report = world.report();
    assert!(
        report.contains("trades 5 duplicates 0 missing 0 fetched 3"),
        "{report}"
    );
}

#[test]
fn what_cannot_be_had_is_counted_and_holds_nothing_up() {
    let mut world = btc();
    world.frame(&trades(&[1]));
    world.frame(&trades(&[4]));
    world.wait(SECOND);
    let request = world.asked("get_last_trades");
    let said = world.tell(&testing::answer(request, 404, ""));
    assert!(said.contains("refused request refused"), "{said}");
    let mut said = world.wait(SECOND / 2);
    for _ in 0..6 {
        said += &world.wait(SECOND / 2);
    }
    assert_eq!(published(&said), [4]);
    assert!(
        world
            .report()
            .trim_end()
            .contains("trades 2 duplicates 0 missing 2")
    );
}

#[test]
fn coins_are_told_once_the_list_says_what_the_amounts_are() {
    let mut world = btc();
    let event = marketprism_kit::wit::Event::Stop;
    let list = r#"{"result":[{"instrument_name":"BTC-PERPETUAL","kind":"future","quote_currency":"USD","instrument_type":"reversed"}]}"#;
    let driver = |world: &mut World, text: &str| {
        let mut found = Vec::new();
        for action in world.actions(&testing::frame(0, text)) {
            if let marketprism_kit::wit::Action::Publish(
                marketprism_kit::wit::MarketEvent::Trade(trade),
            ) = action
            {
                found.push((trade.id, trade.quantity_base.map(|it| it.to_string())));
            }
        }
        found
    };
    assert_eq!(
        driver(&mut world, &trades(&[1])),
        [(Some("T1".to_owned()), None)]
    );
    world.answer(world.asked("get_instruments"), list);
    assert_eq!(
        driver(&mut world, &trades(&[2])),
        [(Some("T2".to_owned()), Some("0.0002".to_owned()))]
    );
    let linear = list.replace("reversed", "linear");
    world.wait(3_600 * SECOND + SECOND);
    world.answer(world.asked("get_instruments"), &linear);
    assert_eq!(
        driver(&mut world, &trades(&[3])),
        [(Some("T3".to_owned()), None)]
    );
    world.tell(&event);
}

#[test]
fn one_bad_trade_refuses_its_frame_and_nothing_else() {
    let mut world = btc();
    world.frame(&trades(&[1]));
    for (from, to, rule) in [
        ("50000.0", "-1", "negative number"),
        ("50000.0", "\"x\"", "not a number"),
        ("\"buy\"", "\"both\"", "wrong shape"),
        ("\"T3\"", "3", "wrong shape"),
        (
            "BTC-PERPETUAL\",\"starbase",
            "ETH-PERPETUAL\",\"starbase",
            "wrong symbol",
        ),
        ("\"trade_seq\":3", "\"trade_seq\":-3", "wrong shape"),
        (
            "\"timestamp\":1000",
            "\"timestamp\":18446744073709551615",
            "number out of range",
        ),
    ] {
        let both = trades(&[2, 3]);
        let (first, second) = both.split_once("},{").unwrap();
        assert!(second.contains(from), "{from}");
        let bad = format!("{first}}},{{{}", second.replacen(from, to, 1));
        assert_eq!(world.frame(&bad), format!("refused {rule}\n"), "{to}");
    }
    assert_eq!(published(&world.frame(&trades(&[2, 3]))), [2, 3]);
}

#[test]
fn a_number_far_from_all_others_is_doubted() {
    let mut world = btc();
    world.frame(&trades(&[1]));
    let said = world.frame(&trades(&[u64::MAX]));
    assert_eq!(said, "refused trade id far from all others\n");
    assert_eq!(published(&world.frame(&trades(&[2]))), [2]);
}
