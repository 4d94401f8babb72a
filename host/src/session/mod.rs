//! The session: what runs one adapter. It tells the instance what happened and does what it answers.
//!
//! A session owns one instance and one [`World`]. Everything that the adapter asks for is checked here before the
//! world sees it; a fault stops the instance and leaves the session able to start another.

mod flight_report;
mod handover;
mod log_gate;
mod permits;
mod publication;
mod tally;
mod tap;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

pub use handover::{Reach, Readiness, Ready};
pub use publication::HeldTooMuch;
use tally::End;
pub use tally::{Requests, Tally, Total, Trades};
pub use tap::Tap;
pub use world::{Happening, World};

use crate::config::{Exchange, Origin};
use crate::limits::Limits;
use crate::record::{Flight, Report};
use crate::sandbox::contract::{Action, Event, Instrument, InstrumentReport, LogLevel, Start};
use crate::sandbox::{Adapter, Fault, FaultKind, Instance};
use crate::wire::{Subjects, WireError, Writer};
use handover::{Outlet, Waiting};
use log_gate::LogGate;
use permits::{Asked, Permits};

/// What a session is made of, apart from its world.
#[derive(Clone)]
pub struct Plan {
    /// Name of the session: the key of its configuration block.
    pub name: String,
    /// The block's `exchange`, used in message ids.
    pub venue: String,
    /// The adapter.
    pub adapter: Arc<Adapter>,
    /// Its caps.
    pub limits: Limits,
    /// What the adapter is told at start, as JSON text.
    pub settings: String,
    /// The instruments to collect, in the exchange's names.
    pub symbols: Vec<String>,
    /// Where it may connect.
    pub grants: Vec<Origin>,
    /// Subjects by data type.
    pub subjects: Subjects,
    /// False: it is started by a command only.
    pub enabled: bool,
    /// The adapter's file in the adapters folder, also while another version runs; none when it is from elsewhere.
    pub file: Option<PathBuf>,
    /// sha256 of that file when it was last read.
    pub folder_sha256: Option<String>,
    /// sha256 that the configuration wants the adapter to have.
    pub pinned: Option<String>,
}

impl Plan {
    /// The plan for a configuration block.
    pub fn new(exchange: &Exchange, subjects: Subjects, adapter: Arc<Adapter>) -> Self {
        Self {
            name: exchange.name.clone(),
            venue: exchange.venue.clone(),
            adapter,
            limits: exchange.limits.clone(),
            settings: exchange.settings.to_string(),
            symbols: exchange.symbols.clone(),
            grants: exchange.grants.clone(),
            subjects,
            enabled: exchange.enabled,
            file: None,
            folder_sha256: None,
            pinned: exchange.adapter_sha256.clone(),
        }
    }
}

/// A running adapter in its world.
pub struct Session<W> {
    plan: Plan,
    world: W,
    instance: Instance,
    wire: Writer,
    permits: Permits,
    outlet: Outlet,
    log: LogGate,
    flight: Flight,
    tally: Tally,
    reports: BTreeMap<u32, InstrumentReport>,
    reported_at: u64,
    clock_difference: Option<i64>,
    tap: Option<Box<dyn Tap>>,
}

impl<W: World> Session<W> {
    /// A session with an instance that was told nothing yet.
    ///
    /// # Errors
    /// When the adapter cannot be instantiated under its limits.
    pub fn new(plan: Plan, world: W) -> Result<Self, Fault> {
        Ok(Self {
            instance: Instance::new(&plan.adapter, &plan.limits)?,
            wire: writer(&plan)?,
            permits: Permits::new(plan.grants.clone(), plan.limits.clone()),
            outlet: Outlet::new(),
            log: LogGate::new(plan.limits.log_lines_per_second_max),
            flight: Flight::new(plan.limits.flight_bytes_max),
            tally: Tally::default(),
            reports: BTreeMap::new(),
            reported_at: 0,
            clock_difference: None,
            tap: None,
            plan,
            world,
        })
    }

    /// Tells the instance to begin and does what it asks for.
    pub fn start(&mut self) -> Result<(), Fault> {
        let event = Event::Start(Start {
            settings: self.plan.settings.clone(),
            instruments: self.plan.symbols.clone(),
            seed: self.world.seed(),
            standby: self.outlet.is_held(),
        });
        let now = self.world.now();
        self.tell(Happening { now, event })
    }

