//! The daemon is killed at any moment of a swap: its next start runs the last good version.

use std::time::{Duration, Instant, SystemTime};

use marketprism_tests::daemon::PATIENCE;
use marketprism_tests::daemon_process::DaemonProcess;
use marketprism_tests::exchange::{Settings, Simulator};
use serde_json::Value;

use crate::folder::Folder;

/// How often it is killed, unless the environment says it.
const KILLS: u32 = 8;
const KILLS_NAME: &str = "MARKETPRISM_SWAP_KILLS";

/// A swap takes about so long from the moment at which the new file is written down as tried to the end of its
/// probation, which is a second.
const SWAP_TAKES: Duration = Duration::from_millis(3_500);

/// Its only session.
const NAME: &str = "binance_spot";

/// The daemon, and the folder of its adapter.
struct Scene {
    daemon: DaemonProcess,
    folder: Folder,
    _exchange: Simulator,
}

impl Scene {
    fn start() -> Self {
        let symbols = ["BTCUSDT", "ETHUSDT"];
        let exchange = Simulator::start(Settings::of_symbols(&symbols)).expect("an exchange");
        let folder = Folder::new();
        let (http, ws) = (exchange.http_url(), exchange.ws_url());
        let configuration = format!(
            "exchanges:\n  {NAME}:\n    symbols: [BTCUSDT, ETHUSDT]\n    data_types: [orderbook, trade]\n    \
             api: {{ base_url: {http:?}, ws_url: {ws:?} }}\nnats: {{ enabled: false }}\n\
             swap: {{ live_within_seconds: 30, probation_seconds: 1 }}\n"
        );
        let daemon = DaemonProcess::start_with(&configuration, "", folder.path());
        Self {
            daemon,
            folder,
            _exchange: exchange,
        }
    }

    /// Waits until the session runs; the answer is the hash of its version.
    fn running(&self) -> String {
        let health = self.daemon.eventually("it runs", |health| {
            let session = &health["processes"][NAME];
            session["state"] == "running" && session["frames"]["received_total"] != 0
        });
        hash(&health["processes"][NAME]["adapter"]["sha256"])
    }

    /// What is written down of the session; null while there is nothing.
    fn record(&self) -> Value {
        let file = self.daemon.data().join("versions/adopted.json");
        let Ok(text) = std::fs::read(&file) else {
            return Value::Null;
        };
        let record: Value = serde_json::from_slice(&text).expect("what is written is whole");
        record["sessions"][0].clone()
    }

    fn until_written_down(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(&self.record()) {
            assert!(
                Instant::now() < end,
                "{what}: {:#?}\n{}",
                self.record(),
                self.daemon.log_end()
            );
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

fn hash(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A part of a time, another one each time.
fn part(of: Duration) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let digits = now.expect("a clock").subsec_nanos() / 1_000 % 1_000;
    of * digits / 1_000
}

#[test]
fn a_daemon_that_is_killed_in_a_swap_goes_on_with_the_last_good_version() {
    let told = std::env::var(KILLS_NAME).ok();
    let kills = told.map_or(KILLS, |text| text.parse().expect("a number"));
    let mut scene = Scene::start();
    let mut good = scene.running();
    assert_eq!(good, scene.folder.built());
    scene.until_written_down("it is good", |record| hash(&record["good"]) == good);
    let (mut stayed, mut went_on) = (0, 0);
    for kill in 0..kills {
        let (bytes, next) = scene.folder.make();
        scene.folder.put(&bytes);
        scene.until_written_down("it is tried", |record| hash(&record["folder"]) == next);
        // The last one is let through.
        let is_last = kill + 1 == kills;
        let log = if is_last {
            scene.until_written_down("it is good", |record| hash(&record["good"]) == next);
            scene.daemon.log()
        } else {
            let wait = part(SWAP_TAKES);
            std::thread::sleep(wait);
            scene.daemon.log()
        };
        scene.daemon.kill();
        let proved = hash(&scene.record()["good"]);
        assert!([&good, &next].contains(&&proved), "{proved}");
        // What it had said before it was killed it keeps to.
        if log.contains(&format!("version {} has come through", &next[..12])) {
            assert_eq!(proved, next);
        }
        if proved == next {
            went_on += 1;
            good = next;
        } else {
            stayed += 1;
        }
        scene.daemon.start_again();
        assert_eq!(scene.running(), good, "{}", scene.daemon.log_end());
    }
    println!("of {kills} kills {stayed} led back and {went_on} on");
    assert!(went_on >= 1);
}
