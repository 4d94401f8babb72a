//! Keeping one book true, by the exchange's own rules:
//! <https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel>
//!
//! A subscription begins with a snapshot; every push after it carries the `seqId` of the one before as its `prevSeqId`.
//! Old recordings carry a checksum instead. A book is synced, or it is not shown.

mod fetch;
mod follow;
mod successor;

use marketprism_kit::book::{Book, LiveBook};
use marketprism_kit::session::Context;
use marketprism_kit::wit::{BookState, InstrumentReport, LogLevel};
use marketprism_kit::{Output, Refusal};

use crate::alarm;
use crate::checksum;
use crate::parse::{BookFrame, Chain};
use crate::settings::Settings;
use fetch::Build;
pub use follow::Follower;
use successor::Successor;

/// What a book needs of the streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Wish {
    /// Nothing.
    Nothing,
    /// Its stream is to be asked for again, so that it begins with a snapshot.
    Resubscribe,
    /// It follows this connection now; the one before need not carry its stream any more.
    TookOver(u32),
}

/// One instrument's book and where it stands.
#[derive(Debug)]
pub struct BookSync {
    name: String,
    live: LiveBook,
    /// Ids of the last push that the book has; none where the exchange gave none.
    chain: Option<Chain>,
    /// The last push without ids, by which a double is known.
    unnumbered: Option<Box<BookFrame>>,
    /// The connection that it follows.
    source: Option<u32>,
    /// The book of a connection that is to replace that one.
    successor: Option<Successor>,
    /// The first push after a snapshot by request may lie across it.
    is_joining: bool,
    build: Build,
}

