//! The book of a connection that is to replace another one: built beside the live book until it has come as far.

use marketprism_kit::book::{Book, UpdateIds};
use marketprism_kit::session::Context;
use marketprism_kit::wit::BookState;
use marketprism_kit::{Output, Refusal};

use super::{BookSync, Follower, Wish, broken_rule, loaded};
use crate::parse::BookFrame;
use crate::settings::Settings;

/// A book that is built beside the live one.
#[derive(Debug)]
pub(super) struct Successor {
    pub(super) connection: u32,
    book: Book,
    /// The last push, without its levels.
    last: BookFrame,
}

/// Ids and time of a push.
fn head(frame: &BookFrame) -> BookFrame {
    BookFrame {
        is_snapshot: frame.is_snapshot,
        chain: frame.chain,
        checksum: frame.checksum,
        time: frame.time,
        ..BookFrame::default()
    }
}

impl BookSync {
    /// Takes in a push of a connection that the synced book does not follow.
    pub(super) fn take_beside(
        &mut self,
        cx: &Context<'_, Settings>,
        connection: u32,
        frame: &BookFrame,
        out: &mut Output,
    ) -> Result<Wish, Refusal> {
        if frame.is_snapshot {
            let book = loaded(frame)?;
            self.successor = broken_rule(&book, frame).is_none().then(|| Successor {
                connection,
                book,
                last: head(frame),
            });
        } else if let Some(successor) = &mut self.successor
            && successor.connection == connection
        {
            let is_whole = match Follower::of(successor.last.chain, frame, false) {
                Follower::Double | Follower::Alive => true,
                Follower::Gap => false,
                Follower::Next => {
                    successor.last = head(frame);
                    let applied = successor
                        .book
                        .apply(&frame.levels.bids, &frame.levels.asks)
                        .is_ok();
                    applied && broken_rule(&successor.book, frame).is_none()
                }
            };
            if !is_whole {
                // The live book is none the worse; if the connection before goes, its chain may still go on here.
                self.successor = None;
            }
        }
        let has_come_as_far =
            self.successor
                .as_ref()
                .is_some_and(|it| match (it.last.chain, self.chain) {
                    (Some(its), Some(ours)) => its.sequence >= ours.sequence,
                    _ => self.live.time.is_some_and(|time| it.last.time >= time),
                });
        if has_come_as_far && let Some(successor) = self.successor.take() {
            return Ok(self.adopt(cx, successor, out));
        }
        Ok(Wish::Nothing)
    }

    /// The book of the successor is the live book from now on.
    pub(super) fn adopt(
        &mut self,
        cx: &Context<'_, Settings>,
        successor: Successor,
        out: &mut Output,
    ) -> Wish {
        let is_news = self.chain.is_none() || self.chain != successor.last.chain;
        let ids = UpdateIds {
            first: self.live.last,
            last: self.live.last,
            previous: None,
            time: successor.last.time,
        };
        self.live.replace(successor.book, ids);
        self.note(&successor.last);
        self.unnumbered = None;
        self.source = Some(successor.connection);
        if self.live.state() == BookState::Synced && is_news {
            self.live.publish_synced(cx.now, &cx.settings.book, out);
        }
        Wish::TookOver(successor.connection)
    }
}
