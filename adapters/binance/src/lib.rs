//! The adapter of Binance spot: one state machine from the exchange's frames to trades and order books.
//!
//! `parse` knows the wire, `sync` keeps one book true, `trades` keeps trades in order and complete, `connections` says
//! what is listened to; this file tells each event to whom it concerns. Exchange: <https://developers.binance.com/docs/binance-spot-api-docs>
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
mod connections;
mod instruments;
#[doc(hidden)]
pub mod parse;
mod session;
mod settings;
mod sync;
mod trades;

use marketprism_kit::wit::{Description, Event, LogLevel, MarketType, Response, Start};
use marketprism_kit::{Adapter, Output, Refusal, names, wit};

use connections::{CONNECTIONS_MAX, Connections};
pub use instruments::{Instrument, Instruments};
use parse::{Asked, Changes, Message, TradeMade};
use session::{Alarm, Session};
use settings::Method;
pub use settings::{Settings, TradeStream};
use sync::BookSync;
use trades::Backlog;

/// The one value of a block's `exchange` that is served.
const VENUE: &str = "binance_spot";

/// What the exchange lets one address spend in a minute.
const REQUEST_WEIGHT_PER_MINUTE: u32 = 6_000;

/// Where an answer tells how much of that was spent in the running minute.
/// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits>
const USED_WEIGHT_HEADER: &str = "X-MBX-USED-WEIGHT-1M";

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
            venues: texts(&[VENUE]),
            data_types: texts(&["orderbook", "trade"]),
            settings: texts(&settings::KEYS),
            connections_max: CONNECTIONS_MAX as u32,
            request_weight_per_minute: REQUEST_WEIGHT_PER_MINUTE,
            used_weight_header: Some(USED_WEIGHT_HEADER.to_owned()),
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
    session: Session,
    instruments: Instruments,
    connections: Connections,
    changes: Changes,
    backlog: Backlog,
}

impl Running {
    fn start(now: u64, start: &Start, out: &mut Output) -> Self {
        let settings = Settings::read(&start.settings, out);
        let mut running = Self {
            session: Session::new(settings, start.seed),
            instruments: Instruments::default(),
            connections: Connections::default(),
            changes: Changes::default(),
            backlog: Backlog::default(),
        };
        running.collect(now, &start.instruments, out);
        running.set_interval_alarm(now, out);
        running
    }

    fn handle(&mut self, now: u64, event: &Event, out: &mut Output) {
        match event {
            Event::Frame(frame) => self.frame(now, &frame.data, out),
            Event::Alarm(number) => self.alarm(now, *number, out),
            Event::Response(response) => self.response(now, response, out),
            Event::Opened(connection) => self.opened(now, *connection, out),
            Event::Closed(closed) => self.closed(now, closed.connection, out),
            Event::SymbolsChanged(names) => self.symbols_changed(now, names, out),
            Event::ReportWanted(levels) => self.report(*levels as usize, out),
            Event::Stop => self.stop(out),
            Event::Start(_) => {}
        }
    }

    fn frame(&mut self, now: u64, data: &[u8], out: &mut Output) {
        let asked = Asked::new(&self.instruments, &self.session.settings);
        let refusal = match parse::frame(data, asked, &mut self.changes) {
            Ok(Message::Depth(update)) => {
                let mut cx = self.session.at(now);
                let instrument = self.instruments.get_mut(update.instrument);
                let heard = instrument.map_or(Ok(()), |instrument| {
                    instrument.book_heard = Some(now);
                    let book = instrument.book.as_mut();
                    book.map_or(Ok(()), |book| {
                        book.update(&mut cx, &update, &self.changes, out)
                    })
                });
                heard.err()
            }
            Ok(Message::Trade(trade)) => self.trade(now, &trade, out).err(),
            Ok(Message::Ignored) => {
                out.ignored();
                None
            }
            Ok(Message::Shutdown) => {
                out.log(
                    LogLevel::Info,
                    "the exchange will close this connection soon",
                );
                None
            }
            Err(refusal) => Some(refusal),
        };
        if let Some(refusal) = refusal {
            out.refused(&refusal);
        }
    }

