//! The comparison, with messages as a session publishes them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::wire::{DataType, Message, Stamp};

const SECOND: u64 = 1_000_000_000;
const BEGIN: u64 = 1_760_000_000 * SECOND;

/// A message that was published `at` nanoseconds after the beginning.
fn message(data_type: DataType, msg_id: Option<&str>, at: u64, mut payload: Value) -> Message {
    payload["ts_ms"] = json!((BEGIN + at) / 1_000_000);
    payload["received_ts_ns"] = json!(BEGIN + at);
    Message {
        subject: format!("{}.alpha.spot.BTC-USDT", data_type.name()).into(),
        msg_id: msg_id.map(str::to_owned),
        payload: payload.to_string().into(),
        data_type,
        transport: data_type.transport(),
        source: Arc::default(),
        stamp: Stamp {
            published_ns: BEGIN + at,
            received_ns: BEGIN + at,
        },
    }
}

fn trade(id: u64, price: &str, at: u64) -> Message {
    let payload = json!({ "trade_id": id.to_string(), "price": price, "event_ts_ms": id });
    message(DataType::Trade, None, at, payload)
}

fn book(update: u64, bids: &[[&str; 2]]) -> Message {
    let payload = json!({ "last_update_id": update, "bids": bids, "event_ts_ms": update });
    message(DataType::Orderbook, None, 0, payload)
}

fn state(state: &str, update: u64, applied: u64) -> Message {
    let payload = json!({
        "state": state, "last_update_id": update, "updates_applied": applied, "event_ts_ms": applied,
    });
    message(DataType::OrderbookStatus, None, 0, payload)
}

fn liquidation(id: &str, price: &str) -> Message {
    let payload = json!({ "liquidation_id": id, "price": price });
    message(DataType::Liquidation, Some(id), 0, payload)
}

/// What comes of two rows of messages, the old one's first.
fn compared(settings: Settings, old: &[Message], new: &[Message]) -> Report {
    let mut comparison = Comparison::new(settings);
    for message in old {
        comparison.add(Side::Old, message);
    }
    for message in new {
        comparison.add(Side::New, message);
    }
    comparison.finish();
    comparison.report(Figures::default(), Figures::default())
}

/// Same, different, missing, extra.
fn counts(report: &Report) -> [u64; 4] {
    let counts = report.totals();
    [counts.same, counts.different, counts.missing, counts.extra]
}

/// Each example in short.
fn examples(report: &Report) -> Vec<String> {
    let examples = report.subjects.iter().flat_map(|it| &it.examples);
    let text = |it: &Example| {
        let fields: Vec<String> = it.fields.iter().map(ToString::to_string).collect();
        format!("{} {} {}", it.kind.name(), it.name, fields.join(", "))
    };
    examples.map(|it| text(it).trim_end().to_owned()).collect()
}

#[test]
fn the_same_data_received_at_another_time_is_the_same() {
    let report = compared(
        Settings::default(),
        &[trade(1, "1.50", 0), trade(2, "1.60", 5)],
        &[trade(1, "1.50", 900), trade(2, "1.60", 2 * SECOND)],
    );
    assert_eq!(counts(&report), [2, 0, 0, 0]);
    assert!(report.is_same());
}

