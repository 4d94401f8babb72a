//! A session in a test's hands: what it is told, what it says, and the alarms it set.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use it, and they fail by a panic"
)]

use std::collections::BTreeMap;

use super::{Driver, answer, frame, lines, next_alarm};
use crate::Adapter;
use crate::wit::{Action, Event, InstrumentReport, Request};

/// A session of an adapter at a time.
#[derive(Debug)]
pub struct World<A> {
    driver: Driver<A>,
    /// When it began.
    pub start: u64,
    /// The time.
    pub now: u64,
    /// When each alarm is due.
    alarms: BTreeMap<u32, u64>,
    /// Every request that was sent.
    pub requests: Vec<Request>,
}

impl<A: Adapter> World<A> {
    /// A session that was told nothing yet.
    pub fn at(now: u64) -> Self {
        Self {
            driver: Driver::default(),
            start: now,
            now,
            alarms: BTreeMap::new(),
            requests: Vec::new(),
        }
    }

    /// What it does when it is told this.
    pub fn actions(&mut self, event: &Event) -> Vec<Action> {
        let actions = self.driver.tell(self.now, event);
        for action in &actions {
            match action {
                Action::WakeAt(at) => {
                    self.alarms.insert(at.alarm, at.time);
                }
                Action::Request(request) => self.requests.push(request.clone()),
                _ => {}
            }
        }
        actions
    }

    /// As [`World::actions`], each action as one line.
    pub fn tell(&mut self, event: &Event) -> String {
        lines(&self.actions(event))
    }

    /// A frame of the first connection.
    pub fn frame(&mut self, text: &str) -> String {
        self.frame_on(0, text)
    }

    /// A frame of any connection.
    pub fn frame_on(&mut self, connection: u32, text: &str) -> String {
        self.tell(&frame(connection, text))
    }

    /// The answer to a request.
    pub fn answer(&mut self, request: u32, body: &str) -> String {
        self.tell(&answer(request, 200, body))
    }

    /// An alarm by its number: of the first instrument, that of its kind.
    pub fn alarm(&mut self, number: u32) -> String {
        self.tell(&Event::Alarm(number))
    }

    /// The number of the last request whose address has this in it.
    ///
    /// # Panics
    /// When there is none.
    pub fn asked(&self, part: &str) -> u32 {
        let mut all = self.requests.iter().rev();
        let found = all.find(|request| request.address.contains(part));
        found
            .unwrap_or_else(|| panic!("no request for {part}"))
            .request
    }

    /// Lets the time go on with every alarm on the way; gives all that is said.
    pub fn wait(&mut self, time: u64) -> String {
        let until = self.now + time;
        let mut said = String::new();
        while let Some(alarm) = next_alarm(&mut self.alarms, until) {
            self.now = self.now.max(alarm.time);
            said += &self.tell(&Event::Alarm(alarm.alarm));
        }
        self.now = until;
        said
    }

    /// Lets the time go on without telling the alarms of it; gives them in their order.
    pub fn due(&mut self, time: u64) -> Vec<Event> {
        self.now += time;
        let due = std::iter::from_fn(|| next_alarm(&mut self.alarms, self.now));
        due.map(|alarm| Event::Alarm(alarm.alarm)).collect()
    }

    /// What it reports of every instrument.
    ///
    /// # Panics
    /// When it does not.
    pub fn reports(&mut self) -> Vec<InstrumentReport> {
        match self.driver.tell(self.now, &Event::ReportWanted(5)).pop() {
            Some(Action::Report(reports)) => reports,
            other => panic!("{other:?}"),
        }
    }

    /// As [`World::reports`], each as one line.
    pub fn report(&mut self) -> String {
        self.tell(&Event::ReportWanted(5))
    }
}
