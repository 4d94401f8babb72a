//! A consumer that keeps its book from `orderbook_delta` alone, through a real NATS server, against an exchange that
//! loses, doubles and swaps frames and hangs up: at every update id its book is the published one, and the exchange's.

use std::collections::BTreeMap;
use std::time::Instant;

use marketprism_tests::daemon::{Block, Daemon, Listener, PATIENCE};
use marketprism_tests::delta_book::DeltaBook;
use marketprism_tests::exchange::{Faults, FrameFault, Settings, Simulator};
use marketprism_tests::nats_server::NatsServer;

/// Levels a side of a published top.
const DEPTH: usize = 20;

#[test]
fn a_book_kept_from_changes_is_the_published_one_at_every_id_whatever_happens_to_the_stream() {
    let block = Block {
        orderbook: "{method: websocket, nats_publish_depth: 20, deltas: true}",
        ..Block::USUAL
    };
    let faults = Faults::none()
        .with(FrameFault::Drop, 0.01)
        .with(FrameFault::Double, 0.02)
        .with(FrameFault::Swap, 0.01)
        .with(FrameFault::Close, 0.000_5);
    let settings = Settings {
        faults,
        ..Settings::of_symbols(block.symbols)
    };
    let exchange = Simulator::start(settings).expect("an exchange");
    let server = NatsServer::start("").expect("nats-server");
    let messages = Listener::start(server.address());
    let _daemon = Daemon::start(&exchange, server.address(), &[block]);
    let mut books: BTreeMap<String, DeltaBook> = BTreeMap::new();
    let end = Instant::now() + PATIENCE;
    let is_enough = |books: &BTreeMap<String, DeltaBook>| {
        let resyncs: u64 = books
            .values()
            .map(|book| book.wholes().saturating_sub(1))
            .sum();
        books.len() == block.symbols.len()
            && books.values().all(|book| book.compared() >= 50)
            && resyncs >= 2
    };
    while !is_enough(&books) {
        let published = messages.before(end);
        let kind = published.subject.split('.').next().unwrap_or_default();
        let payload = published.json();
        let symbol = payload["symbol"].as_str().expect("a symbol").to_owned();
        let name = symbol.replace('-', "");
        let book = books.entry(symbol).or_insert_with(|| DeltaBook::new(DEPTH));
        let taken = match kind {
            "orderbook" => book.published(&payload),
            "orderbook_delta" => book.change(&payload),
            _ => continue,
        };
        taken.unwrap_or_else(|error| panic!("{}: {error}", published.subject));
        if let ("orderbook_delta", Some(id)) = (kind, book.id()) {
            let truth = exchange.truth();
            let truth = truth.top_text(&name, id, DEPTH).expect("a known id");
            assert_eq!(book.top(DEPTH), truth, "{name} at {id}");
        }
    }
    assert!(exchange.faults().of(FrameFault::Drop) > 0);
    assert_eq!(messages.disturbances(), 0);
}
