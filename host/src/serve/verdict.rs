//! How well a session is, and why: pure, from its last status.

use std::time::Duration;

use crate::sandbox::contract::{BookState, StreamReport};
use crate::status::{SessionStatus, State};
use crate::wire::state_name;

/// A session that has told nothing for this long hangs.
const SILENT_SESSION: Duration = Duration::from_secs(15);

/// A book's stream is silent when it brings nothing for this long.
const SILENT_BOOK_NS: u64 = 60_000_000_000;

/// Reasons of one kind that are told one by one.
const NAMED_MAX: usize = 10;

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// As it should be.
    Healthy,
    /// At work, with something missing.
    Degraded,
    /// Not at work.
    Unhealthy,
}

impl Verdict {
    /// The word on the page.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// How well a session is, with every reason for not being healthy. `now` is in nanoseconds since the epoch.
pub(super) fn of_session(session: &SessionStatus, now: u64) -> (Verdict, Vec<String>) {
    let mut reasons = Reasons::default();
    match session.state {
        State::Running => {}
        State::Starting => reasons.add(Verdict::Degraded, "starting".to_owned()),
        State::Restarting => reasons.add(
            Verdict::Degraded,
            "its adapter was stopped by a fault and starts again".to_owned(),
        ),
        State::Degraded => reasons.add(
            Verdict::Degraded,
            format!(
                "its adapter uses {:.1} MiB, above the soft limit of {} MiB",
                session.memory_bytes as f64 / f64::from(1 << 20),
                session.limits.memory_soft_mb
            ),
        ),
        State::Failed => reasons.add(
            Verdict::Unhealthy,
            "its adapter was stopped too often and stays down".to_owned(),
        ),
        State::Stopping => reasons.add(Verdict::Degraded, "stopping".to_owned()),
        // As it was asked to be.
        State::Stopped => reasons.add(Verdict::Healthy, "stopped".to_owned()),
    }
    let silent = session.posted.elapsed();
    let should_report = !matches!(
        session.state,
        State::Failed | State::Stopped | State::Restarting
    );
    if silent > SILENT_SESSION && should_report {
        reasons.add(
            Verdict::Unhealthy,
            format!("has told nothing for {} s", silent.as_secs()),
        );
    }
    if session.state.is_at_work() {
        connections(session, &mut reasons);
        books(session, now, &mut reasons);
    }
    (reasons.worst, reasons.texts)
}

fn connections(session: &SessionStatus, reasons: &mut Reasons) {
    let (wanted, open) = (session.connections_wanted, session.connections_open);
    if wanted == 0 || open == wanted {
        return;
    }
    let verdict = if open == 0 {
        Verdict::Unhealthy
    } else {
        Verdict::Degraded
    };
    reasons.add(verdict, format!("{open} of {wanted} connections are open"));
}

fn books(session: &SessionStatus, now: u64, reasons: &mut Reasons) {
    let mut out_of_sync = Vec::new();
    let mut silent = Vec::new();
    for instrument in &session.instruments {
        let symbol = &instrument.names.exchange_symbol;
        let Some(report) = &instrument.report else {
            continue;
        };
        if let Some(state) = report
            .book_state
            .filter(|state| *state != BookState::Synced)
        {
            out_of_sync.push(format!("{symbol} {}", state_name(state)));
        }
        let mut streams = report.streams.iter();
        if let Some(stream) = streams.find(|stream| stream.data_type == "orderbook")
            && is_silent(stream, now)
        {
            silent.push(symbol.clone());
        }
    }
    reasons.add_all("books not synced", &out_of_sync);
    reasons.add_all("book streams silent for more than 60 s", &silent);
}

/// Whether a book's stream that was heard once is heard no more.
pub(super) fn is_silent(stream: &StreamReport, now: u64) -> bool {
    stream
        .heard
        .is_some_and(|heard| now.saturating_sub(heard) > SILENT_BOOK_NS)
}

struct Reasons {
    worst: Verdict,
    texts: Vec<String>,
}

impl Default for Reasons {
    fn default() -> Self {
        Self {
            worst: Verdict::Healthy,
            texts: Vec::new(),
        }
    }
}

impl Reasons {
    fn add(&mut self, verdict: Verdict, text: String) {
        self.worst = self.worst.max(verdict);
        self.texts.push(text);
    }

