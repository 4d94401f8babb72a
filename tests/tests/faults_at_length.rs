//! A million events on the exchange's worst day, through the whole daemon to the bus: what is published is true, and
//! everything that was lost on the way is found.

#[path = "faults_at_length/chain.rs"]
mod chain;
#[path = "faults_at_length/judge.rs"]
mod judge;
#[path = "faults_at_length/trades.rs"]
mod trades;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chain::Updates;
use judge::{Heard, Judge};
use marketprism_tests::daemon::{Block, Daemon, Listener};
use marketprism_tests::exchange::{
    ConnectionRecord, Entry, Fate, Faults, FrameFault, MarketSource, Pace, RestFault, Settings,
    Simulator, Source,
};
use marketprism_tests::nats_server::NatsServer;

/// Frames that the exchange means to send.
const EVENTS: u64 = 1_000_000;

/// Longer than it takes on a slow machine.
const TIME_MAX: Duration = Duration::from_secs(400);

/// How long a silence is waited for before looking how far things are.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

const DEPTH: &str = "depth@100ms";
const TRADE: &str = "trade";

/// Two sessions, so that what happens to the one's connection can be seen not to touch the other. The first keeps
/// books of which it knows little and has to fetch anew, the second knows more of them.
const SESSIONS: [Block<'static>; 2] = [
    Block {
        name: "shallow",
        symbols: &[
            "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "BNBUSDT", "TRXUSDT", "TONUSDT", "UNIUSDT",
        ],
        orderbook: "{method: websocket, nats_publish_depth: 20, depth_limit: 100}",
    },
    Block {
        name: "deep",
        symbols: &[
            "ADAUSDT", "DOGEUSDT", "LTCUSDT", "DOTUSDT", "LINKUSDT", "ATOMUSDT", "NEARUSDT",
            "APTUSDT",
        ],
        orderbook: "{method: websocket, nats_publish_depth: 20, depth_limit: 500}",
    },
];

/// How much faster than the clock the market's time runs. As fast as the daemon can take it would be more than twice
/// as fast; but its second between two snapshots of a book, and its quarter of one until it fetches a missing trade,
/// pass at the clock's speed.
const TIMES: u32 = 60;

/// Faults of single updates that are ordered beside those that chance brings: chance alone would hit trades as often,
/// and the exchange's limits do not allow to fetch so many.
const ORDERED: u64 = 200;

/// How often a connection is ended, one session's after the other's. Few, because the daemon waits longer after each:
/// tests/reconnects_leave_nothing.rs does it often.
const ENDS: u64 = 4;

fn faults() -> Faults {
    let mut faults = Faults::none()
        .with(FrameFault::Drop, 0.000_02)
        .with(FrameFault::Double, 0.002)
        .with(FrameFault::Swap, 0.000_2)
        .with(FrameFault::Cut, 0.000_01)
        .with(FrameFault::Garbage, 0.000_01)
        .with(FrameFault::Misshape, 0.000_01)
        .with_rest(RestFault::Late, 0.05)
        .with_rest(RestFault::Failing, 0.05);
    faults.stall = Duration::from_secs(1);
    faults.late = Duration::from_millis(500);
    faults
}

/// The fault of a single update that is ordered with this number, and whose.
fn ordered(number: u64) -> (&'static str, FrameFault) {
    use FrameFault::{Cut, Double, Drop, Garbage, Misshape, Stall, Swap};
    let number = number as usize;
    // A snapshot of the second session's costs five times as much of the request budget.
    let symbols = SESSIONS[usize::from(number % 6 == 5)].symbols;
    let symbol = symbols[number / 6 % symbols.len()];
    let fault = match number % 100 {
        41 => Stall,
        number => [Drop, Swap, Cut, Drop, Garbage, Swap, Misshape, Double][number % 8],
    };
    (symbol, fault)
}

fn exchange() -> Simulator {
    let symbols = SESSIONS.iter().flat_map(|session| session.symbols);
    let market = MarketSource {
        symbols: symbols.map(|&symbol| symbol.to_owned()).collect(),
        // Fewer orders than usual: more of the frames are updates of books.
        orders_per_second: 20,
        ..MarketSource::default()
    };
    let settings = Settings {
        source: Source::Market(market),
        pace: Pace::Times(TIMES),
        faults: faults(),
        // A snapshot is to be near what the streams tell.
        queue_frames_max: 256,
        ..Settings::default()
    };
    Simulator::start(settings).expect("the exchange")
}

/// Everything that was published, judged as it came, and what was really sent.
struct Run {
    exchange: Simulator,
    listener: Listener,
    judge: Judge,
    began: Instant,
    messages: u64,
}

impl Run {
    /// Judges what is published, until it is time to look how far things are.
    fn hear(&mut self) {
        for _ in 0..256 {
            let Some(published) = self.listener.next(LOOK_AGAIN) else {
                break;
            };
            self.judge.hear(&published);
            self.messages += 1;
        }
        let meant = self.exchange.meant();
        assert!(self.began.elapsed() < TIME_MAX, "{meant} events only");
    }

