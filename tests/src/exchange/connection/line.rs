//! The line to the client: what goes wrong with a frame on its way, and the ledger's entry about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::{Connection, Socket};
use crate::exchange::damage;
use crate::exchange::faults::FrameFault;
use crate::exchange::frame::Frame;
use crate::exchange::ledger::{Entry, Fate};
use crate::exchange::records::End;
use crate::exchange::state::State;
use crate::random::Random;

/// What goes wrong on the way.
pub(super) struct Line {
    dice: Random,
    /// Frames that wait for the next one of their stream.
    pub(super) held: BTreeMap<Arc<str>, Frame>,
    /// The market's time until which the connection is silent.
    stalled_until: u64,
    /// The same of streams.
    muted_until: BTreeMap<Arc<str>, u64>,
    /// Streams that are silent until the client asks for them again.
    silent: BTreeSet<Arc<str>>,
    /// All streams are silent until the end.
    dumb: bool,
}

impl Line {
    /// The client has asked for a stream: it is silent no more.
    pub(super) fn speak(&mut self, stream: &str) {
        self.silent.remove(stream);
        self.muted_until.remove(stream);
    }

    pub(super) fn new(dice: Random) -> Self {
        Self {
            dice,
            held: BTreeMap::new(),
            stalled_until: 0,
            muted_until: BTreeMap::new(),
            silent: BTreeSet::new(),
            dumb: false,
        }
    }
}

/// What to do about a frame.
#[derive(Default)]
struct Plan {
    texts: Vec<Utf8Bytes>,
    wait: Option<Duration>,
    end: Option<FrameFault>,
}

impl Connection {
    pub(super) async fn send_all(
        &mut self,
        socket: &mut Socket,
        batch: &mut Vec<Frame>,
    ) -> Result<(), End> {
        let mut frames = std::mem::take(batch).into_iter();
        let mut done = Ok(());
        for frame in frames.by_ref() {
            done = self.send(socket, frame).await;
            if done.is_err() {
                break;
            }
        }
        batch.extend(frames);
        if done.is_ok() {
            done = self.flush(socket).await;
        }
        self.shared.happened();
        done
    }

    /// What a connection has not sent when it ends.
    pub(super) fn give_up(&self, batch: &mut Vec<Frame>) {
        for frame in batch.drain(..) {
            self.enter(&mut self.shared.lock(), &frame, Fate::Unsent);
        }
    }

    async fn send(&mut self, socket: &mut Socket, frame: Frame) -> Result<(), End> {
        let plan = self.plan(frame);
        if let Some(wait) = plan.wait {
            self.flush(socket).await?;
            sleep(wait).await;
        }
        for text in plan.texts {
            self.write(socket, Message::Text(text)).await?;
        }
        match plan.end {
            Some(fault) => Err(End::Fault(fault)),
            None => Ok(()),
        }
    }

    /// Decides what happens to a frame, and writes it down.
    fn plan(&mut self, frame: Frame) -> Plan {
        let mut plan = Plan::default();
        let began = self.began.get(&frame.stream).copied().unwrap_or(0);
        if frame.time_ns <= began && !frame.begins() {
            // Of before the stream began: its beginning holds it already.
            return plan;
        }
        let shared = self.shared.clone();
        let mut state = shared.lock();
        let state = &mut *state;
        self.last_data = Instant::now();
        // The dice are thrown for every frame, so that what came before changes nothing.
        let thrown = state.faults.throw(&mut self.line.dice);
        let fault = state.ordered(&frame.stream).or(thrown);
        let silent = if self.line.dumb || frame.time_ns < self.line.stalled_until {
            Some(Fate::Stalled)
        } else if self.line.silent.contains(&frame.stream)
            || self
                .line
                .muted_until
                .get(&frame.stream)
                .is_some_and(|until| frame.time_ns < *until)
        {
            Some(Fate::Muted)
        } else {
            None
        };
        if let Some(fate) = silent {
            self.enter(state, &frame, fate);
            return plan;
        }
        // One that waits already is not waited for by another.
        let fault = fault.filter(|fault| {
            *fault != FrameFault::Swap || !self.line.held.contains_key(&frame.stream)
        });
        if let Some(fault) = fault {
            state.count(fault);
        }
        let text = frame.text(self.combined).clone();
        let damaged = |damaged: String| vec![Utf8Bytes::from(damaged)];
        let (fate, texts) = match fault {
            None => (Fate::Whole, vec![text]),
            Some(FrameFault::Drop) => (Fate::Dropped, vec![]),
            Some(FrameFault::Double) => (Fate::Doubled, vec![text.clone(), text]),
            Some(FrameFault::Swap) => {
                self.line.held.insert(frame.stream.clone(), frame);
                return plan;
            }
            Some(FrameFault::Cut) => (Fate::Cut, damaged(damage::cut(&text, &mut self.line.dice))),
            Some(FrameFault::Garbage) => {
                (Fate::Garbage, damaged(damage::garbage(&mut self.line.dice)))
            }
            Some(FrameFault::Misshape) => (
                Fate::Misshapen,
                damaged(damage::misshapen(&text, &mut self.line.dice)),
            ),
            Some(fault @ (FrameFault::Close | FrameFault::Abort | FrameFault::Reset)) => {
                plan.end = Some(fault);
                (Fate::Whole, vec![text])
            }
            Some(FrameFault::Stall) => {
                let length = state.faults.stall.as_nanos() as u64;
                self.line.stalled_until = frame.time_ns + length;
                (Fate::Stalled, vec![])
            }
            Some(FrameFault::Mute) => {
                let until = frame.time_ns + state.faults.mute.as_nanos() as u64;
                self.line.muted_until.insert(frame.stream.clone(), until);
                (Fate::Muted, vec![])
            }
            Some(FrameFault::Silence) => {
                self.line.silent.insert(frame.stream.clone());
                (Fate::Muted, vec![])
            }
            Some(FrameFault::Dumb) => {
                self.line.dumb = true;
                (Fate::Stalled, vec![])
            }
            Some(FrameFault::Slow) => {
                plan.wait = Some(state.faults.slow);
                (Fate::Whole, vec![text])
            }
        };
        self.enter(state, &frame, fate);
        plan.texts = texts;
        if !plan.texts.is_empty()
            && let Some(held) = self.line.held.remove(&frame.stream)
        {
            self.enter(state, &held, Fate::Swapped);
            plan.texts.push(held.text(self.combined).clone());
        }
        state.figures.frames += plan.texts.len() as u64;
        state.figures.bytes += plan.texts.iter().map(|text| text.len() as u64).sum::<u64>();
        plan
    }

    pub(super) fn enter(&self, state: &mut State, frame: &Frame, fate: Fate) {
        state.ledger.push(Entry {
            connection: self.number,
            stream: frame.stream.clone(),
            item: frame.item,
            fate,
        });
    }
}
