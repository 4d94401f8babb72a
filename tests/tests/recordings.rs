//! Recordings of a live session: what was recorded replays to what was published, files stay within their bounds, and
//! a crash costs no more than the last second.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use marketprism_host::bus::Outbox;
use marketprism_host::record::{Capture, Kind, Recorder, Recording, RecordingBounds, What};
use marketprism_host::replay::{Replay, Show};
use marketprism_host::sandbox::{Engine, Grant};
use marketprism_host::session::{Happening, Plan, Session, World};
use marketprism_host::wire::{Message, Subjects};
use marketprism_host::world::{LiveParts, LiveWorld, Pace};
use marketprism_host::{adapter_folder, config, rest, ws};
use marketprism_tests::exchange::{Settings, Simulator};
use serde_json::Value;

const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The files of a recording, in their order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

/// The lines of a file, whole or not.
fn lines(file: &Path) -> Vec<Value> {
    let mut text = Vec::new();
    let packed = std::fs::File::open(file).expect("a file");
    let _ = flate2::read::GzDecoder::new(packed).read_to_end(&mut text);
    let text = String::from_utf8(text).expect("UTF-8");
    let line = |line| serde_json::from_str(line).expect("JSON");
    text.lines().map(line).collect()
}

/// The live world, and the messages that the session published in it.
struct Watched {
    world: LiveWorld,
    messages: Vec<Message>,
}

impl World for Watched {
    fn now(&self) -> u64 {
        self.world.now()
    }
    fn seed(&self) -> u64 {
        0
    }
    async fn next(&mut self) -> Option<Happening> {
        self.world.next().await
    }
    fn connect(&mut self, connection: u32, address: url::Url) {
        self.world.connect(connection, address);
    }
    fn send(&mut self, connection: u32, text: String) {
        self.world.send(connection, text);
    }
    fn close(&mut self, connection: u32) {
        self.world.close(connection);
    }
    fn request(&mut self, request: u32, address: url::Url, weight: u32) {
        self.world.request(request, address, weight);
    }
    fn wake_at(&mut self, alarm: u32, time: u64) {
        self.world.wake_at(alarm, time);
    }
    fn publish(&mut self, message: Message) {
        self.messages.push(message);
    }
    fn abandon(&mut self) {
        self.world.abandon();
    }
}

fn live(recorder: Recorder, stop: tokio::sync::watch::Receiver<bool>) -> Watched {
    let attempts = ws::Attempts::default();
    let dialer = ws::Dialer::new(ws::Settings::default(), attempts).expect("a dialer");
    let budgets = rest::Budgets::new(rest::Limit::per_minute(6_000));
    let client = rest::Client::new(rest::Settings::default(), budgets).expect("a client");
    let world = LiveWorld::new(LiveParts {
        dialer,
        client,
        bus: None,
        deposit: None,
        venue: "binance_spot".into(),
        outbox: Outbox::new(10, 1 << 20),
        seed: 0,
        recorder: Some(recorder),
        stop,
        fence: marketprism_host::world::Fence::default(),
        standby: false,
    });
    Watched {
        world,
        messages: Vec::new(),
    }
}

fn plan(exchange: &Simulator) -> Plan {
    let text = format!(
        "exchanges:\n  binance_spot:\n    market_type: spot\n    symbols: [{}]\n    \
         data_types: [orderbook, trade]\n    api: {{base_url: '{}', ws_url: '{}'}}\n    \
         orderbook: {{method: websocket, nats_publish_depth: 20}}\n",
        SYMBOLS.join(", "),
        exchange.http_url(),
        exchange.ws_url()
    );
    let config = config::parse(&text, "test.yaml", &|_| None).expect("a configuration");
    let block = &config.exchanges[0];
    let file = marketprism_tests::adapter("binance");
    let engine = Engine::new(None).expect("the engine");
    let adapter = adapter_folder::open(&engine, &file, &Grant::default(), &block.limits);
    let adapter = adapter.unwrap_or_else(|error| panic!("{error}"));
    Plan::new(block, Subjects::default(), adapter.into())
}

