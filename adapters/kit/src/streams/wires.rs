//! The connections that carry the streams: opened, renewed, closed, and what goes out through them.

use std::collections::BTreeMap;

use super::outbox::{Outbox, Word};
use super::{Asked, Carrier, Expected, Protocol, SECOND, STEP, Stream, Streams};
use crate::Output;
use crate::session::random;
use crate::wit::LogLevel;

/// A stream that nobody has to prove is taken over so long after the successor acknowledged it.
const SETTLED_AFTER: u64 = 2 * SECOND;

/// A successor that has not taken over every stream by then takes them all: what is not proven begins anew.
const TAKEN_OVER_WITHIN: u64 = 60 * SECOND;

/// A renewal that failed is tried again after this.
const RENEWED_AGAIN_AFTER: u64 = 600 * SECOND;

#[derive(Debug)]
pub(super) struct Wire {
    group: u8,
    pub(super) opened: Option<u64>,
    /// When it is renewed.
    renew_at: u64,
    /// Renewals in a row after which nothing came.
    pub(super) renewals: u32,
    /// The connection that is about to replace it.
    successor: Option<u32>,
    outbox: Outbox,
}

impl Wire {
    fn new(group: u8) -> Self {
        Self {
            group,
            opened: None,
            renew_at: u64::MAX,
            renewals: 0,
            successor: None,
            outbox: Outbox::default(),
        }
    }
}

/// The connections.
#[derive(Debug)]
pub(super) struct Wires {
    seed: u64,
    next: u32,
    messages: u32,
    pub(super) all: BTreeMap<u32, Wire>,
    told_full: bool,
}

impl Wires {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            seed,
            next: 0,
            messages: 0,
            all: BTreeMap::new(),
            told_full: false,
        }
    }

    fn open(&mut self, group: u8, protocol: &impl Protocol, out: &mut Output) -> u32 {
        let connection = self.next;
        self.next = connection.wrapping_add(1);
        self.all.insert(connection, Wire::new(group));
        out.connect(connection, &protocol.address(group));
        connection
    }

    /// Whether a connection is about to be replaced.
    fn is_one_replaced(&self) -> bool {
        self.all.values().any(|wire| wire.successor.is_some())
    }

    pub(super) fn say(&mut self, connection: u32, word: Word, stream: u32) {
        if let Some(wire) = self.all.get_mut(&connection)
            && wire.opened.is_some()
        {
            wire.outbox.say(word, stream);
        }
    }
}

impl Streams {
    /// A connection is open: asks for the streams that it is to carry.
    pub fn opened(
        &mut self,
        connection: u32,
        now: u64,
        protocol: &impl Protocol,
        out: &mut Output,
    ) {
        let lifetime = self.limits.lifetime;
        let Some(wire) = self.wires.all.get_mut(&connection) else {
            return;
        };
        let early = random(self.wires.seed, u64::from(connection) ^ now) % (lifetime / 24 + 1);
        wire.opened = Some(now);
        wire.renew_at = now.saturating_add(lifetime - early);
        for (id, stream) in (0..).zip(&mut self.all) {
            if let Some(carrier) = stream.carrier_on(connection) {
                carrier.asked = Asked::Not;
                wire.outbox.say(Word::Subscribe, id);
            }
        }
        self.send(now, protocol, out);
    }

