//! Every pushed stream of a session: which connection carries it, whether the exchange acknowledged it, when it last
//! brought something, and what is done when it brings nothing.
//!
//! - Streams are spread over connections within the exchange's limits; new ones join connections that have room, so
//!   nothing else notices.
//! - "Connected, acknowledged, silent" is seen for each stream: beyond what is usual for it (see `silence`) it is asked for
//!   again, then its connection is renewed. A quiet instrument is no fault.
//! - A connection is renewed before the exchange cuts it: a successor is opened beside it and the streams are taken over one
//!   by one; the old one is closed when it carries nothing more. Until then frames come through both, and the adapter
//!   takes each datum once.
//!
//! A lost connection is asked for again at once and for ever: the host spaces attempts.

mod outbox;
mod repair;
mod silence;
mod wires;

pub use outbox::MessagePace;
use silence::Silence;
use wires::Wires;

use crate::Output;
use crate::wit::{InstrumentReport, LogLevel, StreamReport, StreamState};

const SECOND: u64 = 1_000_000_000;

/// How often the streams are looked after.
const STEP: u64 = SECOND;

/// An acknowledgement that has not come by then is not waited for any longer.
const ACKNOWLEDGED_WITHIN: u64 = 10 * SECOND;

/// A steady stream of which nothing is known yet counts as silent after this: longer than the minute after which exchanges
/// say that a book has not changed.
const FIRST_SILENCE_MAX: u64 = 90 * SECOND;

/// A stream that its connection never brought, nor any other through it, counts as silent after this.
const CONNECTION_SILENCE_MAX: u64 = 300 * SECOND;

/// Each repair that does not help makes the next one wait twice as long, so often at most.
const DOUBLINGS_MAX: u32 = 6;

/// A refused stream is asked for again after this: a listing may come back.
const REFUSED_FOR: u64 = 600 * SECOND;

/// A stream that is asked for again soon after the last time waits, each time twice as long, up to this.
const AGAIN_MAX: u64 = 60 * SECOND;
const AGAIN_DOUBLINGS_MAX: u32 = 6;

/// So long without need takes back one doubling: what did well for a while is not punished for what came before.
const CALM: u64 = 15 * SECOND;

/// What a stream normally does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Brings something within a minute, as books do; taken over by a successor connection when the adapter says so
    /// ([`Streams::took_over`]).
    Steady,
    /// Brings something now and then, as trades do: judged by what is usual for it once that is known.
    Lively,
    /// May bring nothing for days, as liquidations: never judged.
    Rare,
}

/// The exchange's limits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most connections; one more may be open while a connection is renewed.
    pub connections_max: usize,
    /// Most streams of one connection.
    pub streams_per_connection: usize,
    /// Most streams in one message.
    pub names_per_message: usize,
    /// Messages to the exchange through one connection.
    pub message_pace: MessagePace,
    /// A connection is renewed when it has been open for this long, in nanoseconds, or a little less.
    pub lifetime: u64,
}

/// How the exchange is spoken to.
pub trait Protocol {
    /// The address of a connection of this group.
    fn address(&self, group: u8) -> String;

    /// The message that asks for these streams; `number` comes back in the answer.
    fn subscribe(&self, number: u32, names: &[&str]) -> String;

    /// The message that asks for them no more.
    fn unsubscribe(&self, number: u32, names: &[&str]) -> String;
}

/// Number of a stream in its [`Streams`].
pub type StreamId = u32;

/// How far asking for a stream has come on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Waits to be asked for.
    Not,
    /// Asked for at a time in the message of a number.
    At(u64, u32),
    /// Acknowledged or heard since this time.
    Acknowledged(u64),
    /// Refused at this time.
    Refused(u64),
}

/// A connection that carries a stream.
#[derive(Debug, Clone, Copy)]
struct Carrier {
    connection: u32,
    asked: Asked,
}

#[derive(Debug)]
struct Stream {
    group: u8,
    name: String,
    expected: Expected,
    is_wanted: bool,
    carrier: Option<Carrier>,
    /// The connection that is about to carry it.
    next: Option<Carrier>,
    heard: Option<u64>,
    silence: Silence,
    /// Repairs since it was last heard.
    repairs: u32,
    resubscribed: u64,
    /// When it is asked for again.
    again_at: Option<u64>,
    /// Doublings of the time until it is asked for again.
    again: u32,
    refusal: Option<String>,
}

impl Stream {
    fn carrier_on(&mut self, connection: u32) -> Option<&mut Carrier> {
        let both = [&mut self.carrier, &mut self.next];
        both.into_iter()
            .flatten()
            .find(|carrier| carrier.connection == connection)
    }

