//! A file in the adapters folder of a running daemon takes over by itself, in every session that it serves; one that is
//! of no use does not.

use std::io::Write;
use std::time::{Duration, Instant};

use marketprism_tests::daemon::{Listener, PATIENCE};
use marketprism_tests::daemon_process::DaemonProcess;
use marketprism_tests::exchange::{Faults, Simulator, Venue};
use marketprism_tests::judge::{Judge, Readable};
use marketprism_tests::lively;
use marketprism_tests::nats_server::NatsServer;

use crate::folder::Folder;
use crate::order::Order;

/// Both are served by the same file.
const VENUES: [Venue; 2] = [Venue::BinanceSpot, Venue::BinanceDerivatives];

const ORDERS_PER_SECOND: u64 = 100;

/// How long a silence is waited for before looking at other things.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A file that grows is written in so many parts, so far apart.
const PARTS: usize = 6;
const BETWEEN_PARTS: Duration = Duration::from_millis(500);

/// The daemon, and a judge of what it publishes.
struct Scene {
    daemon: DaemonProcess,
    folder: Folder,
    judge: Judge,
    order: Order,
    listener: Listener,
    exchanges: Vec<Simulator>,
    _nats: NatsServer,
}

impl Scene {
    fn start() -> Self {
        let none = Faults::none();
        let exchanges = VENUES.map(|venue| lively::exchange(venue, 1, ORDERS_PER_SECOND, &none));
        let exchanges = Vec::from(exchanges);
        let block = "symbols: [BTCUSDT, ETHUSDT], data_types: [orderbook, trade], \
                     orderbook: { method: snapshot, deltas: true }";
        let [spot, derivatives] = VENUES.map(Venue::name);
        let configuration = format!(
            "exchanges:\n  {spot}: {{ {block} }}\n  {derivatives}: {{ {block} }}\n\
             nats: {{ jetstream: {{ enabled: false }} }}\n\
             swap: {{ live_within_seconds: 60, probation_seconds: 1 }}\n"
        );
        let nats = NatsServer::start("").expect("nats-server");
        let listener = Listener::start(nats.address());
        let folder = Folder::new();
        let daemon = DaemonProcess::start_with(
            &lively::at(&configuration, &exchanges),
            &nats.address(),
            folder.path(),
        );
        let mut scene = Self {
            daemon,
            folder,
            judge: Judge::of(&exchanges),
            order: Order::default(),
            listener,
            exchanges,
            _nats: nats,
        };
        scene.until("books", |scene| {
            let mut all = scene.judge.instruments();
            all.all(|one| one.state == "synced" && one.books > 1)
        });
        scene
    }

    /// Judges what comes until it is so.
    fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(self) {
            let wrong = &self.judge.wrong;
            assert!(wrong.is_empty(), "{wrong:#?}");
            assert!(Instant::now() < end, "{what}: {}", self.daemon.log_end());
            self.hear();
        }
    }

    /// Judges what comes for so long.
    fn listen(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.hear();
        }
    }

    fn hear(&mut self) {
        for _ in 0..256 {
            let Some(published) = self.listener.next(LOOK_AGAIN) else {
                return;
            };
            self.judge.hear(&self.exchanges, &published);
            if let Err(why) = self.order.hear(&published) {
                self.judge.complain(format!("{}: {why}", published.subject));
            }
        }
    }

    /// Whether every session runs the version of this hash, and that is there to stay.
    fn is_everywhere(&self, hash: &str) -> bool {
        let Some(health) = self.daemon.health() else {
            return false;
        };
        let mut sessions = VENUES
            .iter()
            .map(|venue| &health["processes"][venue.name()]);
        sessions.all(|one| one["adapter"]["sha256"] == hash && one["state"] == "running")
    }

    /// How often the log says this.
    fn said(&self, what: &str) -> usize {
        self.daemon.log().matches(what).count()
    }
}

#[test]
fn a_new_file_takes_over_in_every_session_that_it_serves_and_a_bad_one_in_none() {
    const REFUSED: &str = "another version was refused";
    let mut scene = Scene::start();
    let (bytes, first) = scene.folder.make();
    scene.folder.put(&bytes);
    scene.until("the first version", |scene| scene.is_everywhere(&first));

    assert_eq!(scene.said(REFUSED), 0);
    scene.folder.put(b"no adapter at all");
    scene.until("two refusals", |scene| scene.said(REFUSED) == VENUES.len());
    assert!(scene.is_everywhere(&first));

    let (bytes, second) = scene.folder.make();
    let mut file = scene.folder.write_anew();
    for part in bytes.chunks(bytes.len().div_ceil(PARTS)) {
        file.write_all(part).expect("a part");
        scene.listen(BETWEEN_PARTS);
    }
    drop(file);
    scene.until("the second version", |scene| scene.is_everywhere(&second));
    assert_eq!(scene.said(REFUSED), VENUES.len(), "no half file was tried");

    for exchange in &scene.exchanges {
        exchange.pause();
        exchange.advance(Duration::ZERO);
    }
    scene.until("everything", |scene| {
        let check = scene.judge.check(&scene.exchanges, Readable::of);
        check.is_empty()
    });
    assert_eq!(scene.order.missed, 0, "ticks without a snapshot");
    for exchange in &scene.exchanges {
        assert_eq!(exchange.limit_violations(), []);
    }
    assert!(
        scene
            .judge
            .instruments()
            .all(|one| one.synced == 1 && one.trades() > 1)
    );
}
