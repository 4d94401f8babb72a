//! An adapter that misbehaves as its settings say; otherwise it publishes one trade per frame.
//!
//! | setting | meaning | default |
//! |---|---|---|
//! | `misbehaviour` | what it does, a name of [`Misbehaviour::NAMED`] | `well_behaved` |
//! | `when` | at which events: `start`, `frame`, `alarm`, `report`, `promoted`, `stop` | `frame` |
//! | `after` | how many of these events it takes well first | 0 |
//! | `amount` | how much: bytes, mebibytes, actions, rounds of work | by misbehaviour |
//! | `address` | what `ask_forbidden` asks for | `wss://forbidden.example/` |
//! | `stream` | a WebSocket address that it opens at the start | none |

use std::hint::black_box;

use marketprism_kit::book::empty_report;
use marketprism_kit::wit::{
    Decimal, Description, Event, Instrument, LogLevel, MarketType, Side, Start, Trade, Venue,
};
use marketprism_kit::{Adapter, Output, bindings, names};
use serde_json::Value;

marketprism_kit::export_adapter!(Hostile);

const MEBIBYTE: usize = 1 << 20;

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Misbehaviour {
    /// None: the neighbour that must not be harmed.
    WellBehaved,
    /// Never returns.
    Spin,
    /// Allocates `amount` mebibytes (1024) at once, then goes on.
    GrowOnce,
    /// Leaks `amount` mebibytes (1) per event, then goes on.
    GrowSlowly,
    /// Leaks one mebibyte after another within one event.
    GrowInLoop,
    /// Panics with a message.
    Panic,
    /// Runs out of stack.
    Recurse,
    /// Returns `amount` (100,000) actions, each harmless.
    ManyActions,
    /// Returns one trade whose id has `amount` (16 Mi) bytes.
    ManyBytes,
    /// Calls the imported `log` for ever.
    LogFlood,
    /// Calls the imported `log` once with `amount` (1 Mi) bytes, then goes on.
    HugeLogLine,
    /// Asks for `address`.
    AskForbidden,
    /// Publishes a trade of an instrument that it never declared.
    UndeclaredInstrument,
    /// Publishes a trade whose price has 200 decimal places.
    BadDecimal,
    /// Traps without a word.
    Unreachable,
    /// Works `amount` (1,000,000) rounds, then goes on.
    SlowButLegal,
}

impl Misbehaviour {
    const NAMED: [(&str, Self); 16] = [
        ("well_behaved", Self::WellBehaved),
        ("spin", Self::Spin),
        ("grow_once", Self::GrowOnce),
        ("grow_slowly", Self::GrowSlowly),
        ("grow_in_loop", Self::GrowInLoop),
        ("panic", Self::Panic),
        ("recurse", Self::Recurse),
        ("many_actions", Self::ManyActions),
        ("many_bytes", Self::ManyBytes),
        ("log_flood", Self::LogFlood),
        ("huge_log_line", Self::HugeLogLine),
        ("ask_forbidden", Self::AskForbidden),
        ("undeclared_instrument", Self::UndeclaredInstrument),
        ("bad_decimal", Self::BadDecimal),
        ("unreachable", Self::Unreachable),
        ("slow_but_legal", Self::SlowButLegal),
    ];
}

/// The adapter.
#[derive(Debug)]
pub struct Hostile {
    misbehaviour: Misbehaviour,
    when: String,
    /// Events of the kind `when` to take well before the first bad one.
    patience: u64,
    amount: Option<usize>,
    address: String,
    instruments: u32,
    /// Trades published; their sequence too.
    trades: u64,
    /// What is kept for ever.
    leaked: Vec<Vec<u8>>,
}

impl Adapter for Hostile {
    fn describe() -> Description {
        Description {
            name: "hostile".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            venues: vec![Venue {
                name: "hostile".to_owned(),
                request_weight_per_minute: 1,
                used_weight_header: None,
                connections_max: 0,
                connects: None,
            }],
            data_types: vec!["trade".to_owned()],
            settings: [
                "misbehaviour",
                "when",
                "after",
                "amount",
                "address",
                "stream",
            ]
            .map(str::to_owned)
            .to_vec(),
            connections_max: 1,
        }
    }

    fn new() -> Self {
        Self {
            misbehaviour: Misbehaviour::WellBehaved,
            when: String::new(),
            patience: 0,
            amount: None,
            address: String::new(),
            instruments: 0,
            trades: 0,
            leaked: Vec::new(),
        }
    }

    fn handle(&mut self, now: u64, event: &Event, out: &mut Output) {
        let kind = match event {
            Event::Start(start) => {
                self.start(start, out);
                "start"
            }
            Event::Frame(_) => "frame",
            Event::Alarm(_) => "alarm",
            Event::ReportWanted(_) => "report",
            Event::Promoted => "promoted",
            Event::Stop => "stop",
            Event::Opened(_) | Event::Closed(_) | Event::Response(_) | Event::SymbolsChanged(_) => {
                "other"
            }
        };
        if kind == self.when {
            if self.patience == 0 {
                self.misbehave(now, out);
            } else {
                self.patience -= 1;
            }
        }
        match event {
            Event::Frame(_) => self.trade(now, out),
            Event::ReportWanted(_) => self.report(out),
            _ => {}
        }
    }
}

