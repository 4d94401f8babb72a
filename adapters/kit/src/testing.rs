//! Driving an adapter natively in tests: events in, actions out as short text that a test can compare.

#[cfg(not(target_arch = "wasm32"))]
pub mod random;
#[cfg(not(target_arch = "wasm32"))]
pub mod recording;
#[cfg(not(target_arch = "wasm32"))]
pub mod reference;
#[cfg(not(target_arch = "wasm32"))]
mod replay;
mod text;
mod world;

#[cfg(not(target_arch = "wasm32"))]
pub use replay::Replay;
pub use text::{action, level};
pub use world::World;

use std::collections::BTreeMap;

use crate::wit::{Action, Answer, Closed, Event, Frame, Response, Start, WakeAt};
use crate::{Adapter, Output};

/// One adapter under test.
#[derive(Debug)]
pub struct Driver<A> {
    adapter: A,
}

impl<A: Adapter> Default for Driver<A> {
    fn default() -> Self {
        Self { adapter: A::new() }
    }
}

impl<A: Adapter> Driver<A> {
    /// Tells the adapter what happened at `now` and gives what it wants done.
    pub fn tell(&mut self, now: u64, event: &Event) -> Vec<Action> {
        let mut out = Output::new();
        self.adapter.handle(now, event, &mut out);
        out.into_actions()
    }

    /// As [`Driver::tell`], each action as one line.
    pub fn told(&mut self, now: u64, event: &Event) -> String {
        lines(&self.tell(now, event))
    }

    /// The adapter itself.
    pub const fn adapter(&self) -> &A {
        &self.adapter
    }
}

/// Drives a fresh adapter with all the events and gives all its actions, one a line.
pub fn check<A: Adapter>(events: &[(u64, Event)]) -> String {
    let mut driver = Driver::<A>::default();
    events
        .iter()
        .map(|(now, event)| driver.told(*now, event))
        .collect()
}

/// What a part of an adapter says, each action as one line.
pub fn said(act: impl FnOnce(&mut Output)) -> String {
    let mut out = Output::new();
    act(&mut out);
    lines(&out.into_actions())
}

/// Each action as one line.
pub fn lines(actions: &[Action]) -> String {
    actions.iter().map(|one| action(one) + "\n").collect()
}

/// Takes out the alarm that is due next, if it is due by `until`; of several at one time the lowest number.
fn next_alarm(alarms: &mut BTreeMap<u32, u64>, until: u64) -> Option<WakeAt> {
    let due = alarms.iter().map(|(alarm, time)| (*time, *alarm));
    let (time, alarm) = due.min().filter(|(time, _)| *time <= until)?;
    alarms.remove(&alarm);
    Some(WakeAt { alarm, time })
}

/// A `start` event.
pub fn start(settings: &str, instruments: &[&str]) -> Event {
    started(settings, instruments, false)
}

/// A `start` event of a session that stands by.
pub fn standby(settings: &str, instruments: &[&str]) -> Event {
    started(settings, instruments, true)
}

fn started(settings: &str, instruments: &[&str], standby: bool) -> Event {
    let instruments = instruments.iter().map(|name| (*name).to_owned()).collect();
    Event::Start(Start {
        settings: settings.to_owned(),
        instruments,
        seed: 1,
        standby,
    })
}

/// A `frame` event.
pub fn frame(connection: u32, text: impl Into<Vec<u8>>) -> Event {
    Event::Frame(Frame {
        connection,
        data: text.into(),
    })
}

/// A `closed` event.
pub fn closed(connection: u32) -> Event {
    Event::Closed(Closed {
        connection,
        reason: "test".to_owned(),
    })
}

/// A `response` event with an answer.
pub fn answer(request: u32, status: u16, body: impl Into<Vec<u8>>) -> Event {
    Event::Response(Response {
        request,
        outcome: Ok(Answer {
            status,
            body: body.into(),
        }),
    })
}
