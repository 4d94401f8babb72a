//! The adapter of Example, an exchange that does not exist. It has one stream: trades.
//!
//! `docs/adapter.md` explains it piece by piece.

mod parse;

use marketprism_kit::book::empty_report;
use marketprism_kit::settings::Reader;
use marketprism_kit::trades::{Ledger, Seen};
use marketprism_kit::wit::{
    Description, Event, Instrument, LogLevel, MarketType, Start, StreamReport, StreamState, Trade,
    Venue,
};
use marketprism_kit::{Adapter, Output};

/// The one value of a block's `exchange` that is served.
const VENUE: &str = "example";

/// The only connection.
const CONNECTION: u32 = 0;

/// The adapter.
#[derive(Debug, Default)]
pub struct Example {
    address: String,
    pairs: Vec<Pair>,
}

/// One instrument that is collected.
#[derive(Debug)]
struct Pair {
    name: String,
    active: bool,
    ledger: Ledger,
    heard: Option<u64>,
}

impl Adapter for Example {
    fn describe() -> Description {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        Description {
            name: "example".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            venues: vec![Venue {
                name: VENUE.to_owned(),
                request_weight_per_minute: 0,
                used_weight_header: None,
                connections_max: 0,
                connects: None,
            }],
            data_types: texts(&["trade"]),
            settings: texts(&["exchange", "market_type", "data_types", "api.ws_url"]),
            connections_max: 1,
        }
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, now: u64, event: &Event, out: &mut Output) {
        match event {
            Event::Start(start) => self.start(start, out),
            Event::Opened(_) => self.subscribe(out),
            Event::Frame(frame) => self.frame(now, &frame.data, out),
            // The host spaces the attempts.
            Event::Closed(_) => out.connect(CONNECTION, &self.address),
            Event::SymbolsChanged(names) => {
                self.collect(names, out);
                self.subscribe(out);
            }
            Event::ReportWanted(_) => self.report(out),
            Event::Stop => out.close(CONNECTION),
            // It polls nothing and keeps no book: one that stands by does the same as any other.
            Event::Promoted | Event::Alarm(_) | Event::Response(_) => {}
        }
    }
}

impl Example {
    fn start(&mut self, start: &Start, out: &mut Output) {
        let mut reader = Reader::new(&start.settings, out);
        self.address = reader.address("api.ws_url", "wss://stream.example.org/trades");
        self.collect(&start.instruments, out);
        out.connect(CONNECTION, &self.address);
    }

    /// Collects these instruments and no other.
    fn collect(&mut self, names: &[String], out: &mut Output) {
        for pair in &mut self.pairs {
            pair.active = names.contains(&pair.name);
        }
        for name in names {
            if self.pairs.iter().any(|pair| pair.name == *name) {
                continue;
            }
            out.declare(&Instrument {
                id: self.pairs.len() as u32,
                exchange_symbol: name.clone(),
                exchange: "example".to_owned(),
                market_type: MarketType::Spot,
                symbol: name.replace('/', "-"),
            });
            self.pairs.push(Pair {
                name: name.clone(),
                active: true,
                ledger: Ledger::default(),
                heard: None,
            });
        }
    }

    fn subscribe(&self, out: &mut Output) {
        let active = self.pairs.iter().filter(|pair| pair.active);
        let names: Vec<_> = active.map(|pair| format!("\"{}\"", pair.name)).collect();
        out.send(CONNECTION, &format!("{{\"want\":[{}]}}", names.join(",")));
    }

    fn frame(&mut self, now: u64, data: &[u8], out: &mut Output) {
        let made = match parse::trade(data) {
            Ok(made) => made,
            Err(refusal) => return out.refused(&refusal),
        };
        let mut pairs = (0..).zip(&mut self.pairs);
        let found = pairs.find(|(_, pair)| pair.active && pair.name == made.pair);
        let Some((instrument, pair)) = found else {
            return out.ignored();
        };
        pair.heard = Some(now);
        if pair.ledger.see(made.id) == Seen::Duplicate {
            return;
        }
        out.trade(Trade {
            instrument,
            sequence: made.id,
            id: None,
            time: made.time,
            price: made.price,
            quantity: made.quantity,
            quantity_base: None,
            side: made.side,
        });
    }

    fn report(&self, out: &mut Output) {
        let mut reports = Vec::new();
        for (instrument, pair) in (0..).zip(&self.pairs).filter(|(_, pair)| pair.active) {
            let mut report = empty_report(instrument);
            report.counters.trades = pair.ledger.received();
            report.counters.duplicate_trades = pair.ledger.duplicates();
            report.counters.missing_trades = pair.ledger.missing();
            report.streams.push(StreamReport {
                data_type: "trade".to_owned(),
                state: match pair.heard {
                    Some(_) => StreamState::Live,
                    None => StreamState::Asked,
                },
                heard: pair.heard,
                silence_max: None,
                resubscribed: 0,
            });
            reports.push(report);
        }
        if reports.is_empty() {
            out.log(LogLevel::Warn, "nothing is collected");
        }
        out.report(reports);
    }
}
