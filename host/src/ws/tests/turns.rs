//! Whose turn it is: never more than the limit, in the order of asking, and nobody waits for one that hangs.

use proptest::prelude::*;

use crate::ws::turns::{Number, Turn, Turns};
use crate::ws::{ConnectLimit, Room};
use std::time::Duration;

/// Longest time of an attempt here.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn turns(attempts: u32, connections_max: u32) -> Turns {
    let mut turns = Turns::default();
    turns.set_limit(ConnectLimit {
        attempts,
        within: ms(1_000),
        connections_max,
    });
    turns
}

/// An attempt that has its turn at once and ends at once.
fn attempt(turns: &mut Turns, now: Duration) -> Number {
    let number = turns.queue();
    assert_eq!(turns.ask(number, OPEN_LIMIT, now), Turn::Now);
    turns.done(number, now);
    number
}

#[test]
fn without_a_limit_everybody_has_a_turn_and_only_what_is_open_is_remembered() {
    let mut turns = Turns::default();
    for _ in 0..1_000 {
        attempt(&mut turns, ms(0));
    }
    let usage = turns.usage(ms(0));
    assert_eq!((usage.open, usage.attempts, usage.waiting), (1_000, 0, 0));
    let room = turns.room(u32::MAX, ms(0));
    assert_eq!((room.fits, room.after), (true, ms(0)));
}

#[test]
fn an_attempt_counts_until_a_window_after_its_outcome() {
    let mut turns = turns(1, 0);
    let (first, second) = (turns.queue(), turns.queue());
    assert_eq!(turns.ask(first, OPEN_LIMIT, ms(0)), Turn::Now);
    // Under way: as long as it may take, and a window.
    let latest = Turn::Wait(Some(ms(11_000)));
    assert_eq!(turns.ask(second, OPEN_LIMIT, ms(1_500)), latest);
    turns.done(first, ms(2_000));
    let then = Turn::Wait(Some(ms(3_000)));
    assert_eq!(turns.ask(second, OPEN_LIMIT, ms(2_000)), then);
    assert_eq!(turns.ask(second, OPEN_LIMIT, ms(2_999)), then);
    assert_eq!(turns.ask(second, OPEN_LIMIT, ms(3_000)), Turn::Now);
}

#[test]
fn an_attempt_counts_no_longer_than_it_can_take_whenever_its_outcome_is_told() {
    let mut turns = turns(1, 0);
    let (hanging, next) = (turns.queue(), turns.queue());
    assert_eq!(turns.ask(hanging, OPEN_LIMIT, ms(0)), Turn::Now);
    let latest = Turn::Wait(Some(ms(11_000)));
    assert_eq!(turns.ask(next, OPEN_LIMIT, ms(10_400)), latest);
    turns.done(hanging, ms(10_500));
    assert_eq!(turns.ask(next, OPEN_LIMIT, ms(10_500)), latest);
    assert_eq!(turns.ask(next, OPEN_LIMIT, ms(11_000)), Turn::Now);
}

#[test]
fn a_connection_too_many_waits_until_one_is_closed() {
    let mut turns = turns(0, 2);
    attempt(&mut turns, ms(0));
    attempt(&mut turns, ms(0));
    let third = turns.queue();
    let some_day = ms(1_000_000);
    assert_eq!(turns.ask(third, OPEN_LIMIT, some_day), Turn::Wait(None));
    turns.closed();
    assert_eq!(turns.ask(third, OPEN_LIMIT, some_day), Turn::Now);
}

#[test]
fn whoever_asked_first_goes_first_unless_it_gives_up_or_does_not_come() {
    let mut turns = turns(10, 0);
    let (first, second, third) = (turns.queue(), turns.queue(), turns.queue());
    let passed_over = Turn::Wait(Some(ms(1_000)));
    assert_eq!(turns.ask(third, OPEN_LIMIT, ms(0)), passed_over);
    turns.done(second, ms(100));
    assert_eq!(turns.ask(third, OPEN_LIMIT, ms(999)), passed_over);
    assert_eq!(turns.ask(third, OPEN_LIMIT, ms(1_000)), Turn::Now);
    // Nobody waits for it a second time, and it has kept its place.
    let fourth = turns.queue();
    assert_eq!(turns.ask(fourth, OPEN_LIMIT, ms(1_001)), Turn::Now);
    assert_eq!(turns.ask(first, OPEN_LIMIT, ms(1_002)), Turn::Now);
    assert_eq!(turns.usage(ms(1_002)).waiting, 0);
}

#[test]
fn one_that_asked_in_vain_is_waited_for_anew() {
    let mut turns = turns(0, 2);
    attempt(&mut turns, ms(0));
    let (first, second) = (turns.queue(), turns.queue());
    let until = |time| Turn::Wait(Some(ms(time)));
    assert_eq!(turns.ask(second, OPEN_LIMIT, ms(0)), until(1_000));
    let limit = turns.usage(ms(0)).limit;
    turns.set_limit(ConnectLimit {
        connections_max: 1,
        ..limit
    });
    assert_eq!(turns.ask(first, OPEN_LIMIT, ms(500)), Turn::Wait(None));
    turns.set_limit(limit);
    assert_eq!(turns.ask(second, OPEN_LIMIT, ms(5_000)), until(6_000));
    assert_eq!(turns.ask(first, OPEN_LIMIT, ms(5_010)), Turn::Now);
}

#[test]
fn another_limit_counts_at_once() {
    let mut turns = turns(3, 0);
    for _ in 0..3 {
        attempt(&mut turns, ms(0));
    }
    let next = turns.queue();
    let then = Turn::Wait(Some(ms(1_000)));
    assert_eq!(turns.ask(next, OPEN_LIMIT, ms(10)), then);
    turns.set_limit(ConnectLimit {
        attempts: 4,
        within: ms(1_000),
        connections_max: 3,
    });
    assert_eq!(turns.ask(next, OPEN_LIMIT, ms(20)), Turn::Wait(None));
    turns.set_limit(ConnectLimit::default());
    assert_eq!(turns.ask(next, OPEN_LIMIT, ms(30)), Turn::Now);
}

