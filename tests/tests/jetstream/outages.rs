//! The server goes away, or stands still.

use std::time::{Duration, Instant};

use marketprism_host::bus::{Storing, Trunk};
use tempfile::TempDir;

use crate::data::{assert_each_once, datum};
use crate::{reader, server, settings, until};

#[tokio::test]
async fn the_server_goes_away_again_and_again_under_load_and_every_datum_is_stored_exactly_once() {
    let is_full = std::env::var_os("MARKETPRISM_FULL_LENGTH").is_some();
    let ms = Duration::from_millis;
    let (window, short, long, longest, every) = if is_full {
        (ms(120_000), ms(5_000), ms(60_000), ms(180_000), ms(10))
    } else {
        (ms(1_000), ms(100), ms(1_000), ms(3_000), ms(2))
    };
    let mut server = server();
    let spool = TempDir::new().unwrap();
    let trunk = Trunk::start(settings(server.address(), spool.path(), window)).unwrap();
    let names = ["alpha", "beta"];
    let deposits = names.map(|name| trunk.remote().deposit(name));

    // The load: one datum of each session every few milliseconds, until it is told to end.
    let (end, mut ended) = tokio::sync::oneshot::channel::<()>();
    let loaded = deposits.clone();
    let load = tokio::spawn(async move {
        let mut next = tokio::time::interval(every);
        let mut count = 0;
        loop {
            tokio::select! {
                _ = next.tick() => {}
                _ = &mut ended => return count,
            }
            for (name, deposit) in names.iter().zip(&loaded) {
                let message = datum(name, count);
                assert!(deposit.takes(&message));
                deposit.put(message);
            }
            count += 1;
        }
    });

    let mut outages = vec![short; 20];
    outages.extend([long, longest]);
    for outage in outages {
        let before = deposits[0].figures().stored;
        until(&deposits[0], "storing", |it| it.stored > before + 20).await;
        server.kill();
        tokio::time::sleep(outage).await;
        server.restart().unwrap();
    }
    end.send(()).unwrap();
    let count = load.await.unwrap();
    for deposit in &deposits {
        let figures = until(deposit, "all stored", |it| it.stored >= count).await;
        assert_eq!(figures.stored, count, "{figures:?}");
        assert!(figures.dropped.is_empty(), "{figures:?}");
        eprintln!(
            "{count} messages: {} sent again, {} found stored",
            figures.resent, figures.known
        );
    }
    let stored = reader(&server).await.everything().await;
    assert_each_once(&stored, &names.map(|name| (name, count)));
    trunk.finish().await;
}

#[tokio::test]
async fn a_server_that_stands_still_longer_than_the_duplicate_window_gets_no_datum_twice() {
    let server = server();
    let spool = TempDir::new().unwrap();
    let window = Duration::from_millis(500);
    let mut settings = settings(server.address(), spool.path(), window);
    if let Some(jetstream) = &mut settings.jetstream {
        jetstream.ack_timeout = Duration::from_millis(200);
    }
    let trunk = Trunk::start(settings).unwrap();
    let deposit = trunk.remote().deposit("alpha");
    for number in 0..10 {
        deposit.put(datum("alpha", number));
    }
    until(&deposit, "stored", |it| it.stored == 10).await;
    // What is sent now waits in the server's socket; some of it may be stored and not acknowledged.
    for number in 10..200 {
        if number == 100 {
            server.pause();
        }
        deposit.put(datum("alpha", number));
    }
    let paused = Instant::now();
    let is_given_up = |it: &Storing| it.problem.is_some() && paused.elapsed() > window * 4;
    until(&deposit, "given up", is_given_up).await;
    server.go_on();
    let figures = until(&deposit, "all stored", |it| it.stored == 200).await;
    assert!(figures.dropped.is_empty(), "{figures:?}");
    let stored = reader(&server).await.everything().await;
    assert_each_once(&stored, &[("alpha", 200)]);
    trunk.finish().await;
}
