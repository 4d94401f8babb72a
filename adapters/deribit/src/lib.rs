//! The adapter of Deribit: one state machine from the exchange's frames and answers to volatility indices, trades and
//! order books.
//!
//! `parse` knows the wire, `sync` keeps one book true, `trades` keeps trades in order and complete, `polled` asks for
//! candles, `streams` says how channels are asked for; this file tells each event to whom it concerns.
//! Exchange: <https://docs.deribit.com>
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
mod collect;
mod contracts;
mod instruments;
pub mod names;
#[doc(hidden)]
pub mod parse;
mod polled;
mod settings;
mod streams;
mod sync;
mod trades;

use marketprism_kit::alarm::Alarm;
use marketprism_kit::session::Session;
use marketprism_kit::streams::Streams;
use marketprism_kit::trades::Backlog;
use marketprism_kit::wit::{Description, Event, LogLevel, Response, Start};
use marketprism_kit::{Adapter, Output, Refusal, wit};

pub use instruments::{Instrument, Instruments};
use parse::{Asked, BookUpdate, Message, Scratch};
use polled::Polled;
use polled::candles::Indices;
use settings::Settings;
use streams::{Alone, Rpc};
use sync::Wanted;

/// The one value of a block's `exchange` that is served.
const VENUE: &str = "deribit_derivatives";

/// Credits that may be spent in a minute, half of the 10,000 a second that the exchange refills: other programs behind
/// the same address spend too. <https://docs.deribit.com/articles/rate-limits>
const CREDITS_PER_MINUTE: u32 = 300_000;

/// The adapter; nothing runs before its `start` event.
#[derive(Debug, Default)]
pub struct Deribit {
    running: Option<Running>,
}

