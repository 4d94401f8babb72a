//! Against an exchange that drops, swaps and doubles frames, loses connections and answers as it likes, every trade is
//! published at most once, and what could be had is published in order.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use marketprism_binance::Binance;
use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::{
    Action, Event, InstrumentReport, MarketEvent, RequestFailure, Response,
};
use proptest::prelude::*;

const MS: u64 = 1_000_000;
const NAMES: [&str; 6] = ["A1USDT", "A2USDT", "A3USDT", "A4USDT", "A5USDT", "A6USDT"];
const IN_FLIGHT_MAX: usize = 4;

/// What happens to a trade on its way.
#[derive(Debug, Clone, Copy)]
enum Way {
    Arrives,
    IsDropped,
    ArrivesTwice,
    IsSwappedWithTheNext,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Trade(usize, Way),
    /// All miss so many trades.
    Reconnect(u64),
    Wait(u64),
}

/// What the exchange answers.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    All,
    Half,
    Nothing,
    WithHoles,
    Backwards,
    Twice,
    FromFurtherBack,
    BeyondWhatWasAsked,
    Garbage,
    Status,
    Failure,
}

struct World {
    /// `trade` or `aggTrade`.
    stream: &'static str,
    adapter: Driver<Binance>,
    now: u64,
    alarms: BTreeMap<u32, u64>,
    /// Arrival, request, instrument, first id, count.
    requests: VecDeque<(u64, u32, usize, u64, u64)>,
    outcomes: Vec<Outcome>,
    asked: usize,
    delay: u64,
    last: [u64; 6],
    swapped: [Option<u64>; 6],
    published: [Vec<u64>; 6],
    first: [Option<u64>; 6],
    received: [BTreeSet<u64>; 6],
}

