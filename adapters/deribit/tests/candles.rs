//! Volatility indices: each closed candle once, in order, whatever happens.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_kit::testing::{self, recording};
use marketprism_kit::wit::{Event, RequestFailure, Response, StreamState};
use world::{MS, SECOND, START, World};

/// An answer with the candles whose starts lie so many minutes after START, given at `now`.
fn candles(now: u64, minutes: impl IntoIterator<Item = i64>) -> String {
    let rows: Vec<_> = minutes
        .into_iter()
        .map(|minute| {
            let start = (START / MS).checked_add_signed(minute * 60_000).unwrap();
            format!("[{start},38.10,38.3,38.05,38.27]")
        })
        .collect();
    format!(
        r#"{{"jsonrpc":"2.0","result":{{"data":[{}],"continuation":null}},"usOut":{}}}"#,
        rows.join(","),
        now / 1_000
    )
}

/// The minutes after START of the candles published.
fn published(said: &str) -> Vec<i64> {
    let starts = said.lines().filter_map(|line| {
        let (_, rest) = line
            .strip_prefix("MarketEvent::VolatilityIndex(")?
            .split_once("time: ")?;
        rest.split(',').next()?.parse::<u64>().ok()
    });
    starts
        .map(|start| (start as i64 - START as i64) / (60 * SECOND) as i64)
        .collect()
}