    /// Until the exchange has meant to send everything; meanwhile faults are ordered and connections end.
    fn events(&mut self) {
        let (mut orders, mut ends) = (0, 0);
        loop {
            let meant = self.exchange.meant();
            if meant >= EVENTS {
                return;
            }
            if meant > (orders + 1) * EVENTS / (ORDERED + 1) {
                let (symbol, fault) = ordered(orders);
                self.exchange.inject(&stream(symbol, DEPTH), fault, 1);
                orders += 1;
            }
            if meant > (ends + 1) * EVENTS / (ENDS + 1) {
                let session = &SESSIONS[ends as usize % SESSIONS.len()];
                let fault = [FrameFault::Close, FrameFault::Abort][(ends / 2) as usize % 2];
                let stream = stream(session.symbols[0], DEPTH);
                self.exchange.inject(&stream, fault, 1);
                ends += 1;
            }
            self.hear();
        }
    }

    /// Lets every book become synced once more without faults, then stops the market and waits until everything that
    /// was sent is published.
    fn settle(&mut self) -> (Vec<Entry>, Vec<ConnectionRecord>) {
        self.exchange.set_faults(Faults::none());
        while !self.judge.symbols.values().all(Heard::is_synced) {
            self.hear();
        }
        self.exchange.pause();
        self.exchange.advance(Duration::ZERO);
        loop {
            self.hear();
            let sent = self.exchange.sent();
            let connections = self.exchange.connections();
            let published = |(symbol, heard): (&String, &Heard)| {
                let updates = Updates::read(&sent, &connections, &stream(symbol, DEPTH));
                let whole = trades::sent(&sent, &stream(symbol, TRADE));
                heard.book == updates.last() && heard.trades.iter().max() == whole.last()
            };
            if self.judge.symbols.iter().all(published) {
                return (sent, connections);
            }
        }
    }
}

fn stream(symbol: &str, kind: &str) -> String {
    format!("{}@{kind}", symbol.to_lowercase())
}

#[test]
fn of_a_million_events_with_faults_nothing_wrong_is_published_and_every_loss_is_found() {
    let exchange = exchange();
    let server = NatsServer::start("").expect("nats-server");
    let listener = Listener::start(server.address());
    let judge = Judge::of(&exchange);
    let mut daemon = Daemon::start(&exchange, server.address(), &SESSIONS);
    let mut run = Run {
        exchange,
        listener,
        judge,
        began: Instant::now(),
        messages: 0,
    };
    run.events();
    let took = run.began.elapsed();
    let (sent, connections) = run.settle();
    println!("{EVENTS} events in {took:.1?}, {} messages", run.messages);
    daemon.stop();
    // What the listener or the ledger lost would look as if the daemon had.
    assert_eq!(run.listener.disturbances(), 0, "of the listener");
    assert_eq!(run.exchange.forgotten(), 0, "entries of the ledger");

    let requests = run.exchange.requests();
    let weight = |path: &str| -> u64 {
        let of = requests
            .iter()
            .filter(|request| request.target.contains(path));
        of.map(|request| request.weight).sum()
    };
    println!(
        "weight of requests: {} for books, {} for trades",
        weight("/depth"),
        weight("Trades")
    );
    let mut gaps: BTreeMap<Fate, u64> = BTreeMap::new();
    let (mut books, mut short_books, mut ignored, mut lost) = (0, 0, 0, 0);
    let (mut fetched, mut late, mut failed) = (0, 0, 0);
    for (symbol, heard) in &run.judge.symbols {
        let updates = Updates::read(&sent, &connections, &stream(symbol, DEPTH));
        let outcome = updates
            .explain(&heard.statuses)
            .unwrap_or_else(|why| panic!("{symbol}: {why}"));
        books += heard.books;
        short_books += heard.short_books;
        ignored += outcome.ignored;
        lost += outcome.lost;
        for (fate, count) in outcome.gaps {
            *gaps.entry(fate).or_default() += count;
        }
        let whole = trades::sent(&sent, &stream(symbol, TRADE));
        let fetch = trades::check(symbol, &heard.trades, &whole, &requests);
        fetched += fetch.all;
        late += fetch.late;
        failed += fetch.failed;
    }
    println!(
        "{books} books, {short_books} of them short; {ignored} updates ignored; {gaps:?}; {lost} lost"
    );
    println!(
        "{fetched} trades fetched, {late} of them late, of these {failed} because a request failed"
    );
    println!("{:?}; {:?}", run.exchange.faults(), run.exchange.figures());
    for fate in [
        Fate::Dropped,
        Fate::Swapped,
        Fate::Cut,
        Fate::Garbage,
        Fate::Misshapen,
        Fate::Stalled,
    ] {
        assert!(gaps.contains_key(&fate), "no gap because of {fate:?}");
    }
    let faults = run.exchange.faults();
    assert!(faults.of(FrameFault::Double) > 1_000 && ignored > 100);
    assert!(
        lost >= ENDS,
        "books that were synced when their connection ended"
    );
    assert!(faults.of_rest(RestFault::Late) > 0 && faults.of_rest(RestFault::Failing) > 0);
    // Late beyond those whose own request failed may be some that waited behind such a request.
    assert!(fetched > 100 && late * 20 <= fetched && (late - failed) * 100 <= fetched);
    assert_eq!(run.exchange.limit_violations(), []);
}
