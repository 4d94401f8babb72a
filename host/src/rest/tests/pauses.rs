//! The shared budgets at work: waiting, pausing, failing without touching the network.

use std::time::SystemTime;

use tokio::time::Instant;

use super::*;
use crate::rest::{Failure, Pause};

#[tokio::test(start_paused = true)]
async fn requests_beyond_the_limit_wait_in_order_for_the_window() {
    let (listener, address) = listen().await;
    serve_all(listener);
    let mut bench = Bench::new(Settings {
        wait_limit: Duration::from_secs(90),
        ..Settings::default()
    });
    bench.budgets.set_limit("127.0.0.1", Limit::per_minute(100));
    let since = Instant::now();
    for (request, weight) in [(1, 60), (2, 40), (3, 50), (4, 50)] {
        bench.get(request, &address, weight);
    }
    for (request, waits) in [(1, false), (2, false), (3, true), (4, true)] {
        let done = bench.done().await;
        assert_eq!(done.request, request);
        assert_eq!(done.outcome.unwrap().status, 200);
        assert_eq!(done.waited >= Duration::from_secs(59), waits);
        assert_eq!(since.elapsed() >= Duration::from_secs(60), waits);
    }
}

#[tokio::test(start_paused = true)]
async fn all_sessions_share_the_budget_of_a_host_name() {
    let (listener, address) = listen().await;
    serve_all(listener);
    let budgets = Budgets::new(Limit::per_minute(10));
    let mut one = Bench::sharing(Settings::default(), &budgets);
    let mut other = Bench::sharing(
        Settings {
            wait_limit: Duration::from_secs(30),
            ..Settings::default()
        },
        &budgets,
    );
    one.get(1, &address, 10);
    one.done().await.outcome.unwrap();
    let since = Instant::now();
    other.get(2, &address, 1);
    let outcome = other.done().await.outcome;
    assert_eq!(
        outcome,
        Err(Failure::OverBudget("the budget is used up".to_owned()))
    );
    assert_eq!(since.elapsed(), Duration::ZERO, "hopeless is said at once");
    one.get(3, &address, 11);
    let outcome = one.done().await.outcome;
    assert!(matches!(outcome, Err(Failure::OverBudget(_))), "never");
}

#[tokio::test(start_paused = true)]
async fn after_slow_down_nothing_is_sent_for_as_long_as_it_asks() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    bench.get(1, &address, 1);
    let mut stream = serve(
        &listener,
        "429 Slow",
        "retry-after: 30\r\n",
        b"{\"code\":-1003}",
    )
    .await;
    let done = bench.done().await.outcome.unwrap();
    assert_eq!(done.status, 429, "the answer itself is delivered");
    assert_eq!(done.body, "{\"code\":-1003}");
    let report = bench.budgets.report();
    assert_eq!(report[0].host, "127.0.0.1");
    assert_eq!(report[0].usage.used, 1);
    let (left, why) = report[0].usage.paused.unwrap();
    assert_eq!(why, Pause::SlowDown);
    assert!(left <= Duration::from_secs(30));
    assert!(report[0].paused_until.unwrap().0 > SystemTime::now());

    let since = Instant::now();
    bench.get(2, &address, 1);
    head(&mut stream).await.unwrap();
    assert!(since.elapsed() >= Duration::from_secs(29));
    answer(&mut stream, "200 OK", "", b"").await;
    assert_eq!(bench.done().await.outcome.unwrap().status, 200);
    assert_eq!(bench.budgets.report()[0].usage.paused, None);
}

#[tokio::test(start_paused = true)]
async fn while_banned_requests_fail_without_touching_the_network() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    bench.get(1, &address, 1);
    let _ = serve(&listener, "418 Banned", "connection: close\r\n", b"").await;
    assert_eq!(bench.done().await.outcome.unwrap().status, 418);
    bench.get(2, &address, 1);
    let outcome = bench.done().await.outcome;
    assert_eq!(
        outcome,
        Err(Failure::OverBudget("banned by the other side".to_owned()))
    );
    let nobody = tokio::time::timeout(Duration::from_secs(1), listener.accept());
    assert!(nobody.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_pause_reaches_those_who_wait_already() {
    let (listener, address) = listen().await;
    let budgets = Budgets::new(Limit::per_minute(10));
    let mut bench = Bench::sharing(Settings::default(), &budgets);
    bench.get(1, &address, 10);
    let mut stream = accept(&listener).await;
    head(&mut stream).await.unwrap();
    // Waits for the window, on the other connection.
    bench.get(2, &address, 10);
    tokio::time::advance(Duration::from_secs(2)).await;
    answer(&mut stream, "418 Banned", "retry-after: 300\r\n", b"").await;
    let mut ends = [bench.done().await, bench.done().await];
    ends.sort_by_key(|done| done.request);
    assert_eq!(ends[0].outcome.as_ref().unwrap().status, 418);
    assert!(matches!(ends[1].outcome, Err(Failure::OverBudget(_))));
}

#[tokio::test(start_paused = true)]
async fn retry_after_may_be_a_date() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings::default());
    bench.get(1, &address, 1);
    let at = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(1_000));
    let header = format!("retry-after: {at}\r\n");
    let _ = serve(&listener, "429 Slow", &header, b"").await;
    bench.done().await.outcome.unwrap();
    let (left, _) = bench.budgets.report()[0].usage.paused.unwrap();
    assert!((900..=1_000).contains(&left.as_secs()), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn the_other_sides_account_of_the_weight_is_believed() {
    let (listener, address) = listen().await;
    let mut bench = Bench::new(Settings {
        used_weight_header: Some("X-Used".to_owned()),
        ..Settings::default()
    });
    bench.get(1, &address, 5);
    let _ = serve(&listener, "200 OK", "x-used: 990\r\n", b"").await;
    bench.done().await.outcome.unwrap();
    assert_eq!(bench.budgets.report()[0].usage.used, 990);
}
