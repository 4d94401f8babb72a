//! What one session has left to be stored: in the spool, in its order, and by subject.
//!
//! Of one subject one message is on its way at a time. So whatever a stream holds of a subject is a beginning of what
//! is owed of it, and the id of the last message stored tells how far it came. Before anything is sent of a subject of
//! which this is not known (at first, and whenever an acknowledgement failed to come), the stream is asked for that
//! id: what stands up to it in the queue is stored. A stream recognises ids by itself only within its duplicate
//! window.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::bus::spool::{Place, Spool, SpoolBounds};
use crate::bus::{Storing, spool};
use crate::wire::Message;

/// Pause after a failure; it doubles with each.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Payload that is kept in memory when the disk takes no more.
const MEMORY_BYTES_MAX: usize = 4 << 20;

/// Subjects that are remembered although nothing waits of them.
const LANES_MAX: usize = 20_000;

/// The figures of a session, shared with who shows them.
pub(super) type Shared = Arc<Mutex<Storing>>;

/// Opens them.
pub(super) fn lock(figures: &Shared) -> MutexGuard<'_, Storing> {
    figures.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Job {
    /// Ask for the id of the last message stored on a subject.
    Ask { subject: Arc<str> },
    /// Send a message.
    Send { number: u64, message: Message },
}

/// The queue of one session.
#[derive(Debug)]
pub(super) struct Queue {
    session: Arc<str>,
    spool: Option<Spool>,
    age_max: Duration,
    owed: BTreeMap<u64, Owed>,
    lanes: HashMap<Arc<str>, Lane>,
    /// The first message of each lane that may go, in the order of the spool.
    ready: BTreeMap<u64, Arc<str>>,
    paused: usize,
    away: usize,
    next: u64,
    memory_bytes: usize,
    figures: Shared,
}

#[derive(Debug)]
struct Owed {
    /// Without its payload when it stands in the spool.
    message: Message,
    place: Option<Place>,
    was_sent: bool,
}

/// The messages of one subject.
#[derive(Debug)]
struct Lane {
    numbers: VecDeque<u64>,
    state: State,
    /// Some of them may be stored already.
    is_in_doubt: bool,
    pause: Duration,
    /// Id of the newest message that was taken.
    newest: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is under way.
    Idle,
    /// A message or a question is.
    Away,
    /// Something failed.
    Paused(Instant),
}

impl Queue {
    /// The queue of a session, with what its spool holds.
    pub(super) fn open(
        folder: &Path,
        session: Arc<str>,
        bounds: SpoolBounds,
        figures: Shared,
    ) -> Self {
        let mut queue = Self {
            session: session.clone(),
            spool: None,
            age_max: bounds.age_max,
            owed: BTreeMap::new(),
            lanes: HashMap::new(),
            ready: BTreeMap::new(),
            paused: 0,
            away: 0,
            next: 0,
            memory_bytes: 0,
            figures,
        };
        match Spool::open(folder, &session, bounds.bytes_max) {
            Ok((spool, found)) => {
                queue.spool = Some(spool);
                queue.take_over(found);
            }
            Err(error) => tracing::error!(
                "{session}: no spool in {}: {error}; what waits for JetStream is kept in memory only",
                folder.display()
            ),
        }
        queue
    }