    fn add_all(&mut self, what: &str, names: &[String]) {
        if names.is_empty() {
            return;
        }
        let named: Vec<&str> = names.iter().take(NAMED_MAX).map(String::as_str).collect();
        let more = names.len().saturating_sub(NAMED_MAX);
        let rest = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let text = format!("{what}: {}{rest}", named.join(", "));
        self.add(Verdict::Degraded, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::contract::{
        Counters, Instrument, InstrumentReport, MarketType, StreamState,
    };
    use crate::status::InstrumentStatus;

    const NOW: u64 = 1_000_000_000_000;

    fn running() -> SessionStatus {
        SessionStatus {
            state: State::Running,
            connections_wanted: 2,
            connections_open: 2,
            ..SessionStatus::named("alpha")
        }
    }

    fn book(symbol: &str, state: BookState, heard: u64) -> InstrumentStatus {
        InstrumentStatus {
            names: Instrument {
                id: 0,
                exchange_symbol: symbol.to_owned(),
                exchange: "alpha".to_owned(),
                market_type: MarketType::Spot,
                symbol: symbol.to_owned(),
            },
            report: Some(InstrumentReport {
                instrument: 0,
                problem: None,
                book_state: Some(state),
                last_update_id: None,
                counters: Counters {
                    trades: 0,
                    duplicate_trades: 0,
                    missing_trades: 0,
                    fetched_trades: 0,
                    updates_applied: 0,
                    gaps: 0,
                    resyncs: 0,
                },
                streams: vec![StreamReport {
                    data_type: "orderbook".to_owned(),
                    state: StreamState::Live,
                    heard: Some(heard),
                    silence_max: None,
                    resubscribed: 0,
                }],
                bids: Vec::new(),
                asks: Vec::new(),
                bid_levels: 0,
                ask_levels: 0,
            }),
        }
    }

    #[test]
    fn a_session_at_work_with_everything_open_and_synced_is_healthy() {
        let session = SessionStatus {
            instruments: vec![book("BTC", BookState::Synced, NOW)],
            ..running()
        };
        assert_eq!(of_session(&session, NOW), (Verdict::Healthy, vec![]));
    }

    #[test]
    fn what_is_missing_degrades_it_and_is_named() {
        let session = SessionStatus {
            connections_open: 1,
            instruments: vec![
                book("BTC", BookState::Resyncing, NOW),
                book("ETH", BookState::Stale, NOW),
                book("SOL", BookState::Synced, NOW - SILENT_BOOK_NS - 1),
            ],
            ..running()
        };
        let (verdict, reasons) = of_session(&session, NOW);
        assert_eq!(verdict, Verdict::Degraded);
        assert_eq!(
            reasons,
            [
                "1 of 2 connections are open",
                "books not synced: BTC resyncing, ETH stale",
                "book streams silent for more than 60 s: SOL",
            ]
        );
    }

    #[test]
    fn no_open_connection_and_a_failed_adapter_are_unhealthy() {
        let cut_off = SessionStatus {
            connections_open: 0,
            ..running()
        };
        assert_eq!(of_session(&cut_off, NOW).0, Verdict::Unhealthy);
        let failed = SessionStatus {
            state: State::Failed,
            ..running()
        };
        assert_eq!(of_session(&failed, NOW).0, Verdict::Unhealthy);
    }

    #[test]
    fn a_session_that_tells_nothing_hangs() {
        let posted = std::time::Instant::now().checked_sub(SILENT_SESSION + Duration::from_secs(1));
        let session = SessionStatus {
            posted: posted.unwrap(),
            ..running()
        };
        let (verdict, reasons) = of_session(&session, NOW);
        assert_eq!(verdict, Verdict::Unhealthy);
        assert!(
            reasons[0].starts_with("has told nothing for 16 s"),
            "{reasons:?}"
        );
    }

    #[test]
    fn of_many_books_only_some_are_named() {
        let books = (0..25).map(|n| book(&format!("S{n}"), BookState::Stale, NOW));
        let session = SessionStatus {
            instruments: books.collect(),
            ..running()
        };
        let (_, reasons) = of_session(&session, NOW);
        assert!(reasons[0].ends_with("S9 stale and 15 more"), "{reasons:?}");
    }
}
