//! What an instance has open, and what it may open: the configuration's grants and the counts of its limits.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use crate::config::Origin;
use crate::limits::Limits;
use crate::sandbox::contract::Event;
use crate::sandbox::{Fault, FaultKind};

/// Longest address that an adapter may name, in bytes.
const ADDRESS_BYTES_MAX: usize = 16 * 1024;

/// The open things of one instance.
pub(super) struct Permits {
    grants: Vec<Origin>,
    limits: Limits,
    /// Connections asked for; true when open.
    connections: BTreeMap<u32, bool>,
    requests: BTreeSet<u32>,
    alarms: BTreeSet<u32>,
}

impl Permits {
    pub(super) fn new(grants: Vec<Origin>, limits: Limits) -> Self {
        Self {
            grants,
            limits,
            connections: BTreeMap::new(),
            requests: BTreeSet::new(),
            alarms: BTreeSet::new(),
        }
    }

    /// Forgets everything that is open: the instance is gone.
    pub(super) fn clear(&mut self) {
        self.connections.clear();
        self.requests.clear();
        self.alarms.clear();
    }

    /// Keeps count of what an event ends.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Opened(connection) => {
                if let Some(open) = self.connections.get_mut(connection) {
                    *open = true;
                }
            }
            Event::Closed(closed) => {
                self.connections.remove(&closed.connection);
            }
            Event::Response(response) => {
                self.requests.remove(&response.request);
            }
            Event::Alarm(alarm) => {
                self.alarms.remove(alarm);
            }
            _ => {}
        }
    }

    pub(super) fn connect(&mut self, connection: u32, address: &str) -> Result<Url, Fault> {
        let url = self.granted(address, &["wss", "ws"])?;
        if self.connections.contains_key(&connection) {
            return Err(bad(format!("connection {connection} is in use")));
        }
        if self.connections.len() >= self.limits.connections_max {
            return Err(refused(format!(
                "more than {} connections",
                self.limits.connections_max
            )));
        }
        self.connections.insert(connection, false);
        Ok(url)
    }

    /// How many connections were asked for, and how many of them are open.
    pub(super) fn connections(&self) -> (usize, usize) {
        let open = self.connections.values().filter(|open| **open).count();
        (self.connections.len(), open)
    }

    /// Whether a message can be sent on the connection.
    pub(super) fn is_open(&self, connection: u32) -> bool {
        self.connections.get(&connection).copied().unwrap_or(false)
    }

    /// Whether the connection was asked for and is not closed.
    pub(super) fn is_known(&self, connection: u32) -> bool {
        self.connections.contains_key(&connection)
    }

    pub(super) fn request(&mut self, request: u32, address: &str) -> Result<Url, Fault> {
        let url = self.granted(address, &["https", "http"])?;
        if self.requests.len() >= self.limits.requests_in_flight_max {
            return Err(refused(format!(
                "more than {} requests in flight",
                self.limits.requests_in_flight_max
            )));
        }
        if !self.requests.insert(request) {
            return Err(bad(format!("request {request} is still in flight")));
        }
        Ok(url)
    }

    pub(super) fn wake_at(&mut self, alarm: u32) -> Result<(), Fault> {
        self.alarms.insert(alarm);
        if self.alarms.len() > self.limits.alarms_max {
            return Err(refused(format!(
                "more than {} alarms",
                self.limits.alarms_max
            )));
        }
        Ok(())
    }

    fn granted(&self, address: &str, schemes: &[&str]) -> Result<Url, Fault> {
        if address.len() > ADDRESS_BYTES_MAX {
            return Err(bad(format!("an address of {} bytes", address.len())));
        }
        let url = Url::parse(address)
            .map_err(|error| bad(format!("{address:?} is not an address: {error}")))?;
        if !schemes.contains(&url.scheme()) || !self.grants.iter().any(|grant| grant.grants(&url)) {
            return Err(refused(format!(
                "{address:?} is not granted by the configuration"
            )));
        }
        Ok(url)
    }
}

fn refused(message: String) -> Fault {
    Fault::in_action(FaultKind::NotPermitted, message)
}

fn bad(message: String) -> Fault {
    Fault::in_action(FaultKind::BadAction, message)
}
