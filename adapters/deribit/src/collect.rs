//! Which instruments are collected: named, asked for, given up and taken up again.

use marketprism_kit::Output;
use marketprism_kit::streams::Expected;
use marketprism_kit::wit::{self, LogLevel, MarketType};

use crate::Running;
use crate::instruments::Instrument;
use crate::names::{self, Symbol};
use crate::sync::BookSync;

impl Running {
    pub(crate) fn symbols_changed(&mut self, now: u64, names: &[String], out: &mut Output) {
        let wanted = self.wanted(names);
        for (id, instrument) in self.instruments.iter_mut() {
            let is_wanted = wanted.iter().any(|(name, is_index)| {
                (name, *is_index) == (&instrument.name, instrument.is_index)
            });
            if is_wanted || !instrument.active {
                continue;
            }
            instrument.active = false;
            instrument.book = None;
            instrument.trades.pause(&mut self.backlog, out);
            let both = [
                instrument.book_stream.take(),
                instrument.trade_stream.take(),
            ];
            for stream in both.into_iter().flatten() {
                self.streams.remove(stream);
            }
            self.indices.remove(id);
        }
        self.collect(now, names, out);
    }

    /// What the configured symbols ask for: names, and whether each is a currency's index.
    fn wanted(&self, symbols: &[String]) -> Vec<(String, bool)> {
        let settings = &self.session.settings;
        let mut wanted = Vec::new();
        let mut want = |name: String, is_index| {
            if !wanted.contains(&(name.clone(), is_index)) {
                wanted.push((name, is_index));
            }
        };
        for symbol in symbols {
            match names::symbol(symbol) {
                Some((name, Symbol::Currency)) => {
                    if settings.has_streams() {
                        want(names::perpetual(&name), false);
                    }
                    if settings.volatility.is_some() {
                        want(name, true);
                    }
                }
                Some((name, Symbol::Instrument)) => want(name, false),
                None => {}
            }
        }
        wanted
    }

    /// Collects what these symbols ask for and is not collected yet.
    pub(crate) fn collect(&mut self, now: u64, symbols: &[String], out: &mut Output) {
        for symbol in symbols {
            if names::symbol(symbol).is_none() {
                out.log(
                    LogLevel::Error,
                    format_args!("{symbol:?} cannot be a name of Deribit; left out"),
                );
            }
        }
        for (name, is_index) in self.wanted(symbols) {
            let id = match self.instruments.find(name.as_bytes()).map(|(id, _)| id) {
                Some(id) if self.instruments.get(id).is_some_and(|it| it.active) => continue,
                Some(id) => id,
                None => self.add(name, is_index, out),
            };
            self.begin(now, id, out);
        }
        self.streams.settle(now, &self.rpc, out);
        let mut cx = self.session.at(now);
        self.indices.send(&mut cx, out);
        self.polled.send(&mut cx, out);
    }

    fn add(&mut self, name: String, is_index: bool, out: &mut Output) -> u32 {
        let id = self.instruments.next_id();
        out.declare(&wit::Instrument {
            id,
            exchange_symbol: name.clone(),
            exchange: "deribit".to_owned(),
            market_type: if is_index {
                MarketType::Options
            } else {
                names::market_type(&name)
            },
            symbol: name.to_uppercase(),
        });
        self.instruments.add(Instrument::new(id, name, is_index));
        id
    }

    /// Begins to collect an instrument or an index.
    fn begin(&mut self, now: u64, id: u32, out: &mut Output) {
        let cx = self.session.at(now);
        let Some(instrument) = self.instruments.get_mut(id) else {
            return;
        };
        instrument.active = true;
        if instrument.is_index {
            self.indices.add(now, id, &instrument.name);
            return;
        }
        if !cx.settings.has_streams() {
            instrument.problem = Some("only currencies have a volatility index");
            return;
        }
        let interval = &cx.settings.stream_interval;
        if cx.settings.books.is_some() {
            let mut book = BookSync::new(id, &instrument.name);
            book.start(&cx, out);
            instrument.book = Some(book);
            // Other books may stand still for hours.
            let expected = if instrument.name.ends_with("-PERPETUAL") {
                Expected::Steady
            } else {
                Expected::Lively
            };
            let channel = format!("book.{}.{interval}", instrument.name);
            instrument.book_stream = Some(self.streams.add(0, &channel, expected));
        }
        if cx.settings.trades {
            let channel = format!("trades.{}.{interval}", instrument.name);
            let stream = self.streams.add(0, &channel, Expected::Lively);
            instrument.trade_stream = Some(stream);
        }
        self.polled.list(now, &instrument.name);
    }
}
