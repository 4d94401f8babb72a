//! The book against a slow one that cannot be wrong, and its horizon.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use marketprism_kit::book::{Book, Top};
use marketprism_kit::decimal::{self, DecimalError};
use marketprism_kit::wit::{Decimal, Level};
use proptest::prelude::*;

/// Price to the digits of price and quantity as last sent.
type Naive = BTreeMap<BigDecimal, (Decimal, Decimal)>;

fn level(price: Decimal, quantity: Decimal) -> Level {
    Level {
        price: price.mantissa,
        quantity: quantity.mantissa,
        price_scale: price.scale,
        quantity_scale: quantity.scale,
    }
}

fn texts(levels: &[(&str, &str)]) -> Vec<Level> {
    let read = |text: &str| decimal::parse(text.as_bytes()).unwrap();
    levels
        .iter()
        .map(|(price, quantity)| level(read(price), read(quantity)))
        .collect()
}

fn big(number: Decimal) -> BigDecimal {
    BigDecimal::new(number.mantissa.into(), number.scale.into())
}

fn put(naive: &mut Naive, price: Decimal, quantity: Decimal) {
    if quantity.mantissa == 0 {
        naive.remove(&big(price));
    } else {
        naive.insert(big(price), (price, quantity));
    }
}

fn shown(levels: Top<'_>) -> Vec<String> {
    levels
        .to_vec()
        .iter()
        .map(marketprism_kit::testing::level)
        .collect()
}

fn naive_shown<'a>(levels: impl Iterator<Item = &'a (Decimal, Decimal)>) -> Vec<String> {
    levels
        .map(|(price, quantity)| format!("{price}x{quantity}"))
        .collect()
}

/// Few prices, so that levels meet; at several scales, so that 1.5 and 1.50 meet too.
fn numbers() -> impl Strategy<Value = (Decimal, Decimal)> {
    let price = (1_i64..60, 0_u8..4, 0_u8..3).prop_map(|(whole, scale, zeros)| {
        Decimal::of(whole * 10_i64.pow(zeros.into()), scale + zeros)
    });
    let quantity = (0_i64..5, 0_u8..3).prop_map(|(mantissa, scale)| Decimal::of(mantissa, scale));
    (price, quantity)
}

proptest! {
    #[test]
    fn the_book_is_the_naive_book(
        snapshot in prop::collection::vec(numbers(), 0..40),
        updates in prop::collection::vec((prop::collection::vec(numbers(), 0..12), any::<bool>()), 0..40),
    ) {
        let mut book = Book::new(10_000);
        let (mut bids, mut asks) = (Naive::new(), Naive::new());
        let levels: Vec<_> = snapshot.iter().map(|(price, quantity)| level(*price, *quantity)).collect();
        book.load(&levels, &levels, usize::MAX).unwrap();
        for (price, quantity) in &snapshot {
            put(&mut bids, *price, *quantity);
            put(&mut asks, *price, *quantity);
        }
        for (changes, sorted) in &updates {
            let mut changes = changes.clone();
            if *sorted {
                changes.sort_by(|a, b| b.0.compare(a.0));
            }
            let levels: Vec<_> = changes.iter().map(|(price, quantity)| level(*price, *quantity)).collect();
            let backwards: Vec<_> = levels.iter().rev().cloned().collect();
            book.apply(&levels, &backwards).unwrap();
            changes.iter().for_each(|(price, quantity)| put(&mut bids, *price, *quantity));
            changes.iter().rev().for_each(|(price, quantity)| put(&mut asks, *price, *quantity));
            prop_assert_eq!(shown(book.top_bids(7)), naive_shown(bids.values().rev().take(7)));
            let crossed = match (bids.keys().next_back(), asks.keys().next()) {
                (Some(bid), Some(ask)) => bid >= ask,
                _ => false,
            };
            prop_assert_eq!(book.is_crossed(), crossed);
        }
        prop_assert_eq!(shown(book.top_bids(usize::MAX)), naive_shown(bids.values().rev()));
        prop_assert_eq!(shown(book.top_asks(usize::MAX)), naive_shown(asks.values()));
        prop_assert_eq!((book.bid_count(), book.ask_count()), (bids.len(), asks.len()));
    }
}

#[test]
fn levels_beyond_a_truncated_snapshot_are_kept_but_not_shown() {
    let mut book = Book::default();
    book.load(
        &texts(&[("10", "1"), ("9", "1")]),
        &texts(&[("11", "1")]),
        2,
    )
    .unwrap();
    assert!(!book.is_short_of(2));
    book.apply(&texts(&[("10", "0"), ("8", "1")]), &texts(&[("20", "1")]))
        .unwrap();
    assert_eq!(shown(book.top_bids(5)), ["9x1"]);
    assert_eq!(shown(book.top_asks(5)), ["11x1", "20x1"]);
    assert_eq!(book.bid_count(), 2);
    assert!(book.is_short_of(2) && !book.is_short_of(1));
    assert!(
        book.proves_bid(&texts(&[("9", "1")])[0]) && !book.proves_bid(&texts(&[("8", "1")])[0])
    );
    // A finer price moves the horizon's scale too.
    book.apply(&texts(&[("9.5", "1")]), &[]).unwrap();
    assert_eq!(shown(book.top_bids(5)), ["9.5x1", "9x1"]);
}

#[test]
fn a_side_never_holds_more_than_its_most_levels_and_says_where_it_ends() {
    let mut book = Book::new(32);
    book.load(&[], &[], 1_000).unwrap();
    let mut was_cut = false;
    for price in 1..=100_i64 {
        let bid = level(Decimal::of(price, 0), Decimal::of(1, 0));
        let ask = level(Decimal::of(1_000 - price, 0), Decimal::of(1, 0));
        was_cut |= book.apply(&[bid], &[ask]).unwrap();
        assert!(book.bid_count() <= 32 && book.ask_count() <= 32);
    }
    assert!(was_cut);
    assert_eq!(shown(book.top_bids(1)), ["100x1"]);
    assert_eq!(shown(book.top_asks(1)), ["900x1"]);
    book.apply(&texts(&[("1", "1")]), &[]).unwrap();
    assert!(!shown(book.top_bids(100)).contains(&"1x1".to_owned()));
    assert!(book.is_short_of(64));
}

#[test]
fn a_price_that_no_common_scale_holds_is_refused_and_nothing_is_applied() {
    let mut book = Book::default();
    book.load(&texts(&[("9223372036854775807", "1")]), &[], 10)
        .unwrap();
    let refused = book.apply(&texts(&[("5", "1"), ("0.5", "1")]), &texts(&[("7", "1")]));
    assert_eq!(refused, Err(DecimalError::OutOfRange));
    assert_eq!((book.bid_count(), book.ask_count()), (1, 0));
    let refused = book.load(
        &texts(&[("9223372036854775807", "1"), ("0.1", "1")]),
        &[],
        10,
    );
    assert_eq!(refused, Err(DecimalError::OutOfRange));
    assert_eq!(book.bid_count(), 1);
}
