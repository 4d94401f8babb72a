//! What is polled of USD-M: when it is asked for, and what its answers bring.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use std::collections::BTreeMap;

use marketprism_binance::Binance;
use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::{
    Action, Event, FundingRate, LongShortRatio, MarketEvent, OpenInterest, RatioKind, Request,
    RequestFailure, Response, StreamState,
};
use world::{MS, SECOND};

const START: u64 = 1_760_000_000 * SECOND;

const PREMIUM: &str = r#"{"symbol":"BTCUSDT","markPrice":"121512.40000000","indexPrice":"121570.12345678","estimatedSettlePrice":"121500.11111111","lastFundingRate":"0.00001234","interestRate":"0.00010000","nextFundingTime":1760025600000,"time":1760000000455}"#;

/// A session that only polls. Answers are given by a rule, alarms come when they are due.
struct Polling {
    driver: Driver<Binance>,
    now: u64,
    alarms: BTreeMap<u32, u64>,
    answers: Vec<(&'static str, Answer)>,
    /// What was asked for, with the time.
    asked: Vec<(u64, Request)>,
    published: Vec<MarketEvent>,
    logged: Vec<String>,
}

/// How a request is answered.
#[derive(Clone, Copy)]
enum Answer {
    With(u16, &'static str),
    Not,
    /// By hand.
    Later,
}

impl Polling {
    fn new(types: &str, symbols: &[&str], answers: &[(&'static str, Answer)]) -> Self {
        let mut it = Self {
            driver: Driver::default(),
            now: START,
            alarms: BTreeMap::new(),
            answers: answers.to_vec(),
            asked: Vec::new(),
            published: Vec::new(),
            logged: Vec::new(),
        };
        let settings = format!(
            r#"{{"exchange":"binance_derivatives","data_types":[{types}],"data_type_settings":{{"funding_rate":{{"interval":30}},"open_interest":{{"interval":30}}}}}}"#
        );
        it.tell(&testing::start(&settings, symbols));
        it
    }

    fn tell(&mut self, event: &Event) {
        let mut ends = Vec::new();
        for action in self.driver.tell(self.now, event) {
            match action {
                Action::WakeAt(at) => drop(self.alarms.insert(at.alarm, at.time)),
                Action::Request(request) => ends.extend(self.request(request)),
                Action::Publish(event) => self.published.push(event),
                Action::Log(line) => self.logged.push(line.message),
                Action::Refused(it) => self.logged.push(format!("refused {}", it.rule)),
                _ => {}
            }
        }
        for end in ends {
            self.tell(&end);
        }
    }

    /// The end of a request, when it has one.
    fn request(&mut self, request: Request) -> Option<Event> {
        let rule = self.answers.iter().rev();
        let mut rule = rule.filter(|(part, _)| request.address.contains(part));
        let answer = rule.next().map_or(Answer::Not, |(_, answer)| *answer);
        let number = request.request;
        self.asked.push((self.now, request));
        match answer {
            Answer::With(status, body) => Some(testing::answer(number, status, body)),
            Answer::Not => Some(Event::Response(Response {
                request: number,
                outcome: Err(RequestFailure::Unreachable),
            })),
            Answer::Later => None,
        }
    }

    /// Lets time go by.
    fn run(&mut self, seconds: u64) {
        let until = self.now + seconds * SECOND;
        while let Some((&alarm, &time)) = self.alarms.iter().min_by_key(|(_, time)| **time) {
            if time > until {
                break;
            }
            self.alarms.remove(&alarm);
            self.now = self.now.max(time);
            self.tell(&Event::Alarm(alarm));
        }
        self.now = until;
    }

    fn asked_for(&self, part: &str) -> Vec<u64> {
        let asked = self.asked.iter();
        let of = asked.filter(|(_, request)| request.address.contains(part));
        of.map(|(at, _)| *at).collect()
    }

    fn states(&mut self) -> Vec<(String, StreamState)> {
        let actions = self.driver.tell(self.now, &Event::ReportWanted(1));
        let [Action::Report(reports)] = actions.as_slice() else {
            panic!("no report")
        };
        let streams = reports[0].streams.iter();
        streams.map(|it| (it.data_type.clone(), it.state)).collect()
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn funding(interval: Option<&str>) -> MarketEvent {
    MarketEvent::FundingRate(FundingRate {
        instrument: 0,
        sequence: 1_760_000_000_455,
        time: 1_760_000_000_455 * MS,
        current: "0.00001234".to_owned(),
        estimated: None,
        interval: interval.map(str::to_owned),
        mark_price: text("121512.40000000"),
        index_price: text("121570.12345678"),
        premium_index: text("-57.72345678"),
        next_funding: Some(1_760_025_600_000 * MS),
    })
}

#[test]
fn a_funding_rate_is_published_with_the_exchanges_own_numbers() {
    for (info, interval) in [
        (
            Answer::With(
                200,
                r#"[{"symbol":"BTCUSDT","fundingIntervalHours":4},{"symbol":"X","fundingIntervalHours":1}]"#,
            ),
            Some("4h"),
        ),
        (
            Answer::With(200, r#"[{"symbol":"BTCUSDT","fundingIntervalHours":8}]"#),
            Some("8h"),
        ),
        (Answer::With(200, "[]"), Some("8h")),
        (Answer::Not, None),
    ] {
        let answers = [
            ("premiumIndex", Answer::With(200, PREMIUM)),
            ("fundingInfo", info),
        ];
        let mut it = Polling::new(r#""funding_rate""#, &["BTCUSDT"], &answers);
        it.run(60);
        assert_eq!(it.published, [funding(interval)], "{:?}", it.logged);
        assert_eq!(
            it.states(),
            [("funding_rate".to_owned(), StreamState::Live)]
        );
        let first = &it.asked_for("premiumIndex");
        assert_eq!(first.len(), 2);
        assert_eq!(first[1] - first[0], 30 * SECOND);
    }
}

#[test]
fn what_is_delivered_on_a_day_has_no_funding() {
    let mut it = Polling::new(
        r#""funding_rate","open_interest""#,
        &["BTCUSDT_260925"],
        &[],
    );
    it.run(60);
    assert!(
        it.asked
            .iter()
            .any(|(_, it)| it.address.contains("openInterest?symbol=BTCUSDT_260925"))
    );
    assert!(it.asked_for("premiumIndex").is_empty() && it.asked_for("fundingInfo").is_empty());
}

#[test]
fn an_open_interest_is_worth_its_contracts_times_the_mark_price() {
    const INTEREST: &str =
        r#"{"openInterest":"81234.567","symbol":"BTCUSDT","time":1760000000455}"#;
    const MARK: &str =
        r#"{"symbol":"BTCUSDT","markPrice":"121512.40000000","indexPrice":"121570.1"}"#;
    let published = |usd: Option<&str>| {
        MarketEvent::OpenInterest(OpenInterest {
            instrument: 0,
            sequence: 1_760_000_000_455,
            time: 1_760_000_000_455 * MS,
            value: "81234.567".to_owned(),
            usd: usd.map(str::to_owned),
            mark_price: usd.and(text("121512.40000000")),
        })
    };
    for (mark, usd) in [
        (Answer::With(200, MARK), Some("9871007199.13080000000")),
        (Answer::With(500, "{}"), None),
        (Answer::Not, None),
    ] {
        let answers = [
            ("openInterest", Answer::With(200, INTEREST)),
            ("premiumIndex", mark),
        ];
        let mut it = Polling::new(r#""open_interest""#, &["BTCUSDT"], &answers);
        it.run(31);
        assert_eq!(it.published, [published(usd)], "{:?}", it.logged);
    }
}

#[test]
fn funding_and_open_interest_share_a_mark_price_that_just_came() {
    const INTEREST: &str = r#"{"openInterest":"2","symbol":"BTCUSDT","time":5}"#;
    let answers = [
        ("openInterest", Answer::With(200, INTEREST)),
        ("premiumIndex", Answer::With(200, PREMIUM)),
        ("fundingInfo", Answer::With(200, "[]")),
    ];
    let mut it = Polling::new(r#""funding_rate","open_interest""#, &["BTCUSDT"], &answers);
    it.run(300);
    let (funding, interest) = (it.asked_for("premiumIndex"), it.asked_for("openInterest"));
    assert_eq!(interest.len(), 10);
    for at in &interest {
        let shared = funding.iter().any(|mark| mark.abs_diff(*at) <= 5 * SECOND);
        assert!(shared, "{at}: {funding:?}");
    }
    let interests = it
        .published
        .iter()
        .filter(|it| matches!(it, MarketEvent::OpenInterest(_)));
    assert_eq!(interests.count(), 1, "one datum is published once");
}

#[test]
fn ratios_are_published_once_each_and_none_is_missed_after_an_interruption() {
    const FIRST: &str = r#"[{"symbol":"BTCUSDT","longAccount":"0.6412","longShortRatio":"1.7871","shortAccount":"0.3588","timestamp":1759999800000}]"#;
    const LATER: &str = r#"[{"symbol":"BTCUSDT","longAccount":"0.7","longShortRatio":"2.3333","shortAccount":"0.3","timestamp":1760000400000},{"symbol":"BTCUSDT","longAccount":"0.6","longShortRatio":"1.5","shortAccount":"0.4","timestamp":1760000100000},{"symbol":"BTCUSDT","longAccount":"0.6412","longShortRatio":"1.7871","shortAccount":"0.3588","timestamp":1759999800000}]"#;
    let row = |kind, ms: u64, ratio: &str, long: &str, short: &str| {
        MarketEvent::LongShortRatio(LongShortRatio {
            instrument: 0,
            sequence: ms,
            time: ms * MS,
            kind,
            ratio: ratio.to_owned(),
            long: long.to_owned(),
            short: short.to_owned(),
            period: "5m".to_owned(),
        })
    };
    for (kind, data_type, endpoint) in [
        (
            RatioKind::TopPosition,
            r#""lsr_top_position""#,
            "topLongShortPositionRatio",
        ),
        (
            RatioKind::AllAccount,
            r#""lsr_all_account""#,
            "globalLongShortAccountRatio",
        ),
    ] {
        let answers = [(endpoint, Answer::With(200, FIRST))];
        let mut it = Polling::new(data_type, &["BTCUSDT"], &answers);
        it.run(60);
        let first = row(kind, 1_759_999_800_000, "1.7871", "0.6412", "0.3588");
        assert_eq!(it.published, std::slice::from_ref(&first));
        let address = &it.asked[0].1.address;
        let expected = format!(
            "https://fapi.binance.com/futures/data/{endpoint}?symbol=BTCUSDT&period=5m&limit=1"
        );
        assert_eq!(*address, expected);
        it.answers = vec![(endpoint, Answer::Not)];
        it.run(600);
        it.answers = vec![(endpoint, Answer::With(200, LATER))];
        it.run(80);
        let more = [
            first,
            row(kind, 1_760_000_100_000, "1.5", "0.6", "0.4"),
            row(kind, 1_760_000_400_000, "2.3333", "0.7", "0.3"),
        ];
        assert_eq!(it.published, more);
        let asked = it
            .asked
            .iter()
            .map(|(_, it)| it.address.rsplit('=').next().unwrap());
        assert!(
            asked
                .filter_map(|rows| rows.parse::<u32>().ok())
                .any(|rows| rows >= 2)
        );
    }
}

#[test]
fn many_instruments_are_spread_and_ratios_keep_to_what_the_exchange_allows() {
    let names: Vec<_> = (0..200).map(|n| format!("X{n}USDT")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let types = r#""funding_rate","open_interest","lsr_top_position","lsr_all_account""#;
    let answers = [
        ("fapi", Answer::With(200, "[]")),
        ("symbol=", Answer::With(200, r#"{"symbol":"?"}"#)),
        ("futures/data", Answer::With(200, "[]")),
    ];
    let mut it = Polling::new(types, &names, &answers);
    it.run(600);
    let ratios = it.asked_for("futures/data");
    for from in &ratios {
        let within = ratios
            .iter()
            .filter(|at| (*from..*from + 300 * SECOND).contains(at));
        assert!(within.count() <= 1_000, "in five minutes");
    }
    let mut seconds: BTreeMap<u64, u32> = BTreeMap::new();
    for at in it.asked_for("futures/data") {
        *seconds.entry(at / SECOND).or_default() += 1;
    }
    assert!(seconds.values().all(|count| *count <= 16), "{seconds:?}");
}

#[test]
fn a_request_that_is_not_answered_is_never_joined_by_a_second_one() {
    let answers = [("", Answer::Later)];
    let mut it = Polling::new(r#""open_interest""#, &["BTCUSDT"], &answers);
    it.run(600);
    assert_eq!(it.asked_for("openInterest").len(), 1);
    assert_eq!(
        it.states(),
        [("open_interest".to_owned(), StreamState::Silent)]
    );
}

#[test]
fn answers_that_cannot_be_used_are_told_once_and_asked_for_later_and_later() {
    let bad = [
        (200, "nonsense", "refused not json"),
        (
            200,
            r#"{"symbol":"ETHUSDT","openInterest":"1","time":1}"#,
            "refused wrong symbol",
        ),
        (
            200,
            r#"{"symbol":"BTCUSDT","openInterest":"-1","time":1}"#,
            "refused negative number",
        ),
        (
            200,
            r#"{"symbol":"BTCUSDT","openInterest":"1"}"#,
            "refused wrong shape",
        ),
        (
            200,
            r#"{"symbol":"BTCUSDT","openInterest":"1","time":99999999999999999}"#,
            "refused number out of range",
        ),
        (429, "slow down", "refused request refused"),
    ];
    for (status, body, rule) in bad {
        let answers = [("openInterest", Answer::With(status, body))];
        let mut it = Polling::new(r#""open_interest""#, &["BTCUSDT"], &answers);
        it.run(600);
        assert!(it.published.is_empty());
        assert!(
            it.logged.iter().any(|line| line == rule),
            "{rule}: {:?}",
            it.logged
        );
        let told = it
            .logged
            .iter()
            .filter(|line| line.starts_with("BTCUSDT: open_interest"));
        assert_eq!(told.count(), 1);
        assert!((10..=18).contains(&it.asked_for("openInterest").len()));
        it.answers = vec![(
            "",
            Answer::With(
                200,
                r#"{"symbol":"BTCUSDT","openInterest":"1","markPrice":"2","time":1}"#,
            ),
        )];
        it.run(70);
        assert_eq!(it.published.len(), 1);
        assert!(
            it.logged
                .contains(&"BTCUSDT: open_interest is back".to_owned())
        );
    }
}

#[test]
fn an_instrument_that_is_removed_is_asked_for_no_more() {
    let answers = [("", Answer::Later)];
    let types = r#""open_interest","lsr_all_account""#;
    let mut it = Polling::new(types, &["BTCUSDT", "ETHUSDT"], &answers);
    it.run(60);
    it.tell(&Event::SymbolsChanged(vec!["ETHUSDT".to_owned()]));
    let of_bitcoin = it.asked_for("BTCUSDT").len();
    assert_eq!(of_bitcoin, 2);
    it.answers = vec![("", Answer::Not)];
    for number in 0..8 {
        it.tell(&testing::answer(
            number,
            200,
            r#"{"symbol":"BTCUSDT","openInterest":"1","time":1}"#,
        ));
    }
    it.run(120);
    assert_eq!(it.asked_for("BTCUSDT").len(), of_bitcoin);
    assert!(it.published.is_empty());
}

#[test]
fn the_clocks_are_compared_by_the_middle_of_the_request() {
    for (venue, address) in [
        (
            "binance_spot",
            "https://api.binance.com/api/v3/time weight 1",
        ),
        (
            "binance_derivatives",
            "https://fapi.binance.com/fapi/v1/time weight 1",
        ),
    ] {
        let settings = format!(r#"{{"exchange":"{venue}","data_types":["trade"]}}"#);
        let mut driver = Driver::<Binance>::default();
        driver.tell(START, &testing::start(&settings, &["BTCUSDT"]));
        let told = driver.told(START, &Event::Alarm(8));
        assert!(
            told.starts_with(&format!("request 0 {address}\n")),
            "{told}"
        );
        let answer = testing::answer(0, 200, r#"{"serverTime":1760000000555}"#);
        assert_eq!(
            driver.told(START + 100 * MS, &answer),
            format!("clock difference {}\n", 505 * MS)
        );
        driver.tell(START, &Event::Alarm(8));
        let bad = testing::answer(1, 200, r#"{"serverTime":"x"}"#);
        assert_eq!(driver.told(START, &bad), "refused wrong shape\n");
    }
}
