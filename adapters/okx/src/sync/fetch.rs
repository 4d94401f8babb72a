//! How a book that is not known comes to its snapshot: pushed by the exchange at the beginning of a subscription, or,
//! should it push none, by `GET /api/v5/market/books` with the updates that wait for it.
//! <https://www.okx.com/docs-v5/en/#order-book-trading-market-data-get-order-book>

use marketprism_kit::book::{Changes, SnapshotFetch, UpdateIds, Waiting};
use marketprism_kit::session::{Context, failure_text};
use marketprism_kit::wit::{BookState, LogLevel, Response};
use marketprism_kit::{Output, Refusal};

use super::{BookSync, Wish};
use crate::address;
use crate::alarm;
use crate::parse::{BookFrame, Chain, answer};
use crate::settings::Settings;

const SECOND: u64 = 1_000_000_000;

/// So long a snapshot may take to be pushed before it is asked for.
const PATIENCE: u64 = 5 * SECOND;

/// Where the snapshot is to come from.
#[derive(Debug)]
pub(super) struct Build {
    instrument: u32,
    /// It is asked for, and updates wait for it; else it is to be pushed, and updates before it say nothing.
    by_request: bool,
    /// The exchange acknowledged the subscription: what it pushes now is of the new one.
    is_subscribed: bool,
    waiting: Waiting,
    /// Id of the last update that waits.
    last: Option<u64>,
    fetch: SnapshotFetch,
    /// Attempts in a row.
    attempts: u32,
}

impl Build {
    pub(super) fn new(instrument: u32) -> Self {
        Self {
            instrument,
            by_request: false,
            is_subscribed: false,
            waiting: Waiting::default(),
            last: None,
            fetch: SnapshotFetch::new(instrument, alarm::FETCH.of(instrument)),
            attempts: 0,
        }
    }

    /// A snapshot is wanted, which is to be pushed.
    pub(super) fn begin(&mut self, cx: &Context<'_, Settings>, out: &mut Output) {
        self.interrupted();
        self.be_patient(cx.now, out);
    }

    fn be_patient(&self, now: u64, out: &mut Output) {
        let patience = PATIENCE << self.attempts.min(4);
        let alarm = alarm::PATIENCE.of(self.instrument);
        out.wake_at(alarm, now.saturating_add(patience));
    }

    /// The connection is gone, or the stream begins anew.
    pub(super) fn interrupted(&mut self) {
        self.by_request = false;
        self.is_subscribed = false;
        self.drop_waiting();
    }

    /// A snapshot on its way may be older than what waits from here on.
    fn drop_waiting(&mut self) {
        self.waiting.clear();
        self.last = None;
        self.fetch.abandon();
    }

    /// The book has its snapshot.
    pub(super) fn succeeded(&mut self) {
        self.interrupted();
        self.fetch.succeeded();
        self.attempts = 0;
    }
}

impl BookSync {
    /// The exchange acknowledged the subscription.
    pub fn subscribed(&mut self, cx: &Context<'_, Settings>, out: &mut Output) {
        if self.live.state() == BookState::Resyncing && !self.build.by_request {
            self.build.is_subscribed = true;
            self.build.be_patient(cx.now, out);
        }
    }

    /// Takes in an update while the book is not known.
    pub(super) fn hold(
        &mut self,
        cx: &mut Context<'_, Settings>,
        frame: &BookFrame,
        out: &mut Output,
    ) {
        // The first push of a subscription is no snapshot: then none will come.
        if self.build.is_subscribed && !frame.is_keep_alive() {
            self.build.by_request = true;
        }
        let build = &mut self.build;
        let Some(chain) = frame.chain.filter(|_| build.by_request) else {
            return;
        };
        if build.last.is_some() && build.last != chain.previous {
            // What comes behind a hole is of use to a later snapshot only.
            build.drop_waiting();
        }
        let ids = UpdateIds {
            first: chain.sequence,
            last: chain.sequence,
            previous: chain.previous,
            time: frame.time,
        };
        let most = cx.settings.book.buffer_events_max;
        if !build.waiting.hold(ids, &frame.levels, most) {
            out.log(
                LogLevel::Warn,
                format_args!(
                    "{}: {} updates waited too long for a snapshot and are dropped",
                    self.name,
                    build.waiting.len()
                ),
            );
            build.drop_waiting();
            build.waiting.hold(ids, &frame.levels, most);
        }
        build.last = Some(chain.sequence);
        self.want(cx, out);
    }

