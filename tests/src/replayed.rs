//! Recordings through the session and a shipped `.wasm`, and what an independent reference replay found in them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use marketprism_host::adapter_folder;
use marketprism_host::bus::Bus;
use marketprism_host::config;
use marketprism_host::limits::Limits;
use marketprism_host::replay::{Replay, Show};
use marketprism_host::sandbox::{Adapter, Engine, Grant};
use marketprism_host::session::Plan;
use marketprism_host::wire::Subjects;
use marketprism_host::world::Pace;
use serde_json::Value;

/// A recording that is replayed with all its symbols.
pub struct Recording {
    /// The block of configuration that it is replayed through.
    exchange: &'static str,
    /// Its file name without `.jsonl`.
    pub name: &'static str,
    /// Which of the exchange's streams of trades was recorded, unless it is the usual one.
    trade_stream: Option<&'static str>,
}

static RECORDINGS: [Recording; 13] = [
    Recording::of("binance_spot", "binance_spot.cf-2021-10").with("aggTrade"),
    Recording::of("binance_spot", "binance_spot.hft-btc-120s"),
    Recording::of("binance_derivatives", "binance_usdm.cf-2021-07"),
    Recording::of("binance_derivatives", "binance_usdm.hft-btc-120s").with("trade"),
    Recording::of("okx_spot", "okx_spot.cf-2021-07-c1"),
    Recording::of("okx_spot", "okx_spot.cf-2022-05"),
    Recording::of("okx_spot", "okx_spot.derived-seq-2021-07-c1"),
    Recording::of("okx_spot", "okx_spot.derived-seq-2022-05"),
    Recording::of("okx_derivatives", "okx_swap.cf-2021-07-c1"),
    Recording::of("okx_derivatives", "okx_swap.cf-2022-05"),
    Recording::of("okx_derivatives", "okx_swap.derived-seq-2021-07-c1"),
    Recording::of("okx_derivatives", "okx_swap.derived-seq-2022-05"),
    Recording::of("deribit_derivatives", "deribit.cf-2021-07"),
];

/// The recordings of an exchange.
///
/// # Panics
/// When there are none.
#[must_use]
pub fn recordings(exchange: &str) -> Vec<&'static Recording> {
    let of_it = RECORDINGS.iter().filter(|one| one.exchange == exchange);
    let found: Vec<_> = of_it.collect();
    assert!(!found.is_empty(), "no recording of {exchange}");
    found
}

impl Recording {
    const fn of(exchange: &'static str, name: &'static str) -> Self {
        Self {
            exchange,
            name,
            trade_stream: None,
        }
    }

    const fn with(mut self, trade_stream: &'static str) -> Self {
        self.trade_stream = Some(trade_stream);
        self
    }

    /// Its symbols, as the oracle has them.
    #[must_use]
    pub fn symbols(&self) -> Vec<String> {
        oracle(self.name).keys().cloned().collect()
    }

    /// The configuration that it is replayed through, with these settings of books.
    #[must_use]
    pub fn block(&self, orderbook: &str) -> String {
        let (exchange, symbols) = (self.exchange, self.symbols().join(", "));
        let market_type = match exchange.ends_with("_spot") {
            true => "spot",
            false => "perpetual",
        };
        let trade_stream = self.trade_stream;
        let trade_stream =
            trade_stream.map_or_else(String::new, |name| format!("    trade_stream: {name}\n"));
        format!(
            "exchanges:\n  {exchange}:\n    market_type: {market_type}\n    symbols: [{symbols}]\n    \
             data_types: [orderbook, trade]\n    orderbook: {{{orderbook}}}\n{trade_stream}"
        )
    }
}

/// An output that can be read afterwards.
#[derive(Clone, Default)]
pub struct Kept(Rc<RefCell<Vec<u8>>>);

impl Kept {
    /// What was written so far; it is kept no longer.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.take()).expect("UTF-8")
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Replays a file through the first block of this configuration; answers with the messages and the summary.
pub fn replay(block: &str, capture: &Path) -> (String, Value) {
    let output = Kept::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("tokio");
    let replay = prepare(block, capture, None);
    let summary = runtime
        .block_on(replay.run(Box::new(output.clone()), std::future::pending()))
        .expect("the replay");
    (output.text(), summary)
}

/// A replay that is about to run. The adapter is the one that the exchange's name begins with.
pub fn prepare(block: &str, capture: &Path, bus: Option<Bus>) -> Replay {
    let config = config::parse(block, "test.yaml", &|_| None).expect("a valid configuration");
    let exchange = &config.exchanges[0];
    let adapter = adapter(exchange.name.split('_').next().expect("a name"));
    let plan = Plan::new(exchange, Subjects::default(), adapter);
    Replay {
        plan,
        captures: vec![capture.to_path_buf()],
        pace: Pace::Max,
        show: Show::Messages,
        bus,
    }
}

/// An adapter by its name, compiled once for all tests of one program.
fn adapter(name: &str) -> Arc<Adapter> {
    static COMPILED: Mutex<BTreeMap<String, Arc<Adapter>>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let adapter = compiled.entry(name.to_owned()).or_insert_with(|| {
        let engine = Engine::new(None).expect("the engine starts");
        let (file, grant) = (crate::adapter(name), Grant::default());
        let adapter = adapter_folder::open(&engine, &file, &grant, &Limits::default());
        adapter.expect("the adapter").into()
    });
    Arc::clone(adapter)
}

/// What the reference replay of a recording found, by symbol.
pub fn oracle(name: &str) -> serde_json::Map<String, Value> {
    let text = std::fs::read_to_string(crate::oracle(name)).expect("the oracle");
    let oracle: Value = serde_json::from_str(&text).expect("the oracle is JSON");
    let session = oracle["sessions"]
        .as_object()
        .and_then(|sessions| sessions.values().next());
    let symbols = session.expect("a session")["symbols"].as_object();
    let symbols = symbols.expect("symbols").clone();
    assert!(!symbols.is_empty());
    symbols
}

/// Compares a summary with the oracle of the recording, for every symbol of the oracle.
pub fn equals_the_oracle(name: &str, summary: &Value) {
    for (symbol, wanted) in oracle(name) {
        let found = &summary["instruments"][&symbol];
        assert_eq!(found["trades"], wanted["trades"], "{symbol} trades");
        assert_eq!(
            found["trade_quantity"], wanted["trade_qty_sum"],
            "{symbol} quantities"
        );
        assert_eq!(
            found["book_updates_applied"], wanted["book_updates_applied"],
            "{symbol} updates"
        );
        assert_eq!(found["gaps"], wanted["gaps"], "{symbol} gaps");
        assert_eq!(found["resyncs"], 0, "{symbol} resyncs");
        assert_eq!(found["book_state"], "synced", "{symbol} state");
        assert_eq!(
            found["last_update_id"], wanted["last_update_id"],
            "{symbol} last update"
        );
        assert_eq!(found["bids"], wanted["final_book"]["bids"], "{symbol} bids");
        assert_eq!(found["asks"], wanted["final_book"]["asks"], "{symbol} asks");
    }
    assert_eq!(summary["faults"], 0);
    assert_eq!(summary["refused_frames"], 0);
}