/// An output that can be read afterwards.
#[derive(Clone, Default)]
struct Kept(Rc<RefCell<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Messages as JSON, without the times at which they were published.
fn timeless(text: &[u8]) -> Vec<Value> {
    let text = str::from_utf8(text).expect("UTF-8");
    let message = |line: &str| {
        let mut message: Value = serde_json::from_str(line).expect("JSON");
        let is_status = message["subject"]
            .as_str()
            .is_some_and(|subject| subject.starts_with("orderbook_status."));
        let payload = message["payload"].as_object_mut().expect("a payload");
        for name in ["ts_ms", "collected_ts_ms", "standardized_at"] {
            payload.remove(name);
        }
        if is_status {
            // Told by the adapter's own clock: a replay has no time between the start and the first frame.
            for name in ["event_ts_ms", "received_ts_ns"] {
                payload.remove(name);
            }
        }
        message
    };
    text.lines().map(message).collect()
}

#[test]
fn a_recorded_session_replays_to_the_messages_that_it_published() {
    let exchange = Simulator::start(Settings::of_symbols(&SYMBOLS)).expect("sim");
    let data = folder();
    let bounds = RecordingBounds {
        // Several files, so that their order counts.
        file_bytes_max: 5_000,
        ..RecordingBounds::default()
    };
    let recording = Recording::start(data.path(), bounds).expect("a recording");
    let plan = plan(&exchange);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("tokio");
    let (_stop, stopping) = tokio::sync::watch::channel(false);
    let published = runtime.block_on(async {
        let world = live(recording.session("binance_spot"), stopping);
        let mut session = Session::new(plan.clone(), world).expect("a session");
        session.start().expect("the start");
        let end = Instant::now() + PATIENCE;
        let mut lost = false;
        while session.world().messages.len() < 1_500 {
            assert!(Instant::now() < end, "not in time");
            if !lost && session.world().messages.len() > 700 {
                exchange.close_connections();
                lost = true;
            }
            session.step().await.expect("no fault");
        }
        let mut published = Vec::new();
        for message in &session.world().messages {
            message.write_line(&mut published).expect("written");
        }
        published
    });
    let missing = recording.missing();
    assert_eq!((missing.dropped(), missing.failed()), (0, 0));
    recording.finish();

    let captures = files(data.path());
    assert!(captures.len() > 1, "{captures:?}");
    let kinds: Vec<Value> = captures.iter().flat_map(|file| lines(file)).collect();
    for kind in ["connect", "ws_open", "ws", "request", "http", "ws_close"] {
        assert!(
            kinds.iter().any(|line| line["kind"] == kind),
            "no line of kind {kind}"
        );
    }
    let output = Kept::default();
    let replay = Replay {
        plan,
        captures,
        pace: Pace::Max,
        show: Show::Messages,
        bus: None,
    };
    let summary = runtime
        .block_on(replay.run(Box::new(output.clone()), std::future::pending()))
        .expect("the replay");
    assert_eq!(summary["unreadable_lines"], 0);
    let (live, replayed) = (timeless(&published), timeless(&output.0.take()));
    for (place, (live, replayed)) in live.iter().zip(&replayed).enumerate() {
        assert_eq!(live, replayed, "message {place}");
    }
    assert_eq!(live.len(), replayed.len());
}

fn frame(bytes: &[u8]) -> What {
    What::Frame(bytes.to_vec())
}

fn address() -> Arc<str> {
    "wss://stream.alpha.example/".into()
}

/// Bytes that do not become smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    })
    .take(length)
    .collect()
}

#[test]
fn bytes_that_are_no_text_come_back_as_they_were() {
    let data = folder();
    let recording = Recording::start(data.path(), RecordingBounds::default()).expect("a recording");
    let session = recording.session("alpha_spot");
    let frames = [
        &b"{\"a\":\"\\u0000 \xc3\xbc\"}"[..],
        b"\xff\xfe\0",
        b"",
        &noise(5_000),
    ];
    for bytes in frames {
        session.record(7, &address(), frame(bytes));
    }
    session.record(
        8,
        &"https://a.example/depth?symbol=X".into(),
        What::Answer(200, noise(9)),
    );
    recording.finish();
    let mut capture = Capture::open_all(&files(data.path())).expect("a recording");
    for bytes in frames {
        let line = capture.next_line().expect("readable").expect("a line");
        assert_eq!((line.time, line.kind), (7, Kind::Frame(bytes.to_vec())));
    }
    let answer = capture.next_line().expect("readable").expect("a line");
    assert!(matches!(answer.kind, Kind::Answer(_, 200, body) if body == noise(9)));
    assert_eq!(capture.next_line().expect("readable"), None);
    assert_eq!(capture.unreadable(), 0);
}

#[test]
fn a_promotion_comes_back() {
    let data = folder();
    let recording = Recording::start(data.path(), RecordingBounds::default()).expect("a recording");
    let session = recording.session("alpha_spot");
    session.record(9, &"".into(), What::Promoted);
    recording.finish();
    let mut capture = Capture::open_all(&files(data.path())).expect("a recording");
    let line = capture.next_line().expect("readable").expect("a line");
    assert_eq!((line.time, line.kind), (9, Kind::Promoted));
}

