//! The simulator in a thread of its own: started by a test in two lines, ended when dropped.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::datum::{Datum, DatumKind, Told};
use super::faults::{FaultCounts, Faults, FrameFault, RestFault};
use super::ledger::Entry;
use super::pump::{self, Command};
use super::records::{ConnectionRecord, Figures, RequestRecord, Violation};
use super::server;
use super::settings::Settings;
use super::state::{Control, Shared};
use super::truth::Truth;
use super::venue::Venue;

/// How long a waiting test sleeps at most before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A running exchange.
pub struct Simulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    commands: Option<UnboundedSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Starts it.
    ///
    /// # Errors
    /// When the address is taken or the recording cannot be read.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(settings)?);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (commands, received) = unbounded_channel();
        let inside = shared.clone();
        let serve = async move {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                return;
            };
            tokio::select! {
                () = pump::run(inside.clone(), received) => {}
                () = server::run(inside, listener) => {}
            }
        };
        let thread = std::thread::Builder::new().name("exchange".to_owned());
        let thread = thread.spawn(move || runtime.block_on(serve))?;
        Ok(Self {
            shared,
            address,
            commands: Some(commands),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What stands for the configuration's `api.ws_url`, for example `wss://stream.binance.com:9443`.
    #[must_use]
    pub fn ws_url(&self) -> String {
        let path = self.shared.settings.venue.ws_path();
        format!("ws://{}{path}", self.address)
    }

    /// Whose protocol it speaks.
    #[must_use]
    pub fn venue(&self) -> Venue {
        self.shared.settings.venue
    }

    /// What stands for the configuration's `api.base_url`, for example `https://api.binance.com`.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What is true.
    #[must_use]
    pub fn truth(&self) -> Truth {
        Truth {
            shared: self.shared.clone(),
        }
    }

    /// What was sent or not sent, in the order of its happening.
    #[must_use]
    pub fn sent(&self) -> Vec<Entry> {
        self.shared.lock().ledger.entries()
    }

    /// How many frames it has meant to send so far: all entries of the ledger, those forgotten too.
    #[must_use]
    pub fn meant(&self) -> u64 {
        self.shared.lock().ledger.next()
    }

    /// Entries of the ledger that were forgotten because there were too many: the number of the first one of `sent`.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.shared.lock().ledger.forgotten()
    }

    /// How often each fault happened.
    #[must_use]
    pub fn faults(&self) -> FaultCounts {
        self.shared.lock().counts.clone()
    }

    /// Rules that clients broke.
    #[must_use]
    pub fn limit_violations(&self) -> Vec<Violation> {
        self.shared.lock().violations.iter().copied().collect()
    }

    /// How often each kind of rule was broken.
    #[must_use]
    pub fn violations(&self) -> BTreeMap<&'static str, u64> {
        self.shared.lock().broken.clone()
    }

    /// What was answered or sent that is no book and no trade, in its order.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        self.shared.lock().told.iter().cloned().collect()
    }

    /// The same of one kind.
    #[must_use]
    pub fn told_of(&self, kind: DatumKind) -> Vec<Datum> {
        let state = self.shared.lock();
        let told = state.told.iter().map(|told| &told.datum);
        told.filter(|datum| datum.kind == kind).cloned().collect()
    }

    /// WebSocket connections now.
    #[must_use]
    pub fn connections_now(&self) -> usize {
        self.shared.lock().outlets.len()
    }

    /// All WebSocket connections so far.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionRecord> {
        self.shared.lock().connections.values().cloned().collect()
    }

    /// The streams of all living connections: connection's number and name.
    #[must_use]
    pub fn streams_now(&self) -> Vec<(u64, String)> {
        let state = self.shared.lock();
        let streams = state.outlets.iter().flat_map(|(number, outlet)| {
            let names = outlet.streams.iter();
            names.map(|name| (*number, name.to_string()))
        });
        streams.collect()
    }

    /// REST requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.lock().requests.iter().cloned().collect()
    }

    /// Everything counted.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let state = self.shared.lock();
        Figures {
            connections: state.outlets.len(),
            faults: state.counts.total(),
            ..state.figures.clone()
        }
    }

    /// Other faults from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.lock().faults = faults;
    }

    /// Does a fault to the next frames of a stream, on whatever connection they are.
    pub fn inject(&self, stream: &str, fault: FrameFault, times: u64) {
        if times > 0 {
            self.shared.lock().order(stream, fault, times);
        }
    }

    /// Does a fault to the next REST answers.
    pub fn inject_rest(&self, fault: RestFault, times: usize) {
        self.shared.lock().order_rest(fault, times);
    }

    /// Ends all connections with a close frame, after what waits for them was sent.
    pub fn close_connections(&self) {
        self.tell_connections(Control::Close);
    }

    /// Ends all connections without a close frame.
    pub fn abort_connections(&self) {
        self.tell_connections(Control::Abort);
    }

    /// Announces the end on all connections, as the exchange does it (`serverShutdown`), and leaves it at that.
    pub fn announce_shutdown(&self) {
        self.tell_connections(Control::Notice);
    }

    /// Announces the end on one connection, or on all, and ends it after so long.
    pub fn shut_down(&self, connection: Option<u64>, after: Duration) {
        let control = Control::Leave(after);
        match connection {
            None => self.tell_connections(control),
            Some(number) => {
                if let Some(outlet) = self.shared.lock().outlets.get(&number) {
                    // One that has ended needs no telling.
                    let _ = outlet.control.send(control);
                }
            }
        }
    }

    /// After maintenance: from the next change on the update ids of a symbol are lower than before.
    pub fn restart_update_ids(&self, symbol: &str) {
        if let Some(feed) = self.shared.lock().feed.market_mut() {
            feed.renumber(symbol);
        }
    }

    fn tell_connections(&self, control: Control) {
        for outlet in self.shared.lock().outlets.values() {
            // One that has ended needs no telling.
            let _ = outlet.control.send(control);
        }
    }

    /// Lets the market's time stand.
    pub fn pause(&self) {
        self.command(Command::Pause(true));
    }

    /// Lets the market's time run again.
    pub fn resume(&self) {
        self.command(Command::Pause(false));
    }

    /// Lets so much of the market's time pass now, and returns when all that happened is handed to the connections.
    pub fn advance(&self, time: Duration) {
        let (done, wait) = sync_channel(1);
        self.command(Command::Advance(time, done));
        // It ends with the simulator.
        let _ = wait.recv();
    }

    fn command(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // It ends with the simulator.
            let _ = commands.send(command);
        }
    }

    /// Waits until something is so; false when it did not become so in time.
    pub fn eventually(&self, within: Duration, is_so: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + within;
        loop {
            if is_so(self) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            self.shared.wait(LOOK_AGAIN);
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported by the thread itself.
            let _ = thread.join();
        }
    }
}
