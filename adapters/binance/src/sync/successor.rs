//! Updates of a connection beside the one that the book follows: its successor.

use crate::settings::Settings;
use marketprism_kit::book::{Changes, UpdateIds};
use marketprism_kit::session::Context;
use marketprism_kit::wit::BookState;
use marketprism_kit::{Output, Refusal};

use super::BookSync;
use super::chain::{Chain, continues};

impl BookSync {
    pub(super) fn forget_ahead(&mut self) {
        self.ahead.clear();
        self.ahead_on = None;
    }

    /// Takes in an update of a connection that the book does not follow. True when it follows it from now on: when
    /// nothing lies between the book and this update.
    pub(super) fn update_of_another(
        &mut self,
        cx: &mut Context<'_, Settings>,
        connection: u32,
        ids: UpdateIds,
        changes: &Changes,
        out: &mut Output,
    ) -> Result<bool, Refusal> {
        self.carried_by(connection);
        // A book that is being built is built from one connection.
        if self.live.state() != BookState::Synced {
            return Ok(false);
        }
        if self.ahead_on.is_none() && continues(cx.settings.venue, self.live.last, &ids) {
            self.follow_from_now_on(connection);
            self.follow(cx, ids, changes, out)?;
            return Ok(true);
        }
        if self.ahead_on != Some(connection) {
            self.forget_ahead();
            self.ahead_on = Some(connection);
        }
        let most = cx.settings.book.buffer_events_max;
        if !self.ahead.hold(ids, changes, most) {
            self.ahead.clear();
            self.ahead.hold(ids, changes, most);
        }
        Ok(self.join(cx, out))
    }

    fn follow_from_now_on(&mut self, connection: u32) {
        self.source = Some(connection);
        if self.chain == Chain::Update {
            self.chain = Chain::Before;
        }
    }

    /// Follows the connection that was ahead, once the book has reached it; true when it does.
    #[inline]
    pub(super) fn join(&mut self, cx: &mut Context<'_, Settings>, out: &mut Output) -> bool {
        self.ahead_on.is_some() && self.join_what_is_ahead(cx, out)
    }

    fn join_what_is_ahead(&mut self, cx: &mut Context<'_, Settings>, out: &mut Output) -> bool {
        let (Some(connection), Some(first)) = (self.ahead_on, self.ahead.first()) else {
            return false;
        };
        let is_reached = self.live.state() == BookState::Synced
            && continues(cx.settings.venue, self.live.last, &first);
        if !is_reached {
            return false;
        }
        self.follow_from_now_on(connection);
        let mut ahead = std::mem::take(&mut self.ahead);
        self.ahead_on = None;
        while let Some(held) = ahead.take_first() {
            let changes = Changes {
                bids: held.bids.into(),
                asks: held.asks.into(),
            };
            if let Err(refusal) = self.follow(cx, held.ids, &changes, out) {
                out.refused(&refusal);
            }
        }
        true
    }

    /// The connection that the book followed is lost, and what lies between it and its successor with it: the book is
    /// built anew on what the successor brought.
    pub(super) fn follow_what_is_ahead(
        &mut self,
        cx: &mut Context<'_, Settings>,
        out: &mut Output,
    ) {
        let (ahead, connection) = (std::mem::take(&mut self.ahead), self.ahead_on);
        self.rebuild(cx, "connection lost before its successor joined", out);
        self.source = connection;
        self.waiting = ahead;
        self.want_snapshot(cx, out);
    }
}
