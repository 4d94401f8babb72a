//! Connections replace one another at random while each delivers at its own speed and cuts the stream at its own places:
//! every book that is published is the true one at its update id.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::{BTreeMap, VecDeque};

use marketprism_binance::Binance;
use marketprism_kit::testing::{self, Driver, level};
use marketprism_kit::wit::{Action, BookState, Event, MarketEvent, unpack};

const SECOND: u64 = 1_000_000_000;
const SHUTDOWN: &str = r#"{"e":"serverShutdown","E":1770123456789}"#;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

/// Price to quantity; a bid below 100, an ask above.
type Levels = BTreeMap<u64, u64>;

fn side(levels: &Levels, bids: bool) -> Vec<String> {
    let text = |(price, quantity): (&u64, &u64)| format!("{price}x{quantity}");
    if bids {
        levels.range(..100).rev().map(text).collect()
    } else {
        levels.range(100..).map(text).collect()
    }
}

/// An update: first, last and previous id, and what it changes.
#[derive(Clone)]
struct Update(u64, u64, u64, Levels);

struct World {
    usd_m: bool,
    driver: Driver<Binance>,
    random: Random,
    now: u64,
    alarms: BTreeMap<u32, u64>,
    /// The true book at each update id.
    truth: BTreeMap<u64, Levels>,
    head: u64,
    /// What each open connection has still to deliver.
    open: BTreeMap<u32, VecDeque<Update>>,
    published: usize,
    newest: u64,
    synced: bool,
}

impl World {
    fn new(usd_m: bool, seed: u64) -> Self {
        let start = 1_760_000_000 * SECOND;
        let first: Levels = (90..110)
            .filter(|price| *price != 100)
            .map(|price| (price, 1))
            .collect();
        let mut world = Self {
            usd_m,
            driver: Driver::default(),
            random: Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            now: start,
            alarms: BTreeMap::new(),
            truth: BTreeMap::from([(1_000, first)]),
            head: 1_000,
            open: BTreeMap::new(),
            published: 0,
            newest: 0,
            synced: false,
        };
        let venue = if usd_m {
            "binance_derivatives"
        } else {
            "binance_spot"
        };
        let settings = format!(
            r#"{{"exchange":"{venue}","data_types":["orderbook"],"orderbook":{{"method":"websocket"}}}}"#
        );
        world.tell(&testing::start(&settings, &["BTCUSDT"]));
        world
    }

