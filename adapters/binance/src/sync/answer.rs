//! A depth snapshot: the book built from it and the updates that waited.

use marketprism_kit::book::Changes;
use marketprism_kit::session::{Context, failure_text};
use marketprism_kit::wit::{BookState, LogLevel, Response};
use marketprism_kit::{Output, Refusal};

use super::BookSync;
use super::chain::{self, Chain, Link, link};
use super::refresh::Snapshot;
use crate::checks::Verdict;
use crate::parse::{self, polled};
use crate::settings::Settings;

impl BookSync {
    /// Takes in the end of a request; none when it was for something else. Of an instrument that the exchange does not
    /// know no snapshot is asked for again.
    pub fn answered(
        &mut self,
        cx: &mut Context<'_, Settings>,
        response: &Response,
        scratch: &mut Changes,
        out: &mut Output,
    ) -> Option<Verdict> {
        if !self.fetch.answered(response.request) {
            return None;
        }
        let snapshot = match &response.outcome {
            Err(failure) => {
                let why = failure_text(*failure);
                out.log(
                    LogLevel::Warn,
                    format_args!("{}: depth snapshot: {why}", self.symbol),
                );
                Err(None)
            }
            Ok(answer) if answer.status != 200 => {
                if let Some(why) = polled::bad_symbol(&answer.body) {
                    return Some(Verdict::Unlisted(why));
                }
                let body = String::from_utf8_lossy(&answer.body);
                let found = format!("{}: status {}: {body}", self.symbol, answer.status);
                Err(Some(Refusal::new("depth snapshot refused", found)))
            }
            Ok(answer) => parse::snapshot(&answer.body, scratch).map_err(Some),
        };
        let result = snapshot.and_then(|last| match self.live.state() {
            BookState::Resyncing => self.build(cx, last, scratch, out).map_err(Some),
            BookState::Synced => {
                self.refreshed(cx, last, scratch, out);
                Ok(())
            }
            BookState::Stale => Ok(()),
        });
        if let Err(refusal) = result {
            if let Some(refusal) = refusal {
                out.refused(&refusal);
            }
            self.refresh = None;
            self.fetch.retry(cx, out);
        }
        Some(Verdict::Unclear)
    }

    /// Builds the book from a snapshot and the updates held; asks again when they do not fit together.
    fn build(
        &mut self,
        cx: &mut Context<'_, Settings>,
        last: u64,
        snapshot: &Changes,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let venue = cx.settings.venue;
        // A snapshot older than the first update held is of no use.
        let first = self.waiting.first();
        if first.is_some_and(|first| chain::is_too_old(venue, last, &first)) {
            self.fetch.retry(cx, out);
            return Ok(());
        }
        // The book is the snapshot.
        let book = &mut self.live.book;
        book.load(&snapshot.bids, &snapshot.asks, cx.settings.book.depth_limit)?;
        let (mut id, mut time, mut applied, mut taken) = (last, None, 0, 0);
        let mut chain = Chain::Snapshot;
        for held in self.waiting.iter() {
            match link(venue, chain, id, &held.ids) {
                // What the snapshot has, or what came twice and would bring old levels back.
                Link::Known => {}
                Link::Follows if book.apply(&held.bids, &held.asks).is_ok() => {
                    (id, time, applied) = (held.ids.last, Some(held.ids.time), applied + 1);
                    chain = Chain::Update;
                }
                Link::Follows | Link::Hole => break,
            }
            taken += 1;
        }
        let is_whole = taken == self.waiting.len();
        if !is_whole || book.is_crossed() {
            // Not a gap, because the book was not synced; what is held from the hole on is still of use.
            book.clear();
            if is_whole {
                self.may_start_empty = true;
                self.waiting.drop_through(last);
            } else {
                self.waiting.drop_count(taken);
            }
            out.log(
                LogLevel::Warn,
                format_args!("{}: snapshot {last} does not fit the stream", self.symbol),
            );
            self.fetch.retry(cx, out);
            return Ok(());
        }
        self.waiting.clear();
        self.fetch.succeeded();
        (self.live.last, self.live.time) = (id, time);
        self.live.updates_applied += applied;
        self.chain = chain;
        self.may_start_empty = false;
        self.refresh_after = cx.now;
        self.live
            .enter(cx.now, BookState::Synced, "snapshot applied", out);
        self.live.publish_synced(cx.now, &cx.settings.book, out);
        Ok(())
    }

    fn refreshed(
        &mut self,
        cx: &Context<'_, Settings>,
        last: u64,
        levels: &Changes,
        out: &mut Output,
    ) {
        let Some(refresh) = &mut self.refresh else {
            return;
        };
        if last < refresh.from {
            self.refresh = None;
            self.fetch.retry(cx, out);
            return;
        }
        refresh.snapshot = Some(Snapshot {
            last,
            levels: levels.clone(),
        });
        self.complete_refresh(cx, out);
    }
}
