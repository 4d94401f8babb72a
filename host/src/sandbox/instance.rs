//! One running copy of an adapter, with fuel, memory, output and log caps around every call.

use super::adapter::Adapter;
use super::contract::generated;
use super::contract::{Action, Description, Event, LogLevel};
use super::fault::{Fault, FaultKind};
use super::memory::MemoryCap;
use super::output;
use crate::limits::Limits;

/// Longest log line, in bytes; what is longer is cut.
const LOG_LINE_BYTES_MAX: usize = 4096;

/// Most calls of `log` while one event is handled.
const LOG_CALLS_PER_EVENT_MAX: u32 = 64;

/// Lists up to this length are lifted and counted; a longer one is cut off while it is lifted.
const ACTIONS_COUNTED_MAX: usize = 65_536;

/// How wasmtime's error for an exhausted hostcall budget begins.
pub(super) const OUTPUT_EXHAUSTED: &str = "too much data is being copied";

/// The guest calls `log` without end.
#[derive(Debug, thiserror::Error)]
#[error("more than {LOG_CALLS_PER_EVENT_MAX} log calls in one event")]
pub(super) struct LogFlood;

/// A line that the guest wrote through its `log` import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The text, cut to 4 KiB.
    pub message: String,
}

/// What the store carries: the host's side of one instance.
pub(super) struct State {
    memory: MemoryCap,
    log_calls: u32,
    log: Vec<LogLine>,
}

impl super::contract::generated::AdapterImports for State {
    fn log(&mut self, level: LogLevel, message: String) -> wasmtime::Result<()> {
        self.log_calls += 1;
        if self.log_calls > LOG_CALLS_PER_EVENT_MAX {
            return Err(LogFlood.into());
        }
        self.log.push(LogLine {
            level,
            message: cut(message),
        });
        Ok(())
    }
}

// The contract's type-only interface has no functions, but its trait must be there.
impl super::contract::generated::marketprism::adapter::types::Host for State {}

/// One running copy of an adapter.
pub struct Instance {
    store: wasmtime::Store<State>,
    guest: generated::Adapter,
    limits: Limits,
    fuel_used_last: u64,
}

impl Instance {
    /// Instantiates the adapter; nothing of it has run but its memory initialisation.
    pub fn new(adapter: &Adapter, limits: &Limits) -> Result<Self, Fault> {
        let state = State {
            memory: MemoryCap::new(hard_bytes(limits)),
            log_calls: 0,
            log: Vec::new(),
        };
        let mut store = wasmtime::Store::new(adapter.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(hostcall_fuel(limits));
        refuel(&mut store, limits)?;
        let guest = adapter
            .pre()
            .instantiate(&mut store)
            .map_err(|error| Fault::of_call(&error, None))?;
        Ok(Self {
            store,
            guest,
            limits: limits.clone(),
            fuel_used_last: 0,
        })
    }

    /// Caps that hold from the next call on.
    pub fn set_limits(&mut self, limits: &Limits) {
        self.limits = limits.clone();
        self.store.data_mut().memory.set_hard(hard_bytes(limits));
        self.store.set_hostcall_fuel(hostcall_fuel(limits));
    }

    /// Asks what the adapter is.
    pub(super) fn describe(&mut self) -> Result<Description, Fault> {
        self.prepare()?;
        let outcome = self.guest.call_describe(&mut self.store);
        self.account();
        outcome.map_err(|error| self.fault(&error))
    }

    /// Tells the adapter what happened at `now` (ns since the epoch); answers with what it wants done.
    ///
    /// After an error the instance is poisoned and must be dropped.
    pub fn handle(&mut self, now: u64, event: &Event) -> Result<Vec<Action>, Fault> {
        self.prepare()?;
        let outcome = self.guest.call_handle(&mut self.store, now, event);
        self.account();
        let actions = outcome.map_err(|error| self.fault(&error))?;
        if actions.len() > self.limits.actions_per_event_max {
            return Err(Fault::in_action(
                FaultKind::TooManyActions,
                format!(
                    "{} actions, at most {} are allowed",
                    actions.len(),
                    self.limits.actions_per_event_max
                ),
            ));
        }
        let bytes: usize = actions.iter().map(output::bytes).sum();
        if bytes > self.limits.output_bytes_max {
            return Err(Fault::in_action(
                FaultKind::OutputTooLarge,
                format!(
                    "{bytes} bytes, at most {} are allowed",
                    self.limits.output_bytes_max
                ),
            ));
        }
        Ok(actions)
    }

    /// Lines written through the `log` import since the last call of this function.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.store.data_mut().log)
    }

    /// Memory and tables of the guest, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.store.data().memory.used_bytes()
    }

    /// Fuel that the last call used.
    pub fn fuel_used_last(&self) -> u64 {
        self.fuel_used_last
    }

    fn prepare(&mut self) -> Result<(), Fault> {
        let state = self.store.data_mut();
        state.log_calls = 0;
        // Lines that nobody took are from an event that is over.
        state.log.clear();
        refuel(&mut self.store, &self.limits)
    }

    fn account(&mut self) {
        let left = self.store.get_fuel().unwrap_or(0);
        self.fuel_used_last = self.limits.fuel_per_event_max.saturating_sub(left);
    }

    fn fault(&self, error: &wasmtime::Error) -> Fault {
        let last_words = self
            .store
            .data()
            .log
            .iter()
            .rev()
            .find(|line| line.level == LogLevel::Error)
            .map(|line| line.message.clone());
        Fault::of_call(error, last_words)
    }
}

fn hard_bytes(limits: &Limits) -> usize {
    usize::try_from(limits.memory_hard_mb)
        .unwrap_or(usize::MAX)
        .saturating_mul(1 << 20)
}

/// What a call may make the host copy: the output, and the frame of a list that is then found too long.
fn hostcall_fuel(limits: &Limits) -> usize {
    limits
        .output_bytes_max
        .saturating_add(ACTIONS_COUNTED_MAX.saturating_mul(size_of::<Action>()))
}

fn refuel(store: &mut wasmtime::Store<State>, limits: &Limits) -> Result<(), Fault> {
    store
        .set_fuel(limits.fuel_per_event_max)
        .map_err(|error| Fault::in_action(FaultKind::Trap, format!("{error:#}")))
}

fn cut(mut text: String) -> String {
    if text.len() > LOG_LINE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(LOG_LINE_BYTES_MAX));
        text.shrink_to_fit();
    }
    text
}
