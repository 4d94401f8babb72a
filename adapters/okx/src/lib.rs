//! The adapter of OKX: one state machine from the exchange's frames and answers to trades, order books, forced orders and
//! what is polled of swaps.
//!
//! `parse` knows the wire, `sync` keeps one book true, `trades` and `liquidations` take each once, `polled` reads what is
//! polled; this file tells each event to whom it concerns. Exchange: <https://www.okx.com/docs-v5/en/>
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod address;
mod alarm;
mod checksum;
mod collect;
mod contracts;
mod control;
mod heartbeat;
mod instruments;
mod liquidations;
#[doc(hidden)]
pub mod parse;
mod polled;
mod settings;
mod streams;
mod sync;
mod trades;

use marketprism_kit::alarm::Alarm;
use marketprism_kit::polls::Polls;
use marketprism_kit::session::Session;
use marketprism_kit::streams::Streams;
use marketprism_kit::wit::{self, ConnectLimit, Description, Event, LogLevel, Response, Start};
use marketprism_kit::{Adapter, Output, Refusal};

pub use contracts::Contract;
use heartbeat::Heartbeat;
pub use instruments::{Instrument, Instruments};
use liquidations::Liquidations;
use parse::{Asked, Message, Scratch, Unusable, stream_name};
use polled::Polled;
pub use polled::publish::Kind as PolledKind;
pub use settings::{Settings, Venue};
use streams::{LIQUIDATIONS, Words};
use sync::Wish;

/// What can be had of derivatives; of spot only the first two.
const DATA_TYPES: [&str; 7] = [
    "orderbook",
    "trade",
    "funding_rate",
    "open_interest",
    "liquidation",
    "lsr_top_position",
    "lsr_all_account",
];

/// The exchange limits each address by itself, mostly for each instrument; this is far below all of them together.
const REQUEST_WEIGHT_PER_MINUTE: u32 = 3_000;

/// New connections of one address. The exchange names no number that it lets one address hold: the 30 of its pages are
/// those of one private channel. <https://www.okx.com/docs-v5/en/#overview-websocket-connect>
const CONNECTS: ConnectLimit = ConnectLimit {
    count: 3,
    seconds: 1,
};

fn described(venue: Venue) -> wit::Venue {
    wit::Venue {
        name: venue.name().to_owned(),
        request_weight_per_minute: REQUEST_WEIGHT_PER_MINUTE,
        used_weight_header: None,
        connections_max: 0,
        connects: Some(CONNECTS),
    }
}

/// The adapter; nothing runs before its `start` event.
#[derive(Debug, Default)]
pub struct Okx {
    running: Option<Running>,
}

impl Adapter for Okx {
    fn describe() -> Description {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        Description {
            name: "okx".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            venues: Venue::ALL.map(described).to_vec(),
            data_types: texts(&DATA_TYPES),
            settings: texts(&settings::KEYS),
            connections_max: streams::CONNECTIONS_MAX as u32 + 1,
        }
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, now: u64, event: &Event, out: &mut Output) {
        match (&mut self.running, event) {
            (_, Event::Start(start)) => self.running = Some(Running::start(now, start, out)),
            (Some(running), event) => running.handle(now, event, out),
            (None, _) => out.log(LogLevel::Error, "an event came before `start`"),
        }
    }
}

/// A started adapter.
#[derive(Debug)]
struct Running {
    session: Session<Settings>,
    instruments: Instruments,
    streams: Streams,
    heartbeat: Heartbeat,
    polled: Polled,
    liquidations: Liquidations,
    scratch: Scratch,
}

impl Running {
    fn start(now: u64, start: &Start, out: &mut Output) -> Self {
        let settings = Settings::read(&start.settings, out);
        let mut running = Self {
            session: Session::new(settings, start.seed),
            instruments: Instruments::default(),
            streams: Streams::new(streams::LIMITS, alarm::STREAMS.number(), start.seed),
            heartbeat: Heartbeat::default(),
            polled: Polled::new(now, start.standby),
            liquidations: Liquidations::default(),
            scratch: Scratch::default(),
        };
        running.collect(now, &start.instruments, out);
        running.set_interval_alarm(now, out);
        running
    }