#[test]
fn a_price_with_other_digits_is_different_and_both_are_shown() {
    let report = compared(
        Settings::default(),
        &[trade(1, "1.50", 0), trade(2, "1.60", 0)],
        &[trade(1, "1.5", 0), trade(2, "1.60", 0)],
    );
    assert_eq!(counts(&report), [1, 1, 0, 0]);
    assert_eq!(
        examples(&report),
        [r#"different trade 1 price "1.50" became "1.5""#]
    );
    assert_eq!(report.subjects[0].examples[0].event_ms, Some(1));
    assert_eq!(report.subjects[0].fields["price"], 1);
    assert!(!report.is_same());
}

#[test]
fn a_field_that_only_one_side_has_is_a_difference() {
    let with = |fields: Value| message(DataType::Trade, None, 0, fields);
    let report = compared(
        Settings::default(),
        &[with(json!({ "trade_id": "1", "side": "buy" }))],
        &[with(json!({ "trade_id": "1", "quantity_base": "2" }))],
    );
    assert_eq!(
        examples(&report),
        [r#"different trade 1 quantity_base nothing became "2", side "buy" became nothing"#]
    );
}

#[test]
fn a_trade_of_one_side_only_is_missing_or_extra() {
    let report = compared(
        Settings::default(),
        &[trade(1, "1", 0), trade(2, "1", 0)],
        &[trade(2, "1", 0), trade(3, "1", 0)],
    );
    assert_eq!(counts(&report), [1, 0, 1, 1]);
    assert_eq!(examples(&report), ["missing trade 1", "extra trade 3"]);
}

#[test]
fn a_trade_published_twice_by_one_side_is_extra() {
    let once = [trade(1, "1", 0)];
    let twice = [trade(1, "1", 0), trade(1, "1", 0)];
    assert_eq!(
        counts(&compared(Settings::default(), &once, &twice)),
        [1, 0, 0, 1]
    );
}

#[test]
fn what_waits_is_told_and_is_neither_missing_nor_extra_within_the_window() {
    let settings = Settings {
        window: Duration::from_secs(10),
        ..Settings::default()
    };
    let mut comparison = Comparison::new(settings);
    let now = |comparison: &Comparison| {
        comparison
            .report(Figures::default(), Figures::default())
            .totals()
    };
    comparison.add(Side::New, &trade(1, "1", 0));
    comparison.pass(BEGIN + 10 * SECOND);
    assert_eq!((now(&comparison).waiting, now(&comparison).extra), (1, 0));
    comparison.pass(BEGIN + 10 * SECOND + 1);
    assert_eq!((now(&comparison).waiting, now(&comparison).extra), (0, 1));
    comparison.add(Side::Old, &trade(1, "1", 11 * SECOND));
    comparison.finish();
    assert_eq!(now(&comparison).missing, 1, "it came too late");
}

#[test]
fn books_meet_by_their_update_and_the_first_level_that_differs_is_named() {
    let best = ["100.1", "2"];
    let report = compared(
        Settings::default(),
        &[book(7, &[best, ["100.0", "1"]]), book(9, &[best])],
        &[book(9, &[best]), book(7, &[best, ["100.0", "1.0"]])],
    );
    assert_eq!(counts(&report), [1, 1, 0, 0]);
    assert_eq!(
        examples(&report),
        [r#"different update 7 bids[1] ["100.0","1"] became ["100.0","1.0"]"#]
    );
}

#[test]
fn a_quiet_book_that_is_published_again_meets_its_repetition() {
    let quiet = [book(7, &[["1", "1"]]), book(7, &[["1", "1"]])];
    assert_eq!(
        counts(&compared(Settings::default(), &quiet, &quiet)),
        [2, 0, 0, 0]
    );
    assert_eq!(
        counts(&compared(Settings::default(), &quiet, &quiet[..1])),
        [1, 0, 1, 0]
    );
}

#[test]
fn liquidations_are_sets() {
    let old = [liquidation("a", "1"), liquidation("b", "1")];
    let new = [
        liquidation("b", "1"),
        liquidation("b", "1"),
        liquidation("a", "2"),
        liquidation("a", "2"),
    ];
    let report = compared(Settings::default(), &old, &new);
    assert_eq!(counts(&report), [1, 1, 0, 0]);
    assert_eq!(report.totals().repeated, 2);
    let report = compared(Settings::default(), &new, &old);
    assert_eq!(counts(&report), [1, 1, 0, 0]);
}

#[test]
fn states_of_a_book_are_compared_in_their_order() {
    let (first, second) = (state("stale", 7, 1), state("resyncing", 7, 1));
    let old = [first.clone(), second.clone()];
    let report = compared(Settings::default(), &old, &[second.clone(), first.clone()]);
    assert_eq!(counts(&report), [1, 1, 0, 0]);
    assert_eq!(report.subjects[0].fields["order"], 1);

    let between = [first, state("synced", 7, 1), second];
    let report = compared(Settings::default(), &old, &between);
    assert_eq!(counts(&report), [2, 0, 0, 1], "one more moves no other");
}

#[test]
fn what_a_state_counts_since_its_start_is_compared_of_sides_that_began_together_only() {
    let (old, new) = ([state("synced", 7, 40)], [state("synced", 7, 3)]);
    let report = compared(Settings::default(), &old, &new);
    assert_eq!(
        examples(&report),
        ["different synced at update 7 updates_applied 40 became 3"]
    );
    let settings = Settings {
        began_together: false,
        ..Settings::default()
    };
    assert!(compared(settings, &old, &new).is_same());
}

#[test]
fn another_number_of_faults_is_a_difference() {
    let report = Report {
        new: Figures {
            faults: 2,
            ..Figures::default()
        },
        ..compared(Settings::default(), &[], &[])
    };
    assert!(!report.is_same());
    assert_eq!(
        report.verdict(),
        "the adapters differ: 0 of 0 messages; 0 faults became 2"
    );
}

#[test]
fn one_subject_without_partners_is_cut_short_at_its_bound_and_costs_no_other_anything() {
    let settings = Settings {
        subject_bytes_max: 100_000,
        bytes_max: 120_000,
        ..Settings::default()
    };
    let mut comparison = Comparison::new(settings);
    comparison.add(Side::Old, &book(7, &[["1", "1"]]));
    for id in 0..100_000 {
        comparison.add(Side::Old, &trade(id, "1", 0));
        assert!(comparison.bytes() <= 120_000);
    }
    comparison.add(Side::New, &book(7, &[["1", "1"]]));
    let report = comparison.report(Figures::default(), Figures::default());
    let totals = report.totals();
    assert_eq!(totals.same, 1, "the book was still there");
    assert_eq!(totals.missing + totals.waiting, 100_000);
    assert_eq!(totals.cut_short, totals.missing);
    assert_eq!(examples(&report).len(), 3);
    assert!(
        report.text().contains("given up early"),
        "{}",
        report.text()
    );
}

#[test]
fn values_in_examples_are_cut() {
    let (old, new) = ("1".repeat(1_000), "é".repeat(1_000));
    let report = compared(
        Settings::default(),
        &[trade(1, &old, 0)],
        &[trade(1, &new, 0)],
    );
    assert!(examples(&report)[0].chars().count() < 300);
}

#[test]
fn the_report_tells_both_sides_each_subject_and_examples_to_people_and_machines() {
    let old = Figures {
        name: "alpha".into(),
        version: "1.0.0".into(),
        events: 4,
        fuel: 400,
        ..Figures::default()
    };
    let new = Figures {
        version: "1.1.0".into(),
        fuel: 600,
        given_up: Some("it spun".into()),
        ..old.clone()
    };
    let mut comparison = Comparison::new(Settings::default());
    comparison.add(Side::Old, &trade(1, "1.0", 0));
    comparison.add(Side::New, &trade(1, "1.1", 0));
    comparison.add(Side::Old, &trade(2, "1.0", 0));
    comparison.finish();
    let report = comparison.report(old, new);
    let text = report.text();
    for part in [
        "adapter          alpha 1.0.0  alpha 1.1.0\n",
        "fuel an event            100          150\n",
        "subject                         same  different    missing      extra\n",
        "trade.alpha.spot.BTC-USDT          0          1          1          0\n",
        "  price differs in 1\n",
        "  different: trade 1 of 1970-01-01T00:00:00.001000+00:00: price \"1.0\" became \"1.1\"\n",
        "  missing: trade 2 of",
        "the new one was given up: it spun\n",
    ] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    let json = report.json();
    assert_eq!(json["is_same"], false);
    assert_eq!(json["new"]["fuel_per_event"], 150);
    assert_eq!(json["totals"]["different"], 1);
    let subject = &json["subjects"][0];
    assert_eq!(subject["subject"], "trade.alpha.spot.BTC-USDT");
    assert_eq!(subject["data_type"], "trade");
    assert_eq!(subject["fields"], json!({ "price": 1 }));
    assert_eq!(
        subject["examples"][0],
        json!({
            "kind": "different", "name": "trade 1", "event_ts_ms": 1,
            "fields": [{ "field": "price", "element": null, "old": "\"1.0\"", "new": "\"1.1\"" }],
        })
    );
}

proptest! {
    /// Each trade of the one side is sent by the other one too, changed, left out; and some come from nowhere.
    #[test]
    fn whatever_the_order_each_trade_is_judged_once(
        fates in proptest::collection::vec(0..4u8, 0..200),
        turns in proptest::collection::vec(any::<bool>(), 400),
        order in any::<u64>(),
    ) {
        let (mut old, mut new, mut wanted) = (Vec::new(), Vec::new(), [0; 4]);
        for (id, fate) in (1..).zip(&fates) {
            let here = trade(id, "1.0", 0);
            wanted[usize::from(*fate)] += 1;
            match fate {
                0 => { old.push(here.clone()); new.push(here); }
                1 => { old.push(here); new.push(trade(id, "1.1", 0)); }
                2 => old.push(here),
                _ => new.push(here),
            }
        }
        if !new.is_empty() {
            let middle = order as usize % new.len();
            new.rotate_left(middle);
        }
        let mut comparison = Comparison::new(Settings::default());
        let (mut old, mut new) = (old.iter(), new.iter());
        for turn in turns {
            let (side, next) = if turn { (Side::Old, old.next()) } else { (Side::New, new.next()) };
            if let Some(message) = next {
                comparison.add(side, message);
            }
        }
        old.for_each(|message| comparison.add(Side::Old, message));
        new.for_each(|message| comparison.add(Side::New, message));
        comparison.finish();
        prop_assert_eq!(comparison.bytes(), 0);
        prop_assert_eq!(counts(&comparison.report(Figures::default(), Figures::default())), wanted);
    }
}

#[test]
fn a_report_is_read_back_from_what_another_process_was_told() {
    let mut comparison = Comparison::new(Settings::default());
    comparison.add(Side::Old, &trade(1, "1.0", 0));
    comparison.add(Side::New, &trade(1, "1.1", 0));
    comparison.add(Side::Old, &trade(2, "1.0", 0));
    comparison.add(Side::New, &trade(3, "1.0", 0));
    comparison.add(Side::Old, &book(7, &[["1", "1"], ["2", "1"]]));
    comparison.add(Side::New, &book(7, &[["1", "1"], ["2", "3"]]));
    comparison.add(Side::Old, &liquidation("a", "1"));
    comparison.finish();
    let old = Figures {
        name: "alpha".into(),
        version: "1.0.0".into(),
        sha256: "ab".into(),
        frames: 3,
        events: 4,
        fuel: 400,
        ..Figures::default()
    };
    let new = Figures {
        faults: 1,
        given_up: Some("it spun".into()),
        ..old.clone()
    };
    let report = comparison.report(old, new);
    let kinds = examples(&report).join(" ");
    for kind in Kind::ALL {
        assert!(kinds.contains(kind.name()), "{kinds}");
    }
    assert_eq!(Report::from_json(report.json()).unwrap(), report);
    for odd in [json!(null), json!({}), json!({ "old": 1 })] {
        assert!(Report::from_json(odd).is_err());
    }
}

/// A snapshot of a book at a fixed time.
fn top(update: u64, bid: &str) -> Message {
    book(update, &[[bid, "1"]])
}

#[test]
fn snapshots_meet_by_their_tick_and_are_compared_where_both_books_stood_at_one_update() {
    let mut comparison = Comparison::new(Settings::default());
    for (tick, old, new) in [
        (1, top(7, "1.0"), top(7, "1.0")),
        // Quiet: the same update at the next tick.
        (2, top(7, "1.0"), top(7, "1.0")),
        // An update came to one side between two ticks.
        (3, top(8, "1.1"), top(9, "1.2")),
        (4, top(9, "1.2"), top(9, "1.3")),
    ] {
        comparison.add_at_tick(Side::Old, &old, Some(BEGIN + tick * SECOND));
        comparison.add_at_tick(Side::New, &new, Some(BEGIN + tick * SECOND));
    }
    comparison.add_at_tick(Side::Old, &top(9, "1.2"), Some(BEGIN + 5 * SECOND));
    comparison.finish();
    let report = comparison.report(Figures::default(), Figures::default());
    assert_eq!((counts(&report), report.totals().apart), ([2, 1, 1, 0], 1));
    assert_eq!(
        examples(&report),
        [
            r#"different snapshot of 2025-10-09T08:53:24.000000+00:00 bids[0] ["1.2","1"] became ["1.3","1"]"#,
            "missing snapshot of 2025-10-09T08:53:25.000000+00:00",
        ]
    );
    assert!(report.text().contains("1 snapshots at ticks between which"));
}

#[test]
fn a_snapshot_that_lost_its_update_id_is_different_and_not_apart() {
    let without = message(
        DataType::Orderbook,
        None,
        0,
        json!({ "bids": [["1.0", "1"]], "event_ts_ms": 7 }),
    );
    let mut comparison = Comparison::new(Settings::default());
    comparison.add_at_tick(Side::Old, &top(7, "1.0"), Some(BEGIN));
    comparison.add_at_tick(Side::New, &without, Some(BEGIN));
    let later = Message {
        payload: Bytes::from_static(br#"{"event_ts_ms":8}"#),
        ..without.clone()
    };
    comparison.add_at_tick(Side::Old, &without, Some(BEGIN + SECOND));
    comparison.add_at_tick(Side::New, &later, Some(BEGIN + SECOND));
    let report = comparison.report(Figures::default(), Figures::default());
    assert_eq!((counts(&report), report.totals().apart), ([0, 1, 0, 0], 1));
    assert_eq!(report.subjects[0].fields["last_update_id"], 1);
}

#[test]
fn a_tick_says_nothing_about_what_follows_updates_and_about_other_types() {
    let follows = |update: u64| {
        let payload = json!({ "last_update_id": update, "update_type": "update" });
        message(DataType::Orderbook, None, 0, payload)
    };
    let mut comparison = Comparison::new(Settings::default());
    // Two connections bring the same updates on either side of an alarm.
    comparison.add_at_tick(Side::Old, &follows(7), Some(BEGIN));
    comparison.add(Side::New, &follows(7));
    comparison.add_at_tick(Side::New, &trade(1, "1", 0), Some(BEGIN));
    comparison.add(Side::Old, &trade(1, "1", 0));
    comparison.finish();
    let report = comparison.report(Figures::default(), Figures::default());
    assert_eq!(counts(&report), [2, 0, 0, 0]);
}

#[test]
fn what_finds_no_partner_at_the_beginning_is_not_counted_unless_both_began_together() {
    let settings = Settings {
        window: Duration::from_secs(10),
        began_together: false,
        ..Settings::default()
    };
    let old = [trade(1, "1", 0), trade(3, "1", 10 * SECOND)];
    let new = [trade(2, "1", 10 * SECOND - 1), trade(4, "1", 20 * SECOND)];
    let report = compared(settings.clone(), &old, &new);
    assert_eq!(examples(&report), ["missing trade 3", "extra trade 4"]);
    assert_eq!(counts(&report), [0, 0, 1, 1]);
    let together = Settings {
        began_together: true,
        ..settings
    };
    assert_eq!(counts(&compared(together, &old, &new)), [0, 0, 2, 2]);
}

#[test]
fn what_was_not_compared_is_told_to_people_and_read_back() {
    let comparison = Comparison::new(Settings::default());
    let mut report = comparison.report(Figures::default(), Figures::default());
    assert!(!report.text().contains("latency"));
    report.new.latency = Some(Latency {
        mean_ns: 61_250,
        half_ns: 50_000,
        p99_ns: 200_000,
    });
    report.left_out = vec![LeftOut {
        data_type: DataType::FundingRate,
        messages: 3,
    }];
    report.lost = 5;
    let text = report.text();
    for part in [
        "99 % within",
        "61.2 us",
        "funding_rate left out (3 messages of the old one)",
        "5 were not compared",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(Report::from_json(report.json()).unwrap(), report);
}
