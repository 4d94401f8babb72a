//! The adapter of Binance, spot and USD-M futures: one state machine from the exchange's frames and answers to trades,
//! order books, forced orders and what is polled.
//!
//! `venue` knows what differs between the markets, `parse` the wire, `sync` keeps one book true, `trades` keeps trades in
//! order and complete, `polled` and `checks` ask what is not pushed; this file tells each event to whom it concerns.
//! Exchange: <https://developers.binance.com/docs>
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
mod checks;
mod collect;
mod instruments;
mod liquidations;
#[doc(hidden)]
pub mod parse;
mod polled;
mod settings;
mod streams;
mod sync;
mod trades;
mod venue;

use marketprism_kit::alarm::Alarm;
use marketprism_kit::book::Changes;
use marketprism_kit::clock::ServerClock;
use marketprism_kit::session::Session;
use marketprism_kit::streams::{StreamId, Streams};
use marketprism_kit::trades::Backlog;
use marketprism_kit::wit::{Description, Event, Frame, LogLevel, Response, Start};
use marketprism_kit::{Adapter, Output, Refusal};

use checks::Verdict;
pub use instruments::{Instrument, Instruments};
use liquidations::ForcedOrders;
use parse::{Asked, DepthUpdate, Message, TradeMade};
use polled::Polled;
pub use settings::{Forced, Settings, TradeStream};
use streams::CONNECTIONS_MAX;
pub use venue::Venue;

/// The clock is first read so long after the start, in nanoseconds.
const CLOCK_FIRST: u64 = 3_000_000_000;

/// The adapter; nothing runs before its `start` event.
#[derive(Debug, Default)]
pub struct Binance {
    running: Option<Running>,
}