    /// What the session is made of.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The session's name.
    pub fn name(&self) -> &str {
        &self.plan.name
    }

    /// Waits for the next happening and handles it; false when the world has ended. After a fault only
    /// [`Session::restart`] may be called.
    pub async fn step(&mut self) -> Result<bool, Fault> {
        let Some(happening) = self.world.next().await else {
            return Ok(false);
        };
        // As a replayed bundle tells it; a live session is promoted by its owner.
        let is_turn = matches!(happening.event, Event::Promoted) && self.outlet.is_held();
        if is_turn {
            self.outlet.begin_opening();
        }
        let reported_at = self.reported_at;
        self.tell(happening)?;
        if is_turn {
            self.release(Reach::default())?;
        }
        if self.reported_at != reported_at {
            self.repair_hand_over()?;
        }
        Ok(true)
    }

    /// Drops everything that the instance had open; no event of it follows.
    pub fn abandon(&mut self) {
        self.world.abandon();
        self.permits.clear();
        self.reports.clear();
    }

    /// Drops the faulted instance with everything that it had open, and starts another.
    pub fn restart(&mut self) -> Result<(), Fault> {
        self.tally.faults += 1;
        self.abandon();
        self.flight.begin(self.plan.limits.flight_bytes_max);
        self.outlet.begin_again(self.wire.instruments());
        self.wire = writer(&self.plan)?;
        self.instance = Instance::new(&self.plan.adapter, &self.plan.limits)?;
        self.start()
    }

    /// Goes on by a new plan of the same session: its limits hold from now on, and the adapter is told of other symbols.
    /// What else differs takes effect when the adapter is next started.
    pub fn follow(&mut self, plan: Plan) -> Result<(), Fault> {
        self.instance.set_limits(&plan.limits);
        self.permits.set_limits(plan.limits.clone());
        self.log.set_limit(plan.limits.log_lines_per_second_max);
        let before = std::mem::replace(&mut self.plan, plan);
        if before.symbols == self.plan.symbols {
            return Ok(());
        }
        let now = self.world.now();
        let event = Event::SymbolsChanged(self.plan.symbols.clone());
        self.tell(Happening { now, event })
    }

    /// Goes on by a new plan once another instance is started: there is none now.
    pub fn replan(&mut self, plan: Plan) {
        self.permits.set_limits(plan.limits.clone());
        self.log.set_limit(plan.limits.log_lines_per_second_max);
        self.plan = plan;
    }

    /// Asks the adapter for the state of its instruments, with `levels` levels a side.
    pub fn report(&mut self, levels: u32) -> Result<(), Fault> {
        let now = self.world.now();
        self.tell(Happening {
            now,
            event: Event::ReportWanted(levels),
        })
    }

    /// Tells the adapter that it ends.
    pub fn stop(&mut self) -> Result<(), Fault> {
        let now = self.world.now();
        self.tell(Happening {
            now,
            event: Event::Stop,
        })
    }

    /// What there is to tell of a fault of this session. The events are taken out: it is for the time between the fault
    /// and [`Session::restart`].
    pub fn flight_report(&mut self, fault: &Fault) -> Report {
        let facts = flight_report::facts(self, fault);
        let next = Flight::new(self.plan.limits.flight_bytes_max);
        Report {
            facts,
            flight: std::mem::replace(&mut self.flight, next),
        }
    }

    /// The state of each instrument as it was last reported.
    pub fn reports(&self) -> &BTreeMap<u32, InstrumentReport> {
        &self.reports
    }

    /// When that was, in nanoseconds since the epoch; 0 before the first time.
    pub fn reported_at(&self) -> u64 {
        self.reported_at
    }

    /// The exchange's clock minus the machine's, in nanoseconds, as the adapter last measured it.
    pub fn clock_difference(&self) -> Option<i64> {
        self.clock_difference
    }

    /// Connections that the adapter asked for, and how many of them are open.
    pub fn connections(&self) -> (usize, usize) {
        self.permits.connections()
    }