    /// A connection is gone, wanted or not: asks for it again when it carries something. Streams that a successor is
    /// about to carry go over to it.
    pub fn closed(
        &mut self,
        connection: u32,
        now: u64,
        protocol: &impl Protocol,
        out: &mut Output,
    ) {
        if !self.wires.all.contains_key(&connection) {
            return;
        }
        let mut carries = false;
        for stream in &mut self.all {
            if stream
                .next
                .is_some_and(|next| next.connection == connection)
            {
                stream.next = None;
            }
            if let Some(carrier) = &mut stream.carrier
                && carrier.connection == connection
            {
                stream.silence.interrupt();
                stream.again_at = None;
                if let Some(next) = stream.next.take() {
                    *carrier = next;
                } else {
                    carrier.asked = Asked::Not;
                    carries = true;
                }
            }
        }
        let mut was_successor = false;
        for wire in self.wires.all.values_mut() {
            if wire.successor == Some(connection) {
                wire.successor = None;
                wire.renew_at = now.saturating_add(RENEWED_AGAIN_AFTER);
                was_successor = true;
            }
        }
        let Some(wire) = self.wires.all.get_mut(&connection) else {
            return;
        };
        if carries {
            wire.opened = None;
            wire.successor = None;
            wire.outbox.clear();
            out.connect(connection, &protocol.address(wire.group));
        } else {
            self.wires.all.remove(&connection);
        }
        if was_successor {
            // It may have taken over everything already.
            self.close_empty(out);
        }
    }

    /// Replaces a connection by a new one without a gap.
    pub fn renew(&mut self, connection: u32, protocol: &impl Protocol, out: &mut Output) {
        let Some(wire) = self.wires.all.get(&connection) else {
            return;
        };
        let is_successor = |wire: &Wire| wire.successor == Some(connection);
        if wire.successor.is_some() || self.wires.all.values().any(is_successor) {
            return;
        }
        let (group, renewals) = (wire.group, wire.renewals);
        let successor = self.wires.open(group, protocol, out);
        if let Some(wire) = self.wires.all.get_mut(&successor) {
            wire.renewals = renewals;
        }
        if let Some(wire) = self.wires.all.get_mut(&connection) {
            wire.successor = Some(successor);
        }
        for stream in &mut self.all {
            if stream.carrier.is_some_and(|it| it.connection == connection) {
                stream.next = Some(Carrier {
                    connection: successor,
                    asked: Asked::Not,
                });
            }
        }
    }

    /// Closes every connection for good.
    pub fn close_all(&mut self, out: &mut Output) {
        for (connection, _) in std::mem::take(&mut self.wires.all) {
            out.close(connection);
        }
    }

    /// The time has come to look after the streams; sets the alarm for the next time.
    pub fn wake(&mut self, now: u64, protocol: &impl Protocol, out: &mut Output) {
        self.take_over(now, out);
        self.renew_what_is_old(now, protocol, out);
        self.repair_what_is_silent(now, protocol, out);
        self.ask_again(now);
        self.place(protocol, out);
        self.send(now, protocol, out);
        out.wake_at(self.alarm, now.saturating_add(STEP));
    }

    pub(super) fn drop_unwanted(&mut self, out: &mut Output) {
        for (id, stream) in (0..).zip(&mut self.all) {
            if stream.is_wanted {
                continue;
            }
            for carrier in [stream.carrier.take(), stream.next.take()]
                .into_iter()
                .flatten()
            {
                if let Some(wire) = self.wires.all.get_mut(&carrier.connection) {
                    wire.outbox.forget(id);
                }
                if !matches!(carrier.asked, Asked::Not | Asked::Refused(_)) {
                    self.wires.say(carrier.connection, Word::Unsubscribe, id);
                }
            }
        }
        self.close_empty(out);
    }

    /// Closes the connections through which nothing is to come any more.
    fn close_empty(&mut self, out: &mut Output) {
        let all = &self.all;
        self.wires.all.retain(|connection, _| {
            let carries = all.iter().any(|stream| stream.is_on(*connection));
            if !carries {
                out.close(*connection);
            }
            carries
        });
        for connection in self.wires.all.keys().copied().collect::<Vec<_>>() {
            if let Some(successor) = self.wires.all.get(&connection).and_then(|it| it.successor)
                && !self.wires.all.contains_key(&successor)
                && let Some(wire) = self.wires.all.get_mut(&connection)
            {
                wire.successor = None;
            }
        }
    }

