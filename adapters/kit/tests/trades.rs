//! Trades in line: whatever order they come in, each comes out once, and in order where it was waited for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeSet;

use marketprism_kit::trades::{Line, Missing, Source, Taken};
use proptest::prelude::*;

/// A line of ids.
#[derive(Default)]
struct Ids {
    line: Line<u64>,
    out: Vec<u64>,
}

impl Ids {
    fn come(&mut self, now: u64, id: u64) {
        if self.line.follow(id) || self.line.take(now, id, Source::Stream, id) == Taken::Publish {
            self.out.push(id);
        }
        self.release(0);
    }

    fn release(&mut self, since: u64) {
        while let Some(id) = self.line.release(since, false) {
            self.out.push(id);
        }
    }
}

fn after(ids: impl IntoIterator<Item = u64>) -> Ids {
    let mut line = Ids::default();
    (1..).zip(ids).for_each(|(now, id)| line.come(now, id));
    line
}

#[test]
fn newer_ones_wait_for_what_is_missing_before_them() {
    let mut line = after([1, 3, 6, 4]);
    assert_eq!((line.out.as_slice(), line.line.held()), (&[1][..], 3));
    line.come(5, 2);
    assert_eq!(line.out, [1, 2, 3, 4]);
    line.come(6, 5);
    assert_eq!(
        (line.out.as_slice(), line.line.held()),
        (&[1, 2, 3, 4, 5, 6][..], 0)
    );
    assert!(line.line.follow(7), "the ordinary way is open again");
}

#[test]
fn the_longest_wait_is_that_of_the_first_in_line() {
    let mut line = after([1, 3, 6]);
    assert_eq!(line.line.waits_since(), Some(2));
    line.release(1);
    assert_eq!(line.out, [1]);
    line.release(2);
    assert_eq!(line.out, [1, 3], "another gap is before the next one");
    assert_eq!(line.line.waits_since(), Some(3));
    line.come(9, 5);
    assert_eq!(
        line.line.waits_since(),
        Some(3),
        "not begun anew by who comes before it"
    );
    line.come(10, 2);
    assert_eq!(line.out, [1, 3, 2], "late, but not left out");
}

#[test]
fn it_knows_what_to_ask_for_and_since_when() {
    let mut line = after([1, 4, 5, 8]);
    let missing = |first, last, since| Some(Missing { first, last, since });
    assert_eq!(line.line.missing(), missing(2, 3, 2));
    line.line.give_up(2);
    assert_eq!(line.line.missing(), missing(3, 3, 2));
    line.line.give_up(3);
    line.release(0);
    assert_eq!(
        (line.out.as_slice(), line.line.missing()),
        (&[1, 4, 5][..], missing(6, 7, 4))
    );
    assert_eq!(line.line.release(0, true), Some(8));
    assert_eq!(line.line.missing(), missing(6, 7, 0));
    assert_eq!(line.line.missing_count(), 4);
}

#[test]
fn what_was_fetched_is_counted_when_it_is_published() {
    let mut line = after([1, 5]);
    line.line.take(9, 4, Source::Request, 4);
    assert_eq!((line.line.fetched(), line.line.published()), (0, 1));
    line.line.take(9, 2, Source::Request, 2);
    line.line.give_up(3);
    line.release(0);
    assert_eq!((line.line.fetched(), line.line.published()), (2, 4));
}

proptest! {
    #[test]
    fn whatever_order_they_come_in_all_come_out_once_and_in_order(ids in Just((2..60_u64).collect::<Vec<_>>()).prop_shuffle(), twice in any::<prop::sample::Index>()) {
        let mut line = after([1]);
        for id in &ids {
            line.come(2, *id);
            line.come(2, ids[twice.index(ids.len())]);
        }
        prop_assert_eq!(line.out, (1..60).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_not_waited_for_comes_out_once_and_the_rest_is_counted(
        steps in prop::collection::vec((1..200_u64, 0..8_u8), 1..300),
    ) {
        let (mut line, mut came) = (Ids::default(), BTreeSet::new());
        for (now, (id, what)) in (1..).zip(steps) {
            line.come(now, id);
            came.insert(id);
            match what {
                0 => line.line.give_up(id),
                1 => line.release(now.saturating_sub(5)),
                2 => line.out.extend(line.line.release(0, true)),
                _ => {}
            }
            prop_assert_eq!(line.line.published(), line.out.len() as u64);
        }
        line.release(u64::MAX);
        prop_assert_eq!(line.line.held(), 0);
        let out: BTreeSet<_> = line.out.iter().copied().collect();
        prop_assert_eq!(out.len(), line.out.len(), "one came twice");
        let (first, last) = (line.out[0], *came.last().unwrap());
        let expected: BTreeSet<_> = came.range(first..).copied().collect();
        let missing = last - first + 1 - expected.len() as u64;
        // What is older than the first of all is left out.
        prop_assert_eq!((out, line.line.missing_count()), (expected, missing));
    }
}

#[test]
fn one_id_far_from_all_others_is_refused_and_two_that_agree_are_believed() {
    let far = 9_000_000_000_000;
    let mut line = after([1, 2]);
    assert_eq!(line.line.take(3, far, Source::Stream, far), Taken::Doubtful);
    line.come(4, 3);
    assert_eq!(line.out, [1, 2, 3], "it goes on as if nothing had been");
    assert_eq!(
        line.line.take(5, far + 1, Source::Stream, far + 1),
        Taken::Publish
    );
    line.come(6, far + 2);
    assert_eq!(line.out, [1, 2, 3, far + 2]);
    assert_eq!(
        line.line.missing_count(),
        0,
        "nobody knows how many went by"
    );

    let mut line = after([far, far + 1]);
    assert_eq!(line.line.take(3, 5, Source::Stream, 5), Taken::Doubtful);
    assert_eq!(
        line.line.take(4, 900_000_000_000, Source::Stream, 0),
        Taken::Doubtful
    );
    assert_eq!(
        line.line.take(5, 6, Source::Stream, 6),
        Taken::Doubtful,
        "no two of these agree"
    );
    assert_eq!(line.line.take(6, 7, Source::Stream, 7), Taken::Publish);
}