impl Hostile {
    #[expect(
        clippy::panic,
        reason = "a test that asks for what does not exist shall hear it"
    )]
    fn start(&mut self, start: &Start, out: &mut Output) {
        let settings: Value = serde_json::from_str(&start.settings).unwrap_or_default();
        let text = |key: &str| settings.get(key).and_then(Value::as_str);
        let number = |key: &str| settings.get(key).and_then(Value::as_u64);

        let name = text("misbehaviour").unwrap_or("well_behaved");
        let Some((_, misbehaviour)) = Misbehaviour::NAMED.iter().find(|(known, _)| *known == name)
        else {
            panic!("no misbehaviour is called {name}");
        };
        self.misbehaviour = *misbehaviour;
        text("when").unwrap_or("frame").clone_into(&mut self.when);
        self.patience = number("after").unwrap_or(0);
        self.amount = number("amount").and_then(|amount| usize::try_from(amount).ok());
        text("address")
            .unwrap_or("wss://forbidden.example/")
            .clone_into(&mut self.address);

        for (id, symbol) in (0..).zip(&start.instruments) {
            out.declare(&Instrument {
                id,
                exchange_symbol: symbol.clone(),
                exchange: "hostile".to_owned(),
                market_type: MarketType::Spot,
                symbol: names::base_quote(symbol),
            });
            self.instruments = id + 1;
        }
        if let Some(stream) = text("stream") {
            out.connect(0, stream);
        }
    }

    fn misbehave(&mut self, now: u64, out: &mut Output) {
        let amount = |default| self.amount.unwrap_or(default);
        match self.misbehaviour {
            Misbehaviour::WellBehaved => {}
            Misbehaviour::Spin => spin(),
            Misbehaviour::GrowOnce => self.leak(amount(1024)),
            Misbehaviour::GrowSlowly => self.leak(amount(1)),
            Misbehaviour::GrowInLoop => loop {
                self.leak(1);
            },
            Misbehaviour::Panic => panic_as_asked(),
            Misbehaviour::Recurse => {
                black_box(recurse(1));
            }
            Misbehaviour::ManyActions => {
                for _ in 0..amount(100_000) {
                    // One alarm again and again: costs the host nothing but the action.
                    out.wake_at(0, now + 3_600_000_000_000);
                }
            }
            Misbehaviour::ManyBytes => {
                let id = "x".repeat(amount(16 * MEBIBYTE));
                out.trade(Trade {
                    id: Some(id),
                    ..trade(0, now)
                });
            }
            Misbehaviour::LogFlood => loop {
                bindings::log(LogLevel::Info, "again");
            },
            Misbehaviour::HugeLogLine => {
                bindings::log(LogLevel::Info, &"x".repeat(amount(MEBIBYTE)));
            }
            Misbehaviour::AskForbidden => {
                if self.address.starts_with("http") {
                    out.request(0, &self.address, 1, "trade", None);
                } else {
                    out.connect(1, &self.address);
                }
            }
            Misbehaviour::UndeclaredInstrument => out.trade(Trade {
                instrument: self.instruments,
                ..trade(0, now)
            }),
            Misbehaviour::BadDecimal => out.trade(Trade {
                price: Decimal {
                    mantissa: 1,
                    scale: 200,
                },
                ..trade(0, now)
            }),
            Misbehaviour::Unreachable => std::process::abort(),
            Misbehaviour::SlowButLegal => {
                black_box((0..amount(1_000_000)).fold(1, |hash: u64, round| {
                    black_box(hash.rotate_left(7) ^ round as u64)
                }));
            }
        }
    }

    /// Takes memory and never gives it back.
    fn leak(&mut self, mebibytes: usize) {
        let memory = Vec::with_capacity(mebibytes.saturating_mul(MEBIBYTE));
        self.leaked.push(black_box(memory));
    }

    fn trade(&mut self, now: u64, out: &mut Output) {
        if self.instruments > 0 {
            self.trades += 1;
            out.trade(trade(self.trades, now));
        }
    }

    fn report(&self, out: &mut Output) {
        let trades = |instrument| if instrument == 0 { self.trades } else { 0 };
        let reports = (0..self.instruments).map(|instrument| {
            let mut report = empty_report(instrument);
            report.counters.trades = trades(instrument);
            report
        });
        out.report(reports.collect());
    }
}

/// A lawful trade of the first instrument: 1.5 at 100.25.
fn trade(sequence: u64, time: u64) -> Trade {
    Trade {
        instrument: 0,
        sequence,
        id: None,
        time,
        price: Decimal {
            mantissa: 10_025,
            scale: 2,
        },
        quantity: Decimal {
            mantissa: 15,
            scale: 1,
        },
        quantity_base: None,
        side: Side::Buy,
    }
}

fn spin() -> ! {
    loop {
        black_box(());
    }
}

#[expect(clippy::panic, reason = "it is what was asked for")]
fn panic_as_asked() -> ! {
    panic!("hostile adapter panics as it was told");
}

#[expect(unconditional_recursion, reason = "it is what was asked for")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    let deeper = recurse(depth.wrapping_add(1));
    black_box(&frame)
        .iter()
        .fold(deeper, |sum, one| sum.wrapping_add(*one))
}
