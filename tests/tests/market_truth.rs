//! The adapter of Binance on a market whose true book is known: whatever it publishes must be true.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at its first surprise"
)]

use std::collections::{BTreeMap, VecDeque};

use marketprism_binance::Binance;
use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::{Action, Book, BookState, Decimal, Event, MarketEvent, unpack};
use marketprism_tests::binance_form::{decimal, depth_answer, frame};
use marketprism_tests::capture::START_NS;
use marketprism_tests::market::{Level, Levels, Market, Terms};

const MS: u64 = 1_000_000;
const ANSWER_DELAY_NS: u64 = 45 * MS;
/// Levels a side in a published book.
const DEPTH: usize = 100;
const SYMBOLS: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];

/// One session beside the market, in virtual time.
struct World {
    market: Market,
    adapter: Driver<Binance>,
    now: u64,
    alarms: BTreeMap<u32, u64>,
    /// Answers under way: arrival, request, body.
    answers: VecDeque<(u64, u32, String)>,
    books: u64,
    trades: u64,
}

impl World {
    fn tell(&mut self, event: &Event) {
        for action in self.adapter.tell(self.now, event) {
            match action {
                Action::Connect(connect) => self.tell(&Event::Opened(connect.connection)),
                Action::WakeAt(alarm) => drop(self.alarms.insert(alarm.alarm, alarm.time)),
                Action::Request(request) => self.answer(request.request, &request.address),
                Action::Publish(MarketEvent::Book(book)) => self.check(&book),
                Action::Publish(MarketEvent::Trade(_)) => self.trades += 1,
                Action::Refused(refusal) => panic!("{}: {}", refusal.rule, refusal.detail),
                _ => {}
            }
        }
    }

    /// The exchange looks at its book when the request arrives; other requests have no answer.
    fn answer(&mut self, request: u32, address: &str) {
        let of_symbol = |symbol: &&&str| address.contains(&format!("symbol={symbol}"));
        if let Some(symbol) = SYMBOLS.iter().find(of_symbol)
            && address.contains("/api/v3/depth")
        {
            let listing = self.market.listing(symbol).unwrap();
            let body = depth_answer(listing.terms(), &listing.snapshot(1_000));
            self.answers
                .push_back((self.now + ANSWER_DELAY_NS, request, body));
        }
    }

    fn check(&mut self, book: &Book) {
        let symbol = SYMBOLS.get(book.instrument as usize).unwrap();
        let listing = self.market.listing(symbol).unwrap();
        let truth = listing.top_at(book.last_update_id.unwrap(), DEPTH).unwrap();
        assert_eq!(published(book), text(listing.terms(), &truth), "{symbol}");
        self.books += 1;
    }

    /// Millisecond by millisecond: alarms, answers, then what the market told.
    fn run(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.now += MS;
            let told = self.market.advance(self.now);
            let due: Vec<u32> = self
                .alarms
                .iter()
                .filter(|(_, time)| **time <= self.now)
                .map(|(alarm, _)| *alarm)
                .collect();
            for alarm in due {
                self.alarms.remove(&alarm);
                self.tell(&Event::Alarm(alarm));
            }
            while let Some((_, request, body)) =
                self.answers.pop_front_if(|(time, ..)| *time <= self.now)
            {
                self.tell(&testing::answer(request, 200, body));
            }
            for occurrence in told {
                self.tell(&testing::frame(0, frame(&occurrence)));
            }
        }
    }
}

type Text = Vec<(String, String)>;

fn published(book: &Book) -> (Text, Text) {
    let side = |levels: &[i64]| {
        let text = |mantissa, scale| Decimal::of(mantissa, scale).to_string();
        unpack(levels)
            .iter()
            .map(|one| {
                (
                    text(one.price, one.price_scale),
                    text(one.quantity, one.quantity_scale),
                )
            })
            .collect()
    };
    (side(&book.bids), side(&book.asks))
}

fn text(terms: &Terms, levels: &Levels) -> (Text, Text) {
    let side = |levels: &[Level]| {
        levels
            .iter()
            .map(|one| {
                (
                    decimal(one.price, terms.price_decimals),
                    decimal(one.quantity, terms.quantity_decimals),
                )
            })
            .collect()
    };
    (side(&levels.bids), side(&levels.asks))
}

fn check_session(seed: u64, orderbook: &str) {
    let mut world = World {
        market: Market::open(seed, &SYMBOLS, START_NS),
        adapter: Driver::default(),
        now: START_NS,
        alarms: BTreeMap::new(),
        answers: VecDeque::new(),
        books: 0,
        trades: 0,
    };
    let settings = format!(r#"{{"orderbook":{orderbook}}}"#);
    world.tell(&testing::start(&settings, &SYMBOLS));
    world.run(30_000);

    // Ten a second of each symbol, but for the time that synchronisation takes.
    assert!(world.books > 800, "{} books", world.books);
    assert!(world.trades > 3_000, "{} trades", world.trades);
    let actions = world.adapter.tell(world.now, &Event::ReportWanted(5));
    let [Action::Report(reports)] = actions.as_slice() else {
        panic!("no report: {actions:?}")
    };
    assert_eq!(reports.len(), SYMBOLS.len());
    for report in reports {
        assert_eq!(report.book_state, Some(BookState::Synced));
        assert_eq!((report.counters.gaps, report.counters.resyncs), (0, 0));
        assert_eq!(report.counters.missing_trades, 0);
    }
}

#[test]
fn every_book_published_on_change_is_the_true_one() {
    for seed in 0..3 {
        check_session(
            seed,
            &format!(r#"{{"method":"update","nats_publish_depth":{DEPTH}}}"#),
        );
    }
}

#[test]
fn every_book_published_at_its_time_is_the_true_one() {
    for seed in 3..6 {
        check_session(
            seed,
            &format!(r#"{{"snapshot_interval":0.1,"snapshot_depth":{DEPTH}}}"#),
        );
    }
}