    /// What was counted so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The instruments that the adapter declared, by id.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.wire.instruments()
    }

    /// Memory and tables of the guest, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.instance.memory_bytes()
    }

    /// The world, for its owner.
    pub fn world_mut(&mut self) -> &mut W {
        &mut self.world
    }

    /// The world, for its owner.
    pub fn world(&self) -> &W {
        &self.world
    }

    fn tell(&mut self, happening: Happening) -> Result<(), Fault> {
        let begun = Instant::now();
        let outcome = self.handle(happening);
        self.tally.event_time.add(begun.elapsed());
        outcome
    }

    fn handle(&mut self, Happening { now, event }: Happening) -> Result<(), Fault> {
        let is_frame = match &event {
            Event::Frame(frame) => {
                self.tally.frames += 1;
                self.tally.bytes += frame.data.len() as u64;
                if frame.data.len() > self.plan.limits.frame_bytes_max {
                    self.tally.refused_frames += 1;
                    return Ok(());
                }
                true
            }
            _ => false,
        };
        let tick = self.permits.due(&event);
        self.tally.reconnections += u64::from(self.permits.note(&event));
        let ended = match &event {
            Event::Response(response) => self
                .permits
                .ended(response.request)
                .map(|asked| (asked, End::of(&response.outcome))),
            _ => None,
        };
        self.tally.events += 1;
        self.flight.keep(now, &event);
        let answer = self.instance.handle(now, &event);
        let fuel = self.instance.fuel_used_last();
        self.tally.fuel += fuel;
        self.tally.frame_fuel += if is_frame { fuel } else { 0 };
        for line in self.instance.take_log() {
            self.log
                .write(&self.plan.name, now, line.level, &line.message);
        }
        // A frame has one verdict, however often the adapter gives it.
        let mut judged = false;
        for action in answer? {
            match action {
                Action::Ignored => {
                    self.tally.ignored_frames += u64::from(is_frame && !judged);
                    judged = true;
                }
                Action::Refused(refusal) => {
                    self.tally.refused_frames += u64::from(is_frame && !judged);
                    self.tally.refused_answers += u64::from(!is_frame);
                    judged = true;
                    self.tally.add_refusal(&refusal.rule);
                    let line = format!("refused: {}: {}", refusal.rule, refusal.detail);
                    self.log.write(&self.plan.name, now, LogLevel::Debug, &line);
                }
                action => self.perform(now, tick, action)?,
            }
        }
        if let Some((asked, end)) = ended {
            let end = if judged { End::Refused } else { end };
            // Of names that were not declared there could be any number.
            let instrument = asked
                .instrument
                .filter(|id| self.wire.instrument(*id).is_some());
            let asked = Asked {
                instrument,
                ..asked
            };
            self.tally.add_request(asked, end, now);
        }
        self.tally.log_lines_dropped = self.log.dropped();
        Ok(())
    }

    fn perform(&mut self, now: u64, tick: Option<u64>, action: Action) -> Result<(), Fault> {
        match action {
            Action::Publish(event) => self.publish(Waiting {
                received: now,
                tick,
                event,
            })?,
            Action::Connect(connect) => {
                let address = self.permits.connect(connect.connection, &connect.address)?;
                self.world.connect(connect.connection, address);
            }
            Action::Send(send) => {
                if self.permits.is_open(send.connection) {
                    self.world.send(send.connection, send.text);
                } else {
                    self.tally.unsent += 1;
                }
            }
            Action::Close(connection) => {
                if self.permits.is_known(connection) {
                    self.world.close(connection);
                }
            }
            Action::Request(request) => {
                let address = self.permits.request(now, &request)?;
                self.world.request(request.request, address, request.weight);
            }
            Action::WakeAt(wake) => {
                self.permits.wake_at(wake.alarm, wake.time)?;
                self.world.wake_at(wake.alarm, wake.time);
            }
            Action::Declare(instrument) => {
                self.wire.declare(instrument).map_err(|error| bad(&error))?;
            }
            Action::Report(reports) => {
                self.reported_at = now;
                self.reports = reports
                    .into_iter()
                    .map(|report| (report.instrument, report))
                    .collect();
                self.tell_tap();
            }
            Action::ClockDifference(difference) => self.clock_difference = Some(difference),
            Action::Log(line) => self
                .log
                .write(&self.plan.name, now, line.level, &line.message),
            // Judged in `tell`, where the event is known.
            Action::Ignored | Action::Refused(_) => {}
        }
        Ok(())
    }
}

fn writer(plan: &Plan) -> Result<Writer, Fault> {
    Writer::new(
        &plan.venue,
        plan.subjects.clone(),
        plan.limits.instruments_max,
    )
    .map_err(|error| bad(&error))
}

fn bad(error: &WireError) -> Fault {
    Fault::in_action(FaultKind::BadAction, error.to_string())
}