    fn handle(&mut self, now: u64, event: &Event, out: &mut Output) {
        match event {
            Event::Frame(frame) => self.frame(now, frame.connection, &frame.data, out),
            Event::Alarm(number) => self.alarm(now, *number, out),
            Event::Response(response) => self.response(now, response, out),
            Event::Opened(connection) => self.opened(now, *connection, out),
            Event::Closed(closed) => self.closed(now, closed.connection, out),
            Event::SymbolsChanged(names) => self.symbols_changed(now, names, out),
            Event::ReportWanted(levels) => self.report(now, *levels as usize, out),
            Event::Promoted => self.promoted(now, out),
            Event::Stop => self.streams.close_all(out),
            Event::Start(_) => {}
        }
    }

    fn frame(&mut self, now: u64, connection: u32, data: &[u8], out: &mut Output) {
        self.heartbeat.heard(connection, now);
        let settings = &self.session.settings;
        let asked = Asked {
            instruments: &self.instruments,
            books: settings.books,
            trades: settings.trades,
            liquidations: settings.liquidations,
        };
        let mut scratch = std::mem::take(&mut self.scratch);
        match parse::frame(data, asked, &mut scratch) {
            Ok(Message::Books(id)) => self.books(now, connection, id, &scratch, out),
            Ok(Message::Trades(id)) => self.trades(now, connection, id, &scratch, out),
            Ok(Message::Liquidations(kind)) => {
                let name = stream_name(LIQUIDATIONS, &kind);
                if let Some(stream) = self.streams.find(&name) {
                    self.streams.heard(stream, connection, now);
                }
                self.liquidations
                    .take(&scratch.liquidations, &self.instruments, out);
            }
            Ok(Message::Control(control)) => self.control(now, connection, &control, out),
            Ok(Message::Pong) => {}
            Ok(Message::Ignored) => out.ignored(),
            Err(unusable) => self.unusable(now, &unusable, out),
        }
        self.scratch = scratch;
    }

    fn books(&mut self, now: u64, connection: u32, id: u32, read: &Scratch, out: &mut Output) {
        let mut cx = self.session.at(now);
        let mut wish = Wish::Nothing;
        if let Some(instrument) = self.instruments.get_mut(id)
            && let Some(book) = &mut instrument.book
        {
            if let Some(stream) = instrument.book_stream {
                self.streams.heard(stream, connection, now);
            }
            for frame in &read.books {
                match book.take(&mut cx, connection, frame, out) {
                    Ok(Wish::Nothing) => {}
                    Ok(other) => wish = other,
                    Err(refusal) => out.refused(&refusal),
                }
            }
        }
        self.grant(now, id, wish, out);
    }

    fn trades(&mut self, now: u64, connection: u32, id: u32, read: &Scratch, out: &mut Output) {
        let Some(instrument) = self.instruments.get_mut(id) else {
            return;
        };
        if let Some(stream) = instrument.trade_stream {
            self.streams.heard(stream, connection, now);
        }
        let mut refused: Option<Refusal> = None;
        for trade in &read.trades {
            let taken = instrument.trades.take(id, trade, instrument.contract, out);
            refused = taken.err().or(refused);
        }
        if let Some(refusal) = refused {
            out.refused(&refusal);
        }
    }

    fn unusable(&mut self, now: u64, unusable: &Unusable, out: &mut Output) {
        out.refused(&unusable.refusal);
        let Some(id) = unusable.resync else {
            return;
        };
        let cx = self.session.at(now);
        let book = self.instruments.get_mut(id).and_then(|it| it.book.as_mut());
        if let Some(book) = book {
            let wish = book.unproven(&cx, unusable.refusal.rule, out);
            self.grant(now, id, wish, out);
        }
    }

    /// Does what a book needs of the streams.
    fn grant(&mut self, now: u64, id: u32, wish: Wish, out: &mut Output) {
        let Some(stream) = self.instruments.get(id).and_then(|it| it.book_stream) else {
            return;
        };
        let words = Words::of(&self.session.settings);
        match wish {
            Wish::Nothing => {}
            Wish::Resubscribe => self.streams.resubscribe(stream, now, &words, out),
            Wish::TookOver(connection) => self.streams.took_over(stream, connection),
        }
    }

