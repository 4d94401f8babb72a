//! What a frame costs: in the sandbox with all caps on, in the same adapter built natively, in a plain typed parse
//! with serde_json, and in the flight recorder, which comes on top of the sandbox. All in turn, round after round, so
//! that a change of the machine's speed meets all.
//!
//! The serde_json line only parses; sandbox and native also keep the book and count the trades.

use std::hint::black_box;
use std::time::Instant;

use marketprism_binance::Binance;
use marketprism_host::limits::Limits;
use marketprism_host::record::{Capture, Flight, Kind};
use marketprism_host::sandbox::{Adapter, Engine, Grant, Instance, contract};
use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit;
use serde::Deserialize;

const RECORDING: &str = "binance_spot.hft-btc-120s";
const ROUNDS: usize = 21;

#[derive(Deserialize)]
#[allow(dead_code, reason = "parsed to be timed, not to be read")]
struct Combined<D> {
    stream: String,
    data: D,
}

#[derive(Deserialize)]
#[allow(
    dead_code,
    non_snake_case,
    reason = "the exchange's names; parsed to be timed"
)]
struct DepthUpdate {
    e: String,
    E: u64,
    s: String,
    U: u64,
    u: u64,
    b: Vec<[String; 2]>,
    a: Vec<[String; 2]>,
}

#[derive(Deserialize)]
#[allow(
    dead_code,
    non_snake_case,
    reason = "the exchange's names; parsed to be timed"
)]
struct Trade {
    e: String,
    E: u64,
    s: String,
    t: u64,
    p: String,
    q: String,
    T: u64,
    m: bool,
}

/// The events of one kind of frame, from the start of the adapter on; the same for guest and native.
struct Tape {
    name: &'static str,
    /// Everything up to the first timed frame: start, opening, snapshot.
    lead: Vec<wit::Event>,
    connection: u32,
    frames: Vec<Vec<u8>>,
    parse: fn(&[u8]) -> bool,
}

fn settings(method: &str) -> String {
    format!(
        r#"{{"exchange":"binance_spot","market_type":"spot","data_types":["orderbook","trade"],
        "api":{{"base_url":"https://api.binance.com","ws_url":"wss://stream.binance.com:9443"}},
        "orderbook":{{"method":"{method}","snapshot_interval":1,"snapshot_depth":100}}}}"#
    )
}

/// Depth frames from the recording's snapshot on, the book synced before the first timed one.
fn depth_tape(method: &'static str, name: &'static str) -> Tape {
    let connection = connection();
    let mut driver = Driver::<Binance>::default();
    let mut lead = vec![
        testing::start(&settings(method), &["BTCUSDT"]),
        wit::Event::Opened(connection),
    ];
    for event in &lead {
        driver.tell(NOW, event);
    }
    let mut frames = Vec::new();
    let mut request = None;
    let mut synced = false;
    let mut capture = Capture::open(&marketprism_tests::capture(RECORDING)).expect("the recording");
    while let Some(line) = capture.next_line().expect("the recording") {
        match line.kind {
            Kind::Frame(data) if holds(&data, b"depthUpdate") && synced => frames.push(data),
            Kind::Frame(data) if holds(&data, b"depthUpdate") => {
                let event = testing::frame(connection, data);
                for action in driver.tell(NOW, &event) {
                    if let wit::Action::Request(asked) = action {
                        request = Some(asked.request);
                    }
                }
                lead.push(event);
            }
            Kind::Answer(_, status, body) => {
                if let Some(request) = request.take() {
                    lead.push(testing::answer(request, status, body));
                    synced = true;
                }
            }
            _ => {}
        }
    }
    Tape {
        name,
        lead,
        connection,
        frames,
        parse: |frame| parse::<Combined<DepthUpdate>>(frame),
    }
}

fn trade_tape() -> Tape {
    let connection = connection();
    let lead = vec![
        testing::start(&settings("snapshot"), &["BTCUSDT"]),
        wit::Event::Opened(connection),
    ];
    let mut frames = Vec::new();
    let mut capture = Capture::open(&marketprism_tests::capture(RECORDING)).expect("the recording");
    while let Some(line) = capture.next_line().expect("the recording") {
        if let Kind::Frame(data) = line.kind
            && holds(&data, b"\"e\":\"trade\"")
        {
            frames.push(data);
        }
    }
    Tape {
        name: "trade",
        lead,
        connection,
        frames,
        parse: |frame| parse::<Combined<Trade>>(frame),
    }
}

const NOW: u64 = 1_723_161_255_000_000_000;

