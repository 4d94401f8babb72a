//! What an instance has open, and what it may open: the configuration's grants and the counts of its limits.

use std::collections::BTreeMap;

use url::Url;

use crate::config::Origin;
use crate::limits::Limits;
use crate::sandbox::contract::{Event, Request};
use crate::sandbox::{Fault, FaultKind};
use crate::wire::DataType;

/// Longest address that an adapter may name, in bytes.
const ADDRESS_BYTES_MAX: usize = 16 * 1024;

/// A request in flight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// The data type that it serves; none when the adapter named no known one.
    pub(super) data_type: Option<DataType>,
    /// The instrument that it is for.
    pub(super) instrument: Option<u32>,
    /// When it was asked for, in nanoseconds since the epoch.
    pub(super) at: u64,
}

/// The open things of one instance.
pub(super) struct Permits {
    grants: Vec<Origin>,
    limits: Limits,
    /// Connections that were lost and have not been opened again.
    lost: u64,
    /// Connections asked for; true when open.
    connections: BTreeMap<u32, bool>,
    requests: BTreeMap<u32, Asked>,
    /// Alarms that wait, and their times in nanoseconds since the epoch.
    alarms: BTreeMap<u32, u64>,
}

impl Permits {
    pub(super) fn new(grants: Vec<Origin>, limits: Limits) -> Self {
        Self {
            grants,
            limits,
            lost: 0,
            connections: BTreeMap::new(),
            requests: BTreeMap::new(),
            alarms: BTreeMap::new(),
        }
    }

    /// What holds from now on.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Forgets everything that is open: the instance is gone.
    pub(super) fn clear(&mut self) {
        self.lost += self.connections.values().filter(|open| **open).count() as u64;
        self.connections.clear();
        self.requests.clear();
        self.alarms.clear();
    }

    /// The time that the alarm of an event was set to, which it may come after.
    pub(super) fn due(&self, event: &Event) -> Option<u64> {
        match event {
            Event::Alarm(alarm) => self.alarms.get(alarm).copied(),
            _ => None,
        }
    }

    /// Keeps count of what an event begins and ends. True when it opens a connection in place of one that was lost.
    pub(super) fn note(&mut self, event: &Event) -> bool {
        match event {
            Event::Opened(connection) => {
                if let Some(open) = self.connections.get_mut(connection) {
                    *open = true;
                }
                let is_again = self.lost > 0;
                self.lost = self.lost.saturating_sub(1);
                return is_again;
            }
            Event::Closed(closed) => {
                let was_open = self.connections.remove(&closed.connection);
                self.lost += u64::from(was_open == Some(true));
            }
            Event::Alarm(alarm) => {
                self.alarms.remove(alarm);
            }
            _ => {}
        }
        false
    }

    /// Takes out a request that has ended: what it was for.
    pub(super) fn ended(&mut self, request: u32) -> Option<Asked> {
        self.requests.remove(&request)
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

    pub(super) fn request(&mut self, now: u64, request: &Request) -> Result<Url, Fault> {
        let url = self.granted(&request.address, &["https", "http"])?;
        if self.requests.len() >= self.limits.requests_in_flight_max {
            return Err(refused(format!(
                "more than {} requests in flight",
                self.limits.requests_in_flight_max
            )));
        }
        let asked = Asked {
            data_type: DataType::from_name(&request.data_type),
            instrument: request.instrument,
            at: now,
        };
        let id = request.request;
        if self.requests.insert(id, asked).is_some() {
            return Err(bad(format!("request {id} is still in flight")));
        }
        Ok(url)
    }

    pub(super) fn wake_at(&mut self, alarm: u32, time: u64) -> Result<(), Fault> {
        self.alarms.insert(alarm, time);
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