#[test]
fn room_tells_whether_and_when_before_anybody_asks() {
    let mut turns = turns(3, 8);
    let room = |turns: &mut Turns, connections, now| {
        let Room { fits, after } = turns.room(connections, ms(now));
        (fits, after)
    };
    assert_eq!(room(&mut turns, 0, 0), (true, ms(0)));
    assert_eq!(room(&mut turns, 3, 0), (true, ms(0)));
    assert_eq!(room(&mut turns, 4, 0), (true, ms(1_000)));
    assert_eq!(room(&mut turns, 8, 0), (true, ms(2_000)));
    assert_eq!(room(&mut turns, 9, 0), (false, ms(2_000)));
    attempt(&mut turns, ms(0));
    attempt(&mut turns, ms(400));
    assert_eq!(room(&mut turns, 1, 500), (true, ms(0)));
    assert_eq!(room(&mut turns, 2, 500), (true, ms(500)));
    assert_eq!(room(&mut turns, 3, 500), (true, ms(900)));
    assert_eq!(room(&mut turns, 4, 500), (true, ms(1_000)));
    // Whoever waits already comes first.
    let waiting = turns.queue();
    assert_eq!(room(&mut turns, 1, 500), (true, ms(500)));
    assert_eq!(room(&mut turns, 6, 500), (false, ms(2_000)));
    turns.done(waiting, ms(500));
    assert_eq!(room(&mut turns, 6, 500), (true, ms(1_900)));
}

/// An attempt as the exchange may see it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    number: Number,
    begun: Duration,
    /// When its outcome was known; what is under way is given up at its time limit.
    ended: Duration,
    is_over: bool,
}

proptest! {
    #[test]
    fn no_window_of_the_exchange_holds_more_than_the_limit_and_the_first_never_waits_in_vain(
        most in 1_u32..5,
        connections_max in 0_u32..6,
        steps in proptest::collection::vec((0_u64..500, 0_u8..16, 0_usize..8), 1..300),
        counted_at in proptest::collection::vec(0_u32..=100, 300),
    ) {
        let within = ms(1_000);
        let mut turns = turns(most, connections_max);
        let mut now = Duration::ZERO;
        let mut waiting: Vec<Number> = Vec::new();
        let mut seen: Vec<Seen> = Vec::new();
        let mut open = 0;
        for (after, what, which) in steps {
            now += ms(after);
            for attempt in seen.iter_mut().filter(|it| !it.is_over && it.ended <= now) {
                attempt.is_over = true;
                turns.done(attempt.number, attempt.ended);
            }
            match what {
                0..5 => waiting.push(turns.queue()),
                5 if which < waiting.len() => turns.done(waiting.remove(which), now),
                6..9 => {
                    if let Some(attempt) = seen.iter_mut().filter(|it| !it.is_over).nth(which % 3) {
                        (attempt.ended, attempt.is_over) = (now, true);
                        turns.done(attempt.number, now);
                    }
                }
                9..11 if open > 0 => {
                    open -= 1;
                    turns.closed();
                }
                _ if !waiting.is_empty() => {
                    let place = which % waiting.len();
                    let has_turn = turns.ask(waiting[place], OPEN_LIMIT, now) == Turn::Now;
                    let counting = seen.iter().filter(|it| it.ended + within > now).count();
                    let is_free = counting < most as usize
                        && (connections_max == 0 || open < connections_max);
                    prop_assert!(is_free || !has_turn, "{counting} count, {open} are open");
                    prop_assert!(has_turn || !is_free || place > 0, "the first waits in vain");
                    if has_turn {
                        open += 1;
                        seen.push(Seen {
                            number: waiting.remove(place),
                            begun: now,
                            ended: now + OPEN_LIMIT,
                            is_over: false,
                        });
                    }
                }
                _ => {}
            }
        }
        // Whenever between start and outcome the exchange counts.
        let counted = seen.iter().zip(counted_at);
        let mut counted: Vec<Duration> = counted
            .map(|(it, percent)| it.begun + (it.ended - it.begun) * percent / 100)
            .collect();
        counted.sort_unstable();
        for window in counted.windows(most as usize + 1) {
            prop_assert!(window[most as usize] - window[0] >= within, "{window:?}");
        }
    }

    #[test]
    fn turns_come_in_the_order_of_asking_however_those_who_wait_wake(
        most in 1_u32..5,
        count in 1_usize..20,
        wakings in proptest::collection::vec((200_u64..900, any::<prop::sample::Index>()), 150),
    ) {
        let mut turns = turns(most, 0);
        let mut waiting: Vec<Number> = (0..count).map(|_| turns.queue()).collect();
        let asked = waiting.clone();
        let mut had: Vec<Number> = Vec::new();
        let mut now = Duration::ZERO;
        for (after, first_awake) in wakings {
            now += ms(after);
            // Each that has its turn wakes the others.
            let mut has_changed = true;
            while has_changed && !waiting.is_empty() {
                let first_awake = first_awake.index(waiting.len());
                waiting.rotate_left(first_awake);
                let before = waiting.len();
                waiting.retain(|number| {
                    let has_turn = turns.ask(*number, OPEN_LIMIT, now) == Turn::Now;
                    if has_turn {
                        turns.done(*number, now);
                        had.push(*number);
                    }
                    !has_turn
                });
                has_changed = waiting.len() < before;
            }
        }
        prop_assert_eq!(had, asked);
    }
}