fn btc() -> World {
    world::start(r#"{"data_types":["volatility_index"]}"#, &["BTC"]).0
}

fn ask(world: &mut World) -> (u64, u64, u32) {
    let request = world.requests.last().unwrap().clone();
    assert!(request.address.contains("get_volatility_index_data"));
    let number = |key: &str| {
        let (_, rest) = request.address.split_once(key).unwrap();
        rest.split('&').next().unwrap().parse::<u64>().unwrap()
    };
    (
        number("start_timestamp="),
        number("end_timestamp="),
        request.request,
    )
}

/// Lets the time go on until candles are asked for.
fn next_ask(world: &mut World) -> (u64, u64, u32) {
    for _ in 0..100_000 {
        if world.wait(100 * MS).contains("get_volatility_index_data") {
            let is_candles = |it: &marketprism_kit::wit::Request| it.address.contains("volatility");
            world.requests.retain(is_candles);
            return ask(world);
        }
    }
    panic!("never asked again")
}

#[test]
fn the_last_hour_comes_first_and_then_each_minute_its_candle() {
    let mut world = btc();
    let first = world.asked("volatility");
    let said = world.answer(first, &candles(world.now, -60..=0));
    // The one that began just now is not closed.
    assert_eq!(published(&said), (-60..0).collect::<Vec<_>>());
    assert!(said.contains(
        "open: \"38.10\", high: \"38.3\", low: \"38.05\", close: \"38.27\", resolution: \"60\""
    ));
    for minute in 0..5 {
        let (from, _, request) = next_ask(&mut world);
        assert_eq!(from, START / MS + minute as u64 * 60_000);
        let late = (world.now - START) % (60 * SECOND);
        assert!((2 * SECOND..3 * SECOND).contains(&late), "{late}");
        let said = world.answer(request, &candles(world.now, minute..=minute + 1));
        assert_eq!(published(&said), [minute]);
    }
}

#[test]
fn what_was_missed_is_fetched_in_order_but_no_more_than_an_hour() {
    let mut world = btc();
    world.answer(world.asked("volatility"), &candles(world.now, [-1]));
    let no_answer = |request| {
        Event::Response(Response {
            request,
            outcome: Err(RequestFailure::Unreachable),
        })
    };
    let mut times = Vec::new();
    while world.now < START + 10 * 60 * SECOND {
        let (_, _, request) = next_ask(&mut world);
        times.push(world.now);
        world.tell(&no_answer(request));
    }
    let longest = times.windows(2).map(|two| two[1] - two[0]).max().unwrap();
    assert!(longest <= 67 * SECOND, "{longest}");
    let (from, to, request) = next_ask(&mut world);
    assert_eq!(from, START / MS);
    assert!(world.now / MS - to <= 100);
    let said = world.answer(request, &candles(world.now, 0..=11));
    assert_eq!(published(&said)[..10], (0..10).collect::<Vec<_>>());
    world.now += 3 * 3_600 * SECOND;
    let (from, ..) = next_ask(&mut world);
    assert!(from >= world.now / MS - 3_601_000);
}

#[test]
fn a_candle_that_is_not_there_yet_is_asked_for_again_soon_and_published_once() {
    let mut world = btc();
    world.answer(world.asked("volatility"), &candles(world.now, [-1]));
    let (_, _, request) = next_ask(&mut world);
    let said = world.answer(request, &candles(world.now, []));
    assert!(published(&said).is_empty());
    let before = world.now;
    let (_, _, request) = next_ask(&mut world);
    assert!(world.now - before <= 6 * SECOND);
    let answer = candles(world.now, [-1, 0, 0]);
    assert_eq!(published(&world.answer(request, &answer)), [0]);
    let (_, _, request) = next_ask(&mut world);
    assert!(world.now - before > 30 * SECOND);
    assert_eq!(
        published(&world.answer(request, &candles(world.now, [0, 1]))),
        [1]
    );
}

#[test]
fn the_exchanges_clock_says_which_candle_is_closed() {
    let mut world = btc();
    // The machine's clock is ten seconds ahead.
    let exchange = world.now - 10 * SECOND;
    let said = world.answer(world.asked("volatility"), &candles(exchange, [-2, -1]));
    assert_eq!(published(&said), [-2]);
    let (_, _, request) = next_ask(&mut world);
    let late = world.now - 10 * SECOND - START;
    assert!((2 * SECOND..3 * SECOND).contains(&late), "{late}");
    let exchange = world.now - 10 * SECOND;
    let said = world.answer(request, &candles(exchange, [-1, 0]));
    assert_eq!(published(&said), [-1]);
}

#[test]
fn an_answer_that_leaves_older_candles_out_is_asked_for_in_smaller_parts() {
    let mut world = btc();
    world.answer(world.asked("volatility"), &candles(world.now, [-1]));
    // The exchange was away since.
    world.now += 40 * 60 * SECOND;
    let (from, _, request) = next_ask(&mut world);
    let partial = candles(world.now, 30..40).replace("null", "1759999999999");
    let said = world.answer(request, &partial);
    assert!(published(&said).is_empty());
    // The window becomes smaller until nothing is left out, and the rest follows at once.
    let mut all = Vec::new();
    let mut request = world.asked("volatility");
    for _ in 0..20 {
        let (start, end, _) = ask(&mut world);
        let within = (0..=41).filter(|minute| {
            let at = (START / MS).checked_add_signed(minute * 60_000).unwrap();
            (start..=end).contains(&at)
        });
        let within: Vec<_> = within.collect();
        let body = candles(world.now, within.iter().copied());
        let is_partial = within.len() > 20;
        let said = world.answer(
            request,
            &if is_partial {
                body.replace("null", "1")
            } else {
                body
            },
        );
        assert!(!is_partial || published(&said).is_empty());
        all.extend(published(&said));
        if !said.contains("volatility") {
            break;
        }
        request = world.asked("volatility");
    }
    assert_eq!(from, START / MS);
    assert_eq!(all, (0..40).collect::<Vec<_>>());
}

#[test]
fn an_error_is_named_and_the_other_currency_runs_on() {
    let (mut world, _) = world::start("{}", &["XYZ", "BTC"]);
    let error = r#"{"jsonrpc":"2.0","error":{"message":"Invalid params","data":{"reason":"invalid currency"},"code":-32602}}"#;
    let said = world.tell(&testing::answer(world.asked("=XYZ"), 400, error));
    assert!(said.contains("refused exchange error\n"), "{said}");
    let said = world.answer(world.asked("=BTC"), &candles(world.now, [-1]));
    assert_eq!(published(&said), [-1]);
    let reports = world.reports();
    let problem = reports[0].problem.as_ref().unwrap();
    assert!(problem.contains("invalid currency"), "{problem}");
    assert_eq!(reports[1].problem, None);
    assert_eq!(reports[1].streams[0].state, StreamState::Live);
}

#[test]
fn a_silent_index_is_reported_as_silent() {
    let mut world = btc();
    world.answer(world.asked("volatility"), &candles(world.now, [-1]));
    assert_eq!(world.reports()[0].streams[0].state, StreamState::Live);
    world.now += 5 * 60 * SECOND;
    assert_eq!(world.reports()[0].streams[0].state, StreamState::Silent);
}

#[test]
fn the_answer_that_the_old_collector_saw_is_read() {
    let golden: serde_json::Value = serde_json::from_str(&recording::text(
        "marketprism/golden/deribit_derivatives_volatility_index.in.json",
    ))
    .unwrap();
    let (mut world, _) = world::start("{}", &["BTC"]);
    world.now = golden["frozen_now_ms"].as_u64().unwrap() * MS;
    let said = world.answer(world.asked("volatility"), &golden["raw"].to_string());
    // The old collector published the second candle, which was still open.
    assert_eq!(published(&said).len(), 1, "{said}");
    assert!(said.contains(
        "sequence: 1759999920000, time: 1759999920000000000, open: \"38.11\", high: \"38.2\", low: \"38.05\", close: \"38.15\""
    ));
}