    fn is_on(&self, connection: u32) -> bool {
        let both = [&self.carrier, &self.next];
        both.into_iter()
            .flatten()
            .any(|carrier| carrier.connection == connection)
    }

    /// It is wanted, and no connection carries it.
    const fn is_homeless(&self) -> bool {
        self.is_wanted && self.carrier.is_none()
    }

    fn asked(&self) -> Asked {
        self.carrier.map_or(Asked::Not, |carrier| carrier.asked)
    }
}

/// Every pushed stream of a session.
#[derive(Debug)]
pub struct Streams {
    limits: Limits,
    /// Number of the alarm that is set.
    alarm: u32,
    all: Vec<Stream>,
    wires: Wires,
    /// Streams that were found silent and not told yet.
    fell_silent: Vec<StreamId>,
}

impl Streams {
    /// No stream yet. `alarm` is the number of the alarm at which [`Streams::wake`] is to be called.
    pub fn new(limits: Limits, alarm: u32, seed: u64) -> Self {
        Self {
            limits,
            alarm,
            all: Vec::new(),
            wires: Wires::new(seed),
            fell_silent: Vec::new(),
        }
    }

    /// The streams that were found silent since this was last asked: what is known from them may be out of date.
    pub fn fell_silent(&mut self) -> Vec<StreamId> {
        std::mem::take(&mut self.fell_silent)
    }

    /// Wants a stream, by the exchange's name of it; [`Streams::settle`] asks for it. A stream that was wanted before
    /// keeps its number.
    pub fn add(&mut self, group: u8, name: &str, expected: Expected) -> StreamId {
        let known = (0..).zip(&mut self.all);
        let mut known = known.filter(|(_, stream)| stream.group == group && stream.name == name);
        if let Some((id, stream)) = known.next() {
            stream.is_wanted = true;
            return id;
        }
        self.all.push(Stream {
            group,
            name: name.to_owned(),
            expected,
            is_wanted: true,
            carrier: None,
            next: None,
            heard: None,
            silence: Silence::default(),
            repairs: 0,
            resubscribed: 0,
            again_at: None,
            again: 0,
            refusal: None,
        });
        u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
    }

    /// Wants a stream no more; [`Streams::settle`] tells the exchange.
    pub fn remove(&mut self, id: StreamId) {
        if let Some(stream) = self.get_mut(id) {
            stream.is_wanted = false;
            stream.refusal = None;
            stream.again_at = None;
        }
    }

    /// Asks for what was added and no more for what was removed. Also begins the regular look at all streams.
    pub fn settle(&mut self, now: u64, protocol: &impl Protocol, out: &mut Output) {
        self.drop_unwanted(out);
        self.place(protocol, out);
        self.send(now, protocol, out);
        out.wake_at(self.alarm, now.saturating_add(STEP));
    }

    /// The number of a wanted stream by its name.
    pub fn find(&self, name: &str) -> Option<StreamId> {
        let mut all = (0..).zip(&self.all);
        all.find(|(_, stream)| stream.is_wanted && stream.name == name)
            .map(|(id, _)| id)
    }

    /// The exchange's name of a stream.
    pub fn name(&self, id: StreamId) -> Option<&str> {
        self.get(id).map(|stream| stream.name.as_str())
    }

    fn get(&self, id: StreamId) -> Option<&Stream> {
        self.all.get(id as usize)
    }

    fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.all.get_mut(id as usize)
    }

    /// A stream brought something usable through a connection.
    #[inline]
    pub fn heard(&mut self, id: StreamId, connection: u32, now: u64) {
        let Some(stream) = self.all.get_mut(id as usize) else {
            return;
        };
        stream.heard = Some(now);
        stream.repairs = 0;
        stream.silence.heard(now);
        if let Some(carrier) = stream.carrier_on(connection)
            && !matches!(carrier.asked, Asked::Acknowledged(_))
        {
            carrier.asked = Asked::Acknowledged(now);
            stream.refusal = None;
        }
    }

    /// The exchange acknowledged one stream.
    pub fn acknowledged(&mut self, id: StreamId, connection: u32, now: u64) {
        let stream = self.get_mut(id);
        if let Some(stream) = stream
            && let Some(carrier) = stream.carrier_on(connection)
        {
            carrier.asked = Asked::Acknowledged(now);
            stream.refusal = None;
        }
    }

    /// The exchange refused one stream: it stays refused for a while, and the others are none the worse.
    pub fn refused(
        &mut self,
        id: StreamId,
        connection: u32,
        now: u64,
        reason: &str,
        out: &mut Output,
    ) {
        let Some(stream) = self.get_mut(id) else {
            return;
        };
        if let Some(carrier) = stream.carrier_on(connection) {
            carrier.asked = Asked::Refused(now);
            out.log(
                LogLevel::Error,
                format_args!("{}: the exchange refuses it: {reason}", stream.name),
            );
            stream.refusal = Some(reason.to_owned());
        }
    }

    /// The streams that were asked for, or asked for no more, in the message of this number and are not acknowledged
    /// yet.
    pub fn asked_in(&self, connection: u32, number: u32) -> Vec<StreamId> {
        let all = (0..).zip(&self.all);
        all.filter(|(_, stream)| {
            let both = [&stream.carrier, &stream.next];
            both.into_iter().flatten().any(|carrier| {
                carrier.connection == connection
                    && matches!(carrier.asked, Asked::At(_, in_message) if in_message == number)
            })
        })
        .map(|(id, _)| id)
        .collect()
    }

    /// The streams of the connection that were asked for and are neither acknowledged nor refused.
    pub fn unacknowledged(&self, connection: u32) -> impl Iterator<Item = (StreamId, &str)> {
        let all = (0..).zip(&self.all);
        all.filter(move |(_, stream)| {
            let both = [&stream.carrier, &stream.next];
            both.into_iter().flatten().any(|carrier| {
                carrier.connection == connection && matches!(carrier.asked, Asked::At(..))
            })
        })
        .map(|(id, stream)| (id, stream.name.as_str()))
    }

    /// Asks for a stream again soon, so that the exchange begins it anew with a snapshot: at once when the last time is
    /// some time ago, and otherwise later and later.
    pub fn resubscribe(
        &mut self,
        id: StreamId,
        now: u64,
        protocol: &impl Protocol,
        out: &mut Output,
    ) {
        let Some(stream) = self.get_mut(id) else {
            return;
        };
        if stream.again_at.is_some() || !stream.is_wanted {
            return;
        }
        let last = match stream.asked() {
            Asked::At(at, _) | Asked::Acknowledged(at) => at,
            Asked::Not | Asked::Refused(_) => return,
        };
        let calm = now.saturating_sub(last) / CALM;
        let calm = u32::try_from(calm).unwrap_or(u32::MAX);
        stream.again = stream.again.saturating_sub(calm);
        let delay = (SECOND << stream.again).min(AGAIN_MAX);
        stream.again = stream.again.saturating_add(1).min(AGAIN_DOUBLINGS_MAX);
        stream.again_at = Some(now.max(last.saturating_add(delay)));
        self.ask_again(now);
        self.send(now, protocol, out);
    }

    /// A book follows this connection from now on: the connection before it need no longer carry the stream.
    pub fn took_over(&mut self, id: StreamId, connection: u32) {
        if let Some(stream) = self.get_mut(id)
            && stream
                .next
                .is_some_and(|next| next.connection == connection)
        {
            stream.carrier = stream.next.take();
        }
    }

    /// Writes how the streams of an instrument stand, with their data types, and what the exchange says against one of
    /// them where nothing worse is known.
    pub fn tell<'a>(
        &self,
        streams: impl IntoIterator<Item = (&'a str, Option<StreamId>)>,
        report: &mut InstrumentReport,
    ) {
        for (data_type, stream) in streams {
            let Some(stream) = stream else {
                continue;
            };
            report.streams.extend(self.report(stream, data_type));
            if report.problem.is_none() {
                report.problem = self.get(stream).and_then(|it| it.refusal.clone());
            }
        }
    }

    /// How a stream stands.
    pub fn report(&self, id: StreamId, data_type: &str) -> Option<StreamReport> {
        let stream = self.get(id)?;
        let state = match stream.asked() {
            _ if stream.refusal.is_some() => StreamState::Refused,
            _ if stream.repairs > 0 => StreamState::Silent,
            Asked::Acknowledged(_) => StreamState::Live,
            Asked::Not | Asked::At(..) | Asked::Refused(_) => StreamState::Asked,
        };
        Some(StreamReport {
            data_type: data_type.to_owned(),
            state,
            heard: stream.heard,
            silence_max: silence_max(stream),
            resubscribed: stream.resubscribed,
        })
    }
}

/// How long a stream may be silent; none while nothing can be said.
fn silence_max(stream: &Stream) -> Option<u64> {
    match stream.expected {
        Expected::Steady => Some(stream.silence.usual_max().unwrap_or(FIRST_SILENCE_MAX)),
        Expected::Lively => stream.silence.usual_max(),
        Expected::Rare => None,
    }
}