#[test]
fn a_file_that_was_cut_anywhere_is_read_up_to_there() {
    let data = folder();
    let recording = Recording::start(data.path(), RecordingBounds::default()).expect("a recording");
    let session = recording.session("alpha_spot");
    for now in 0..50 {
        session.record(now, &address(), frame(b"{\"some\":\"text\"}"));
    }
    recording.finish();
    let whole = std::fs::read(&files(data.path())[0]).expect("the file");
    let cut = data.path().join("cut.jsonl.gz");
    let mut most = 0;
    for end in 0..whole.len() {
        std::fs::write(&cut, &whole[..end]).expect("written");
        let mut capture = Capture::open(&cut).expect("readable");
        let mut count = 0;
        while let Some(line) = capture.next_line().expect("readable") {
            assert_eq!(line.time, count);
            count += 1;
        }
        assert!(count >= most, "more of the file, fewer lines");
        most = count;
    }
    assert_eq!(most, 50);
}

#[test]
fn what_was_written_a_second_ago_is_readable_while_the_recording_goes_on() {
    let data = folder();
    let recording = Recording::start(data.path(), RecordingBounds::default()).expect("a recording");
    recording
        .session("alpha_spot")
        .record(1, &address(), frame(b"x"));
    let end = Instant::now() + PATIENCE;
    while files(data.path())
        .first()
        .is_none_or(|file| lines(file).is_empty())
    {
        assert!(Instant::now() < end, "never readable");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    // As a crash would leave it: copied without an end.
    let copy = folder();
    let file = copy.path().join("crash.jsonl.gz");
    std::fs::copy(&files(data.path())[0], &file).expect("a copy");
    let mut capture = Capture::open(&file).expect("readable");
    assert!(capture.next_line().expect("readable").is_some());
    recording.finish();
}

#[test]
fn all_files_together_stay_within_the_bound_and_those_of_others_are_left_alone() {
    let data = folder();
    std::fs::write(data.path().join("mine.jsonl.gz"), noise(1_000)).expect("a file");
    let bounds = RecordingBounds {
        bytes_max: 400_000,
        ..RecordingBounds::default()
    };
    let recording = Recording::start(data.path(), bounds).expect("a recording");
    let session = recording.session("alpha_spot");
    let bytes = noise(3_000);
    let end = Instant::now() + PATIENCE;
    for now in 0..2_000 {
        let before = recording.missing().dropped();
        loop {
            session.record(now, &address(), frame(&bytes[now as usize % 100..]));
            if recording.missing().dropped() == before {
                break;
            }
            assert!(Instant::now() < end, "the writer does not follow");
            std::thread::yield_now();
        }
    }
    recording.finish();
    let files = files(data.path());
    assert!(data.path().join("mine.jsonl.gz").exists());
    let ours = files.iter().filter(|file| !file.ends_with("mine.jsonl.gz"));
    let bytes: u64 = ours
        .map(|file| file.metadata().expect("a file").len())
        .sum();
    assert!((200_000..=400_000).contains(&bytes), "{bytes}");
    let last = lines(&files[files.len() - 2]);
    assert_eq!(
        last.last().expect("lines")["t_ns"],
        1_999,
        "the newest are kept"
    );
}

#[test]
fn what_found_no_room_is_counted_and_told_where_it_is_missing() {
    let data = folder();
    let recording = Recording::start(data.path(), RecordingBounds::default()).expect("a recording");
    let session = recording.session("alpha_spot");
    session.record(1, &address(), frame(b"first"));
    // More than may ever wait.
    session.record(2, &address(), What::Frame(vec![b'x'; 65 << 20]));
    session.record(3, &address(), What::Frame(vec![b'x'; 65 << 20]));
    session.record(4, &address(), frame(b"last"));
    assert_eq!(recording.missing().dropped(), 2);
    recording.finish();
    let lines = lines(&files(data.path())[0]);
    let short: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| {
            (
                line["kind"].as_str().expect("a kind"),
                line["data"].as_str().expect("data"),
            )
        })
        .collect();
    assert_eq!(short, [("ws", "first"), ("lost", "2"), ("ws", "last")]);
}

#[test]
fn a_folder_that_cannot_be_made_is_told_at_the_start() {
    let data = folder();
    let file = data.path().join("file");
    std::fs::write(&file, "").expect("a file");
    assert!(Recording::start(&file.join("below"), RecordingBounds::default()).is_err());
}
