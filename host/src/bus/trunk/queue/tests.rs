#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use tempfile::TempDir;

use super::*;
use crate::wire::{DataType, Stamp};

fn message(subject: &str, id: u64) -> Message {
    Message {
        subject: format!("liquidation.{subject}").into(),
        msg_id: Some(format!("{subject}:{id}")),
        payload: Bytes::from(id.to_string()),
        data_type: DataType::Liquidation,
        transport: DataType::Liquidation.transport(),
        source: Default::default(),
        stamp: Stamp {
            published_ns: id,
            received_ns: 1,
        },
    }
}

fn open(dir: &TempDir, bounds: SpoolBounds) -> Queue {
    Queue::open(dir.path(), "alpha".into(), bounds, Shared::default())
}

fn figures(queue: &Queue) -> Storing {
    queue.tell(0, None);
    lock(&queue.figures).clone()
}

/// What comes next, as a text.
fn job(queue: &mut Queue) -> String {
    match queue.next() {
        None => "nothing".to_owned(),
        Some(Job::Ask { subject }) => format!("ask {subject}"),
        Some(Job::Send { message, number }) => {
            format!("send {} as {number}", message.msg_id.unwrap())
        }
    }
}

fn subject(name: &str) -> Arc<str> {
    format!("liquidation.{name}").into()
}

#[test]
fn of_one_subject_one_message_is_under_way_and_others_pass_it() {
    let dir = TempDir::new().unwrap();
    let mut queue = open(&dir, SpoolBounds::default());
    for (name, id) in [("a", 1), ("a", 2), ("b", 1)] {
        queue.add(message(name, id));
    }
    assert_eq!(job(&mut queue), "ask liquidation.a");
    assert_eq!(job(&mut queue), "ask liquidation.b");
    queue.answered(&subject("a"), None, 0);
    queue.answered(&subject("b"), Some("b:0"), 0);
    assert_eq!(job(&mut queue), "send a:1 as 0");
    assert_eq!(job(&mut queue), "send b:1 as 2");
    assert_eq!(job(&mut queue), "nothing");
    queue.stored(&subject("a"), 0, false, 0);
    assert_eq!(job(&mut queue), "send a:2 as 1");
    assert_eq!((queue.len(), queue.away()), (2, 2));
}

#[test]
fn what_stands_up_to_the_last_message_stored_is_not_sent_again() {
    let dir = TempDir::new().unwrap();
    let mut queue = open(&dir, SpoolBounds::default());
    for id in 1..=4 {
        queue.add(message("a", id));
    }
    drop(queue);
    let mut queue = open(&dir, SpoolBounds::default());
    assert_eq!(job(&mut queue), "ask liquidation.a");
    queue.answered(&subject("a"), Some("a:3"), 0);
    assert_eq!(job(&mut queue), "send a:4 as 3");
    let figures = figures(&queue);
    assert_eq!((figures.stored, figures.known), (3, 3));
}

#[test]
fn after_a_failure_there_is_a_pause_and_then_a_question_before_it_is_sent_again() {
    let dir = TempDir::new().unwrap();
    let mut queue = open(&dir, SpoolBounds::default());
    queue.add(message("a", 1));
    assert_eq!(job(&mut queue), "ask liquidation.a");
    queue.answered(&subject("a"), None, 0);
    assert_eq!(job(&mut queue), "send a:1 as 0");
    let now = Instant::now();
    queue.failed(&subject("a"), now);
    assert_eq!(job(&mut queue), "nothing");
    queue.resume(now + PAUSE_FIRST);
    assert_eq!(job(&mut queue), "ask liquidation.a");
    queue.failed(&subject("a"), now);
    queue.resume(now + PAUSE_FIRST);
    assert_eq!(job(&mut queue), "nothing", "the pause grows");
    queue.resume_all();
    assert_eq!(job(&mut queue), "ask liquidation.a");
    queue.answered(&subject("a"), None, 0);
    assert_eq!(job(&mut queue), "send a:1 as 0");
    queue.stored(&subject("a"), 0, true, 0);
    assert!(queue.is_empty());
    assert_eq!(figures(&queue).resent, 1);
}

#[test]
fn the_same_datum_again_is_taken_once() {
    let dir = TempDir::new().unwrap();
    let mut queue = open(&dir, SpoolBounds::default());
    for id in [1, 1, 2, 2] {
        queue.add(message("a", id));
    }
    assert_eq!((queue.len(), figures(&queue).known), (2, 2));
}

#[test]
fn a_full_spool_drops_the_oldest_and_counts_them() {
    let dir = TempDir::new().unwrap();
    let bounds = SpoolBounds {
        bytes_max: 16 << 10,
        ..SpoolBounds::default()
    };
    let mut queue = open(&dir, bounds);
    for id in 0..1_000 {
        queue.add(message("a", id));
    }
    let told = figures(&queue);
    let dropped = told.dropped.get("no_room").copied().unwrap();
    assert!(dropped > 0 && told.spool_bytes <= 16 << 10, "{told:?}");
    assert_eq!(told.waiting + dropped, 1_000);
    assert_eq!(job(&mut queue), "ask liquidation.a");
    queue.answered(&subject("a"), None, 0);
    assert_eq!(job(&mut queue), format!("send a:{dropped} as {dropped}"));
}

#[test]
fn what_is_too_old_is_dropped_and_counted() {
    let dir = TempDir::new().unwrap();
    let bounds = SpoolBounds {
        age_max: Duration::from_nanos(10),
        ..SpoolBounds::default()
    };
    let mut queue = open(&dir, bounds);
    for id in [1, 5, 9] {
        queue.add(message("a", id));
    }
    queue.drop_old(17);
    assert_eq!(figures(&queue).dropped.get("too_old"), Some(&2));
    assert_eq!(queue.len(), 1);
}

#[test]
fn without_a_disk_messages_wait_in_memory_within_bounds() {
    let mut queue = Queue::open(
        Path::new("/dev/null/nowhere"),
        "alpha".into(),
        SpoolBounds::default(),
        Shared::default(),
    );
    for id in 0..100 {
        let large = Message {
            payload: Bytes::from(vec![b'x'; 100_000]),
            ..message("a", id)
        };
        queue.add(large);
    }
    let told = figures(&queue);
    let dropped = told.dropped.get("no_room").copied().unwrap();
    assert_eq!((told.waiting, told.unspooled), (41, 41));
    assert_eq!(dropped, 59);
    queue.end();
    assert_eq!(figures(&queue).dropped.get("ended"), Some(&41));
}

#[test]
fn a_message_that_was_changed_on_disk_is_lost_and_counted() {
    let dir = TempDir::new().unwrap();
    let mut queue = open(&dir, SpoolBounds::default());
    queue.add(message("a", 1));
    queue.add(message("a", 2));
    let file = std::fs::read_dir(dir.path().join("alpha"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|it| it == "spool"))
        .unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.get_mut(30).unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(job(&mut queue), "ask liquidation.a");
    queue.answered(&subject("a"), None, 0);
    assert_eq!(job(&mut queue), "send a:2 as 1");
    assert_eq!(figures(&queue).dropped.get("unreadable"), Some(&1));
}
