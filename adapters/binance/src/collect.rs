//! Which instruments are collected: named, asked for, given up and taken up again.

use marketprism_kit::Output;
use marketprism_kit::streams::Expected;
use marketprism_kit::wit::{self, LogLevel};

use crate::Running;
use crate::checks::Check;
use crate::instruments::{Instrument, by_symbol, is_symbol};
use crate::parse::EVERYBODYS_FORCED;
use crate::settings::Forced;
use crate::streams::{MARKET, StreamIds};
use crate::sync::BookSync;

impl Running {
    /// Wants the stream of everybody's forced orders, where it is asked for.
    pub(crate) fn collect_forced_of_all(&mut self) {
        if self.session.settings.forced == Some(Forced::OfAll) {
            let stream = self.streams.add(MARKET, EVERYBODYS_FORCED, Expected::Rare);
            self.forced_of_all = Some(stream);
        }
    }

    /// The list of instruments to collect has changed.
    pub(crate) fn symbols_changed(&mut self, now: u64, names: &[String], out: &mut Output) {
        let wanted: Vec<_> = names.iter().map(|name| name.to_uppercase()).collect();
        for (id, instrument) in self.instruments.iter_mut() {
            if !instrument.active || wanted.contains(&instrument.symbol) {
                continue;
            }
            for stream in instrument.streams.all() {
                self.streams.remove(stream);
            }
            self.polled.remove(id, &mut instrument.known);
            instrument.active = false;
            instrument.is_forced_wanted = false;
            instrument.streams = StreamIds::default();
            instrument.book = None;
            instrument.check.clear();
            instrument.trades.pause(&mut self.backlog, out);
        }
        self.collect(now, names, out);
    }

    /// Collects the instruments of these names that are not collected yet.
    pub(crate) fn collect(&mut self, now: u64, names: &[String], out: &mut Output) {
        for name in names {
            let symbol = name.to_uppercase();
            if !is_symbol(&symbol) {
                out.log(
                    LogLevel::Error,
                    format_args!("{name:?} cannot be a symbol of Binance; left out"),
                );
                continue;
            }
            let known = by_symbol(&self.instruments, &symbol).map(|(id, it)| (id, it.active));
            let id = match known {
                Some((_, true)) => continue,
                Some((id, false)) => id,
                None => self.declare(symbol, out),
            };
            self.begin(now, id, names.len(), out);
        }
        let mut active = self.instruments.active();
        if self.session.settings.forced == Some(Forced::OfNamed)
            && !active.any(|(_, it)| it.is_forced_wanted)
        {
            out.log(
                LogLevel::Warn,
                "data_types.liquidation.symbols names none of the symbols; no forced orders come",
            );
        }
        self.streams.settle(now, &self.session.settings, out);
        let mut cx = self.session.at(now);
        self.polled.send(&mut cx, &self.instruments, out);
    }

    fn begin(&mut self, now: u64, id: u32, count: usize, out: &mut Output) {
        let cx = self.session.at(now);
        let Some(instrument) = self.instruments.get_mut(id) else {
            return;
        };
        let settings = cx.settings;
        instrument.active = true;
        instrument.is_forced_wanted = settings.wants_forced_of(&instrument.symbol);
        if settings.books {
            let mut book = BookSync::new(id, &instrument.symbol);
            book.start(&cx, out);
            instrument.book = Some(book);
        }
        instrument.streams = StreamIds::wanted(
            &mut self.streams,
            settings,
            &instrument.symbol,
            &instrument.stream,
        );
        self.polled.add(&cx, id, &instrument.symbol, count);
        // A depth snapshot and a polled answer say it too when a name is wrong.
        let is_polled = !settings.polled.is_empty() && !self.polled.is_standing_by();
        if !settings.books && !is_polled {
            Check::plan(&cx, id, out);
        }
    }

    /// Names a new instrument.
    pub(crate) fn declare(&mut self, symbol: String, out: &mut Output) -> u32 {
        let (id, venue) = (self.instruments.next_id(), self.session.settings.venue);
        out.declare(&wit::Instrument {
            id,
            exchange_symbol: symbol.clone(),
            exchange: "binance".to_owned(),
            market_type: venue.market_type(),
            symbol: venue.base_quote(&symbol),
        });
        self.instruments.add(Instrument::new(id, symbol));
        id
    }

    /// The exchange does not know an instrument: nothing is asked for it any more.
    pub(crate) fn unlisted(&mut self, now: u64, id: u32, why: String, out: &mut Output) {
        let cx = self.session.at(now);
        let Some(instrument) = self.instruments.get_mut(id).filter(|it| it.active) else {
            return;
        };
        if instrument.check.problem().is_none() {
            let symbol = &instrument.symbol;
            out.log(
                LogLevel::Error,
                format_args!("{symbol}: the exchange does not know it: {why}"),
            );
        }
        instrument.check.fail(&cx, id, why, out);
        for stream in instrument.streams.all() {
            self.streams.remove(stream);
        }
        self.polled.remove(id, &mut instrument.known);
        if let Some(book) = &mut instrument.book {
            book.unlisted(&cx, out);
        }
        self.streams.settle(now, &self.session.settings, out);
    }

    /// The exchange knows an instrument: one that it did not know is collected again.
    pub(crate) fn listed(&mut self, now: u64, id: u32, out: &mut Output) {
        let count = self.instruments.active().count();
        let Some(instrument) = self.instruments.get_mut(id) else {
            return;
        };
        if instrument.check.problem().is_none() {
            return;
        }
        let symbol = &instrument.symbol;
        out.log(
            LogLevel::Info,
            format_args!("{symbol}: the exchange knows it again"),
        );
        instrument.check.clear();
        self.begin(now, id, count, out);
        self.streams.settle(now, &self.session.settings, out);
        let mut cx = self.session.at(now);
        self.polled.send(&mut cx, &self.instruments, out);
    }
}
