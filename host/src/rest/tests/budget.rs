//! The pure budget: never more than the limit, nothing while paused.

use proptest::prelude::*;

use crate::rest::{Budget, Limit, Pause, Verdict};
use std::time::Duration;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn weight_comes_back_when_it_leaves_the_window() {
    let mut budget = Budget::new(Limit::per_minute(100));
    assert_eq!(budget.ask(60, s(0)), Verdict::Send);
    assert_eq!(budget.ask(40, s(10)), Verdict::Send);
    assert_eq!(budget.ask(1, s(20)), Verdict::Wait(s(60)));
    assert_eq!(budget.ask(61, s(20)), Verdict::Wait(s(70)));
    assert_eq!(budget.ask(60, s(60)), Verdict::Send);
    assert_eq!(budget.usage(s(70)).used, 60);
}

#[test]
fn a_request_above_the_whole_limit_never_goes() {
    assert_eq!(
        Budget::new(Limit::per_minute(100)).ask(101, s(0)),
        Verdict::Never
    );
}

#[test]
fn what_others_spent_counts_as_spent() {
    let mut budget = Budget::new(Limit::per_minute(100));
    assert_eq!(budget.ask(10, s(0)), Verdict::Send);
    budget.told_used(95, s(1));
    assert_eq!(budget.ask(6, s(2)), Verdict::Wait(s(60)));
    assert_eq!(budget.ask(5, s(2)), Verdict::Send);
    // The other side's window began anew: only our own is left.
    budget.told_used(3, s(3));
    assert_eq!(budget.usage(s(3)).used, 15);
}

#[test]
fn slow_down_doubles_until_an_answer_is_good_again() {
    let mut budget = Budget::new(Limit::per_minute(100));
    let mut now = s(0);
    let mut pause = |budget: &mut Budget, retry_after| {
        budget.answered(429, retry_after, now);
        let (pause, why) = budget.usage(now).paused.unwrap();
        assert_eq!(why, Pause::SlowDown);
        now += pause;
        pause.as_secs()
    };
    let pauses: Vec<u64> = (0..8).map(|_| pause(&mut budget, None)).collect();
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(pause(&mut budget, Some(s(7))), 7);
    budget.answered(200, None, s(10_000));
    budget.answered(429, None, s(10_000));
    assert_eq!(
        budget.usage(s(10_000)).paused,
        Some((s(5), Pause::SlowDown))
    );
}

#[test]
fn a_ban_lasts_as_long_as_it_says_and_two_minutes_at_least() {
    for (says, lasts) in [(None, 120), (Some(30), 120), (Some(7_200), 7_200)] {
        let mut budget = Budget::new(Limit::per_minute(100));
        budget.answered(418, says.map(s), s(0));
        budget.answered(429, Some(s(1)), s(0));
        assert_eq!(budget.usage(s(0)).paused, Some((s(lasts), Pause::Banned)));
        assert_eq!(budget.ask(1, s(1)), Verdict::Wait(s(lasts)));
        assert_eq!(budget.ask(1, s(lasts)), Verdict::Send);
    }
}

#[test]
fn a_pause_of_any_length_is_survived() {
    let mut budget = Budget::new(Limit::per_minute(100));
    budget.answered(429, Some(Duration::MAX), s(0));
    assert_eq!(budget.ask(1, s(3 * 24 * 3600)), Verdict::Send);
}

proptest! {
    #[test]
    fn no_window_holds_more_than_the_limit_and_nothing_is_sent_while_paused(
        limit in 1_u32..500,
        steps in proptest::collection::vec(
            (0_u64..20_000, 0_u32..120, 0_u8..20, 0_u64..200, 0_u64..700),
            1..300,
        ),
    ) {
        let window = s(60);
        let mut budget = Budget::new(Limit::per_minute(limit));
        let mut now = Duration::ZERO;
        let mut sent: Vec<(Duration, u64)> = Vec::new();
        let mut quiet_until = Duration::ZERO;
        for (after_ms, weight, kind, retry_after, used) in steps {
            now += Duration::from_millis(after_ms);
            match kind {
                0 => {
                    budget.answered(429, Some(s(retry_after)), now);
                    quiet_until = quiet_until.max(now + s(retry_after));
                }
                1 => {
                    budget.answered(418, None, now);
                    quiet_until = quiet_until.max(now + s(120));
                }
                2 => budget.told_used(used, now),
                3 => budget.answered(200, None, now),
                _ => match budget.ask(weight, now) {
                    Verdict::Send => {
                        prop_assert!(now >= quiet_until, "sent while paused");
                        sent.push((now, u64::from(weight.max(1))));
                        let in_window: u64 = sent
                            .iter()
                            .filter(|(at, _)| *at + window > now)
                            .map(|(_, weight)| weight)
                            .sum();
                        prop_assert!(in_window <= u64::from(limit));
                    }
                    Verdict::Wait(until) => {
                        prop_assert!(until > now, "a wait that is over");
                        prop_assert!(until >= quiet_until.min(until));
                    }
                    Verdict::Never => prop_assert!(weight.max(1) > limit),
                },
            }
        }
    }

    #[test]
    fn whoever_waits_as_told_is_let_through(
        limit in 1_u32..200,
        weights in proptest::collection::vec(1_u32..100, 1..100),
    ) {
        let mut budget = Budget::new(Limit::per_minute(limit));
        let mut now = Duration::ZERO;
        for weight in weights.into_iter().filter(|weight| *weight <= limit) {
            match budget.ask(weight, now) {
                Verdict::Wait(until) => {
                    now = until;
                    prop_assert_eq!(budget.ask(weight, now), Verdict::Send);
                }
                verdict => prop_assert_eq!(verdict, Verdict::Send),
            }
        }
    }
}
