#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use tempfile::TempDir;

use super::*;
use crate::wire::DataType;

const ROOM: u64 = 1 << 20;

fn message(text: &str) -> Message {
    Message {
        subject: "liquidation.alpha.perpetual.BTC-USDT".into(),
        msg_id: Some(format!("liquidation:alpha:BTC-USDT:{text}")),
        payload: Bytes::copy_from_slice(text.as_bytes()),
        data_type: DataType::Liquidation,
        transport: DataType::Liquidation.transport(),
        source: Default::default(),
        stamp: Default::default(),
    }
}

fn open(dir: &TempDir, bytes_max: u64) -> (Spool, Found) {
    Spool::open(dir.path(), "alpha", bytes_max).unwrap()
}

fn payloads(spool: &mut Spool, found: &Found) -> Vec<String> {
    let mut payloads = Vec::new();
    for (_, place) in found.messages.values() {
        let payload = spool.read(*place).unwrap();
        payloads.push(String::from_utf8(payload.to_vec()).unwrap());
    }
    payloads
}

fn files(dir: &TempDir) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir.path().join("alpha"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "spool"))
        .collect();
    files.sort();
    files
}

#[test]
fn what_is_owed_is_found_again_in_its_order_and_what_is_done_is_not() {
    let dir = TempDir::new().unwrap();
    let (mut spool, found) = open(&dir, ROOM);
    assert_eq!(found.messages.len(), 0);
    let places: Vec<_> = (0..5)
        .map(|number| spool.put(number, &message(&number.to_string())).unwrap())
        .collect();
    spool.done(1, places[1]);
    spool.done(3, places[3]);
    drop(spool);
    let (mut spool, found) = open(&dir, ROOM);
    assert_eq!(payloads(&mut spool, &found), ["0", "2", "4"]);
    assert_eq!((found.next, found.torn), (5, 0));
    for (number, (_, place)) in &found.messages {
        spool.done(*number, *place);
    }
    drop(spool);
    let (spool, found) = open(&dir, ROOM);
    assert!(found.messages.is_empty());
    assert_eq!(spool.bytes(), 0);
}

#[test]
fn a_torn_end_is_cut_off_and_counted_and_what_stands_before_it_is_kept() {
    let dir = TempDir::new().unwrap();
    let (mut spool, _) = open(&dir, ROOM);
    spool.put(0, &message("whole")).unwrap();
    spool.put(1, &message("torn")).unwrap();
    drop(spool);
    let file = &files(&dir)[0];
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(file, &bytes[..bytes.len() - 3]).unwrap();
    let (mut spool, found) = open(&dir, ROOM);
    assert_eq!(payloads(&mut spool, &found), ["whole"]);
    assert_eq!(found.torn, 1);
    assert!(found.torn_bytes > 0);
    // What comes now stands in a file of its own, and is found with the rest.
    spool.put(found.next, &message("later")).unwrap();
    drop(spool);
    let (mut spool, found) = open(&dir, ROOM);
    assert_eq!(payloads(&mut spool, &found), ["whole", "later"]);
    assert_eq!(found.torn, 0);
}

#[test]
fn a_spool_takes_no_more_room_than_it_is_given_and_files_go_when_nothing_is_owed_in_them() {
    let dir = TempDir::new().unwrap();
    let (mut spool, _) = open(&dir, 64 << 10);
    let text = "x".repeat(1_000);
    for number in 0..1_000 {
        spool.put(number, &message(&text)).unwrap();
        while let Some(oldest) = spool.too_much() {
            spool.remove(oldest);
        }
        assert!(spool.bytes() <= 64 << 10);
    }
    assert!(files(&dir).len() <= 17);
    let on_disk: u64 = files(&dir)
        .iter()
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert_eq!(on_disk, spool.bytes());
    drop(spool);
    let (_spool, found) = open(&dir, 64 << 10);
    let kept: Vec<u64> = found.messages.keys().copied().collect();
    assert!(kept.len() > 20 && kept.ends_with(&[999]), "{kept:?}");
}

#[test]
fn a_spool_that_is_used_in_turn_stays_small() {
    let dir = TempDir::new().unwrap();
    let (mut spool, _) = open(&dir, ROOM);
    for number in 0..5_000 {
        let place = spool.put(number, &message("some text")).unwrap();
        spool.done(number, place);
    }
    assert!(spool.bytes() < 2 * STALE_BYTES && files(&dir).len() <= 2);
}

#[test]
fn one_process_at_a_time_has_a_spool() {
    let dir = TempDir::new().unwrap();
    let (spool, _) = open(&dir, ROOM);
    assert!(Spool::open(dir.path(), "alpha", ROOM).is_err());
    drop(spool);
    open(&dir, ROOM);
    assert_eq!(sessions(dir.path()), ["alpha"]);
}