impl World {
    fn new(stream: &'static str, outcomes: Vec<Outcome>, delay: u64) -> Self {
        let mut world = Self {
            stream,
            adapter: Driver::default(),
            now: 1_760_000_000_000 * MS,
            alarms: BTreeMap::new(),
            requests: VecDeque::new(),
            outcomes,
            asked: 0,
            delay,
            last: [100; 6],
            swapped: [None; 6],
            published: Default::default(),
            first: [None; 6],
            received: Default::default(),
        };
        let settings = format!(r#"{{"data_types":["trade"],"trade_stream":"{stream}"}}"#);
        world.tell(&testing::start(&settings, &NAMES));
        world.tell(&Event::Opened(0));
        world
    }

    fn tell(&mut self, event: &Event) {
        for action in self.adapter.tell(self.now, event) {
            match action {
                Action::WakeAt(alarm) => drop(self.alarms.insert(alarm.alarm, alarm.time)),
                // The exchange's clock and whether it knows a symbol are another matter.
                Action::Request(request) if !request.address.contains("fromId") => {}
                Action::Request(request) => {
                    let part = |key: &str| {
                        let (_, rest) = request.address.split_once(key).unwrap();
                        rest.split('&').next().unwrap().to_owned()
                    };
                    let symbol = part("symbol=");
                    let at = NAMES.iter().position(|name| *name == symbol).unwrap();
                    let is_free = self.requests.iter().all(|(_, _, other, ..)| *other != at);
                    assert!(is_free, "two requests for {symbol}");
                    let (first, count) = (part("fromId="), part("limit="));
                    let (first, count) = (first.parse().unwrap(), count.parse().unwrap());
                    let arrival = self.now + self.delay;
                    self.requests
                        .push_back((arrival, request.request, at, first, count));
                    assert!(self.requests.len() <= IN_FLIGHT_MAX);
                }
                Action::Publish(MarketEvent::Trade(trade)) => {
                    assert_eq!(trade.price.to_string(), trade.sequence.to_string());
                    self.published[trade.instrument as usize].push(trade.sequence);
                }
                _ => {}
            }
        }
    }

    fn deliver(&mut self, at: usize, id: u64) {
        let (symbol, name, kind) = (NAMES[at], NAMES[at].to_lowercase(), self.stream);
        let key = &kind[..1];
        self.first[at].get_or_insert(id);
        self.received[at].insert(id);
        self.tell(&testing::frame(
            0,
            format!(
                r#"{{"stream":"{name}@{kind}","data":{{"e":"{kind}","E":1,"s":"{symbol}","{key}":{id},"p":"{id}","q":"1","T":1,"m":false,"M":true}}}}"#
            ),
        ));
    }

    fn trade(&mut self, at: usize, way: Way) {
        self.last[at] += 1;
        let id = self.last[at];
        let before = self.swapped[at].take();
        match way {
            Way::IsSwappedWithTheNext if before.is_none() => self.swapped[at] = Some(id),
            Way::IsDropped => {}
            Way::ArrivesTwice => {
                self.deliver(at, id);
                self.deliver(at, id);
            }
            Way::Arrives | Way::IsSwappedWithTheNext => self.deliver(at, id),
        }
        if let Some(before) = before {
            self.deliver(at, before);
        }
    }

    fn answer(&mut self, request: u32, at: usize, first: u64, count: u64) {
        let outcome = self.outcomes[self.asked % self.outcomes.len()];
        self.asked += 1;
        let all = first..(first + count).min(self.last[at] + 1);
        let ids: Vec<u64> = match outcome {
            Outcome::All => all.collect(),
            Outcome::Half => (first..first + count.div_ceil(2)).collect(),
            Outcome::WithHoles => all.filter(|id| id % 3 != 0).collect(),
            Outcome::Backwards => all.rev().collect(),
            Outcome::Twice => all.flat_map(|id| [id, id]).take(count as usize).collect(),
            Outcome::FromFurtherBack => (first.saturating_sub(5)..first + count)
                .take(count as usize)
                .collect(),
            Outcome::BeyondWhatWasAsked => (first + count / 2..first + count / 2 + count).collect(),
            Outcome::Nothing | Outcome::Garbage | Outcome::Status | Outcome::Failure => Vec::new(),
        };
        let rows: Vec<_> = ids
            .iter()
            .map(|id| match self.stream {
                "trade" => format!(
                    r#"{{"id":{id},"price":"{id}","qty":"1","time":1,"isBuyerMaker":false}}"#
                ),
                _ => format!(r#"{{"a":{id},"p":"{id}","q":"1","f":1,"l":1,"T":1,"m":false}}"#),
            })
            .collect();
        let body = format!("[{}]", rows.join(","));
        let event = match outcome {
            Outcome::Garbage => testing::answer(request, 200, &body.as_bytes()[1..]),
            Outcome::Status => testing::answer(request, 404, ""),
            Outcome::Failure => Event::Response(Response {
                request,
                outcome: Err(RequestFailure::TimedOut),
            }),
            _ => testing::answer(request, 200, body),
        };
        self.tell(&event);
    }

    fn wait(&mut self, milliseconds: u64) {
        let end = self.now + milliseconds * MS;
        loop {
            let alarm = self
                .alarms
                .iter()
                .map(|(alarm, time)| (*time, *alarm))
                .min();
            let answer = self.requests.front().map(|(time, ..)| *time);
            let due = alarm.map(|(time, _)| time).into_iter().chain(answer).min();
            let Some(due) = due.filter(|due| *due <= end) else {
                break;
            };
            self.now = self.now.max(due);
            if answer == Some(due) {
                let (_, request, at, first, count) = self.requests.pop_front().unwrap();
                self.answer(request, at, first, count);
            } else if let Some((_, alarm)) = alarm {
                self.alarms.remove(&alarm);
                self.tell(&Event::Alarm(alarm));
            }
        }
        self.now = end;
    }

    fn run(&mut self, steps: &[Step]) {
        for step in steps {
            match *step {
                Step::Trade(at, way) => self.trade(at, way),
                Step::Wait(milliseconds) => self.wait(milliseconds),
                Step::Reconnect(missed) => {
                    self.tell(&testing::closed(0));
                    self.last.iter_mut().for_each(|last| *last += missed);
                    self.swapped = [None; 6];
                    self.tell(&Event::Opened(0));
                }
            }
        }
        // One more of each, so that the last ones are missed too.
        for at in 0..NAMES.len() {
            self.trade(at, Way::Arrives);
        }
    }

    fn reports(&mut self) -> Vec<InstrumentReport> {
        let actions = self.adapter.tell(self.now, &Event::ReportWanted(0));
        let [Action::Report(reports)] = actions.as_slice() else {
            panic!("no report: {actions:?}")
        };
        reports.clone()
    }

    fn check_counts(&mut self) {
        for (at, report) in self.reports().into_iter().enumerate() {
            let published: BTreeSet<_> = self.published[at].iter().copied().collect();
            assert_eq!(published.len(), self.published[at].len(), "one came twice");
            let first = self.first[at].unwrap();
            assert!(published.first().is_none_or(|id| *id >= first));
            assert!(
                self.received[at]
                    .range(first..)
                    .all(|id| published.contains(id))
            );
            let counters = report.counters;
            assert_eq!(counters.trades, published.len() as u64);
            assert_eq!(
                counters.missing_trades,
                self.last[at] - first + 1 - counters.trades
            );
            let streamed = self.received[at].range(first..).count() as u64;
            assert!(counters.fetched_trades >= counters.trades - streamed);
            assert!(counters.fetched_trades <= counters.trades);
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let way = prop_oneof![
        12 => Just(Way::Arrives),
        1 => Just(Way::IsDropped),
        1 => Just(Way::ArrivesTwice),
        1 => Just(Way::IsSwappedWithTheNext),
    ];
    prop_oneof![
        30 => (0..NAMES.len(), way).prop_map(|(at, way)| Step::Trade(at, way)),
        1 => (1..1_100_u64).prop_map(Step::Reconnect),
        4 => (1..400_u64).prop_map(Step::Wait),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::All),
        1 => Just(Outcome::Half),
        1 => Just(Outcome::Nothing),
        1 => Just(Outcome::WithHoles),
        1 => Just(Outcome::Backwards),
        1 => Just(Outcome::Twice),
        1 => Just(Outcome::FromFurtherBack),
        1 => Just(Outcome::BeyondWhatWasAsked),
        1 => Just(Outcome::Garbage),
        1 => Just(Outcome::Status),
        1 => Just(Outcome::Failure),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn from_an_exchange_that_answers_all_trades_come_once_and_in_order(
        steps in prop::collection::vec(step(), 1..150),
        delay in 1..40_u64,
    ) {
        // The cheaper requests, so that none waits for its turn longer than a trade is held.
        let mut world = World::new("aggTrade", vec![Outcome::All], delay * MS);
        world.run(&steps);
        world.wait(5_000);
        world.check_counts();
        for (at, report) in world.reports().iter().enumerate() {
            let expected: Vec<_> = (world.first[at].unwrap()..=world.last[at]).collect();
            prop_assert_eq!(&world.published[at], &expected);
            prop_assert_eq!(report.counters.missing_trades, 0);
        }
    }

    #[test]
    fn whatever_the_exchange_answers_no_trade_comes_twice_and_none_is_kept_back(
        steps in prop::collection::vec(step(), 1..150),
        outcomes in prop::collection::vec(outcome(), 1..12),
        delay in 1..6_000_u64,
    ) {
        let mut world = World::new("trade", outcomes, delay * MS);
        world.run(&steps);
        world.wait(3_100);
        world.check_counts();
        world.wait(3_600_000);
        world.check_counts();
        prop_assert!(world.requests.is_empty(), "it asks for ever");
    }

    #[test]
    fn the_end_publishes_what_is_held_in_order(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new("trade", vec![Outcome::All], MS);
        world.run(&steps);
        world.tell(&Event::Stop);
        world.check_counts();
        for published in &world.published {
            prop_assert!(published.is_sorted());
        }
    }
}
