//! An exchange counts the attempts to connect of all sessions together, and none of them is one too many.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use marketprism_host::config;
use marketprism_host::limits::Limits;
use marketprism_host::sandbox::{Adapter, Engine, Grant};
use marketprism_host::session::Plan;
use marketprism_host::supervisor::RestartPolicy;
use marketprism_host::wire::Subjects;
use marketprism_tests::daemon::PATIENCE;
use marketprism_tests::exchange::{Settings, Simulator, Venue};
use marketprism_tests::fleet::Fleet;

/// Sessions, each with one connection; the exchange takes three new ones in a second.
const SESSIONS: usize = 9;

/// The shortest time in which so many can be had.
const AT_LEAST: Duration = Duration::from_secs(2);

fn plans(exchange: &Simulator) -> Vec<Plan> {
    let (http, ws) = (exchange.http_url(), exchange.ws_url());
    let mut text = "exchanges:\n".to_owned();
    for number in 0..SESSIONS {
        writeln!(
            text,
            "  session_{number}: {{exchange: okx_spot, market_type: spot, symbols: [BTC-USDT], data_types: [trade], \
             api: {{base_url: '{http}', ws_url: '{ws}'}}}}"
        )
        .expect("memory");
    }
    let config = config::parse(&text, "test.yaml", &|_| None).expect("a configuration");
    let engine = Engine::new(None).expect("the engine");
    let wasm = std::fs::read(marketprism_tests::adapter("okx")).expect("the adapter");
    let adapter = Adapter::load(&engine, &wasm, &Grant::default(), &Limits::default())
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    let adapter = Arc::new(adapter);
    let sessions = config.exchanges.iter();
    sessions
        .map(|block| Plan::new(block, Subjects::default(), adapter.clone()))
        .collect()
}

#[test]
fn sessions_that_connect_together_wait_their_turn_and_break_no_limit() {
    let exchange =
        Simulator::start(Settings::of_venue(Venue::OkxSpot, &["BTC-USDT"])).expect("an exchange");
    let plans = plans(&exchange);
    let since = Instant::now();
    let fleet = Fleet::start(plans, None, RestartPolicy::default());
    for round in 1..=2 {
        assert!(
            exchange.eventually(PATIENCE, |it| it.connections().len() == round * SESSIONS
                && it.connections_now() == SESSIONS),
            "{:?}",
            exchange.figures()
        );
        assert!(since.elapsed() >= AT_LEAST);
        assert_eq!(exchange.limit_violations(), []);
        let attempts = fleet.board.attempts();
        let usage = attempts.get("127.0.0.1").expect("the exchange");
        assert_eq!((usage.waiting, usage.open), (0, SESSIONS));
        assert_eq!(
            (usage.limit.attempts, usage.limit.within),
            (3, Duration::from_secs(1))
        );
        // All come back at once.
        exchange.abort_connections();
    }
}