impl Adapter for Deribit {
    fn describe() -> Description {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        Description {
            name: "deribit".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            venues: vec![wit::Venue {
                name: VENUE.to_owned(),
                request_weight_per_minute: CREDITS_PER_MINUTE,
                used_weight_header: None,
                connections_max: streams::CONNECTIONS_OF_ADDRESS,
                // The exchange names no limit.
                connects: None,
            }],
            data_types: texts(&["orderbook", "trade", "volatility_index"]),
            settings: settings::keys(),
            connections_max: streams::CONNECTIONS_EVER,
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
    rpc: Rpc,
    alone: Alone,
    polled: Polled,
    indices: Indices,
    backlog: Backlog,
    scratch: Scratch,
}

impl Running {
    fn start(now: u64, start: &Start, out: &mut Output) -> Self {
        let settings = Settings::read(&start.settings, out);
        let mut running = Self {
            rpc: Rpc {
                address: settings.ws_url.clone(),
            },
            streams: Streams::new(streams::LIMITS, alarm::STREAMS.number(), start.seed),
            session: Session::new(settings, start.seed),
            instruments: Instruments::default(),
            alone: Alone::default(),
            polled: Polled::new(now),
            indices: Indices::new(start.standby),
            backlog: trades::backlog(),
            scratch: Scratch::default(),
        };
        running.collect(now, &start.instruments, out);
        running.set_interval_alarm(now, out);
        running
    }

    fn handle(&mut self, now: u64, event: &Event, out: &mut Output) {
        match event {
            Event::Frame(frame) => self.frame(now, frame.connection, &frame.data, out),
            Event::Alarm(number) => self.alarm(now, Alarm::known_as(*number), out),
            Event::Response(response) => self.response(now, response, out),
            Event::Opened(connection) => {
                out.send(*connection, &streams::set_heartbeat());
                self.streams.opened(*connection, now, &self.rpc, out);
            }
            Event::Closed(closed) => self.closed(now, closed.connection, out),
            Event::SymbolsChanged(names) => self.symbols_changed(now, names, out),
            Event::ReportWanted(levels) => self.report(now, *levels as usize, out),
            Event::Promoted => self.promoted(now, out),
            Event::Stop => self.stop(out),
            Event::Start(_) => {}
        }
    }

    fn frame(&mut self, now: u64, connection: u32, data: &[u8], out: &mut Output) {
        let asked = Asked {
            instruments: &self.instruments,
            books: self.session.settings.books.is_some(),
            trades: self.session.settings.trades,
        };
        let done = match parse::frame(data, asked, &mut self.scratch) {
            Ok(Message::Book(update)) => self.book(now, connection, &update, out),
            Ok(Message::Trades(id)) => self.trades(now, connection, id, out),
            Ok(Message::Reply(reply)) => {
                self.alone
                    .answered(now, connection, &reply, &mut self.streams, out);
                Ok(())
            }
            Ok(Message::TestRequest) => {
                out.send(connection, &streams::test());
                Ok(())
            }
            Ok(Message::Heartbeat) => Ok(()),
            Ok(Message::Ignored) => {
                out.ignored();
                Ok(())
            }
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = done {
            out.refused(&refusal);
        }
    }

    fn book(
        &mut self,
        now: u64,
        connection: u32,
        update: &BookUpdate,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let Some(instrument) = self.instruments.get_mut(update.instrument) else {
            return Ok(());
        };
        let (Some(book), Some(stream)) = (&mut instrument.book, instrument.book_stream) else {
            return Ok(());
        };
        let cx = self.session.at(now);
        let wanted = book.update(&cx, connection, update, &self.scratch.changes, out)?;
        self.streams.heard(stream, connection, now);
        match wanted {
            Wanted::Nothing => {}
            Wanted::Snapshot => self.streams.resubscribe(stream, now, &self.rpc, out),
            Wanted::TakenOver(connection) => self.streams.took_over(stream, connection),
        }
        Ok(())
    }

    fn trades(
        &mut self,
        now: u64,
        connection: u32,
        id: u32,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let Some(instrument) = self.instruments.get_mut(id) else {
            return Ok(());
        };
        if let Some(stream) = instrument.trade_stream {
            self.streams.heard(stream, connection, now);
        }
        let mut doubtful = Ok(());
        let mut waits = false;
        for trade in &self.scratch.trades {
            if instrument.trades.follow(trade, out) {
                continue;
            }
            let cx = self.session.at(now);
            let taken = instrument.trades.take(&cx, trade, &mut self.backlog, out);
            doubtful = doubtful.and(taken);
            waits = true;
        }
        if waits {
            self.send_for_trades(now, out);
        }
        doubtful
    }

    /// Sends the requests for trades whose turn has come.
    fn send_for_trades(&mut self, now: u64, out: &mut Output) {
        let mut cx = self.session.at(now);
        while let Some(id) = self.backlog.turns.next_turn(now) {
            if let Some(instrument) = self.instruments.get_mut(id) {
                instrument.trades.send(&mut cx, &mut self.backlog, out);
            }
        }
        self.backlog.set_alarm(out);
    }

    fn alarm(&mut self, now: u64, alarm: Alarm, out: &mut Output) {
        let mut cx = self.session.at(now);
        match alarm.kind {
            alarm::STREAMS => self.look_after_streams(now, out),
            alarm::INTERVAL => {
                for (_, instrument) in self.instruments.iter_mut() {
                    if let Some(book) = &instrument.book {
                        book.tick(&cx, out);
                    }
                }
                self.set_interval_alarm(now, out);
            }
            alarm::POLLS => self.polled.send(&mut cx, out),
            alarm::CANDLES => self.indices.send(&mut cx, out),
            alarm::ALONE => self.alone.wake(now, &self.streams, out),
            alarm::TURN => {
                self.backlog.woken();
                self.send_for_trades(now, out);
            }
            alarm::TRADES => {
                if let Some(instrument) = self.instruments.get_mut(alarm.id) {
                    instrument.trades.woken(&cx, &mut self.backlog, out);
                }
                self.send_for_trades(now, out);
            }
            alarm::WHOLE => {
                let instrument = self.instruments.get_mut(alarm.id);
                if let Some(book) = instrument.and_then(|it| it.book.as_mut()) {
                    book.renew(&cx, out);
                }
            }
            _ => {}
        }
    }

    fn look_after_streams(&mut self, now: u64, out: &mut Output) {
        self.streams.wake(now, &self.rpc, out);
        let silent = self.streams.fell_silent();
        for (_, instrument) in self.instruments.iter_mut() {
            let (Some(book), Some(stream)) = (&mut instrument.book, instrument.book_stream) else {
                continue;
            };
            if silent.contains(&stream) {
                book.silent(now, out);
            }
            if book.is_overdue(now) {
                self.streams.resubscribe(stream, now, &self.rpc, out);
            }
        }
    }

    fn set_interval_alarm(&self, now: u64, out: &mut Output) {
        let books = self.session.settings.books.as_ref();
        if let Some(next) = books.and_then(|books| books.next_interval(now)) {
            out.wake_at(alarm::INTERVAL.number(), next);
        }
    }

    fn response(&mut self, now: u64, response: &Response, out: &mut Output) {
        self.session.request_ended();
        let mut cx = self.session.at(now);
        if let Some(id) = self.backlog.turns.end(response.request) {
            if let Some(instrument) = self.instruments.get_mut(id) {
                let trades = &mut instrument.trades;
                trades.answered(&cx, response, &mut self.backlog, out);
            }
            self.send_for_trades(now, out);
        } else if !self.indices.answered(&mut cx, response, out) {
            self.polled
                .answered(&mut cx, response, &mut self.instruments, out);
        }
    }

    fn closed(&mut self, now: u64, connection: u32, out: &mut Output) {
        let cx = self.session.at(now);
        for (_, instrument) in self.instruments.iter_mut() {
            if let Some(book) = &mut instrument.book {
                book.lost(&cx, connection, out);
            }
        }
        self.streams.closed(connection, now, &self.rpc, out);
    }

    fn report(&mut self, now: u64, levels: usize, out: &mut Output) {
        let volatility = self.session.settings.volatility.as_ref();
        let mut reports = Vec::new();
        for (id, instrument) in self.instruments.active() {
            let mut report = instrument.report(id, &self.streams, levels);
            let index = volatility.and_then(|it| self.indices.report(id, now, it));
            if let Some((stream, problem)) = index {
                report.streams.push(stream);
                report.problem = report.problem.or(problem.map(str::to_owned));
            }
            reports.push(report);
        }
        out.report(reports);
    }

    /// What is published goes out from now on.
    fn promoted(&mut self, now: u64, out: &mut Output) {
        let mut cx = self.session.at(now);
        for (_, instrument) in self.instruments.iter_mut() {
            if let Some(book) = &mut instrument.book {
                book.promoted(&cx, out);
            }
        }
        self.indices.promoted(&mut cx, out);
    }

    fn stop(&mut self, out: &mut Output) {
        for (_, instrument) in self.instruments.iter_mut() {
            instrument.trades.release_all(&mut self.backlog, out);
        }
        self.streams.close_all(out);
    }
}
