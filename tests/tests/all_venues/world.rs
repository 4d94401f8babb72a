//! Five simulated exchanges, a nats-server with JetStream, and the daemon's own program between them, with the shipped
//! configuration.

use std::collections::BTreeSet;

use marketprism_tests::daemon::Listener;
use marketprism_tests::daemon_process::DaemonProcess;
use marketprism_tests::exchange::{Faults, Simulator, Venue};
use marketprism_tests::http::{free_port, get};
use marketprism_tests::lively;
use marketprism_tests::nats_server::NatsServer;
use serde_json::Value;
use tempfile::TempDir;

/// Orders of each symbol in a second.
const ORDERS_PER_SECOND: u64 = 60;

/// Everything that the daemon publishes, JetStream's own messages not among it.
const SUBJECTS: &[&str] = &["*.binance.>", "*.okx.>", "*.deribit.>"];

/// How the daemon's connections are named in the server's lists.
const CLIENT: &str = "marketprism";

/// All of it.
pub struct World {
    pub daemon: DaemonProcess,
    pub listener: Listener,
    pub exchanges: Vec<Simulator>,
    pub nats: NatsServer,
    monitor: u16,
}

/// Connections at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    pub web_sockets: usize,
    pub nats: usize,
}

impl Connections {
    pub const fn are_within(self, most: Self) -> bool {
        self.web_sockets <= most.web_sockets && self.nats <= most.nats
    }

    pub const fn all(self) -> usize {
        self.web_sockets + self.nats
    }
}

impl World {
    /// Starts all of it with these faults.
    pub fn start(configuration: &str, faults: &Faults) -> Self {
        let seeds = 1..;
        let exchanges: Vec<_> = seeds
            .zip(Venue::ALL)
            .map(|(seed, venue)| lively::exchange(venue, seed, ORDERS_PER_SECOND, faults))
            .collect();
        let dir = TempDir::new().expect("a folder");
        let monitor = free_port();
        let server = format!(
            "jetstream {{ store_dir: {:?} }}\nhttp: \"127.0.0.1:{monitor}\"",
            dir.path().join("jetstream")
        );
        let nats = NatsServer::start_in(dir, &server).expect("nats-server");
        let listener = Listener::hearing(nats.address(), SUBJECTS);
        let text = lively::at(configuration, &exchanges);
        let text = text.replace("servers:", &format!("client_name: {CLIENT}\n  servers:"));
        let daemon = DaemonProcess::start(&text, &nats.address());
        Self {
            daemon,
            listener,
            exchanges,
            nats,
            monitor,
        }
    }

    pub fn exchange(&self, venue: Venue) -> &Simulator {
        let mut all = self.exchanges.iter();
        all.find(|one| one.venue() == venue).expect("all of them")
    }

    /// Connections now, as the exchanges and the server have them.
    pub fn connections(&self) -> Connections {
        let page = get(self.monitor, "/connz").expect("the server's list");
        let list: Value = serde_json::from_str(&page.body).expect("JSON");
        let list = list["connections"].as_array().expect("a list");
        let own = list.iter().filter(|one| one["name"] == CLIENT);
        Connections {
            web_sockets: self.exchanges.iter().map(Simulator::connections_now).sum(),
            nats: own.count(),
        }
    }

    /// Sessions that do not run, and what else is wrong by their own account.
    pub fn problems(&self) -> BTreeSet<String> {
        let Some(health) = self.daemon.health() else {
            return BTreeSet::from(["no answer".to_owned()]);
        };
        let sessions = health["processes"].as_object().expect("sessions");
        let mut problems = BTreeSet::new();
        for venue in Venue::ALL {
            let Some(session) = sessions.get(venue.name()) else {
                problems.insert(format!("{} is missing", venue.name()));
                continue;
            };
            let wrong = [
                session["state"] != "running",
                session["status"] != "healthy",
                session["restarts"] != 0,
                !session["last_fault"].is_null(),
            ];
            if wrong.contains(&true) {
                let text = |key: &str| format!("{key} {} ", session[key]);
                let all = ["state", "status", "problems", "restarts", "last_fault"].map(text);
                problems.insert(format!("{}: {}", venue.name(), all.concat()));
            }
        }
        problems
    }
}