impl BookSync {
    /// A book of which nothing is known.
    pub fn new(instrument: u32, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            live: LiveBook::new(instrument, alarm::WHOLE.of(instrument)),
            chain: None,
            unnumbered: None,
            source: None,
            successor: None,
            is_joining: false,
            build: Build::new(instrument),
        }
    }

    /// Tells the state before anything came.
    pub fn start(&mut self, now: u64, out: &mut Output) {
        self.live.enter(now, BookState::Resyncing, "starting", out);
    }

    /// How far it can be trusted.
    pub const fn state(&self) -> BookState {
        self.live.state()
    }

    /// A connection is gone. The book's chain may yet go on when the stream is back.
    pub fn lost(&mut self, cx: &Context<'_, Settings>, connection: u32, out: &mut Output) -> Wish {
        if self
            .successor
            .as_ref()
            .is_some_and(|it| it.connection == connection)
        {
            self.successor = None;
        }
        if self.source != Some(connection) {
            return Wish::Nothing;
        }
        self.source = None;
        if let Some(successor) = self.successor.take() {
            return self.adopt(cx, successor, out);
        }
        self.build.interrupted();
        self.stale(cx.now, "connection lost", out);
        Wish::Nothing
    }

    /// The stream brings nothing although it should.
    pub fn silent(&mut self, now: u64, out: &mut Output) {
        self.stale(now, "stream silent", out);
    }

    fn stale(&mut self, now: u64, reason: &str, out: &mut Output) {
        if self.live.state() == BookState::Synced {
            self.live.enter(now, BookState::Stale, reason, out);
        }
    }

    /// Takes in a push. When a number does not fit, nothing of it is applied.
    pub fn take(
        &mut self,
        cx: &mut Context<'_, Settings>,
        connection: u32,
        frame: &BookFrame,
        out: &mut Output,
    ) -> Result<Wish, Refusal> {
        let is_source = self.source.is_none_or(|source| source == connection);
        if !is_source && self.live.state() == BookState::Synced {
            return self.take_beside(cx, connection, frame, out);
        }
        if frame.is_snapshot {
            self.successor = None;
            let wish = self.load(cx, frame, out)?;
            if wish == Wish::Nothing && self.live.state() == BookState::Synced {
                self.source = Some(connection);
                return Ok(Wish::TookOver(connection));
            }
            return Ok(wish);
        }
        if !is_source {
            // What the connection before still brings while the book is built anew is of the same chain.
            return Ok(Wish::Nothing);
        }
        if self.live.state() == BookState::Resyncing {
            self.hold(cx, frame, out);
            return Ok(Wish::Nothing);
        }
        let wish = self.advance(cx, frame, out)?;
        if self.live.state() == BookState::Synced {
            self.source = Some(connection);
        }
        Ok(wish)
    }

    /// Replaces the book by a snapshot, which may come at any time.
    fn load(
        &mut self,
        cx: &Context<'_, Settings>,
        frame: &BookFrame,
        out: &mut Output,
    ) -> Result<Wish, Refusal> {
        let was_synced = self.live.state() == BookState::Synced;
        if was_synced && self.is_double(frame) {
            return Ok(Wish::Nothing);
        }
        let (book, broken) = match loaded(frame) {
            Ok(book) => {
                let broken = broken_rule(&book, frame);
                (book, broken)
            }
            Err(refusal) => {
                let wish = self.give_up(cx, "a snapshot cannot be used", out);
                out.refused(&refusal);
                return Ok(wish);
            }
        };
        if let Some(reason) = broken {
            out.refused(&Refusal::new(reason, self.name.as_str()));
            self.live.gaps += u64::from(was_synced);
            return Ok(self.give_up(cx, reason, out));
        }
        self.live.book = book;
        self.build.succeeded();
        self.is_joining = false;
        self.note(frame);
        if !was_synced {
            self.live
                .enter(cx.now, BookState::Synced, "snapshot applied", out);
        }
        self.live.publish_synced(cx.now, &cx.settings.book, out);
        Ok(Wish::Nothing)
    }

    /// Remembers what the last push of the book was.
    fn note(&mut self, frame: &BookFrame) {
        self.chain = frame.chain;
        self.live.time = Some(frame.time);
        self.live.has_ids = frame.chain.is_some();
        match frame.chain {
            Some(chain) => {
                self.unnumbered = None;
                self.live.last = chain.sequence;
                self.live.shown_first = i64::try_from(chain.sequence).ok();
                self.live.shown_previous = match chain.previous {
                    Some(previous) => i64::try_from(previous).ok(),
                    None => Some(-1),
                };
            }
            None => {
                self.unnumbered = Some(Box::new(frame.clone()));
                self.live.last = self.live.last.saturating_add(1);
                self.live.shown_first = None;
                self.live.shown_previous = None;
            }
        }
    }

    /// A push with the very ids of the last one, or the very content where there are no ids, and no keep-alive.
    fn is_double(&self, frame: &BookFrame) -> bool {
        match frame.chain {
            Some(chain) => self.chain == Some(chain) && !frame.is_keep_alive(),
            None => self.unnumbered.as_deref() == Some(frame),
        }
    }

    /// Gives the book up until a new snapshot comes.
    fn give_up(&mut self, cx: &Context<'_, Settings>, reason: &str, out: &mut Output) -> Wish {
        out.log(
            LogLevel::Warn,
            format_args!("{}: {reason}; waiting for a new snapshot", self.name),
        );
        let is_new = self.live.state() != BookState::Resyncing;
        if is_new {
            self.live.give_up(cx.now, reason, out);
        }
        self.forget();
        self.build.begin(cx, out);
        if is_new {
            Wish::Resubscribe
        } else {
            Wish::Nothing
        }
    }

    fn forget(&mut self) {
        self.chain = None;
        self.unnumbered = None;
        self.successor = None;
        self.source = None;
        self.is_joining = false;
    }

    /// A push could not be read and nothing proves any longer that the book is whole.
    pub fn unproven(&mut self, cx: &Context<'_, Settings>, reason: &str, out: &mut Output) -> Wish {
        if self.live.state() == BookState::Resyncing {
            return Wish::Nothing;
        }
        self.live.gaps += u64::from(self.live.state() == BookState::Synced);
        self.give_up(cx, reason, out)
    }

    /// The time of an interval has come.
    pub fn tick(&self, settings: &Settings, out: &mut Output) {
        self.live.tick(&settings.book, out);
    }

    /// What is published goes out from now on.
    pub fn promoted(&mut self, now: u64, settings: &Settings, out: &mut Output) {
        self.live.promoted(now, &settings.book, out);
    }

    /// The whole book is due again.
    pub fn renew(&mut self, now: u64, settings: &Settings, out: &mut Output) {
        self.live.renew(now, &settings.book, out);
    }

    /// Writes its state into a report, with `levels` of each side.
    pub fn report(&self, report: &mut InstrumentReport, levels: usize) {
        self.live.report(report, levels);
    }
}

/// The book of a snapshot. All of it is proven: the exchange keeps it at its own depth and tells what leaves and enters.
fn loaded(frame: &BookFrame) -> Result<Book, Refusal> {
    let mut book = Book::default();
    book.load(&frame.levels.bids, &frame.levels.asks, usize::MAX)?;
    Ok(book)
}

/// What shows that a book is not the exchange's.
fn broken_rule(book: &Book, frame: &BookFrame) -> Option<&'static str> {
    if book.is_crossed() {
        return Some("best bid not below best ask");
    }
    let is_wrong = frame
        .checksum
        .is_some_and(|told| told != checksum::of(book));
    is_wrong.then_some("checksum does not match")
}
