//! What all tasks and the test share, behind one lock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use super::datum::Told;
use super::dialect::{Carries, Dialect, Quotas};
use super::faults::{FaultCounts, Faults, FrameFault, RestFault};
use super::feed::Feed;
use super::frame::Frame;
use super::ledger::Ledger;
use super::records::{ConnectionRecord, Figures, RequestRecord, Violation};
use super::settings::Settings;
use super::weight::Weight;
use crate::random::Random;

/// Requests and violations that are remembered; more are only counted.
const RECORDS_MAX: usize = 200_000;

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) dialect: Box<dyn Dialect>,
    pub(crate) began: Instant,
    /// A connection has asked for a stream.
    pub(crate) subscribed: Notify,
    state: Mutex<State>,
    changed: Condvar,
}

pub(crate) struct State {
    pub(crate) feed: Feed,
    pub(crate) ledger: Ledger,
    pub(crate) outlets: BTreeMap<u64, Outlet>,
    pub(crate) connections: BTreeMap<u64, ConnectionRecord>,
    pub(crate) requests: VecDeque<RequestRecord>,
    pub(crate) violations: VecDeque<Violation>,
    pub(crate) faults: Faults,
    pub(crate) counts: FaultCounts,
    pub(crate) figures: Figures,
    pub(crate) weight: Weight,
    pub(crate) quotas: Quotas,
    /// What was told that is no book and no trade.
    pub(crate) told: VecDeque<Told>,
    /// How often each rule was broken.
    pub(crate) broken: BTreeMap<&'static str, u64>,
    /// Connections that are no WebSocket yet, or never: each is on its way.
    pub(crate) on_the_way: usize,
    pub(crate) rest_dice: Random,
    /// When connections were opened, within the window.
    pub(crate) opened: VecDeque<Instant>,
    orders: Vec<Order>,
    rest_orders: VecDeque<RestFault>,
}

/// Where a connection's frames go.
pub(crate) struct Outlet {
    pub(crate) streams: BTreeSet<Arc<str>>,
    /// Whether data of a stream ever comes on its path.
    pub(crate) carries: Carries,
    pub(crate) frames: mpsc::Sender<Frame>,
    pub(crate) control: mpsc::UnboundedSender<Control>,
    /// It did not take its frames, not even while it waits for the client.
    pub(crate) too_slow: Arc<Notify>,
}

impl Outlet {
    /// Whether frames of a stream go there.
    pub(crate) fn hears(&self, stream: &str) -> bool {
        self.streams.contains(stream) && (self.carries)(stream)
    }
}

/// A connection that counts as long as this lives.
pub(crate) struct OnTheWay(pub(crate) Arc<Shared>);

impl Drop for OnTheWay {
    fn drop(&mut self) {
        self.0.lock().on_the_way -= 1;
    }
}

/// What a connection can be told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Control {
    /// Announce the end.
    Notice,
    /// Announce the end, and end it after so long.
    Leave(Duration),
    /// Send what waits, then end it in order.
    Close,
    /// End it without a close frame.
    Abort,
}

struct Order {
    stream: String,
    fault: FrameFault,
    times: u64,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> io::Result<Self> {
        let dialect = settings.venue.dialect();
        let state = State {
            feed: Feed::open(&*dialect, &settings)?,
            ledger: Ledger::new(settings.ledger_entries_max),
            outlets: BTreeMap::new(),
            connections: BTreeMap::new(),
            requests: VecDeque::new(),
            violations: VecDeque::new(),
            faults: settings.faults.clone(),
            counts: FaultCounts::default(),
            figures: Figures::default(),
            weight: Weight::default(),
            quotas: Quotas::default(),
            told: VecDeque::new(),
            broken: BTreeMap::new(),
            on_the_way: 0,
            rest_dice: Random::new(settings.seed, "rest"),
            opened: VecDeque::new(),
            orders: Vec::new(),
            rest_orders: VecDeque::new(),
        };
        Ok(Self {
            settings,
            dialect,
            began: Instant::now(),
            subscribed: Notify::new(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes a test that waits for something to happen.
    pub(crate) fn happened(&self) {
        self.changed.notify_all();
    }

    /// Waits until something happened, at most so long.
    pub(crate) fn wait(&self, most: Duration) {
        let state = self.lock();
        drop(self.changed.wait_timeout(state, most));
    }
}

impl State {
    pub(crate) fn order(&mut self, stream: &str, fault: FrameFault, times: u64) {
        self.orders.push(Order {
            stream: stream.to_owned(),
            fault,
            times,
        });
    }

    pub(crate) fn order_rest(&mut self, fault: RestFault, times: usize) {
        self.rest_orders.extend(std::iter::repeat_n(fault, times));
    }

    /// The fault that was ordered for the next frame of a stream.
    pub(crate) fn ordered(&mut self, stream: &str) -> Option<FrameFault> {
        let place = self
            .orders
            .iter()
            .position(|order| order.stream == stream)?;
        let order = self.orders.get_mut(place)?;
        let fault = order.fault;
        order.times -= 1;
        if order.times == 0 {
            self.orders.remove(place);
        }
        Some(fault)
    }

    /// What goes wrong with the next answer.
    pub(crate) fn rest_fault(&mut self) -> Option<RestFault> {
        let thrown = self.faults.throw_rest(&mut self.rest_dice);
        let fault = self.rest_orders.pop_front().or(thrown)?;
        *self.counts.rest.entry(fault).or_default() += 1;
        Some(fault)
    }

    pub(crate) fn count(&mut self, fault: FrameFault) {
        *self.counts.frames.entry(fault).or_default() += 1;
    }

    pub(crate) fn violation(&mut self, violation: Violation) {
        self.figures.violations += 1;
        *self.broken.entry(violation.name()).or_default() += 1;
        self.violations.push_back(violation);
        if self.violations.len() > RECORDS_MAX {
            self.violations.pop_front();
        }
    }

    pub(crate) fn tell(&mut self, told: Told) {
        self.told.push_back(told);
        if self.told.len() > RECORDS_MAX {
            self.told.pop_front();
        }
    }

    pub(crate) fn request(&mut self, request: RequestRecord) {
        self.figures.requests += 1;
        self.requests.push_back(request);
        if self.requests.len() > RECORDS_MAX {
            self.requests.pop_front();
        }
    }

    /// Whether one more WebSocket is allowed now; counts it if so.
    pub(crate) fn admit(&mut self, settings: &Settings) -> bool {
        let now = Instant::now();
        let window = settings.limits.connections_window;
        while self
            .opened
            .pop_front_if(|opened| now.duration_since(*opened) >= window)
            .is_some()
        {}
        let admitted = self.opened.len() < settings.limits.connections_max;
        if !admitted {
            self.violation(Violation::Connections);
        } else if settings.limits.connections_max < usize::MAX {
            self.opened.push_back(now);
        }
        admitted
    }

    /// Whether one more socket is allowed at this time, whatever it is for; counts it as on its way if so.
    pub(crate) fn enter(&mut self, settings: &Settings) -> bool {
        let admitted = self.outlets.len() + self.on_the_way < settings.limits.sockets_max;
        if admitted {
            self.on_the_way += 1;
        } else {
            self.violation(Violation::Sockets);
        }
        admitted
    }
}
