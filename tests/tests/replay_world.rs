//! The rules by which a recording becomes a world: time, connections, alarms, answers.

use std::io::Write;

use marketprism_host::record::Capture;
use marketprism_host::sandbox::contract::{Event, Frame, Response};
use marketprism_host::session::World;
use marketprism_host::world::{Pace, ReplayWorld};

/// A world from lines.
fn world(lines: &[&str]) -> ReplayWorld {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    for line in lines {
        writeln!(file, "{line}").expect("written");
    }
    let capture = Capture::open(file.path()).expect("a recording");
    ReplayWorld::new(capture, Pace::Max, Box::new(std::io::sink()), None).expect("a world")
}

fn frame(time: &str, address: &str, data: &str) -> String {
    format!(r#"{{"t_ns":{time},"conn":"{address}","kind":"ws","data":"{data}"}}"#)
}

fn http(time: u64, url: &str, data: &str) -> String {
    format!(
        r#"{{"t_ns":{time},"conn":"x","kind":"http","method":"GET","url":"{url}","status":200,"data":"{data}"}}"#
    )
}

/// The next happening in short: `time what`.
fn next(world: &mut ReplayWorld) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("tokio");
    let Some(happening) = runtime.block_on(world.next()) else {
        return "end".into();
    };
    let what = match happening.event {
        Event::Opened(connection) => format!("opened {connection}"),
        Event::Closed(closed) => format!("closed {}", closed.connection),
        Event::Alarm(alarm) => format!("alarm {alarm}"),
        Event::Frame(Frame { connection, data }) => {
            format!("frame {connection} {}", String::from_utf8_lossy(&data))
        }
        Event::Response(Response {
            request,
            outcome: Ok(answer),
        }) => {
            format!(
                "answer {request} {} {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            )
        }
        other => format!("{other:?}"),
    };
    format!("{} {what}", happening.now)
}

fn all(world: &mut ReplayWorld) -> Vec<String> {
    std::iter::repeat_with(|| next(world))
        .take_while(|what| what != "end")
        .collect()
}

fn url(address: &str) -> url::Url {
    address.parse().expect("an address")
}

#[test]
fn a_connection_opens_before_the_next_line_and_frames_find_it_by_address_or_come_through_the_first()
{
    let lines = [
        frame("10", "wss://b.example/ws", "one"),
        frame("20", "wss://elsewhere.example/ws", "two"),
        frame("null", "wss://a.example/ws", "three"),
    ];
    let mut world = world(&lines.each_ref().map(String::as_str));
    assert_eq!(world.now(), 10);
    world.connect(1, url("wss://a.example/ws"));
    world.connect(2, url("wss://b.example/ws"));
    assert_eq!(
        all(&mut world),
        [
            "10 opened 1",
            "10 opened 2",
            "10 frame 2 one",
            "20 frame 1 two",
            "20 frame 1 three"
        ]
    );
}

#[test]
fn frames_without_an_open_connection_are_counted() {
    let lines = [frame("10", "wss://a.example/ws", "one")];
    let mut world = world(&lines.each_ref().map(String::as_str));
    assert!(all(&mut world).is_empty());
    assert_eq!(world.unheard(), 1);
}

#[test]
fn lost_connections_open_again_when_the_recording_lets_them() {
    let lines = [
        frame("10", "wss://a.example/ws", "one"),
        r#"{"t_ns":20,"conn":null,"kind":"ws_close","data":null}"#.into(),
        frame("25", "wss://a.example/ws", "lost"),
        r#"{"t_ns":30,"kind":"ws_open"}"#.into(),
        frame("40", "wss://a.example/ws", "two"),
    ];
    let mut world = world(&lines.each_ref().map(String::as_str));
    world.connect(1, url("wss://a.example/ws"));
    assert_eq!(next(&mut world), "10 opened 1");
    assert_eq!(next(&mut world), "10 frame 1 one");
    assert_eq!(next(&mut world), "20 closed 1");
    world.connect(7, url("wss://a.example/ws"));
    assert_eq!(all(&mut world), ["30 opened 7", "40 frame 7 two"]);
    assert_eq!(world.unheard(), 1);
}

#[test]
fn a_promotion_is_played_at_its_place() {
    let lines = [
        frame("10", "wss://a.example/ws", "one"),
        r#"{"t_ns":20,"conn":"","kind":"promoted","data":""}"#.into(),
        frame("20", "wss://a.example/ws", "two"),
    ];
    let mut world = world(&lines.each_ref().map(String::as_str));
    world.connect(1, url("wss://a.example/ws"));
    assert_eq!(
        all(&mut world),
        [
            "10 opened 1",
            "10 frame 1 one",
            "20 Event::Promoted",
            "20 frame 1 two"
        ]
    );
}

#[test]
fn alarms_fire_before_the_line_at_their_time_by_due_time_then_by_order_of_asking() {
    let lines = [
        frame("10", "wss://a.example/ws", "one"),
        frame("50", "wss://a.example/ws", "two"),
    ];
    let mut world = world(&lines.each_ref().map(String::as_str));
    world.connect(1, url("wss://a.example/ws"));
    assert_eq!(next(&mut world), "10 opened 1");
    assert_eq!(next(&mut world), "10 frame 1 one");
    world.wake_at(1, 50);
    world.wake_at(2, 30);
    world.wake_at(3, 30);
    world.wake_at(4, 5);
    world.wake_at(5, 51);
    world.wake_at(2, 40);
    assert_eq!(
        all(&mut world),
        [
            "10 alarm 4",
            "30 alarm 3",
            "40 alarm 2",
            "50 alarm 1",
            "50 frame 1 two"
        ]
    );
}

#[test]
fn a_request_is_answered_by_the_line_ahead_at_its_place_else_by_the_latest_at_once_else_by_a_404() {
    let lines = [
        frame("10", "wss://a.example/ws", "one"),
        http(
            20,
            "https://old.example/api/v1/depth?symbol=ABC&limit=5",
            "first",
        ),
        http(30, "https://old.example/api/v1/depth?symbol=XYZ", "other"),
        frame("40", "wss://a.example/ws", "two"),
        http(
            50,
            "https://old.example/api/v1/depth?limit=5&symbol=ABC",
            "second",
        ),
        frame("60", "wss://a.example/ws", "three"),
    ];
    let mut world = world(&lines.each_ref().map(String::as_str));
    world.connect(1, url("wss://a.example/ws"));
    let ask = |world: &mut ReplayWorld, request| {
        world.request(
            request,
            url("https://new.example/api/v3/depth?symbol=ABC&limit=1000"),
            1,
        );
    };
    ask(&mut world, 1);
    assert_eq!(next(&mut world), "10 opened 1");
    assert_eq!(next(&mut world), "10 frame 1 one");
    assert_eq!(next(&mut world), "20 answer 1 200 first");
    ask(&mut world, 2);
    assert_eq!(next(&mut world), "40 frame 1 two");
    assert_eq!(next(&mut world), "50 answer 2 200 second");
    ask(&mut world, 3);
    assert_eq!(next(&mut world), "50 answer 3 200 second");
    world.request(4, url("https://new.example/api/v3/depth?symbol=NONE"), 1);
    assert_eq!(next(&mut world), "50 answer 4 404 ");
    world.request(5, url("https://new.example/api/v3/time?symbol=ABC"), 1);
    assert_eq!(next(&mut world), "50 answer 5 404 ");
    assert_eq!(next(&mut world), "60 frame 1 three");
}

#[test]
fn meta_lines_unknown_keys_and_damaged_lines_disturb_nothing() {
    let lines = [
        r#"{"kind":"meta","derived":true,"what":"x"}"#.into(),
        r#"{"t_ns":null,"conn":"c","kind":"ws","data":"early","new":{"a":1}}"#.into(),
        r#"{"t_ns":10,"conn":"c","kind":"ws""#.into(),
        String::new(),
        frame("10", "c", "one"),
    ];
    let mut world = world(&lines.each_ref().map(String::as_str));
    world.connect(1, url("wss://a.example/ws"));
    assert_eq!(
        all(&mut world),
        ["10 opened 1", "10 frame 1 early", "10 frame 1 one"]
    );
    assert_eq!(world.unreadable(), 1);
}

#[test]
fn an_abandoned_world_has_nothing_left_of_the_old_instance() {
    let lines = [frame("10", "c", "one"), frame("90", "c", "two")];
    let mut world = world(&lines.each_ref().map(String::as_str));
    world.connect(1, url("wss://a.example/ws"));
    world.wake_at(1, 20);
    world.request(1, url("https://a.example/depth"), 1);
    world.abandon();
    world.connect(2, url("wss://a.example/ws"));
    assert_eq!(
        all(&mut world),
        ["10 opened 2", "10 frame 2 one", "90 frame 2 two"]
    );
}

#[test]
fn a_connection_that_is_lost_alone_comes_back_alone() {
    let told = |time: u64, kind: &str, address: &str| {
        format!(r#"{{"t_ns":{time},"conn":"{address}","kind":"{kind}","data":""}}"#)
    };
    let (a, b) = ("wss://a.example/ws", "wss://b.example/ws");
    let lines = [
        frame("10", a, "one"),
        told(20, "ws_close", a),
        frame("30", b, "two"),
        told(40, "ws_open", b),
        frame("50", b, "three"),
        told(60, "ws_open", a),
        frame("70", a, "four"),
    ];
    let mut world = world(&lines.each_ref().map(String::as_str));
    world.connect(1, url(a));
    world.connect(2, url(b));
    let begin: Vec<String> = (0..4).map(|_| next(&mut world)).collect();
    assert_eq!(
        begin,
        [
            "10 opened 1",
            "10 opened 2",
            "10 frame 1 one",
            "20 closed 1"
        ]
    );
    world.connect(1, url(a));
    assert_eq!(
        all(&mut world),
        [
            "30 frame 2 two",
            "50 frame 2 three",
            "60 opened 1",
            "70 frame 1 four"
        ]
    );
}
