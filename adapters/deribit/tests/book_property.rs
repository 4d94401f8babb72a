//! A book against an exchange whose truth is known, while frames are lost, doubled and swapped and connections break:
//! whatever is published is the true book at its id.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use std::collections::{BTreeMap, BTreeSet};

use marketprism_kit::testing::{self, level};
use marketprism_kit::wit::{Action, BookState, Event, MarketEvent, unpack};
use proptest::prelude::*;
use world::{SECOND, World, change, snapshot, subscriptions};

/// Levels of one side: amount by price.
type Side = BTreeMap<u64, u64>;

/// What the exchange does with the next change of its book.
#[derive(Debug, Clone, Copy)]
enum Step {
    Arrives,
    IsLost,
    ComesTwice,
    /// Comes behind the next one.
    IsLate,
    /// The connection breaks and opens again.
    Breaks,
    /// So many seconds go by.
    Quiet(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => Just(Step::Arrives),
        1 => Just(Step::IsLost),
        1 => Just(Step::ComesTwice),
        1 => Just(Step::IsLate),
        1 => Just(Step::Breaks),
        2 => (1_u8..40).prop_map(Step::Quiet),
    ]
}

struct Exchange {
    id: u64,
    bids: Side,
    asks: Side,
    /// The true top of the book at each id.
    truth: BTreeMap<u64, (String, String)>,
}

fn show<'a>(levels: impl Iterator<Item = (&'a u64, &'a u64)>) -> String {
    let all: Vec<_> = levels
        .map(|(price, amount)| format!("{price}x{amount}"))
        .collect();
    all.join(" ")
}

fn entries(side: &Side) -> String {
    let all: Vec<_> = side
        .iter()
        .map(|(price, amount)| format!("[\"new\",{price},{amount}]"))
        .collect();
    all.join(",")
}

impl Exchange {
    fn new() -> Self {
        let mut exchange = Self {
            id: 100,
            bids: Side::from([(90, 1)]),
            asks: Side::from([(110, 1)]),
            truth: BTreeMap::new(),
        };
        exchange.note();
        exchange
    }

    fn note(&mut self) {
        let top = (show(self.bids.iter().rev()), show(self.asks.iter()));
        self.truth.insert(self.id, top);
    }

    fn snapshot(&self) -> String {
        snapshot(self.id, &entries(&self.bids), &entries(&self.asks))
    }

    /// One level of the book changes; gives the message.
    fn change(&mut self, seed: u64) -> String {
        let previous = self.id;
        self.id += 1 + seed % 3;
        let is_bid = seed.is_multiple_of(2);
        let (side, price) = if is_bid {
            (&mut self.bids, 80 + seed / 7 % 19)
        } else {
            (&mut self.asks, 101 + seed / 7 % 19)
        };
        let entry = if seed.is_multiple_of(5) && side.len() > 1 && side.contains_key(&price) {
            side.remove(&price);
            format!("[\"delete\",{price},0]")
        } else {
            let verb = if side.contains_key(&price) {
                "change"
            } else {
                "new"
            };
            let amount = 1 + seed % 97;
            side.insert(price, amount);
            format!("[\"{verb}\",{price},{amount}]")
        };
        self.note();
        if is_bid {
            change(previous, self.id, &entry, "")
        } else {
            change(previous, self.id, "", &entry)
        }
    }
}

#[derive(Default)]
struct Checked {
    published: usize,
    synced: bool,
    /// The exchange is to send a snapshot.
    wanted: bool,
    ids: BTreeSet<u64>,
}

impl Checked {
    fn tell(&mut self, world: &mut World, exchange: &Exchange, event: &Event) {
        let actions = world.actions(event);
        let said = testing::lines(&actions);
        for action in &actions {
            match action {
                Action::Publish(MarketEvent::BookStatus(status)) => {
                    self.synced = status.state == BookState::Synced;
                }
                Action::Publish(MarketEvent::Book(book)) => {
                    assert!(self.synced, "{said}");
                    let id = book.last_update_id.unwrap();
                    let side = |levels: &[i64]| {
                        let all: Vec<_> = unpack(levels).iter().map(level).collect();
                        all.join(" ")
                    };
                    let found = (side(&book.bids), side(&book.asks));
                    assert_eq!(Some(&found), exchange.truth.get(&id), "at {id}");
                    self.published += 1;
                    self.ids.insert(id);
                }
                _ => {}
            }
        }
        if !subscriptions(&said).is_empty() {
            world::accept(world, 0, &said);
            self.wanted = true;
        }
        if said.contains("connect 0") {
            self.tell(world, exchange, &Event::Opened(0));
        }
    }

    /// The exchange sends the snapshot that it was asked for.
    fn answer(&mut self, world: &mut World, exchange: &Exchange) {
        if std::mem::take(&mut self.wanted) {
            let snapshot = testing::frame(0, exchange.snapshot());
            self.tell(world, exchange, &snapshot);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_is_published_is_true(steps in prop::collection::vec((step(), any::<u32>()), 1..120)) {
        const BOOKS: &str = r#"{"data_types":["orderbook"],"orderbook":{"method":"websocket"}}"#;
        let (mut world, _) = world::start(BOOKS, &["BTC-PERPETUAL"]);
        let (mut exchange, mut checked) = (Exchange::new(), Checked::default());
        checked.tell(&mut world, &exchange, &Event::Opened(0));
        checked.answer(&mut world, &exchange);
        let mut late: Option<String> = None;
        for (step, seed) in steps {
            let mut frames = Vec::new();
            match step {
                Step::Quiet(seconds) => {
                    for _ in 0..seconds {
                        // Alarms one by one, so that what they ask for is answered.
                        for event in world.due(SECOND) {
                            checked.tell(&mut world, &exchange, &event);
                        }
                        checked.answer(&mut world, &exchange);
                    }
                }
                Step::Breaks => {
                    checked.tell(&mut world, &exchange, &testing::closed(0));
                    late = None;
                    checked.answer(&mut world, &exchange);
                }
                Step::Arrives => frames.push(exchange.change(seed.into())),
                Step::IsLost => drop(exchange.change(seed.into())),
                Step::ComesTwice => {
                    let frame = exchange.change(seed.into());
                    frames.extend([frame.clone(), frame]);
                }
                Step::IsLate => {
                    frames.extend(late.take());
                    late = Some(exchange.change(seed.into()));
                    continue;
                }
            }
            frames.extend(late.take());
            for frame in frames {
                let frame = testing::frame(0, frame);
                checked.tell(&mut world, &exchange, &frame);
            }
        }
        // In the end it is synced again, however bad it was.
        for _ in 0..300 {
            for event in world.due(SECOND) {
                checked.tell(&mut world, &exchange, &event);
            }
            checked.answer(&mut world, &exchange);
            let frame = exchange.change(7);
            let frame = testing::frame(0, frame);
            checked.tell(&mut world, &exchange, &frame);
        }
        prop_assert!(checked.synced);
        prop_assert!(checked.ids.contains(&exchange.id));
    }
}