    fn want(&mut self, cx: &mut Context<'_, Settings>, out: &mut Output) {
        let name = &self.name;
        let request = |settings: &Settings| (address::book(settings, name), 1);
        self.build.fetch.want(cx, request, out);
    }

    /// The alarm for another request has come.
    pub fn retry(&mut self, cx: &mut Context<'_, Settings>, out: &mut Output) {
        let is_due = self.build.fetch.woken();
        if is_due && self.build.by_request && self.live.state() == BookState::Resyncing {
            self.want(cx, out);
        }
    }

    /// No snapshot came in time: asks for one the other way.
    pub fn impatient(&mut self, cx: &Context<'_, Settings>, out: &mut Output) -> Wish {
        if self.live.state() != BookState::Resyncing {
            return Wish::Nothing;
        }
        self.build.attempts = self.build.attempts.saturating_add(1);
        self.build.be_patient(cx.now, out);
        if self.build.by_request {
            self.build.interrupted();
            return Wish::Resubscribe;
        }
        // The first push that waits tells how new the snapshot must be: then it is asked for.
        self.build.by_request = true;
        Wish::Nothing
    }

    /// Takes in the end of a request; none when it is not this book's.
    pub fn answered(
        &mut self,
        cx: &mut Context<'_, Settings>,
        response: &Response,
        out: &mut Output,
    ) -> Option<Wish> {
        if !self.build.fetch.answered(response.request) {
            return None;
        }
        if self.live.state() != BookState::Resyncing || !self.build.by_request {
            return Some(Wish::Nothing);
        }
        let why = match &response.outcome {
            Err(failure) => failure_text(*failure).to_owned(),
            Ok(answer) if answer.status != 200 => format!("status {}", answer.status),
            Ok(answer) => {
                match answer::book(&answer.body).and_then(|book| self.join(cx, book, out)) {
                    Ok(wish) => return Some(wish),
                    Err(refusal) => {
                        out.refused(&refusal);
                        refusal.rule.to_owned()
                    }
                }
            }
        };
        out.log(
            LogLevel::Warn,
            format_args!("{}: snapshot by request: {why}", self.name),
        );
        self.build.fetch.retry(cx, out);
        Some(Wish::Nothing)
    }

    /// Builds the book from the answer of a request and the updates that waited for it.
    fn join(
        &mut self,
        cx: &mut Context<'_, Settings>,
        snapshot: BookFrame,
        out: &mut Output,
    ) -> Result<Wish, Refusal> {
        let Some(Chain { sequence, .. }) = snapshot.chain else {
            // Nothing tells which updates it has.
            self.build.interrupted();
            return Ok(Wish::Resubscribe);
        };
        let noted = self.build.waiting.first().and_then(|first| first.previous);
        if noted.is_none_or(|noted| sequence < noted) {
            self.build.fetch.retry(cx, out);
            return Ok(Wish::Nothing);
        }
        let waiting = std::mem::take(&mut self.build.waiting);
        let wish = self.load(cx, &snapshot, out)?;
        if self.live.state() != BookState::Synced {
            return Ok(wish);
        }
        self.is_joining = true;
        for held in waiting.iter() {
            let frame = BookFrame {
                chain: Some(Chain {
                    sequence: held.ids.last,
                    previous: held.ids.previous,
                }),
                time: held.ids.time,
                levels: Changes {
                    bids: held.bids.to_vec(),
                    asks: held.asks.to_vec(),
                },
                ..BookFrame::default()
            };
            let wish = self.advance(cx, &frame, out)?;
            if wish != Wish::Nothing {
                return Ok(wish);
            }
        }
        Ok(Wish::Nothing)
    }
}
