//! Lets the market's time pass and hands what is told to the connections that asked for it.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Sender, UnboundedReceiver};
use tokio::time::{MissedTickBehavior, interval};

use super::feed::Feed;
use super::frame::Frame;
use super::settings::Pace;
use super::state::Shared;

/// The market's time passes in these steps, whatever the pace: so the same seed tells the same.
const STEP: Duration = Duration::from_millis(5);

/// What a test can order.
pub(crate) enum Command {
    /// Let so much of the market's time pass, and say when all is handed over.
    Advance(Duration, SyncSender<()>),
    /// Let the time stand or run.
    Pause(bool),
}

/// Runs until the commands end.
pub(crate) async fn run(shared: Arc<Shared>, mut commands: UnboundedReceiver<Command>) {
    let pace = shared.settings.pace;
    let mut pump = Pump {
        shared: shared.clone(),
        deliveries: Vec::new(),
        frames: Vec::new(),
    };
    let mut clock = Clock::start(&shared);
    let mut paused = pace == Pace::Stepped;
    let mut ticks = interval(STEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let command = tokio::select! {
            biased;
            command = commands.recv() => match command {
                Some(command) => command,
                None => return,
            },
            () = pump.next(pace, &clock, &mut ticks), if !paused => continue,
        };
        match command {
            Command::Pause(pause) => paused = pause,
            Command::Advance(time, done) => {
                let until_ns = shared.lock().feed.now_ns() + time.as_nanos() as u64;
                while pump.step(until_ns, true).await {}
                // Whoever asked may have given up.
                let _ = done.send(());
            }
        }
        clock = Clock::start(&shared);
    }
}

/// Where real time and the market's time met.
struct Clock {
    real: Instant,
    market_ns: u64,
}

impl Clock {
    fn start(shared: &Shared) -> Self {
        Self {
            real: Instant::now(),
            market_ns: shared.lock().feed.now_ns(),
        }
    }

    fn now_ns(&self) -> u64 {
        self.market_ns + self.real.elapsed().as_nanos() as u64
    }
}

struct Pump {
    shared: Arc<Shared>,
    frames: Vec<Frame>,
    deliveries: Vec<(u64, Sender<Frame>, Frame)>,
}

impl Pump {
    /// What is next at this pace. Dropped only while it waits for a tick or a stream, or between two deliveries of a
    /// step, whose rest is then delivered by the next step.
    async fn next(&mut self, pace: Pace, clock: &Clock, ticks: &mut tokio::time::Interval) {
        match pace {
            Pace::Real => {
                ticks.tick().await;
                while self.step(clock.now_ns(), false).await {}
            }
            Pace::Times(times) => {
                ticks.tick().await;
                if !self.stood().await {
                    // Steps that could not be taken in time are not made up for.
                    for _ in 0..times {
                        self.step(u64::MAX, true).await;
                    }
                }
            }
            Pace::Fastest => {
                if !self.stood().await {
                    self.step(u64::MAX, true).await;
                }
                tokio::task::yield_now().await;
            }
            Pace::Stepped => std::future::pending().await,
        }
    }

    /// Whether it had to wait for somebody who listens.
    async fn stood(&self) -> bool {
        let shared = self.shared.clone();
        let subscribed = shared.subscribed.notified();
        let idle = self.idle();
        if idle {
            subscribed.await;
        }
        idle
    }

    /// Nobody listens, or there is nothing to tell.
    fn idle(&self) -> bool {
        let state = self.shared.lock();
        let listened = state
            .outlets
            .values()
            .any(|outlet| !outlet.streams.is_empty());
        self.deliveries.is_empty() && (!listened || state.feed.ended())
    }

    /// Lets one step happen, unless it would end after a time; false when nothing is left to do.
    async fn step(&mut self, until_ns: u64, wait: bool) -> bool {
        self.deliver(wait).await;
        {
            let mut state = self.shared.lock();
            let next_ns = state.feed.now_ns() + STEP.as_nanos() as u64;
            if next_ns > until_ns {
                return false;
            }
            let state = &mut *state;
            let outlets = &state.outlets;
            let wanted = |stream: &str| {
                let mut outlets = outlets.values();
                outlets.any(|outlet| outlet.hears(stream))
            };
            Feed::advance(&mut state.feed, next_ns, &wanted, &mut self.frames);
            for frame in self.frames.drain(..) {
                for (number, outlet) in outlets {
                    if outlet.hears(&frame.stream) {
                        let delivery = (*number, outlet.frames.clone(), frame.clone());
                        self.deliveries.push(delivery);
                    }
                }
            }
            // Taken from the end.
            self.deliveries.reverse();
        }
        self.deliver(wait).await;
        true
    }

    async fn deliver(&mut self, wait: bool) {
        while let Some((number, sender, _)) = self.deliveries.last() {
            let number = *number;
            if wait {
                let Ok(permit) = sender.clone().reserve_owned().await else {
                    // The connection has ended; its ledger too.
                    self.deliveries.pop();
                    continue;
                };
                if let Some((_, _, frame)) = self.deliveries.pop() {
                    permit.send(frame);
                }
            } else if let Some((_, sender, frame)) = self.deliveries.pop()
                && let Err(TrySendError::Full(_)) = sender.try_send(frame)
                && let Some(outlet) = self.shared.lock().outlets.remove(&number)
            {
                outlet.too_slow.notify_one();
            }
        }
    }
}
