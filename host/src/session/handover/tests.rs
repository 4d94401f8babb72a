//! Two versions, one after the other, as their publications meet.

use super::*;
use crate::sandbox::contract::{
    Book, BookChange, BookOccasion, BookState, BookStatus, Decimal, Instrument, Liquidation,
    MarketEvent, MarketType, OpenInterest, Side, Trade,
};
use crate::wire::{Subjects, Writer};

const NOW: u64 = 1_700_000_000_000_000_000;

fn instrument(id: u32, symbol: &str) -> Instrument {
    Instrument {
        id,
        exchange_symbol: symbol.to_owned(),
        exchange: "alpha".to_owned(),
        market_type: MarketType::Spot,
        symbol: symbol.to_owned(),
    }
}

/// A version whose adapter declares these instruments in this order.
struct Version {
    wire: Writer,
    outlet: Outlet,
}

impl Version {
    fn of(symbols: &[&str]) -> Self {
        let mut wire = Writer::new("alpha_spot", Subjects::default(), 10).unwrap();
        for (id, symbol) in symbols.iter().enumerate() {
            wire.declare(instrument(u32::try_from(id).unwrap(), symbol))
                .unwrap();
        }
        Self {
            wire,
            outlet: Outlet::new(),
        }
    }

    fn standing_by(symbols: &[&str]) -> Self {
        let mut version = Self::of(symbols);
        version.outlet.hold();
        version
    }

    /// As the session does it; the answer is what goes out.
    fn publish_at(
        &mut self,
        now: u64,
        tick: Option<u64>,
        mut event: MarketEvent,
    ) -> Option<MarketEvent> {
        let passage = self.outlet.judge(now, tick, &mut event, &self.wire);
        match passage {
            Passage::Out => {
                self.outlet.note(&event, tick);
                Some(event)
            }
            Passage::Held => {
                self.outlet.keep(Waiting {
                    received: now,
                    tick,
                    event,
                });
                None
            }
            Passage::Double => None,
        }
    }

    fn publish(&mut self, event: MarketEvent) -> Option<MarketEvent> {
        self.publish_at(NOW, None, event)
    }

    fn reach(&self) -> Reach {
        self.outlet.reach(self.wire.instruments())
    }

    fn joins(&mut self, reach: &Reach) -> bool {
        self.outlet.held().unwrap().joins(reach, &self.wire)
    }

    /// Its turn has come; `anew` is what its adapter publishes at that moment.
    fn take_over(&mut self, reach: Reach, anew: Vec<MarketEvent>) -> Vec<MarketEvent> {
        self.outlet.begin_opening();
        for event in anew {
            assert_eq!(self.publish(event), None);
        }
        let waiting = self.outlet.open(reach, NOW);
        let published = waiting
            .into_iter()
            .filter_map(|it| self.publish_at(NOW, it.tick, it.event));
        published.collect()
    }
}

const fn decimal(mantissa: i64) -> Decimal {
    Decimal { mantissa, scale: 0 }
}

fn trade(instrument: u32, sequence: u64) -> MarketEvent {
    MarketEvent::Trade(Trade {
        instrument,
        sequence,
        id: None,
        time: NOW,
        price: decimal(1),
        quantity: decimal(1),
        quantity_base: None,
        side: Side::Buy,
    })
}

fn top(sequence: u64, occasion: BookOccasion) -> MarketEvent {
    MarketEvent::Book(Book {
        instrument: 0,
        sequence,
        last_update_id: Some(sequence),
        time: None,
        occasion,
        first_update_id: None,
        previous_update_id: None,
        bids: vec![],
        asks: vec![],
    })
}

fn change(previous: u64, last: u64, snapshot: bool) -> MarketEvent {
    MarketEvent::BookChange(BookChange {
        instrument: 0,
        sequence: last,
        time: None,
        snapshot,
        first_update_id: last,
        last_update_id: last,
        previous_update_id: previous,
        bids: vec![],
        asks: vec![],
    })
}

fn status(state: BookState) -> MarketEvent {
    MarketEvent::BookStatus(BookStatus {
        instrument: 0,
        sequence: 0,
        state,
        reason: String::new(),
        time: NOW,
        gaps: 0,
        resyncs: 0,
        updates_applied: 0,
    })
}

fn liquidation(id: &str, sequence: u64) -> MarketEvent {
    MarketEvent::Liquidation(Liquidation {
        instrument: 0,
        sequence,
        time: NOW,
        id: id.to_owned(),
        side: Side::Sell,
        status: "filled".to_owned(),
        price: "1".to_owned(),
        quantity: "1".to_owned(),
        filled_quantity: None,
        notional_value: None,
        average_price: None,
        bankruptcy_price: None,
        quantity_base: None,
        all_instruments: false,
    })
}

