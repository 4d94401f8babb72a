//! Symbols that the exchange does not know: named, left alone, and the others run on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_binance::Binance;
use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::{Action, Event};
use world::{SECOND, depth};

const BAD: &str = r#"{"code":-1121,"msg":"Invalid symbol."}"#;
const START: u64 = 1_760_000_000 * SECOND;

/// The alarm for a check of instrument 0 or 1.
const CHECK: [u32; 2] = [9, 25];

fn session(settings: &str) -> Driver<Binance> {
    let mut driver = Driver::default();
    driver.tell(START, &testing::start(settings, &["NOSUCH", "BTCUSDT"]));
    driver.tell(START, &Event::Opened(0));
    driver.tell(START, &testing::frame(0, r#"{"result":null,"id":0}"#));
    driver
}

/// What the report says is wrong with each instrument.
fn problems(driver: &mut Driver<Binance>) -> Vec<Option<String>> {
    let actions = driver.tell(START, &Event::ReportWanted(1));
    let [Action::Report(reports)] = actions.as_slice() else {
        panic!("no report")
    };
    reports.iter().map(|it| it.problem.clone()).collect()
}

fn unknown() -> Vec<Option<String>> {
    vec![Some("Invalid symbol.".to_owned()), None]
}

#[test]
fn a_depth_snapshot_says_that_a_symbol_is_unknown() {
    let mut driver = session("{}");
    // Both are quiet.
    let told = driver.told(START, &Event::Alarm(2)) + &driver.told(START, &Event::Alarm(18));
    assert!(told.contains("depth?symbol=NOSUCH") && told.contains("depth?symbol=BTCUSDT"));
    let told = driver.told(START + SECOND, &testing::answer(0, 400, BAD));
    assert!(
        told.contains("log error NOSUCH: the exchange does not know it: Invalid symbol.\n"),
        "{told}"
    );
    assert!(
        told.contains(
            r#"{"method":"UNSUBSCRIBE","params":["nosuch@depth@100ms","nosuch@trade"],"id":1}"#
        ),
        "{told}"
    );
    assert!(
        told.contains("wake 9 at ") && !told.contains("wake 1 at "),
        "{told}"
    );
    assert_eq!(problems(&mut driver), unknown());
    let snapshot = r#"{"lastUpdateId":100,"bids":[],"asks":[]}"#;
    let told = driver.told(START + SECOND, &testing::answer(1, 200, snapshot));
    assert!(told.contains("status 1 synced"), "{told}");
}

#[test]
fn an_unknown_symbol_is_asked_for_rarely_and_collected_once_it_is_listed() {
    let mut driver = session("{}");
    driver.tell(START, &Event::Alarm(2));
    driver.tell(START, &testing::answer(0, 400, BAD));
    let mut now = START;
    for request in 1..4 {
        let told = driver.told(now, &Event::Alarm(CHECK[0]));
        assert_eq!(
            told,
            format!(
                "request {request} https://api.binance.com/api/v3/ticker/price?symbol=NOSUCH weight 2\n"
            )
        );
        let told = driver.told(now, &testing::answer(request, 400, BAD));
        let again = told
            .lines()
            .find_map(|line| line.strip_prefix("wake 9 at "));
        let again: u64 = again.unwrap().parse().unwrap();
        assert!(again - now >= 600 * SECOND && again - now <= 660 * SECOND);
        assert!(!told.contains("log"), "told once only: {told}");
        now = again;
    }
    driver.tell(now, &Event::Alarm(CHECK[0]));
    let told = driver.told(
        now,
        &testing::answer(4, 200, r#"{"symbol":"NOSUCH","price":"1"}"#),
    );
    assert!(
        told.contains("log info NOSUCH: the exchange knows it again"),
        "{told}"
    );
    assert!(
        told.contains(r#""params":["nosuch@depth@100ms","nosuch@trade"]"#),
        "{told}"
    );
    assert!(told.contains("status 0 resyncing (starting)"), "{told}");
    assert_eq!(problems(&mut driver), [None, None]);
}

#[test]
fn a_session_that_would_never_notice_asks_for_the_cheapest_thing() {
    let mut driver = Driver::<Binance>::default();
    let start = testing::start(r#"{"data_types":["trade"]}"#, &["NOSUCH", "BTCUSDT"]);
    let told = driver.told(START, &start);
    assert!(
        told.contains("wake 9 at ") && told.contains("wake 25 at "),
        "{told}"
    );
    for alarm in CHECK {
        driver.tell(START, &Event::Alarm(alarm));
    }
    let told = driver.told(START, &testing::answer(0, 400, BAD));
    assert!(told.contains("log error NOSUCH"), "{told}");
    assert_eq!(driver.told(START, &testing::answer(1, 200, "{}")), "");
    assert_eq!(problems(&mut driver), unknown());
}

#[test]
fn a_check_that_fails_says_nothing_and_is_repeated() {
    let mut driver = Driver::<Binance>::default();
    let start = testing::start(r#"{"data_types":["trade"]}"#, &["NOSUCH", "BTCUSDT"]);
    driver.tell(START, &start);
    driver.tell(START, &Event::Alarm(CHECK[0]));
    let told = driver.told(START, &testing::answer(0, 503, "<html>"));
    assert!(
        told.starts_with("wake 9 at ") && told.lines().count() == 1,
        "{told}"
    );
    assert_eq!(problems(&mut driver), [None, None]);
}

#[test]
fn a_polled_answer_says_that_a_symbol_is_unknown() {
    let settings =
        r#"{"exchange":"binance_derivatives","data_types":["open_interest","lsr_all_account"]}"#;
    let mut driver = session(settings);
    let told = driver.told(START + 60 * SECOND, &Event::Alarm(7));
    // The first is asked for at once.
    assert!(!told.contains("openInterest?symbol=NOSUCH"), "{told}");
    let interest = 0;
    let number = |kind: &str| -> u32 {
        let line = told
            .lines()
            .find(|line| line.contains(kind) && line.contains("NOSUCH"));
        line.unwrap().split(' ').nth(1).unwrap().parse().unwrap()
    };
    let ratio = number("globalLongShort");
    let answer = driver.told(START, &testing::answer(interest, 400, BAD));
    assert!(
        answer.contains("log error NOSUCH: the exchange does not know it"),
        "{answer}"
    );
    driver.tell(START, &testing::answer(ratio, 400, BAD));
    assert_eq!(problems(&mut driver), unknown());
    let later = driver.told(START + 400 * SECOND, &Event::Alarm(7));
    assert!(!later.contains("NOSUCH"), "{later}");
}

#[test]
fn a_book_of_a_symbol_that_is_delisted_is_not_shown_as_synced() {
    let settings = r#"{"orderbook":{"depth_limit":2}}"#;
    let mut driver = Driver::<Binance>::default();
    driver.tell(START, &testing::start(settings, &["BTCUSDT"]));
    driver.tell(START, &Event::Opened(0));
    driver.tell(START, &testing::frame(0, depth(99, 100, "", "")));
    let snapshot =
        r#"{"lastUpdateId":100,"bids":[["9","1"],["8","1"]],"asks":[["11","1"],["12","1"]]}"#;
    driver.tell(START, &testing::answer(0, 200, snapshot));
    let now = START + 61 * SECOND;
    let told = driver.told(now, &testing::frame(0, depth(101, 101, r#"["9","0"]"#, "")));
    assert!(told.contains("request 1 "), "{told}");
    let told = driver.told(now, &testing::answer(1, 400, BAD));
    assert!(
        told.contains("status 0 resyncing (the exchange does not know the instrument)"),
        "{told}"
    );
}

#[test]
fn other_refusals_are_no_verdict_about_a_symbol() {
    for body in [
        r#"{"code":-1003,"msg":"Too many requests."}"#,
        "Invalid symbol",
        "{}",
    ] {
        let mut driver = session("{}");
        driver.tell(START, &Event::Alarm(2));
        let told = driver.told(START, &testing::answer(0, 400, body));
        assert!(told.contains("refused depth snapshot refused") && told.contains("wake 1 at"));
        assert_eq!(problems(&mut driver), [None, None]);
    }
}