impl Adapter for Binance {
    fn describe() -> Description {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        Description {
            name: "binance".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            venues: Venue::ALL.map(Venue::described).to_vec(),
            data_types: texts(Venue::UsdMargined.data_types()),
            settings: Settings::keys().map(str::to_owned).collect(),
            connections_max: CONNECTIONS_MAX as u32,
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
    /// The stream of everybody's forced orders, where it is collected.
    forced_of_all: Option<StreamId>,
    forced: ForcedOrders,
    changes: Changes,
    backlog: Backlog,
    polled: Polled,
    clock: ServerClock,
}

impl Running {
    fn start(now: u64, start: &Start, out: &mut Output) -> Self {
        let settings = Settings::read(&start.settings, out);
        let limits = settings.venue.limits();
        let mut running = Self {
            instruments: Instruments::default(),
            streams: Streams::new(limits, alarm::STREAMS.number(), start.seed),
            forced_of_all: None,
            forced: ForcedOrders::default(),
            changes: Changes::default(),
            backlog: trades::backlog(settings.venue),
            polled: Polled::new(start.standby),
            clock: ServerClock::default(),
            session: Session::new(settings, start.seed),
        };
        running.collect_forced_of_all();
        running.collect(now, &start.instruments, out);
        running.set_interval_alarm(now, out);
        out.wake_at(alarm::CLOCK.number(), now.saturating_add(CLOCK_FIRST));
        running
    }

    fn handle(&mut self, now: u64, event: &Event, out: &mut Output) {
        match event {
            Event::Frame(frame) => self.frame(now, frame, out),
            Event::Alarm(number) => self.alarm(now, Alarm::known_as(*number), out),
            Event::Response(response) => self.response(now, response, out),
            Event::Opened(connection) => {
                self.streams
                    .opened(*connection, now, &self.session.settings, out);
            }
            Event::Closed(closed) => self.closed(now, closed.connection, out),
            Event::SymbolsChanged(names) => self.symbols_changed(now, names, out),
            Event::ReportWanted(levels) => self.report(now, *levels as usize, out),
            Event::Promoted => self.promoted(now, out),
            Event::Stop => self.stop(out),
            Event::Start(_) => {}
        }
    }

    fn frame(&mut self, now: u64, frame: &Frame, out: &mut Output) {
        let asked = Asked::new(&self.instruments, &self.session.settings);
        let connection = frame.connection;
        let taken = match parse::frame(&frame.data, asked, &mut self.changes) {
            Ok(Message::Depth(update)) => self.depth(now, connection, &update, out),
            Ok(Message::Trade(trade)) => self.trade(now, connection, &trade, out),
            Ok(Message::Forced(orders)) => self.forced_orders(now, connection, orders, out),
            Ok(Message::Answer(number, problem)) => {
                self.answer(now, connection, (number, problem), out)
            }
            Ok(Message::Ignored) => {
                out.ignored();
                Ok(())
            }
            Ok(Message::Shutdown) => {
                out.log(
                    LogLevel::Info,
                    "the exchange will close this connection soon; opening another one",
                );
                self.streams.renew(connection, &self.session.settings, out);
                Ok(())
            }
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = taken {
            out.refused(&refusal);
        }
    }

    fn depth(
        &mut self,
        now: u64,
        connection: u32,
        update: &DepthUpdate,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let Some(instrument) = self.instruments.get_mut(update.instrument) else {
            return Ok(());
        };
        let (Some(book), Some(stream)) = (&mut instrument.book, instrument.streams.book) else {
            return Ok(());
        };
        self.streams.heard(stream, connection, now);
        let mut cx = self.session.at(now);
        if book.update(&mut cx, connection, update.ids, &self.changes, out)? {
            self.streams.took_over(stream, connection);
        }
        Ok(())
    }

    fn trade(
        &mut self,
        now: u64,
        connection: u32,
        trade: &TradeMade,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let Some(instrument) = self.instruments.get_mut(trade.instrument) else {
            return Ok(());
        };
        if let Some(stream) = instrument.streams.trades {
            self.streams.heard(stream, connection, now);
        }
        if instrument.trades.follow(trade, out) {
            return Ok(());
        }
        let cx = self.session.at(now);
        instrument.trades.take(&cx, trade, &mut self.backlog, out)?;
        self.send_for_trades(now, out);
        Ok(())
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

    /// The exchange answered one of our messages.
    fn answer(
        &mut self,
        now: u64,
        connection: u32,
        (number, problem): (u64, Option<String>),
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let asked = self.streams.asked_in(connection, number);
        if let Some(problem) = problem {
            let settings = &self.session.settings;
            match asked.as_slice() {
                [one] => self.streams.refused(*one, connection, now, &problem, out),
                // It is not said which of them is meant, if any: all are asked for again, without those of instruments
                // that turn out to be unknown.
                many => {
                    for stream in many {
                        self.streams.resubscribe(*stream, now, settings, out);
                    }
                }
            }
            return Err(Refusal::new("exchange error", problem));
        }
        if asked.is_empty() {
            // To a message that asked for streams no more, or that is none of ours.
            out.ignored();
        }
        let cx = self.session.at(now);
        for stream in asked {
            self.streams.acknowledged(stream, connection, now);
            let mut all = self.instruments.iter_mut();
            let book = all.find(|(_, it)| it.streams.book == Some(stream));
            if let Some(book) = book.and_then(|(_, it)| it.book.as_mut()) {
                book.asked_for(&cx, connection, out);
            }
        }
        Ok(())
    }

    fn alarm(&mut self, now: u64, alarm: Alarm, out: &mut Output) {
        let mut cx = self.session.at(now);
        match alarm.kind {
            alarm::INTERVAL => {
                for (_, instrument) in self.instruments.iter_mut() {
                    if let Some(book) = &instrument.book {
                        book.tick(&cx, out);
                    }
                }
                self.set_interval_alarm(now, out);
            }
            alarm::TURN => {
                self.backlog.woken();
                self.send_for_trades(now, out);
            }
            alarm::STREAMS => self.look_after_streams(now, out),
            alarm::POLLS => {
                self.polled.woken();
                self.polled.send(&mut cx, &self.instruments, out);
            }
            alarm::CLOCK => self.read_clock(now, out),
            _ => self.instrument_alarm(now, alarm, out),
        }
    }

    fn look_after_streams(&mut self, now: u64, out: &mut Output) {
        self.streams.wake(now, &self.session.settings, out);
        let silent = self.streams.fell_silent();
        let mut cx = self.session.at(now);
        for (_, instrument) in self.instruments.iter_mut() {
            if let (Some(book), Some(stream)) = (&mut instrument.book, instrument.streams.book)
                && silent.contains(&stream)
            {
                book.silent(&mut cx, out);
            }
        }
    }

    fn instrument_alarm(&mut self, now: u64, alarm: Alarm, out: &mut Output) {
        let mut cx = self.session.at(now);
        let Some(instrument) = self.instruments.get_mut(alarm.id) else {
            return;
        };
        match (alarm.kind, &mut instrument.book) {
            (alarm::TRADES, _) => {
                instrument.trades.woken(&cx, &mut self.backlog, out);
                self.send_for_trades(now, out);
            }
            (alarm::CHECK, _) if instrument.active => {
                let symbol = &instrument.symbol;
                instrument.check.send(&mut cx, alarm.id, symbol, out);
            }
            (alarm::SNAPSHOT, Some(book)) => book.retry(&mut cx, out),
            (alarm::QUIET, Some(book)) => book.quiet(&mut cx, out),
            (alarm::WHOLE, Some(book)) => book.renew(&cx, out),
            _ => {}
        }
    }

    fn set_interval_alarm(&self, now: u64, out: &mut Output) {
        let settings = &self.session.settings;
        if let Some(next) = settings.book.next_interval(now).filter(|_| settings.books) {
            out.wake_at(alarm::INTERVAL.number(), next);
        }
    }

    /// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-endpoints#check-server-time>
    fn read_clock(&mut self, now: u64, out: &mut Output) {
        let mut cx = self.session.at(now);
        let request = cx.next_request();
        self.clock.ask(request, now);
        let address = address::market(cx.settings, "time");
        out.request(request, &address, 1, "clock", None);
        out.wake_at(
            alarm::CLOCK.number(),
            now.saturating_add(ServerClock::EVERY),
        );
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
            return;
        }
        if let Some(sent) = self.clock.answered(response.request) {
            clock_answered(sent, now, response, out);
            return;
        }
        let polled = &mut self.polled;
        match polled.answered(&mut cx, response, &mut self.instruments, out) {
            polled::Answered::NotMine => {}
            polled::Answered::Done => return,
            polled::Answered::Unlisted(id, why) => {
                self.unlisted(now, id, why, out);
                return;
            }
        }
        self.answer_of_an_instrument(now, response, out);
    }

    /// Finds the instrument that an answer is for: that of a check, or a depth snapshot.
    fn answer_of_an_instrument(&mut self, now: u64, response: &Response, out: &mut Output) {
        let mut cx = self.session.at(now);
        let changes = &mut self.changes;
        let found = self.instruments.iter_mut().find_map(|(id, instrument)| {
            let mut verdict = instrument.check.answered(&cx, id, response, out);
            if let Some(book) = instrument.book.as_mut().filter(|_| verdict.is_none()) {
                verdict = book.answered(&mut cx, response, changes, out);
            }
            Some((id, verdict?))
        });
        match found {
            Some((id, Verdict::Listed)) => self.listed(now, id, out),
            Some((id, Verdict::Unlisted(why))) => self.unlisted(now, id, why, out),
            Some((_, Verdict::Unclear)) | None => {}
        }
    }

    fn closed(&mut self, now: u64, connection: u32, out: &mut Output) {
        let mut cx = self.session.at(now);
        for (_, instrument) in self.instruments.iter_mut() {
            if let Some(book) = &mut instrument.book {
                book.lost(&mut cx, connection, out);
            }
        }
        self.streams
            .closed(connection, now, &self.session.settings, out);
    }

    fn report(&mut self, now: u64, levels: usize, out: &mut Output) {
        let cx = self.session.at(now);
        let mut reports = Vec::new();
        for (id, instrument) in self.instruments.active() {
            let mut report = instrument.report(id, &self.streams, self.forced_of_all, levels);
            report.streams.extend(self.polled.report(&cx, id));
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
        self.polled.promoted(&mut cx, &self.instruments, out);
    }

    fn stop(&mut self, out: &mut Output) {
        for (_, instrument) in self.instruments.iter_mut() {
            instrument.trades.release_all(&mut self.backlog, out);
        }
        self.streams.close_all(out);
    }
}

fn clock_answered(sent: u64, now: u64, response: &Response, out: &mut Output) {
    let Ok(answer) = &response.outcome else {
        return;
    };
    if answer.status != 200 {
        return;
    }
    match parse::polled::server_time(&answer.body) {
        Ok(time) => ServerClock::tell(Some(sent), now, time, out),
        Err(refusal) => out.refused(&refusal),
    }
}