fn interest(sequence: u64) -> MarketEvent {
    MarketEvent::OpenInterest(OpenInterest {
        instrument: 0,
        sequence,
        time: NOW,
        value: "1".to_owned(),
        usd: None,
        mark_price: None,
    })
}

#[test]
fn each_trade_goes_out_once_and_in_order_whatever_the_versions_call_their_instruments() {
    let mut old = Version::of(&["BTC", "ETH"]);
    let mut new = Version::standing_by(&["ETH", "BTC"]);
    for id in 5..=9 {
        assert!(old.publish(trade(0, id)).is_some());
        assert!(old.publish(trade(1, 10 * id)).is_some());
    }
    // 0 is ETH here.
    for id in [80, 90, 100] {
        assert!(new.publish(trade(0, id)).is_none());
    }
    for id in 8..=11 {
        assert!(new.publish(trade(1, id)).is_none());
    }
    assert!(new.joins(&old.reach()));
    let published = new.take_over(old.reach(), vec![]);
    assert_eq!(published, [trade(0, 100), trade(1, 10), trade(1, 11)]);
    assert_eq!(new.publish(trade(1, 11 - 2)), None, "a late one came there");
    assert!(new.publish(trade(1, 12)).is_some());
}

#[test]
fn a_version_whose_trades_begin_too_late_does_not_join_yet() {
    let (mut old, mut new) = (Version::of(&["BTC"]), Version::standing_by(&["BTC"]));
    old.publish(trade(0, 5));
    assert!(new.joins(&old.reach()), "no trade came since it stands by");
    new.publish(trade(0, 8));
    assert!(!new.joins(&old.reach()), "6 and 7 are still to come there");
    old.publish(trade(0, 7));
    assert!(new.joins(&old.reach()));
}

#[test]
fn a_book_goes_on_with_a_snapshot_that_is_not_older() {
    let (mut old, mut new) = (Version::of(&["BTC"]), Version::standing_by(&["BTC"]));
    old.publish(top(20, BookOccasion::Update));
    old.publish(change(19, 20, false));
    new.publish(status(BookState::Synced));
    new.publish(change(18, 19, false));
    let reach = old.reach();
    let held = new.outlet.held().unwrap();
    assert!(!held.is_level_with(&reach, &new.wire));
    new.publish(change(19, 20, false));
    let held = new.outlet.held().unwrap();
    assert!(held.is_level_with(&reach, &new.wire));
    let anew = vec![top(20, BookOccasion::Snapshot), change(20, 20, true)];
    assert_eq!(
        new.take_over(reach, anew.clone()),
        [vec![status(BookState::Synced)], anew].concat()
    );
    assert!(new.publish(top(21, BookOccasion::Update)).is_some());
    assert!(new.publish(change(20, 21, false)).is_some());
}

#[test]
fn a_book_that_lags_behind_goes_on_once_it_is_there() {
    let (mut old, mut new) = (Version::of(&["BTC"]), Version::standing_by(&["BTC"]));
    old.publish(top(20, BookOccasion::Update));
    old.publish(change(19, 20, false));
    let anew = vec![top(18, BookOccasion::Snapshot), change(18, 18, true)];
    assert!(new.take_over(old.reach(), anew).is_empty());
    assert_eq!(new.publish(top(19, BookOccasion::Update)), None);
    assert_eq!(new.publish(change(18, 19, false)), None);
    let first = new.publish(top(20, BookOccasion::Update));
    assert_eq!(first, Some(top(20, BookOccasion::Snapshot)));
    assert_eq!(new.publish(change(19, 20, false)), None);
    assert!(
        new.publish(change(20, 21, false)).is_some(),
        "what consumers have goes on"
    );
}

#[test]
fn changes_that_do_not_fit_are_held_back_until_the_book_comes_whole() {
    let (mut old, mut new) = (Version::of(&["BTC"]), Version::standing_by(&["BTC"]));
    old.publish(change(19, 20, false));
    assert!(new.take_over(old.reach(), vec![]).is_empty());
    assert_eq!(new.publish(change(19, 22, false)), None);
    assert!(!new.outlet.wants_whole(NOW));
    assert!(new.outlet.wants_whole(NOW + 1_000_000_000));
    assert!(!new.outlet.wants_whole(NOW + 1_000_000_000), "told once");
    assert!(new.publish(change(22, 22, true)).is_some());
    assert!(new.publish(change(22, 25, false)).is_some());
}

#[test]
fn an_exchange_that_began_its_ids_again_does_not_stop_a_book_for_ever() {
    let (mut old, mut new) = (Version::of(&["BTC"]), Version::standing_by(&["BTC"]));
    old.publish(top(1_000, BookOccasion::Update));
    old.publish(change(999, 1_000, false));
    new.take_over(old.reach(), vec![]);
    assert_eq!(new.publish(top(5, BookOccasion::Update)), None);
    let later = NOW + 11_000_000_000;
    assert!(
        new.publish_at(later, None, top(6, BookOccasion::Update))
            .is_some()
    );
    assert_eq!(new.publish_at(later, None, change(5, 6, false)), None);
    assert!(new.publish_at(later, None, change(6, 6, true)).is_some());
}

