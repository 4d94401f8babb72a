//! Following the chain of pushes.

use marketprism_kit::session::Context;
use marketprism_kit::wit::BookState;
use marketprism_kit::{Output, Refusal};

use super::{BookSync, Wish, broken_rule};
use crate::parse::{BookFrame, Chain};
use crate::settings::Settings;

/// What a push is to a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follower {
    /// The next one.
    Next,
    /// It says only that the book is alive.
    Alive,
    /// It was there before.
    Double,
    /// Something between is missing.
    Gap,
}

impl Follower {
    /// What a push is to a book whose last push had these ids. `joins` is set when that was an answer to a request, which
    /// the first push may lie across.
    ///
    /// `seqId` below `prevSeqId` is valid: the exchange counts anew after maintenance.
    pub fn of(last: Option<Chain>, frame: &BookFrame, joins: bool) -> Self {
        let Some(chain) = frame.chain else {
            // Proven by its checksum, once it is applied.
            return Self::Next;
        };
        let Some(last) = last else {
            return if frame.checksum.is_some() {
                Self::Next
            } else {
                Self::Gap
            };
        };
        if joins && chain.sequence <= last.sequence {
            return Self::Double;
        }
        let follows = match chain.previous {
            Some(previous) if joins => previous <= last.sequence,
            previous => previous == Some(last.sequence),
        };
        match (frame.is_keep_alive(), follows) {
            (true, true) => Self::Alive,
            (true, false) => Self::Gap,
            (false, _) if chain == last => Self::Double,
            (false, true) => Self::Next,
            (false, false) => Self::Gap,
        }
    }
}

fn id(chain: Option<Chain>) -> String {
    chain.map_or_else(|| "nothing".to_owned(), |chain| chain.sequence.to_string())
}

impl BookSync {
    /// Takes in a push that is no snapshot, while the book is known.
    pub(super) fn advance(
        &mut self,
        cx: &Context<'_, Settings>,
        frame: &BookFrame,
        out: &mut Output,
    ) -> Result<Wish, Refusal> {
        if self.is_double(frame) {
            return Ok(Wish::Nothing);
        }
        match Follower::of(self.chain, frame, self.is_joining) {
            Follower::Double => return Ok(Wish::Nothing),
            Follower::Alive => {
                self.go_on(cx, out);
                return Ok(Wish::Nothing);
            }
            Follower::Gap => return Ok(self.broken(cx, frame, out)),
            Follower::Next => {}
        }
        let previous = self.live.last;
        let cut = match self.live.book.apply(&frame.levels.bids, &frame.levels.asks) {
            Ok(cut) => cut,
            Err(error) => {
                let wish = self.unproven(cx, "an update cannot be applied", out);
                out.refused(&error.into());
                return Ok(wish);
            }
        };
        if let Some(reason) = broken_rule(&self.live.book, frame) {
            return Ok(self.unproven(cx, reason, out));
        }
        self.is_joining = false;
        self.note(frame);
        self.live.updates_applied += 1;
        if self.live.state() == BookState::Stale {
            self.go_on(cx, out);
        } else {
            let ids = (self.live.last, previous);
            self.live
                .publish_update(cx.now, &cx.settings.book, ids, &frame.levels, cut, out);
        }
        Ok(Wish::Nothing)
    }

    /// The chain of a book that was stale goes on.
    fn go_on(&mut self, cx: &Context<'_, Settings>, out: &mut Output) {
        if self.live.state() == BookState::Stale {
            self.live
                .enter(cx.now, BookState::Synced, "stream continued", out);
            self.live.publish_synced(cx.now, &cx.settings.book, out);
        }
    }

    fn broken(&mut self, cx: &Context<'_, Settings>, frame: &BookFrame, out: &mut Output) -> Wish {
        if self.live.state() == BookState::Stale {
            // Not a gap: the updates went by while nobody was there to receive them.
            return self.give_up(cx, "updates missed while disconnected", out);
        }
        // A first push that does not fit the answer of a request is no broken chain.
        self.live.gaps += u64::from(!self.is_joining);
        let before = frame.chain.and_then(|chain| chain.previous);
        let before = before.map_or_else(|| "nothing".to_owned(), |id| id.to_string());
        let reason = format!("gap: an update after {before} follows {}", id(self.chain));
        self.give_up(cx, &reason, out)
    }
}