    fn take_over(&mut self, found: spool::Found) {
        let session = self.session.clone();
        if found.torn > 0 {
            tracing::error!(
                "{session}: {} files of the spool end in {} bytes that are no message: dropped",
                found.torn,
                found.torn_bytes
            );
            *lock(&self.figures).dropped.entry("torn").or_default() += found.torn;
        }
        if !found.messages.is_empty() {
            let count = found.messages.len();
            tracing::info!("{session}: {count} messages of the spool are to be stored");
        }
        self.next = found.next;
        for (number, (message, place)) in found.messages {
            self.line_up(number, message, Some(place));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.owed.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.owed.len()
    }

    /// Messages and questions under way.
    pub(super) fn away(&self) -> usize {
        self.away
    }

    /// Messages that would end with this process.
    pub(super) fn unspooled(&self) -> usize {
        let in_memory = |owed: &&Owed| owed.place.is_none();
        self.owed.values().filter(in_memory).count()
    }

    /// Takes a message. One whose id is that of the newest of its subject is there already.
    pub(super) fn add(&mut self, message: Message) {
        let newest = self.lanes.get(&message.subject).map(|lane| &lane.newest);
        if newest == Some(&message.msg_id) {
            lock(&self.figures).known += 1;
            return;
        }
        let number = self.next;
        self.next += 1;
        let place = match self.spool.as_mut().map(|it| it.put(number, &message)) {
            Some(Ok(place)) => Some(place),
            Some(Err(error)) => {
                tracing::error!("{}: the spool takes nothing: {error}", self.session);
                None
            }
            None => None,
        };
        let message = match place {
            Some(_) => Message {
                payload: Bytes::new(),
                ..message
            },
            None => message,
        };
        self.memory_bytes += message.payload.len();
        self.line_up(number, message, place);
        self.keep_bounds();
    }

    fn line_up(&mut self, number: u64, message: Message, place: Option<Place>) {
        if self.lanes.len() >= LANES_MAX {
            let is_used = |lane: &Lane| !lane.numbers.is_empty() || lane.state != State::Idle;
            self.lanes.retain(|_, lane| is_used(lane));
        }
        let subject = message.subject.clone();
        let lane = self.lanes.entry(subject.clone()).or_insert_with(|| Lane {
            numbers: VecDeque::new(),
            state: State::Idle,
            is_in_doubt: true,
            pause: Duration::ZERO,
            newest: None,
        });
        lane.newest.clone_from(&message.msg_id);
        lane.numbers.push_back(number);
        let owed = Owed {
            message,
            place,
            was_sent: false,
        };
        self.owed.insert(number, owed);
        self.call_up(&subject);
    }

    /// Drops the oldest until what is kept fits.
    fn keep_bounds(&mut self) {
        while let Some(file) = self.spool.as_ref().and_then(Spool::too_much) {
            let is_in_it = |owed: &Owed| owed.place.is_some_and(|place| place.file == file);
            let numbers: Vec<u64> = self
                .owed
                .iter()
                .filter(|(_, owed)| is_in_it(owed))
                .map(|(number, _)| *number)
                .collect();
            tracing::error!(
                "{}: the spool is full: its {} oldest messages are dropped",
                self.session,
                numbers.len()
            );
            for number in numbers {
                self.drop_one(number, "no_room");
            }
            if let Some(spool) = &mut self.spool {
                spool.remove(file);
            }
        }
        while self.memory_bytes > MEMORY_BYTES_MAX {
            let oldest = self.owed.iter().find(|(_, owed)| owed.place.is_none());
            let Some((&number, _)) = oldest else { return };
            self.drop_one(number, "no_room");
        }
    }

    /// Drops what is older than it may be at `now`, in nanoseconds since the epoch.
    pub(super) fn drop_old(&mut self, now_ns: u64) {
        let age_max = u64::try_from(self.age_max.as_nanos()).unwrap_or(u64::MAX);
        let mut dropped = 0;
        while let Some((&number, oldest)) = self.owed.first_key_value() {
            let stamp = oldest.message.stamp.published_ns;
            if now_ns.saturating_sub(stamp) <= age_max {
                break;
            }
            self.drop_one(number, "too_old");
            dropped += 1;
        }
        if dropped > 0 {
            tracing::error!("{}: {dropped} messages are too old: dropped", self.session);
        }
    }

    fn drop_one(&mut self, number: u64, reason: &'static str) {
        let Some(owed) = self.take_out(number) else {
            return;
        };
        if let Some(lane) = self.lanes.get_mut(&owed.message.subject)
            && lane.newest == owed.message.msg_id
        {
            // It may come again.
            lane.newest = None;
        }
        lock(&self.figures).drop_one(reason);
    }

    /// Forgets a message, here and in the spool.
    fn take_out(&mut self, number: u64) -> Option<Owed> {
        let owed = self.owed.remove(&number)?;
        self.ready.remove(&number);
        self.memory_bytes = self.memory_bytes.saturating_sub(owed.message.payload.len());
        if let (Some(spool), Some(place)) = (&mut self.spool, owed.place) {
            spool.done(number, place);
        }
        if let Some(lane) = self.lanes.get_mut(&owed.message.subject) {
            match lane.numbers.front() {
                Some(first) if *first == number => drop(lane.numbers.pop_front()),
                _ => lane.numbers.retain(|it| *it != number),
            }
        }
        self.call_up(&owed.message.subject);
        Some(owed)
    }

    /// Lets the first message of a lane go when nothing stands against it.
    fn call_up(&mut self, subject: &Arc<str>) {
        if let Some(lane) = self.lanes.get(subject)
            && lane.state == State::Idle
            && let Some(first) = lane.numbers.front()
        {
            self.ready.insert(*first, subject.clone());
        }
    }

    fn set(&mut self, subject: &Arc<str>, state: State) {
        let Some(lane) = self.lanes.get_mut(subject) else {
            return;
        };
        let before = std::mem::replace(&mut lane.state, state);
        for (it, by) in [(before, -1), (state, 1)] {
            let count = match it {
                State::Idle => continue,
                State::Away => &mut self.away,
                State::Paused(_) => &mut self.paused,
            };
            *count = count.saturating_add_signed(by);
        }
        self.call_up(subject);
    }

    /// What is to be done next, if anything is.
    pub(super) fn next(&mut self) -> Option<Job> {
        loop {
            let (number, subject) = self.ready.pop_first()?;
            if self.lanes.get(&subject).is_some_and(|it| it.is_in_doubt) {
                self.set(&subject, State::Away);
                return Some(Job::Ask { subject });
            }
            let Some(owed) = self.owed.get_mut(&number) else {
                continue;
            };
            let payload = match (owed.place, &mut self.spool) {
                (Some(place), Some(spool)) => spool.read(place),
                _ => Ok(owed.message.payload.clone()),
            };
            let payload = match payload {
                Ok(payload) => payload,
                Err(error) => {
                    tracing::error!("{}: a message is lost: {error}", self.session);
                    self.drop_one(number, "unreadable");
                    continue;
                }
            };
            let was_sent = std::mem::replace(&mut owed.was_sent, true);
            let message = Message {
                payload,
                ..owed.message.clone()
            };
            lock(&self.figures).resent += u64::from(was_sent);
            self.set(&subject, State::Away);
            return Some(Job::Send { number, message });
        }
    }

    /// A stream has a message; `is_double`: it had it before.
    pub(super) fn stored(&mut self, subject: &Arc<str>, number: u64, is_double: bool, now_ns: u64) {
        self.count_stored(number, is_double, now_ns);
        if let Some(lane) = self.lanes.get_mut(subject) {
            lane.pause = Duration::ZERO;
        }
        self.set(subject, State::Idle);
    }

    fn count_stored(&mut self, number: u64, is_double: bool, now_ns: u64) {
        let Some(owed) = self.take_out(number) else {
            return;
        };
        let mut figures = lock(&self.figures);
        figures.stored += 1;
        figures.known += u64::from(is_double);
        // The instrument of a message that an earlier process wrote is not known.
        if owed.message.stamp.received_ns > 0 {
            figures.delivered.sent(&owed.message, now_ns);
        }
    }

    /// The id of the last message stored on a subject is known now; none when there is no message.
    pub(super) fn answered(&mut self, subject: &Arc<str>, last: Option<&str>, now_ns: u64) {
        let Some(lane) = self.lanes.get_mut(subject) else {
            return;
        };
        lane.is_in_doubt = false;
        let id = |number: &u64| self.owed.get(number)?.message.msg_id.as_deref();
        let place = lane
            .numbers
            .iter()
            .rposition(|number| last.is_some() && id(number) == last);
        let stored: Vec<u64> = match place {
            Some(place) => lane.numbers.iter().take(place + 1).copied().collect(),
            None => Vec::new(),
        };
        for number in stored {
            self.count_stored(number, true, now_ns);
        }
        self.set(subject, State::Idle);
    }

    /// It is not known whether what was sent arrived, or what was asked got no answer.
    pub(super) fn failed(&mut self, subject: &Arc<str>, now: Instant) {
        let Some(lane) = self.lanes.get_mut(subject) else {
            return;
        };
        lane.is_in_doubt = true;
        lane.pause = (lane.pause * 2).clamp(PAUSE_FIRST, PAUSE_MAX);
        let until = now + lane.pause;
        self.set(subject, State::Paused(until));
    }

    /// A message will never be stored.
    pub(super) fn refused(&mut self, subject: &Arc<str>, number: u64, reason: &'static str) {
        self.drop_one(number, reason);
        self.set(subject, State::Idle);
    }

    /// Ends the pauses that are over at `now`.
    pub(super) fn resume(&mut self, now: Instant) {
        self.resume_if(|until| until <= now);
    }

    /// Ends every pause.
    pub(super) fn resume_all(&mut self) {
        self.resume_if(|_| true);
    }

    fn resume_if(&mut self, is_over: impl Fn(Instant) -> bool) {
        if self.paused == 0 {
            return;
        }
        let over: Vec<Arc<str>> = self
            .lanes
            .iter()
            .filter(|(_, lane)| matches!(lane.state, State::Paused(until) if is_over(until)))
            .map(|(subject, _)| subject.clone())
            .collect();
        for subject in over {
            self.set(&subject, State::Idle);
        }
    }

    /// Writes the figures that rise and fall.
    pub(super) fn tell(&self, stream_failures: u64, problem: Option<&String>) {
        let spool_bytes = self.spool.as_ref().map_or(0, Spool::bytes);
        let mut figures = lock(&self.figures);
        figures.waiting = self.owed.len() as u64;
        figures.unacknowledged = self.away as u64;
        figures.unspooled = match self.memory_bytes {
            0 => 0,
            _ => self.unspooled() as u64,
        };
        figures.spool_bytes = spool_bytes;
        figures.stream_failures = stream_failures;
        figures.problem = problem.filter(|_| !self.owed.is_empty()).cloned();
    }

    /// The process ends: what is not in the spool is lost.
    pub(super) fn end(&mut self) {
        let lost = self.unspooled();
        if lost > 0 {
            tracing::error!("{}: {lost} messages could not be stored", self.session);
            let mut figures = lock(&self.figures);
            *figures.dropped.entry("ended").or_default() += lost as u64;
        }
    }
}

#[cfg(test)]
mod tests;
