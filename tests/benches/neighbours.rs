//! What a misbehaving adapter costs its neighbours: four healthy sessions publish, alone and with one hostile session
//! beside them, in turn. From a frame being read to a consumer having its message; the ratio of each pair, the median
//! of all pairs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use marketprism_host::session::Plan;
use marketprism_host::status::State;
use marketprism_host::supervisor::RestartPolicy;
use marketprism_tests::daemon::{Block, Listener};
use marketprism_tests::exchange::{MarketSource, Settings, Simulator, Source};
use marketprism_tests::fleet::{Fleet, hostile_plan};
use marketprism_tests::nats_server::NatsServer;
use serde::Deserialize;
use serde_json::{Value, json};

/// Pairs of runs for each kind of misbehaviour.
const PAIRS: usize = 7;

/// How long one run is measured.
const RUN: Duration = Duration::from_secs(3);

const HEALTHY: [&str; 4] = ["one", "two", "three", "four"];

/// Orders of each symbol in a second; each healthy session hears two symbols.
const ORDERS_PER_SECOND: u64 = 1_000;

#[derive(Deserialize)]
struct Read {
    received_ts_ns: u64,
    trade_id: Option<String>,
}

fn main() {
    let kinds = [
        json!({"misbehaviour": "spin"}),
        json!({"misbehaviour": "grow_in_loop"}),
        json!({"misbehaviour": "panic"}),
        json!({"misbehaviour": "many_actions"}),
        json!({"misbehaviour": "many_bytes"}),
        json!({"misbehaviour": "log_flood"}),
        json!({"misbehaviour": "recurse"}),
        json!({"misbehaviour": "slow_but_legal"}),
    ];
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|it| !it.starts_with('-'))
        .collect();
    println!(
        "{:<16} {:>9} {:>9} {:>7} {:>9} {:>9} {:>7} {:>9} {:>7}",
        "beside", "p50 alone", "with", "ratio", "p99 alone", "with", "ratio", "messages", "faults"
    );
    for kind in &kinds {
        let name = kind["misbehaviour"].as_str().unwrap_or_default();
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            compare(name, kind);
        }
    }
}

fn compare(name: &str, kind: &Value) {
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    let (mut messages, mut faults) = (0, 0);
    for pair in 0..PAIRS {
        // Which comes first changes, so that neither always finds the warmer machine.
        let runs = if pair % 2 == 0 {
            [false, true]
        } else {
            [true, false]
        };
        let mut found = [(0, 0); 2];
        for with in runs {
            let (latencies, stopped) = run(with.then_some(kind));
            found[usize::from(with)] = (quantile(&latencies, 0.5), quantile(&latencies, 0.99));
            messages += latencies.len();
            faults += stopped;
        }
        p50.push((found[0].0, found[1].0));
        p99.push((found[0].1, found[1].1));
    }
    let line = |pairs: &[(u64, u64)]| {
        let us =
            |of: fn(&(u64, u64)) -> u64| median(pairs.iter().map(of).map(|ns| ns as f64 / 1e3));
        let ratio = median(
            pairs
                .iter()
                .map(|(alone, with)| *with as f64 / *alone as f64),
        );
        (us(|it| it.0), us(|it| it.1), ratio)
    };
    let ((a, b, c), (d, e, f)) = (line(&p50), line(&p99));
    println!(
        "{name:<16} {a:>6.0} us {b:>6.0} us {c:>7.2} {d:>6.0} us {e:>6.0} us {f:>7.2} {messages:>9} {faults:>7}"
    );
}

/// One run: how long each message took, and how often the hostile adapter was stopped.
fn run(hostile: Option<&Value>) -> (Vec<u64>, u64) {
    let symbols = ["BTCUSDT", "ETHUSDT"];
    let exchange = Simulator::start(Settings {
        source: Source::Market(MarketSource {
            symbols: symbols.map(str::to_owned).to_vec(),
            orders_per_second: ORDERS_PER_SECOND,
            ..MarketSource::default()
        }),
        ledger_entries_max: 0,
        ..Settings::default()
    })
    .expect("an exchange");
    let nats = NatsServer::start("").expect("nats-server");
    let listener = Listener::start(nats.address());
    let mut plans: Vec<Plan> = HEALTHY
        .iter()
        .map(|name| {
            Block {
                name,
                ..Block::USUAL
            }
            .plan(&exchange)
        })
        .collect();
    if let Some(kind) = hostile {
        plans.push(hostile_plan(&exchange, kind.clone()));
    }
    let mut fleet = Fleet::start(plans, Some(nats.address()), RestartPolicy::default());
    for name in HEALTHY {
        fleet.eventually(name, "it runs", |it| {
            it.state == State::Running && it.tally.frames > 100
        });
    }
    while listener.next(Duration::ZERO).is_some() {}
    let mut latencies = Vec::new();
    let mut last: BTreeMap<String, (u64, u32)> = BTreeMap::new();
    let end = Instant::now() + RUN;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        let Some(message) = listener.next(left) else {
            break;
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos() as u64;
        let Ok(read) = serde_json::from_slice::<Read>(&message.payload) else {
            continue;
        };
        latencies.push(now.saturating_sub(read.received_ts_ns));
        // Four sessions publish the same market: every trade comes four times, and of no session out of order.
        if let Some(id) = read.trade_id.and_then(|id| id.parse::<u64>().ok()) {
            let seen = last.entry(message.subject).or_insert((id, 0));
            assert!(id + 200 > seen.0, "trade {id} comes far behind {}", seen.0);
            *seen = (id.max(seen.0), seen.1 + 1);
        }
    }
    assert_eq!(listener.disturbances(), 0, "the consumer was too slow");
    for name in HEALTHY {
        let status = fleet.board.session(name).expect("a status");
        assert!(status.history.faults.is_empty() && status.tally.refused_frames == 0);
    }
    let faults = fleet
        .board
        .session("hostile")
        .map_or(0, |it| it.history.faults.values().sum());
    fleet.stop();
    (latencies, faults)
}

fn quantile(values: &[u64], part: f64) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    let at = (values.len() as f64 * part) as usize;
    values
        .get(at.min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