    fn alarm(&mut self, now: u64, number: u32, out: &mut Output) {
        let Alarm { kind, id } = Alarm::known_as(number);
        let mut cx = self.session.at(now);
        let mut wish = Wish::Nothing;
        let book = self.instruments.get_mut(id).and_then(|it| it.book.as_mut());
        match (kind, book) {
            (alarm::INTERVAL, _) => self.publish_books(now, out),
            (alarm::STREAMS, _) => self.look_after_streams(now, out),
            (alarm::POLLS, _) => self.poll(now, out),
            (alarm::HEARTBEAT, _) => {
                self.heartbeat.wake(now, alarm::HEARTBEAT.number(), out);
            }
            (alarm::WHOLE, Some(book)) => book.renew(now, cx.settings, out),
            (alarm::FETCH, Some(book)) => book.retry(&mut cx, out),
            (alarm::PATIENCE, Some(book)) => wish = book.impatient(&cx, out),
            _ => {}
        }
        self.grant(now, id, wish, out);
    }

    /// What is published goes out from now on.
    fn promoted(&mut self, now: u64, out: &mut Output) {
        for (_, instrument) in self.instruments.iter_mut() {
            if let Some(book) = &mut instrument.book {
                book.promoted(now, &self.session.settings, out);
            }
        }
        self.polled.promoted(now);
        self.poll(now, out);
    }

    fn publish_books(&self, now: u64, out: &mut Output) {
        for (_, instrument) in self.instruments.iter() {
            if let Some(book) = &instrument.book {
                book.tick(&self.session.settings, out);
            }
        }
        self.set_interval_alarm(now, out);
    }

    fn set_interval_alarm(&self, now: u64, out: &mut Output) {
        let settings = &self.session.settings;
        if let Some(next) = settings.book.next_interval(now).filter(|_| settings.books) {
            out.wake_at(alarm::INTERVAL.number(), next);
        }
    }

    fn look_after_streams(&mut self, now: u64, out: &mut Output) {
        let words = Words::of(&self.session.settings);
        self.streams.wake(now, &words, out);
        let silent = self.streams.fell_silent();
        for (_, instrument) in self.instruments.iter_mut() {
            if let (Some(book), Some(stream)) = (&mut instrument.book, instrument.book_stream)
                && silent.contains(&stream)
            {
                book.silent(now, out);
            }
        }
    }

    fn poll(&mut self, now: u64, out: &mut Output) {
        let mut cx = self.session.at(now);
        self.polled.send(&mut cx, &self.instruments, out);
    }

    fn response(&mut self, now: u64, response: &Response, out: &mut Output) {
        self.session.request_ended();
        let mut cx = self.session.at(now);
        if self
            .polled
            .answered(&cx, response, &mut self.instruments, out)
        {
            self.poll(now, out);
            return;
        }
        let mut found = None;
        for (id, instrument) in self.instruments.iter_mut() {
            if let Some(book) = &mut instrument.book
                && let Some(wish) = book.answered(&mut cx, response, out)
            {
                found = Some((id, wish));
                break;
            }
        }
        if let Some((id, wish)) = found {
            self.grant(now, id, wish, out);
        }
    }

    fn opened(&mut self, now: u64, connection: u32, out: &mut Output) {
        self.heartbeat.opened(connection, now);
        self.heartbeat.set_alarm(alarm::HEARTBEAT.number(), out);
        let words = Words::of(&self.session.settings);
        self.streams.opened(connection, now, &words, out);
    }

    fn closed(&mut self, now: u64, connection: u32, out: &mut Output) {
        self.heartbeat.closed(connection);
        let cx = self.session.at(now);
        let mut wishes = Vec::new();
        for (id, instrument) in self.instruments.iter_mut() {
            if let Some(book) = &mut instrument.book {
                wishes.push((id, book.lost(&cx, connection, out)));
            }
        }
        for (id, wish) in wishes {
            self.grant(now, id, wish, out);
        }
        let words = Words::of(&self.session.settings);
        self.streams.closed(connection, now, &words, out);
    }

    fn report(&self, now: u64, levels: usize, out: &mut Output) {
        let polls: &Polls = self.polled.polls();
        let around = (&self.streams, polls, now);
        out.report(
            self.instruments
                .active()
                .map(|(id, it)| it.report(id, around, levels))
                .collect(),
        );
    }
}