#[test]
fn each_tick_has_one_snapshot_whoever_publishes_it() {
    let (mut old, mut new) = (Version::of(&["BTC"]), Version::standing_by(&["BTC"]));
    let tick = |number: u64| Some(NOW + number * 1_000);
    let at = |outlet: &mut Version, number, sequence| {
        outlet.publish_at(NOW, tick(number), top(sequence, BookOccasion::Interval))
    };
    assert!(at(&mut old, 1, 10).is_some());
    at(&mut new, 1, 10);
    // The old one publishes the second tick too.
    assert!(at(&mut old, 2, 11).is_some());
    at(&mut new, 2, 11);
    assert!(new.take_over(old.reach(), vec![]).is_empty());
    assert_eq!(at(&mut new, 2, 12), None);
    assert!(at(&mut new, 3, 12).is_some());

    // The tick came to the new one before its turn, and never to the old one.
    let mut third = Version::standing_by(&["BTC"]);
    at(&mut third, 4, 15);
    let published = third.take_over(new.reach(), vec![]);
    assert_eq!(published, [top(15, BookOccasion::Interval)]);
}

#[test]
fn where_a_book_stands_is_told_when_it_stands_elsewhere() {
    for (before, now, is_told) in [
        (BookState::Synced, BookState::Synced, false),
        (BookState::Synced, BookState::Stale, true),
        (BookState::Resyncing, BookState::Synced, true),
    ] {
        let (mut old, mut new) = (Version::of(&["BTC"]), Version::standing_by(&["BTC"]));
        old.publish(status(before));
        new.publish(status(BookState::Resyncing));
        new.publish(status(now));
        let told = new.take_over(old.reach(), vec![]);
        assert_eq!(!told.is_empty(), is_told, "{before:?} {now:?}");
        assert!(new.publish(status(now)).is_some());
    }
}

#[test]
fn what_is_stored_goes_out_once() {
    let (mut old, mut new) = (Version::of(&["BTC"]), Version::standing_by(&["BTC"]));
    old.publish(liquidation("a", 7));
    old.publish(interest(100));
    new.publish(liquidation("a", 7));
    new.publish(liquidation("b", 7));
    new.publish(interest(100));
    let published = new.take_over(old.reach(), vec![interest(100)]);
    assert_eq!(published, [liquidation("b", 7)]);
    assert_eq!(new.publish(liquidation("a", 7)), None);
    assert!(new.publish(interest(101)).is_some());
}

#[test]
fn what_earlier_instances_published_counts() {
    let mut old = Version::of(&["BTC", "ETH"]);
    old.publish(trade(0, 5));
    old.publish(trade(1, 50));
    // The next instance numbers them otherwise.
    old.outlet.begin_again(old.wire.instruments());
    let mut again = Version::of(&["ETH"]);
    again.outlet = old.outlet;
    again.publish(trade(0, 51));
    let mut new = Version::standing_by(&["BTC", "ETH"]);
    for (instrument, id) in [(0, 5), (0, 6), (1, 50), (1, 51), (1, 52)] {
        new.publish(trade(instrument, id));
    }
    let published = new.take_over(again.reach(), vec![]);
    assert_eq!(published, [trade(0, 6), trade(1, 52)]);
}

#[test]
fn what_a_version_publishes_nothing_of_goes_on_where_the_one_before_it_left_it() {
    let mut first = Version::of(&["BTC"]);
    let all = [
        trade(0, 7),
        interest(50),
        liquidation("a", 1),
        status(BookState::Synced),
    ];
    for event in all.clone() {
        assert!(first.publish(event).is_some());
    }
    let mut second = Version::standing_by(&["BTC"]);
    assert_eq!(second.take_over(first.reach(), vec![]), vec![]);
    assert_eq!(second.reach(), first.reach());
    let mut third = Version::standing_by(&["ETH", "BTC"]);
    for event in [trade(1, 7), trade(1, 8)] {
        third.publish(event);
    }
    assert_eq!(third.take_over(second.reach(), vec![]), vec![trade(1, 8)]);
    let mut fourth = Version::standing_by(&["BTC"]);
    for event in all {
        fourth.publish(event);
    }
    assert_eq!(fourth.take_over(third.reach(), vec![]), vec![]);
}

#[test]
fn what_cannot_be_held_is_counted() {
    let mut new = Version::standing_by(&["BTC"]);
    for id in 0..200_003 {
        new.publish(trade(0, id));
    }
    assert_eq!(new.outlet.held().unwrap().dropped(), 3);
}
