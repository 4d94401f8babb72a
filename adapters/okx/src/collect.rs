//! Which instruments are collected: named, asked for, given up and taken up again.

use marketprism_kit::Output;
use marketprism_kit::streams::Expected;
use marketprism_kit::wit::{self, LogLevel};

use crate::instruments::{self, Instrument};
use crate::parse::stream_name;
use crate::streams::{LIQUIDATIONS, Words};
use crate::sync::BookSync;
use crate::{Running, address};

impl Running {
    pub(crate) fn symbols_changed(&mut self, now: u64, names: &[String], out: &mut Output) {
        let wanted: Vec<_> = names.iter().map(|name| name.to_uppercase()).collect();
        let mut dropped = Vec::new();
        for (id, instrument) in self.instruments.iter_mut() {
            if instrument.active && !wanted.contains(&instrument.name) {
                instrument.active = false;
                instrument.book = None;
                instrument.problem = None;
                instrument.trades.pause();
                dropped.extend(instrument.book_stream.take());
                dropped.extend(instrument.trade_stream.take());
                dropped.extend(instrument.liquidation_stream.take());
                self.polled.remove(id);
            }
        }
        for stream in dropped {
            // Forced orders of one kind come through one stream.
            let mut all = self.instruments.iter();
            if !all.any(|(_, it)| it.liquidation_stream == Some(stream)) {
                self.streams.remove(stream);
            }
        }
        self.collect(now, names, out);
    }

    /// Collects the instruments of these names that are not collected yet.
    pub(crate) fn collect(&mut self, now: u64, names: &[String], out: &mut Output) {
        for name in names {
            let name = name.to_uppercase();
            if address::is_name(&name) {
                self.collect_one(now, name, out);
            } else {
                out.log(
                    LogLevel::Error,
                    format_args!("{name:?} cannot be an instrument of OKX; left out"),
                );
            }
        }
        self.poll(now, out);
        let words = Words::of(&self.session.settings);
        self.streams.settle(now, &words, out);
    }

    fn collect_one(&mut self, now: u64, name: String, out: &mut Output) {
        let known = self.instruments.find(name.as_bytes()).map(|(id, _)| id);
        let id = known.unwrap_or_else(|| self.add(name, out));
        let settings = &self.session.settings;
        let Some(instrument) = self.instruments.get_mut(id).filter(|it| !it.active) else {
            return;
        };
        instrument.active = true;
        let mut stream = |channel: &str, of: &str, expected| {
            self.streams.add(0, &stream_name(channel, of), expected)
        };
        if settings.books {
            let mut book = BookSync::new(id, &instrument.name);
            book.start(now, out);
            instrument.book = Some(book);
            let stream = stream(&settings.channel, &instrument.name, Expected::Steady);
            instrument.book_stream = Some(stream);
        }
        if settings.trades {
            let stream = stream("trades", &instrument.name, Expected::Lively);
            instrument.trade_stream = Some(stream);
        }
        if settings.liquidations {
            let stream = stream(LIQUIDATIONS, instrument.kind.name(), Expected::Rare);
            instrument.liquidation_stream = Some(stream);
        }
        self.polled.add(now, id, instrument.kind, settings);
    }

    fn add(&mut self, name: String, out: &mut Output) -> u32 {
        let instrument = Instrument::new(name, self.session.settings.venue);
        let (name, kind) = (instrument.name.clone(), instrument.kind);
        let id = self.instruments.add(instrument);
        out.declare(&wit::Instrument {
            id,
            exchange: "okx".to_owned(),
            market_type: kind.market_type(),
            symbol: instruments::normalised(&name),
            exchange_symbol: name,
        });
        id
    }
}
