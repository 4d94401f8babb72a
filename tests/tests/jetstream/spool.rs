//! What waits on disk: when the process is killed, a file is torn, there is no room.

use std::collections::HashSet;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use marketprism_host::bus::{Storing, Trunk};
use tempfile::TempDir;

use crate::data::{assert_each_once, datum};
use crate::{reader, server, settings, until};

/// Tells the child process of a test where the server and the spool are.
const CHILD: &str = "MARKETPRISM_TEST_CHILD";

/// In a process of its own, for the test after it: leaves messages and waits to be killed.
#[tokio::test]
async fn leaves_messages_when_it_is_told_to() {
    let Ok(told) = std::env::var(CHILD) else {
        return;
    };
    let (address, spool) = told.split_once(' ').unwrap();
    let window = Duration::from_millis(200);
    let trunk = Trunk::start(settings(address.to_owned(), Path::new(spool), window)).unwrap();
    let deposit = trunk.remote().deposit("alpha");
    for number in 0..500 {
        deposit.put(datum("alpha", number));
        if number % 50 == 49 {
            until(&deposit, "taken", |it| it.stored + it.waiting > number).await;
        }
    }
    println!("waiting");
    std::future::pending::<()>().await;
}

/// Runs the test above in a process until it has left everything, and kills it.
fn leave_and_be_killed(address: &str, spool: &Path) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "spool::leaves_messages_when_it_is_told_to",
            "--nocapture",
        ])
        .env(CHILD, format!("{address} {}", spool.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut heard = String::new();
    let mut output = child.stdout.take().unwrap();
    let mut bytes = [0; 256];
    while !heard.contains("waiting") {
        let count = output.read(&mut bytes).unwrap();
        assert!(count > 0, "the child ended: {heard}");
        heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn what_waits_when_the_process_is_killed_is_stored_once_by_the_next_one() {
    let spool = TempDir::new().unwrap();
    // Once with the server away all the time, once in the middle of storing.
    for is_away in [true, false] {
        let mut server = server();
        if is_away {
            server.kill();
        }
        leave_and_be_killed(&server.address(), spool.path());
        server.restart().unwrap();
        if !is_away {
            let reader = reader(&server).await;
            if let Some(last) = reader.everything().await.last() {
                reader.forgets(last).await;
            }
        }
        let window = Duration::from_millis(200);
        let trunk = Trunk::start(settings(server.address(), spool.path(), window)).unwrap();
        let deposit = trunk.remote().deposit("alpha");
        // One more of each subject, so that there is something to wait for.
        for number in 500..506 {
            deposit.put(datum("alpha", number));
        }
        let figures = until(&deposit, "all stored", |it| {
            it.stored >= 6 && it.waiting == 0
        })
        .await;
        assert!(figures.dropped.is_empty(), "{figures:?}");
        let stored = reader(&server).await.everything().await;
        assert_each_once(&stored, &[("alpha", 506)]);
        trunk.finish().await;
    }
}

#[tokio::test]
async fn a_torn_end_of_the_spool_costs_what_was_torn_and_is_counted() {
    let spool = TempDir::new().unwrap();
    let mut server = server();
    server.kill();
    leave_and_be_killed(&server.address(), spool.path());
    let mut files: Vec<_> = std::fs::read_dir(spool.path().join("alpha"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "spool"))
        .collect();
    files.sort();
    let last = files.last().unwrap();
    let bytes = std::fs::read(last).unwrap();
    std::fs::write(last, &bytes[..bytes.len() - 10]).unwrap();
    server.restart().unwrap();
    let window = Duration::from_secs(1);
    let trunk = Trunk::start(settings(server.address(), spool.path(), window)).unwrap();
    let deposit = trunk.remote().deposit("alpha");
    let figures = until(&deposit, "stored", |it| it.stored == 499).await;
    assert_eq!(figures.dropped.get("torn"), Some(&1), "{figures:?}");
    let stored = reader(&server).await.everything().await;
    assert_each_once(&stored, &[("alpha", 499)]);
    trunk.finish().await;
}

#[tokio::test]
async fn a_full_spool_drops_the_oldest_and_stores_the_rest() {
    let spool = TempDir::new().unwrap();
    let mut server = server();
    server.kill();
    let mut settings = settings(server.address(), spool.path(), Duration::from_secs(1));
    if let Some(jetstream) = &mut settings.jetstream {
        jetstream.bounds.bytes_max = 64 << 10;
    }
    let trunk = Trunk::start(settings).unwrap();
    let deposit = trunk.remote().deposit("alpha");
    for number in 0..1_000 {
        deposit.put(datum("alpha", number));
    }
    let dropped = |it: &Storing| it.dropped.get("no_room").copied().unwrap_or(0);
    let figures = until(&deposit, "taken", |it| it.waiting + dropped(it) == 1_000).await;
    assert!(
        figures.spool_bytes <= 64 << 10 && figures.waiting > 50,
        "{figures:?}"
    );
    server.restart().unwrap();
    let kept = figures.waiting;
    until(&deposit, "stored", |it| it.stored == kept).await;
    let stored = reader(&server).await.everything().await;
    let numbers: HashSet<u64> = stored
        .iter()
        .map(|it| it.id.rsplit(':').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (1_000 - kept..1_000).collect());
    trunk.finish().await;
}
