//! Which connection carries which instruments. The host spaces attempts; here a lost connection is asked for again at
//! once and for ever.

use std::collections::BTreeMap;

use marketprism_kit::Output;
use marketprism_kit::wit::LogLevel;

use crate::address;
use crate::instruments::Instruments;
use crate::settings::Settings;

/// Most connections of one session.
pub const CONNECTIONS_MAX: usize = 32;

/// Streams of one connection; the exchange takes 1024, but their names must fit an address too.
const STREAMS_MAX: usize = 200;

/// The connections that are asked for.
#[derive(Debug, Default)]
pub struct Connections {
    next: u32,
    /// Number to whether it is open.
    asked: BTreeMap<u32, bool>,
}

impl Connections {
    /// Puts instruments on new connections, in their order.
    pub fn carry(
        &mut self,
        added: &[u32],
        instruments: &mut Instruments,
        settings: &Settings,
        out: &mut Output,
    ) {
        let each = address::streams_each(settings);
        if each == 0 {
            return;
        }
        for shard in added.chunks(STREAMS_MAX / each) {
            let connection = if self.asked.len() < CONNECTIONS_MAX {
                let connection = self.next;
                self.next += 1;
                connection
            } else {
                // No connection is left: one is closed and comes back with more streams.
                let Some((&connection, _)) = self.asked.first_key_value() else {
                    return;
                };
                out.log(
                    LogLevel::Warn,
                    format_args!("{CONNECTIONS_MAX} connections are in use; renewing one"),
                );
                connection
            };
            for id in shard {
                if let Some(instrument) = instruments.get_mut(*id) {
                    instrument.connection = Some(connection);
                }
            }
            if self.asked.insert(connection, false).is_some() {
                out.close(connection);
            } else {
                Self::connect(connection, instruments, settings, out);
            }
        }
    }

    fn connect(connection: u32, instruments: &Instruments, settings: &Settings, out: &mut Output) {
        let carried = instruments.iter().map(|(_, instrument)| instrument);
        let carried = carried.filter(|it| it.active && it.connection == Some(connection));
        out.connect(connection, &address::connection(settings, carried));
    }

    fn carries_any(connection: u32, instruments: &Instruments) -> bool {
        instruments
            .iter()
            .any(|(_, it)| it.active && it.connection == Some(connection))
    }

    /// A connection is open.
    pub fn opened(&mut self, connection: u32) {
        if let Some(open) = self.asked.get_mut(&connection) {
            *open = true;
        }
    }

    /// A connection is gone: asks for it again when something is to come through it.
    pub fn closed(
        &mut self,
        connection: u32,
        instruments: &Instruments,
        settings: &Settings,
        out: &mut Output,
    ) {
        if !self.asked.contains_key(&connection) {
            return;
        }
        if Self::carries_any(connection, instruments) {
            self.asked.insert(connection, false);
            Self::connect(connection, instruments, settings, out);
        } else {
            self.asked.remove(&connection);
        }
    }

    /// Closes the connections through which nothing is to come any more.
    pub fn close_empty(&mut self, instruments: &Instruments, out: &mut Output) {
        for connection in self.asked.keys() {
            if !Self::carries_any(*connection, instruments) {
                out.close(*connection);
            }
        }
    }

    /// Closes every connection for good.
    pub fn close_all(&mut self, out: &mut Output) {
        for connection in std::mem::take(&mut self.asked).into_keys() {
            out.close(connection);
        }
    }
}
