//! Plain lines for people: once a second, what sessions do and how their books stand.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write;
use std::time::Instant;

use crate::sandbox::contract::{BookState, InstrumentReport, StreamState, unpack};
use crate::status::{InstrumentStatus, SessionStatus, stream_state_name};
use crate::wire::{digits, state_name};

/// Characters of an exchange's words that are shown.
const WORDS_MAX: usize = 80;

/// Turns the counters of sessions into lines; remembers the figures of the last time.
pub struct View {
    output: Box<dyn Write>,
    last: HashMap<String, Figures>,
}

#[derive(Default, Clone, Copy)]
struct Figures {
    published: u64,
    events: u64,
    fuel: u64,
    seconds: f64,
    /// When the life began that counted them.
    began: Option<Instant>,
}

impl View {
    /// A view that writes to `output`.
    pub fn new(output: Box<dyn Write>) -> Self {
        Self {
            output,
            last: HashMap::new(),
        }
    }

    /// Writes how a session stands, `seconds` after the beginning.
    ///
    /// An output that nobody reads any more is no reason to stop what is shown.
    pub fn show(&mut self, session: &SessionStatus, seconds: f64) {
        let lines = self.lines(session, seconds);
        let _ = self.write(&lines);
    }

    /// Writes a text.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.output, "{text}")?;
        self.output.flush()
    }

    fn lines(&mut self, session: &SessionStatus, seconds: f64) -> String {
        let tally = &session.tally;
        let published: u64 = tally.published.values().sum();
        let now = Figures {
            published,
            events: tally.events,
            fuel: tally.fuel,
            seconds,
            began: Some(session.began),
        };
        let before = self.last.insert(session.name.clone(), now);
        let before = before.unwrap_or_default();
        // Another life counts from nothing.
        let before = if before.began == now.began {
            before
        } else {
            Figures {
                seconds: before.seconds,
                ..Figures::default()
            }
        };
        let per_second =
            (published - before.published) as f64 / (seconds - before.seconds).max(0.001);
        let fuel_per_event = (tally.fuel - before.fuel).checked_div(tally.events - before.events);
        let mut text = String::new();
        let _ = write!(
            text,
            "{seconds:6.1} s  {}  {per_second:6.0} messages/s  adapter: {:.1} MiB, fuel {} an event, faults {}",
            session.name,
            session.memory_bytes as f64 / f64::from(1 << 20),
            fuel_per_event.unwrap_or(0),
            tally.faults,
        );
        let mut instruments: Vec<_> = session.instruments.iter().collect();
        instruments.sort_by(|a, b| a.names.exchange_symbol.cmp(&b.names.exchange_symbol));
        for instrument in instruments {
            if let Some(report) = &instrument.report {
                let symbol = &instrument.names.exchange_symbol;
                let line = match report.book_state {
                    Some(state) => book(state, report),
                    None => streams(instrument, report),
                };
                let _ = write!(text, "\n          {symbol:<12} {line}");
                text.push_str(&trouble(instrument));
            }
        }
        text
    }
}

/// What is wrong with an instrument, behind its line: why it cannot be collected, else which streams bring nothing.
fn trouble(instrument: &InstrumentStatus) -> String {
    if let Some(problem) = instrument.problem() {
        // They come from outside, and a terminal obeys control characters.
        let shown = problem.chars().filter(|it| !it.is_control());
        let words: String = shown.take(WORDS_MAX).collect();
        return format!("  cannot be collected: {words}");
    }
    let dead = instrument
        .streams()
        .filter(|(_, stream)| matches!(stream.state, StreamState::Silent | StreamState::Refused));
    dead.map(|(data_type, stream)| {
        format!("  {} {}", data_type.name(), stream_state_name(stream.state))
    })
    .collect()
}

/// An instrument of which no book is collected: what is, and how it stands.
fn streams(instrument: &InstrumentStatus, report: &InstrumentReport) -> String {
    let mut parts: Vec<_> = instrument
        .streams()
        .map(|(data_type, stream)| {
            format!("{} {}", data_type.name(), stream_state_name(stream.state))
        })
        .collect();
    if report.counters.trades > 0 {
        parts.push(format!("trades {}", report.counters.trades));
    }
    parts.join("  ")
}

fn book(state: BookState, report: &InstrumentReport) -> String {
    let state = state_name(state);
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