    /// Puts streams that no connection carries on one that has room, or on a new one.
    pub(super) fn place(&mut self, protocol: &impl Protocol, out: &mut Output) {
        if !self.all.iter().any(Stream::is_homeless) {
            return;
        }
        let mut loads: BTreeMap<u32, usize> = BTreeMap::new();
        for stream in &self.all {
            for carrier in [&stream.carrier, &stream.next].into_iter().flatten() {
                *loads.entry(carrier.connection).or_default() += 1;
            }
        }
        for id in 0..self.all.len() {
            let Some(stream) = self.all.get(id) else {
                return;
            };
            if !stream.is_homeless() {
                continue;
            }
            let group = stream.group;
            let most = self.limits.streams_per_connection;
            let has_room = |(connection, wire): &(&u32, &Wire)| {
                wire.group == group
                    && wire.successor.is_none()
                    && loads.get(connection).copied().unwrap_or(0) < most
            };
            let found = self.wires.all.iter().find(has_room);
            let connection = match found.map(|(connection, _)| *connection) {
                Some(connection) => connection,
                None if self.wires.all.len() < self.limits.connections_max => {
                    self.wires.open(group, protocol, out)
                }
                None => {
                    if !std::mem::replace(&mut self.wires.told_full, true) {
                        out.log(
                            LogLevel::Error,
                            format_args!(
                                "{} connections of {most} streams are full: some streams are not collected",
                                self.limits.connections_max
                            ),
                        );
                    }
                    return;
                }
            };
            *loads.entry(connection).or_default() += 1;
            if let Some(stream) = self.all.get_mut(id) {
                stream.carrier = Some(Carrier {
                    connection,
                    asked: Asked::Not,
                });
            }
            let id = u32::try_from(id).unwrap_or(u32::MAX);
            self.wires.say(connection, Word::Subscribe, id);
        }
    }

    /// Sends what may go out.
    pub(super) fn send(&mut self, now: u64, protocol: &impl Protocol, out: &mut Output) {
        let (most, pace) = (self.limits.names_per_message, self.limits.message_pace);
        for (connection, wire) in &mut self.wires.all {
            while let Some((word, ids)) = wire.outbox.next(now, most, pace) {
                let number = self.wires.messages;
                self.wires.messages = number.wrapping_add(1);
                for id in &ids {
                    if word == Word::Subscribe
                        && let Some(stream) = self.all.get_mut(*id as usize)
                        && let Some(carrier) = stream.carrier_on(*connection)
                    {
                        carrier.asked = Asked::At(now, number);
                    }
                }
                let streams = ids.iter().filter_map(|id| self.all.get(*id as usize));
                let names: Vec<_> = streams.map(|stream| stream.name.as_str()).collect();
                let text = match word {
                    Word::Subscribe => protocol.subscribe(number, &names),
                    Word::Unsubscribe => protocol.unsubscribe(number, &names),
                };
                out.send(*connection, &text);
            }
        }
    }

    /// Lets successors take over what they can, and closes what carries nothing more.
    fn take_over(&mut self, now: u64, out: &mut Output) {
        if !self.wires.is_one_replaced() {
            return;
        }
        for stream in &mut self.all {
            let Some(next) = stream.next else {
                continue;
            };
            let opened = self
                .wires
                .all
                .get(&next.connection)
                .and_then(|it| it.opened);
            let is_late =
                opened.is_some_and(|opened| now.saturating_sub(opened) > TAKEN_OVER_WITHIN);
            let is_settled = match next.asked {
                Asked::Acknowledged(at) => {
                    stream.expected != Expected::Steady && now.saturating_sub(at) > SETTLED_AFTER
                }
                Asked::Refused(_) => true,
                Asked::Not | Asked::At(..) => false,
            };
            if is_late || is_settled {
                stream.carrier = stream.next.take();
                stream.silence.interrupt();
            }
        }
        self.close_empty(out);
    }

    fn renew_what_is_old(&mut self, now: u64, protocol: &impl Protocol, out: &mut Output) {
        if self.wires.is_one_replaced() {
            return;
        }
        let old = self.wires.all.iter().find(|(_, wire)| wire.renew_at <= now);
        if let Some((&connection, _)) = old {
            self.renew(connection, protocol, out);
        }
    }
}
