//! Plain lines for people: once a second, what a session does and how its books stand.

use std::fmt::Write as _;
use std::io::Write;

use serde_json::Value;

use crate::sandbox::contract::{InstrumentReport, unpack};
use crate::session::{Session, World};
use crate::wire::{digits, state_name};

/// Turns a session's counters into lines; remembers the figures of the last time.
pub struct View {
    output: Box<dyn Write>,
    last: Figures,
}

#[derive(Default)]
struct Figures {
    published: u64,
    events: u64,
    fuel: u64,
    seconds: f64,
}

impl View {
    /// A view that writes to `output`.
    pub fn new(output: Box<dyn Write>) -> Self {
        Self {
            output,
            last: Figures::default(),
        }
    }

    /// Writes the lines for now, `seconds` after the beginning. The session must have been asked for a report.
    ///
    /// An output that nobody reads any more is no reason to stop what is shown.
    pub fn show<W: World>(&mut self, session: &Session<W>, seconds: f64) {
        let lines = self.lines(session, seconds);
        let _ = writeln!(self.output, "{lines}").and_then(|()| self.output.flush());
    }

    /// Writes the summary.
    pub fn conclude(&mut self, summary: &Value) -> std::io::Result<()> {
        writeln!(self.output, "\n{}", in_words(summary))?;
        self.output.flush()
    }

    fn lines<W: World>(&mut self, session: &Session<W>, seconds: f64) -> String {
        let tally = session.tally();
        let published: u64 = tally.published.values().sum();
        let rate = |now: u64, before: u64| {
            (now - before) as f64 / (seconds - self.last.seconds).max(0.001)
        };
        let fuel_per_event =
            (tally.fuel - self.last.fuel).checked_div(tally.events - self.last.events);
        let mut text = String::new();
        let _ = write!(
            text,
            "{seconds:6.1} s  {:6.0} messages/s  adapter: {:.1} MiB, fuel {} an event, faults {}",
            rate(published, self.last.published),
            session.memory_bytes() as f64 / f64::from(1 << 20),
            fuel_per_event.unwrap_or(0),
            tally.faults,
        );
        let mut instruments: Vec<_> = session.instruments().collect();
        instruments.sort_by(|a, b| a.exchange_symbol.cmp(&b.exchange_symbol));
        for instrument in instruments {
            if let Some(report) = session.reports().get(&instrument.id) {
                text.push('\n');
                let _ = write!(
                    text,
                    "          {:<12} {}",
                    instrument.exchange_symbol,
                    book(report)
                );
            }
        }
        self.last = Figures {
            published,
            events: tally.events,
            fuel: tally.fuel,
            seconds,
        };
        text
    }
}

fn book(report: &InstrumentReport) -> String {
    let state = report.book_state.map_or("no book", state_name);
    let side = |packed: &[i64]| {
        unpack(packed).next().map_or_else(
            || "-".to_string(),
            |level| {
                let quantity = digits(level.quantity, level.quantity_scale);
                format!("{} x {quantity}", digits(level.price, level.price_scale))
            },
        )
    };
    format!(
        "{state:<9}  bid {:<28} ask {:<28} trades {:<7} updates {:<7} gaps {}",
        side(&report.bids),
        side(&report.asks),
        report.counters.trades,
        report.counters.updates_applied,
        report.counters.gaps,
    )
}

/// A summary for people, in a few lines.
fn in_words(summary: &Value) -> String {
    let mut text = String::new();
    let adapter = field(summary, "adapter");
    let _ = writeln!(
        text,
        "{} frames in {:.1} s through {} {}: {} ignored, {} refused, {} faults",
        field(summary, "frames"),
        field(summary, "elapsed_s").as_f64().unwrap_or(0.0),
        words(field(adapter, "name")),
        words(field(adapter, "version")),
        field(summary, "ignored_frames"),
        field(summary, "refused_frames"),
        field(summary, "faults"),
    );
    for (data_type, count) in members(summary, "published") {
        let _ = writeln!(text, "  {count:>8} {data_type} messages published");
    }
    for (symbol, instrument) in members(summary, "instruments") {
        let _ = writeln!(
            text,
            "  {symbol}: book {}, {} updates, {} gaps, {} trades of {} in all",
            words(field(instrument, "book_state")),
            field(instrument, "book_updates_applied"),
            field(instrument, "gaps"),
            field(instrument, "trades"),
            words(field(instrument, "trade_quantity")),
        );
    }
    text
}

fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

fn members<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    field(value, name).as_object().into_iter().flatten()
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or("none")
}