    fn tell(&mut self, event: &Event) {
        let mut next = Vec::new();
        for action in self.driver.tell(self.now, event) {
            match action {
                Action::Connect(to) => next.push(Event::Opened(to.connection)),
                Action::Close(connection) => {
                    self.open.remove(&connection);
                    next.push(testing::closed(connection));
                }
                Action::Send(it) => {
                    let id = it.text.rsplit_once(":").unwrap().1.trim_end_matches('}');
                    if it.text.contains("UNSUBSCRIBE") {
                        self.open.remove(&it.connection);
                    } else {
                        self.open.entry(it.connection).or_default();
                    }
                    let answer = format!(r#"{{"result":null,"id":{id}}}"#);
                    next.push(testing::frame(it.connection, answer));
                }
                Action::WakeAt(at) => drop(self.alarms.insert(at.alarm, at.time)),
                Action::Request(it) if it.address.contains("/depth") => {
                    next.push(testing::answer(it.request, 200, self.snapshot()));
                }
                Action::Request(it) => next.push(testing::answer(it.request, 500, "")),
                Action::Publish(event) => self.check(&event),
                Action::Refused(it) => panic!("refused {}: {}", it.rule, it.detail),
                _ => {}
            }
        }
        for event in next {
            self.tell(&event);
        }
    }

    fn snapshot(&self) -> String {
        let levels = &self.truth[&self.head];
        let text = |bids| {
            let side = side(levels, bids);
            let side: Vec<_> = side
                .iter()
                .map(|it| format!(r#"["{}"]"#, it.replace('x', r#"",""#)))
                .collect();
            side.join(",")
        };
        let (bids, asks) = (text(true), text(false));
        format!(
            r#"{{"lastUpdateId":{},"bids":[{bids}],"asks":[{asks}]}}"#,
            self.head
        )
    }

    fn check(&mut self, event: &MarketEvent) {
        match event {
            MarketEvent::BookStatus(it) => self.synced = it.state == BookState::Synced,
            MarketEvent::Book(it) => {
                assert!(self.synced);
                let id = it.last_update_id.unwrap();
                assert!(id >= self.newest, "{id} after {}", self.newest);
                self.newest = id;
                self.published += 1;
                let truth = &self.truth[&id];
                for (levels, bids) in [(&it.bids, true), (&it.asks, false)] {
                    let found: Vec<_> = unpack(levels).iter().map(level).collect();
                    assert_eq!(found, side(truth, bids), "at {id}");
                }
            }
            _ => {}
        }
    }

    /// The exchange makes an update and every connection is to deliver it, some together with the next.
    fn make(&mut self) {
        let previous = self.head;
        let first = previous + 1 + if self.usd_m { self.random.below(3) } else { 0 };
        let last = first + self.random.below(3);
        let price = match 90 + self.random.below(20) {
            // These stay, so that both sides always hold something.
            90 | 100 | 109 => 91,
            price => price,
        };
        let quantity = if self.random.below(3) == 0 { 0 } else { last };
        let mut levels = self.truth[&previous].clone();
        if quantity == 0 {
            levels.remove(&price);
        } else {
            levels.insert(price, quantity);
        }
        self.truth.insert(last, levels);
        self.head = last;
        let update = Update(first, last, previous, Levels::from([(price, quantity)]));
        for (connection, queue) in &mut self.open {
            let joins = connection % 2 == 1 && self.random.below(2) == 0;
            match queue.back_mut().filter(|_| joins) {
                Some(back) => {
                    back.1 = update.1;
                    back.3.extend(update.3.clone());
                }
                None => queue.push_back(update.clone()),
            }
        }
    }

    fn deliver(&mut self, connection: u32) {
        let Some(Update(first, last, previous, levels)) =
            self.open.get_mut(&connection).and_then(VecDeque::pop_front)
        else {
            return;
        };
        let text = |levels: Vec<(&u64, &u64)>| {
            let text: Vec<_> = levels
                .iter()
                .map(|(price, quantity)| format!(r#"["{price}","{quantity}"]"#))
                .collect();
            text.join(",")
        };
        let (bids, asks) = (
            text(levels.range(..100).collect()),
            text(levels.range(100..).collect()),
        );
        let (time, before) = if self.usd_m {
            (r#""T":5,"#, format!(r#""pu":{previous},"#))
        } else {
            ("", String::new())
        };
        let frame = format!(
            r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":5,{time}"s":"BTCUSDT","U":{first},"u":{last},{before}"b":[{bids}],"a":[{asks}]}}}}"#
        );
        self.tell(&testing::frame(connection, frame));
    }

    fn pass(&mut self, time: u64) {
        self.now += time;
        let due: Vec<_> = self
            .alarms
            .iter()
            .filter(|(_, at)| **at <= self.now)
            .map(|(alarm, _)| *alarm)
            .collect();
        for alarm in due {
            self.alarms.remove(&alarm);
            self.tell(&Event::Alarm(alarm));
        }
    }

    fn pick(&mut self) -> Option<u32> {
        let all: Vec<_> = self.open.keys().copied().collect();
        let at = self.random.below(all.len().max(1) as u64) as usize;
        all.get(at).copied()
    }

    fn run(&mut self, steps: u64, with_losses: bool) {
        for _ in 0..steps {
            match self.random.below(400) {
                0 => {
                    if let Some(connection) = self.pick() {
                        self.tell(&testing::frame(connection, SHUTDOWN));
                    }
                }
                1 if with_losses => {
                    if let Some(connection) = self.pick() {
                        self.open.remove(&connection);
                        self.tell(&testing::closed(connection));
                    }
                }
                2 if with_losses => {
                    // A frame is lost.
                    if let Some(connection) = self.pick() {
                        self.open.get_mut(&connection).unwrap().pop_front();
                    }
                }
                3..=160 => self.make(),
                161..=390 => {
                    if let Some(connection) = self.pick() {
                        self.deliver(connection);
                    }
                }
                _ => self.pass(SECOND / 3),
            }
        }
    }

    /// Delivers everything and lets things settle.
    fn settle(&mut self) {
        for _ in 0..200 {
            self.make();
            for connection in self.open.keys().copied().collect::<Vec<_>>() {
                while self
                    .open
                    .get(&connection)
                    .is_some_and(|queue| !queue.is_empty())
                {
                    self.deliver(connection);
                }
            }
            self.pass(SECOND);
        }
        assert!(self.synced, "not synced in the end");
        assert_eq!(self.newest, self.head);
    }

    fn report(&mut self) -> (u64, u64) {
        let actions = self.driver.tell(self.now, &Event::ReportWanted(1));
        let [Action::Report(reports)] = actions.as_slice() else {
            panic!("no report")
        };
        (reports[0].counters.gaps, reports[0].counters.resyncs)
    }
}

#[test]
fn whatever_connections_do_every_published_book_is_true() {
    for usd_m in [false, true] {
        for seed in 1..=40 {
            let mut world = World::new(usd_m, seed);
            world.run(6_000, true);
            world.settle();
            assert!(world.published > 500, "{}", world.published);
        }
    }
}

#[test]
fn planned_renewals_cost_no_snapshot() {
    for usd_m in [false, true] {
        for seed in 1..=40 {
            let mut world = World::new(usd_m, seed);
            world.run(6_000, false);
            world.settle();
            assert_eq!(world.report(), (0, 0), "usd_m {usd_m}, seed {seed}");
        }
    }
}
