//! The shipped configuration, made lively for tests, and simulated exchanges for it.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use marketprism_host::config;
use marketprism_host::sandbox::{Adapter, Grant};
use marketprism_host::session::Plan;
use marketprism_host::wire::Subjects;

use crate::exchange::{Faults, MarketSource, Scales, Settings, Simulator, Source, Venue};
use crate::hostile;

/// What is traded everywhere, in each exchange's own names for it.
const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

/// The shipped configuration.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn shipped() -> String {
    let file = crate::workspace().join("config/marketprism.yaml");
    std::fs::read_to_string(file).expect("the shipped configuration")
}

/// The shipped configuration; of Deribit books and trades too, every change of each book is told, and polled is what
/// changes every few seconds here, every few seconds.
///
/// # Panics
/// As [`shipped`].
#[must_use]
pub fn lively() -> String {
    const INDEX: &str = "      - volatility_index\n";
    let shipped = shipped();
    assert_eq!(shipped.matches(INDEX).count(), 1);
    let every = format!("{INDEX}      - orderbook\n      - trade\n");
    let all = shipped.replace(INDEX, &every);
    format!(
        "{all}
adapter_defaults:
  orderbook: {{ deltas: true }}
data_types:
  funding_rate: {{ interval: 3 }}
  open_interest: {{ interval: 3 }}
  lsr_top_position: {{ interval: 2 }}
  lsr_all_account: {{ interval: 2 }}
"
    )
}

/// A configuration whose exchanges are these.
///
/// # Panics
/// When there is no memory.
#[must_use]
pub fn at(configuration: &str, exchanges: &[Simulator]) -> String {
    let mut text = format!("{configuration}\nexchange_defaults:\n");
    for exchange in exchanges {
        let (name, http) = (exchange.venue().name(), exchange.http_url());
        let ws = exchange.ws_url();
        let written = writeln!(
            text,
            "  {name}: {{ api: {{ base_url: {http:?}, ws_url: {ws:?} }} }}"
        );
        written.expect("memory");
    }
    text
}

/// The session of such a configuration with an exchange.
///
/// # Panics
/// When the configuration is refused, or the adapter was not built.
#[must_use]
pub fn plan(configuration: &str, exchange: &Simulator) -> Plan {
    let name = exchange.venue().name();
    let text = at(configuration, std::slice::from_ref(exchange));
    let config = config::parse(&text, "test.yaml", &|_| None).expect("a configuration");
    let mut blocks = config.exchanges.iter();
    let block = blocks.find(|block| block.name == name).expect("a block");
    let loaded = Adapter::load(
        hostile::engine(),
        &wasm(exchange.venue()),
        &Grant::default(),
        &block.limits,
    );
    let adapter = loaded.unwrap_or_else(|refusal| panic!("{refusal}"));
    Plan::new(block, Subjects::default(), adapter.into())
}

/// The adapter of a venue.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn wasm(venue: Venue) -> Vec<u8> {
    let name = venue.name();
    let (exchange, _) = name.split_once('_').unwrap_or((name, ""));
    std::fs::read(crate::adapter(exchange)).expect("the adapter")
}

/// A simulated exchange in which everything that is collected happens often.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn exchange(venue: Venue, seed: u64, orders_per_second: u64, faults: &Faults) -> Simulator {
    let symbols = SYMBOLS.map(|symbol| venue.instrument(symbol));
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let market = MarketSource {
        symbols: symbols.to_vec(),
        orders_per_second,
        liquidations_per_minute: 60,
        start_ns: now.expect("a clock").as_nanos() as u64,
        ..MarketSource::default()
    };
    let settings = Settings {
        seed,
        source: Source::Market(market),
        scales: Scales {
            ratio_period: Duration::from_secs(4),
            open_interest: Duration::from_secs(2),
            ..Scales::default()
        },
        faults: faults.clone(),
        ..Settings::of_venue(venue, &[])
    };
    Simulator::start(settings).expect("an exchange")
}
