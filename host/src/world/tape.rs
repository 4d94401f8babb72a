//! What a live world tells the recorder: every event but questions for reports, and everything that is sent.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::record::{Recorder, What};
use crate::sandbox::contract::{Event, RequestFailure};

/// Records one session.
pub(super) struct Tape {
    recorder: Recorder,
    connections: HashMap<u32, Arc<str>>,
    /// Connections that the adapter closed.
    closing: HashSet<u32>,
    requests: HashMap<u32, Arc<str>>,
    nowhere: Arc<str>,
}

impl Tape {
    pub(super) fn new(recorder: Recorder) -> Self {
        Self {
            recorder,
            connections: HashMap::new(),
            closing: HashSet::new(),
            requests: HashMap::new(),
            nowhere: "".into(),
        }
    }

    /// The adapter is about to be told.
    pub(super) fn told(&mut self, now: u64, event: &Event) {
        match event {
            Event::Frame(frame) => {
                let what = What::Frame(frame.data.clone());
                self.recorder
                    .record(now, self.address(frame.connection), what);
            }
            Event::Opened(connection) => {
                self.recorder
                    .record(now, self.address(*connection), What::Opened);
            }
            Event::Closed(closed) => {
                let reason = closed.reason.clone();
                let what = if self.closing.remove(&closed.connection) {
                    What::Ended(reason)
                } else {
                    What::Lost(reason)
                };
                self.recorder
                    .record(now, self.address(closed.connection), what);
            }
            Event::Response(response) => {
                let address = self.requests.remove(&response.request);
                let what = match &response.outcome {
                    Ok(answer) => What::Answer(answer.status, answer.body.clone()),
                    Err(failure) => What::NoAnswer(match failure {
                        RequestFailure::TimedOut => "timed out",
                        RequestFailure::Unreachable => "unreachable",
                        RequestFailure::TooLarge => "too large",
                        RequestFailure::OverBudget => "over budget",
                    }),
                };
                let address = address.as_ref().unwrap_or(&self.nowhere);
                self.recorder.record(now, address, what);
            }
            Event::Alarm(alarm) => {
                self.recorder
                    .record(now, &self.nowhere, What::Alarm(*alarm));
            }
            Event::Promoted => {
                self.recorder.record(now, &self.nowhere, What::Promoted);
            }
            Event::Start(_) | Event::SymbolsChanged(_) | Event::ReportWanted(_) | Event::Stop => {}
        }
    }

    pub(super) fn connect(&mut self, now: u64, connection: u32, address: &url::Url) {
        let address: Arc<str> = address.as_str().into();
        self.recorder.record(now, &address, What::Connect);
        self.connections.insert(connection, address);
    }

    pub(super) fn send(&mut self, now: u64, connection: u32, text: &str) {
        let what = What::Send(text.to_owned());
        self.recorder.record(now, self.address(connection), what);
    }

    pub(super) fn close(&mut self, now: u64, connection: u32) {
        self.closing.insert(connection);
        self.recorder
            .record(now, self.address(connection), What::Close);
    }

    pub(super) fn request(&mut self, now: u64, request: u32, address: &url::Url, weight: u32) {
        let address: Arc<str> = address.as_str().into();
        self.recorder.record(now, &address, What::Request(weight));
        self.requests.insert(request, address);
    }

    pub(super) fn abandon(&mut self, now: u64) {
        self.connections.clear();
        self.closing.clear();
        self.requests.clear();
        self.recorder.record(now, &self.nowhere, What::Stopped);
    }

    fn address(&self, connection: u32) -> &Arc<str> {
        self.connections.get(&connection).unwrap_or(&self.nowhere)
    }
}