    fn trade(&mut self, now: u64, trade: &TradeMade, out: &mut Output) -> Result<(), Refusal> {
        let Some(instrument) = self.instruments.get_mut(trade.instrument) else {
            return Ok(());
        };
        instrument.trades_heard = Some(now);
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

    fn alarm(&mut self, now: u64, number: u32, out: &mut Output) {
        let alarm = Alarm::of(number);
        let mut cx = self.session.at(now);
        let book = alarm.instrument().and_then(|id| {
            let instrument = self.instruments.get_mut(id)?;
            instrument.book.as_mut()
        });
        match (alarm, book) {
            (Alarm::Interval, _) => {
                for (_, instrument) in self.instruments.iter_mut() {
                    if let Some(book) = &instrument.book {
                        book.tick(&cx, out);
                    }
                }
                self.set_interval_alarm(now, out);
            }
            (Alarm::Turn, _) => {
                self.backlog.woken();
                self.send_for_trades(now, out);
            }
            (Alarm::Trades(id), _) => {
                if let Some(instrument) = self.instruments.get_mut(id) {
                    instrument.trades.woken(&cx, &mut self.backlog, out);
                }
                self.send_for_trades(now, out);
            }
            (Alarm::Snapshot(_), Some(book)) => book.retry(&mut cx, out),
            (Alarm::Quiet(_), Some(book)) => book.quiet(&mut cx, out),
            (Alarm::Whole(_), Some(book)) => book.renew(&cx, out),
            (_, None) => {}
        }
    }

    fn set_interval_alarm(&self, now: u64, out: &mut Output) {
        if let (Method::Interval(interval), true) =
            (self.session.settings.method, self.session.settings.books)
        {
            let next = (now / interval).saturating_add(1).saturating_mul(interval);
            out.wake_at(Alarm::Interval.number(), next);
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
            return;
        }
        for (_, instrument) in self.instruments.iter_mut() {
            let book = instrument.book.as_mut();
            if book.is_some_and(|book| book.answered(&mut cx, response, &mut self.changes, out)) {
                return;
            }
        }
    }

    fn opened(&mut self, now: u64, connection: u32, out: &mut Output) {
        self.connections.opened(connection);
        let cx = self.session.at(now);
        for book in carried(&mut self.instruments, connection) {
            book.opened(&cx, out);
        }
    }

    fn closed(&mut self, now: u64, connection: u32, out: &mut Output) {
        let cx = self.session.at(now);
        for book in carried(&mut self.instruments, connection) {
            book.lost(&cx, out);
        }
        self.connections
            .closed(connection, &self.instruments, &self.session.settings, out);
    }

    fn symbols_changed(&mut self, now: u64, names: &[String], out: &mut Output) {
        let wanted: Vec<_> = names.iter().map(|name| name.to_uppercase()).collect();
        for (_, instrument) in self.instruments.iter_mut() {
            if !wanted.contains(&instrument.symbol) {
                instrument.active = false;
                instrument.connection = None;
                instrument.book = None;
                instrument.trades.pause(&mut self.backlog, out);
            }
        }
        self.connections.close_empty(&self.instruments, out);
        self.collect(now, names, out);
    }

    /// Collects the instruments of these names that are not collected yet.
    fn collect(&mut self, now: u64, names: &[String], out: &mut Output) {
        let mut added = Vec::new();
        for name in names {
            let symbol = name.to_uppercase();
            if symbol.is_empty()
                || !symbol
                    .chars()
                    .all(|letter| letter.is_alphanumeric() || letter == '_')
            {
                out.log(
                    LogLevel::Error,
                    format_args!("{name:?} cannot be a symbol of Binance; left out"),
                );
                continue;
            }
            let known = self
                .instruments
                .by_symbol(&symbol)
                .map(|(id, it)| (id, it.active));
            let id = match known {
                Some((_, true)) => continue,
                Some((id, false)) => id,
                None => self.add(symbol, out),
            };
            added.push(id);
            let cx = self.session.at(now);
            let Some(instrument) = self.instruments.get_mut(id) else {
                continue;
            };
            instrument.active = true;
            if cx.settings.books {
                let mut book = BookSync::new(id, &instrument.symbol);
                book.start(&cx, out);
                instrument.book = Some(book);
            }
        }
        self.connections
            .carry(&added, &mut self.instruments, &self.session.settings, out);
    }

    fn add(&mut self, symbol: String, out: &mut Output) -> u32 {
        let id = self.instruments.next_id();
        out.declare(&wit::Instrument {
            id,
            exchange_symbol: symbol.clone(),
            exchange: "binance".to_owned(),
            market_type: MarketType::Spot,
            symbol: names::base_quote(&symbol),
        });
        self.instruments.add(Instrument::new(id, symbol));
        id
    }

    fn report(&self, levels: usize, out: &mut Output) {
        let all = self.instruments.iter();
        let active = all.filter(|(_, instrument)| instrument.active);
        let settings = &self.session.settings;
        out.report(
            active
                .map(|(id, it)| it.report(id, settings, levels))
                .collect(),
        );
    }

    fn stop(&mut self, out: &mut Output) {
        for (_, instrument) in self.instruments.iter_mut() {
            instrument.trades.release_all(&mut self.backlog, out);
        }
        self.connections.close_all(out);
    }
}

/// The books whose streams come through a connection.
fn carried(instruments: &mut Instruments, connection: u32) -> impl Iterator<Item = &mut BookSync> {
    instruments
        .iter_mut()
        .filter(move |(_, instrument)| {
            instrument.active && instrument.connection == Some(connection)
        })
        .filter_map(|(_, instrument)| instrument.book.as_mut())
}