/// The adapter's first connection.
fn connection() -> u32 {
    let mut driver = Driver::<Binance>::default();
    driver
        .tell(NOW, &testing::start(&settings("snapshot"), &["BTCUSDT"]))
        .iter()
        .find_map(|action| match action {
            wit::Action::Connect(connect) => Some(connect.connection),
            _ => None,
        })
        .expect("the adapter connects at its start")
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn parse<'a, T: Deserialize<'a>>(frame: &'a [u8]) -> bool {
    black_box(serde_json::from_slice::<T>(frame)).is_ok()
}

fn in_the_sandbox(adapter: &Adapter, tape: &Tape) -> f64 {
    let mut instance = Instance::new(adapter, &Limits::default()).expect("an instance");
    for event in &tape.lead {
        instance.handle(NOW, &to_contract(event)).expect("the lead");
    }
    let events: Vec<contract::Event> = tape
        .frames
        .iter()
        .map(|data| to_contract(&testing::frame(tape.connection, data.clone())))
        .collect();
    timed(events.len(), || {
        for event in &events {
            black_box(instance.handle(NOW, event).expect("a frame"));
        }
    })
}

fn natively(tape: &Tape) -> f64 {
    let mut driver = Driver::<Binance>::default();
    for event in &tape.lead {
        driver.tell(NOW, event);
    }
    let events: Vec<wit::Event> = tape
        .frames
        .iter()
        .map(|data| testing::frame(tape.connection, data.clone()))
        .collect();
    timed(events.len(), || {
        for event in &events {
            black_box(driver.tell(NOW, event));
        }
    })
}

fn with_serde_json(tape: &Tape) -> f64 {
    timed(tape.frames.len(), || {
        for frame in &tape.frames {
            assert!(
                (tape.parse)(frame),
                "the typed parse does not fit the frame"
            );
        }
    })
}

/// What the flight recorder of a session adds to the sandbox: the frames kept in a ring that has run over.
fn in_the_flight_recorder(tape: &Tape) -> f64 {
    let connection = tape.connection;
    let frame = |data: &Vec<u8>| {
        let data = data.clone();
        contract::Event::Frame(contract::Frame { connection, data })
    };
    let events: Vec<contract::Event> = tape.frames.iter().map(frame).collect();
    let mut flight = Flight::new(Limits::default().flight_bytes_max);
    while flight.is_complete() {
        for event in &events {
            flight.keep(NOW, event);
        }
    }
    timed(events.len(), || {
        for event in &events {
            flight.keep(NOW, black_box(event));
        }
    })
}

/// Nanoseconds for one of `count`.
fn timed(count: usize, work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64() * 1e9 / count as f64
}

fn to_contract(event: &wit::Event) -> contract::Event {
    match event {
        wit::Event::Start(start) => contract::Event::Start(contract::Start {
            settings: start.settings.clone(),
            instruments: start.instruments.clone(),
            seed: start.seed,
            standby: start.standby,
        }),
        wit::Event::Opened(connection) => contract::Event::Opened(*connection),
        wit::Event::Frame(frame) => contract::Event::Frame(contract::Frame {
            connection: frame.connection,
            data: frame.data.clone(),
        }),
        wit::Event::Response(response) => contract::Event::Response(contract::Response {
            request: response.request,
            outcome: response
                .outcome
                .as_ref()
                .map(|answer| contract::Answer {
                    status: answer.status,
                    body: answer.body.clone(),
                })
                .map_err(|_| contract::RequestFailure::Unreachable),
        }),
        other => panic!("no tape holds {other:?}"),
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    // `cargo test` runs benchmarks once to see that they work; their figures mean nothing then.
    let rounds = if std::env::args().any(|argument| argument == "--bench") {
        ROUNDS
    } else {
        1
    };
    let engine = Engine::new(None).expect("the engine");
    let wasm = std::fs::read(marketprism_tests::adapter("binance")).expect("the adapter");
    let adapter = Adapter::load(&engine, &wasm, &Grant::default(), &Limits::default())
        .unwrap_or_else(|refusal| panic!("the adapter: {refusal}"));
    let tapes = [
        trade_tape(),
        depth_tape("snapshot", "depth"),
        depth_tape("websocket", "depth, published"),
    ];
    println!("{RECORDING}, {rounds} rounds, medians; ratios are taken round by round\n");
    println!(
        "{:<18} {:>6} {:>6}  {:>10} {:>10} {:>10} {:>10}  {:>15} {:>15}",
        "frame",
        "count",
        "bytes",
        "sandbox",
        "native",
        "serde_json",
        "recorder",
        "sandbox/serde",
        "sandbox/native"
    );
    for tape in &tapes {
        let bytes = tape.frames.iter().map(Vec::len).sum::<usize>() / tape.frames.len();
        let mut figures: [Vec<f64>; 6] = Default::default();
        for _ in 0..rounds {
            let sandbox = in_the_sandbox(&adapter, tape);
            let native = natively(tape);
            let serde = with_serde_json(tape);
            let flight = in_the_flight_recorder(tape);
            let (by_serde, by_native) = (sandbox / serde, sandbox / native);
            for (all, one) in figures
                .iter_mut()
                .zip([sandbox, native, serde, flight, by_serde, by_native])
            {
                all.push(one);
            }
        }
        let [sandbox, native, serde, flight, by_serde, by_native] =
            figures.each_mut().map(|all| median(all));
        println!(
            "{:<18} {:>6} {:>6}  {:>7.0} ns {:>7.0} ns {:>7.0} ns {:>7.0} ns  {:>15.2} {:>15.2}",
            tape.name,
            tape.frames.len(),
            bytes,
            sandbox,
            native,
            serde,
            flight,
            by_serde,
            by_native,
        );
    }
}
