//! Connections of several sessions wait their turn together.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::*;
use crate::ws::{ConnectLimit, ConnectUsage};

const HOST: &str = "alpha.example";
/// Longest time of an attempt here.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

fn limited(host: &str, attempts: u32, connections_max: u32) -> Attempts {
    let shared = Attempts::default();
    shared.set_limit(host, limit(attempts, connections_max));
    shared
}

fn limit(attempts: u32, connections_max: u32) -> ConnectLimit {
    ConnectLimit {
        attempts,
        within: Duration::from_secs(1),
        connections_max,
    }
}

fn usage(attempts: &Attempts, host: &str) -> ConnectUsage {
    attempts.report()[host]
}

/// Lets a future run as far as it can now.
async fn is_ready(future: &mut Pin<&mut impl Future>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

#[tokio::test(start_paused = true)]
async fn attempts_of_all_have_their_turns_in_the_order_of_asking() {
    let attempts = limited(HOST, 3, 0);
    let since = Instant::now();
    let turns = (0..9).map(|_| async {
        let (ticket, permit) = attempts.clone().turn(HOST, OPEN_LIMIT).await;
        drop(ticket);
        let at = since.elapsed().as_millis();
        (at, permit)
    });
    let (at, permits): (Vec<_>, Vec<_>) = join_all(turns).await.into_iter().unzip();
    let expected = [0, 0, 0, 1_000, 1_000, 1_000, 2_000, 2_000, 2_000];
    assert!(
        at.iter()
            .zip(expected)
            .all(|(at, due)| (due..due + 5).contains(at)),
        "{at:?}"
    );
    let now = usage(&attempts, HOST);
    assert_eq!((now.waiting, now.attempts, now.open), (0, 3, 9));
    drop(permits);
    assert_eq!(usage(&attempts, HOST).open, 0);
    // Another host name has turns of its own.
    let since = Instant::now();
    drop(attempts.turn("beta.example", OPEN_LIMIT).await);
    assert_eq!(since.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn one_that_gives_up_leaves_the_queue() {
    let attempts = limited(HOST, 0, 1);
    let (_, permit) = attempts.turn(HOST, OPEN_LIMIT).await;
    let mut next = pin!(attempts.turn(HOST, OPEN_LIMIT));
    {
        let mut first = pin!(attempts.turn(HOST, OPEN_LIMIT));
        assert!(!is_ready(&mut first).await);
        assert!(!is_ready(&mut next).await);
        assert_eq!(usage(&attempts, HOST).waiting, 2);
        drop(permit);
    }
    let since = Instant::now();
    let _open = next.await;
    assert_eq!(since.elapsed(), Duration::ZERO);
    let now = usage(&attempts, HOST);
    assert_eq!((now.waiting, now.open), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_holds_nobody_up_for_longer_than_a_second() {
    let attempts = limited(HOST, 0, 1);
    let (_, permit) = attempts.turn(HOST, OPEN_LIMIT).await;
    let mut hanging = pin!(attempts.turn(HOST, OPEN_LIMIT));
    assert!(!is_ready(&mut hanging).await);
    let mut next = pin!(attempts.turn(HOST, OPEN_LIMIT));
    assert!(!is_ready(&mut next).await);
    drop(permit);
    let since = Instant::now();
    let (_, permit) = next.await;
    assert!(since.elapsed() <= Duration::from_millis(1_010));
    // It has kept its place.
    drop(permit);
    assert!(is_ready(&mut hanging).await);
}

#[tokio::test(start_paused = true)]
async fn a_wider_limit_counts_for_those_who_wait() {
    let attempts = limited(HOST, 1, 1);
    let _open = attempts.turn(HOST, OPEN_LIMIT).await;
    let mut next = pin!(attempts.turn(HOST, OPEN_LIMIT));
    assert!(!is_ready(&mut next).await);
    let since = Instant::now();
    attempts.set_limit(HOST, limit(2, 2));
    let _open_too = next.await;
    assert_eq!(since.elapsed(), Duration::ZERO);
    let room = attempts.room(HOST, 1);
    assert!(!room.fits);
    assert_eq!(room.after, Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn dialers_that_share_their_attempts_are_counted_together() {
    let (listener, address) = listen().await;
    let attempts = limited("127.0.0.1", 3, 0);
    let benches = [0, 1].map(|_| Bench::sharing(&attempts, Settings::default()));
    let handles: Vec<Handle> = (0..9)
        .map(|number| benches[number % 2].open(&address))
        .collect();
    let mut at = Vec::new();
    let mut peers = Vec::new();
    for _ in &handles {
        peers.push(accept(&listener).await);
        at.push(Instant::now());
    }
    for window in at.windows(4) {
        let within = window[3] - window[0];
        assert!(within >= Duration::from_secs(1), "{within:?}");
    }
    assert!(at[8] - at[0] < Duration::from_millis(2_500), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_counts_as_open_until_its_socket_is_closed() {
    let (listener, address) = listen().await;
    let attempts = limited("127.0.0.1", 0, 1);
    let mut first = Bench::sharing(&attempts, Settings::default());
    let mut second = Bench::sharing(&attempts, Settings::default());
    // The peer does not answer the close, so that closing takes its time.
    let (handle, _peer) = first.opened(&listener, &address).await;
    let waiting = second.open(&address);
    let since = Instant::now();
    handle.close();
    let (_next, _) = listener.accept().await.unwrap();
    assert!(since.elapsed() >= Settings::default().close_limit);
    assert_eq!(first.closed().await, End::Asked);
    assert_eq!(usage(&attempts, "127.0.0.1").open, 1);
    // Ended while it waits for the handshake, and while it waits for its turn.
    let behind = first.open(&address);
    waiting.close();
    assert_eq!(second.closed().await, End::Asked);
    listener.accept().await.unwrap();
    let further = second.open(&address);
    tokio::task::yield_now().await;
    assert_eq!(usage(&attempts, "127.0.0.1").waiting, 1);
    further.close();
    assert_eq!(second.closed().await, End::Asked);
    behind.close();
    assert_eq!(first.closed().await, End::Asked);
    let now = usage(&attempts, "127.0.0.1");
    assert_eq!((now.waiting, now.open), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_fails_gives_its_permit_back() {
    let (listener, address) = listen().await;
    drop(listener);
    let attempts = limited("127.0.0.1", 0, 1);
    let bench = Bench::sharing(&attempts, Settings::default());
    let _handle = bench.open(&address);
    bench.until(|counts| counts.failures >= 3).await;
    let now = usage(&attempts, "127.0.0.1");
    assert_eq!((now.waiting, now.open), (0, 0));
}
