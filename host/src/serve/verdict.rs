//! How well a session is, and why: pure, from its last status.

use std::time::Duration;

use crate::sandbox::contract::{BookState, StreamState};
use crate::status::{InstrumentStatus, SessionStatus, State, is_steady};
use crate::wire::state_name;

/// A session that has told nothing for this long hangs.
const SILENT_SESSION: Duration = Duration::from_secs(15);

/// Reasons of one kind that are told one by one.
const NAMED_MAX: usize = 10;

/// Characters of an exchange's words that are told.
const WORDS_MAX: usize = 120;

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

/// How well a session is, with every reason for not being healthy.
pub(super) fn of_session(session: &SessionStatus) -> (Verdict, Vec<String>) {
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
        books(session, &mut reasons);
        streams(session, &mut reasons);
    }
    if let Some(storing) = &session.outgoing.storing
        && let Some(problem) = &storing.problem
    {
        let text = format!("{} messages wait to be stored: {problem}", storing.waiting);
        reasons.add(Verdict::Degraded, text);
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

fn books(session: &SessionStatus, reasons: &mut Reasons) {
    let mut out_of_sync = Vec::new();
    for instrument in &session.instruments {
        let report = instrument.report.as_ref();
        if let Some(state) = report.and_then(|report| report.book_state)
            && state != BookState::Synced
            && instrument.problem().is_none()
        {
            let symbol = &instrument.names.exchange_symbol;
            out_of_sync.push(format!("{symbol} {}", state_name(state)));
        }
    }
    reasons.add_all("books not synced", &out_of_sync);
}

/// What the adapter says of its streams, and of what cannot be collected at all.
fn streams(session: &SessionStatus, reasons: &mut Reasons) {
    let (mut impossible, mut refused, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    for instrument in &session.instruments {
        let symbol = &instrument.names.exchange_symbol;
        if let Some(problem) = instrument.problem() {
            let words: String = problem.chars().take(WORDS_MAX).collect();
            impossible.push(format!("{symbol}: {words}"));
            continue;
        }
        for (data_type, stream) in instrument.streams() {
            let name = || format!("{symbol} {}", data_type.name());
            match stream.state {
                StreamState::Silent => silent.push(name()),
                StreamState::Refused => refused.push(name()),
                StreamState::Asked | StreamState::Live => {}
            }
        }
    }
    reasons.add_all("cannot be collected", &impossible);
    reasons.add_all("streams refused", &refused);
    reasons.add_all("streams silent", &silent);
    if is_cut_off(&session.instruments) {
        reasons.add(Verdict::Unhealthy, "nothing comes any more".to_owned());
    }
}

/// Whether nothing comes: every stream that is never quiet for long is dead; where there is none such, every stream.
fn is_cut_off(instruments: &[InstrumentStatus]) -> bool {
    if instruments.is_empty() {
        return false;
    }
    let mut streams = Vec::new();
    for instrument in instruments {
        let is_lost = instrument.problem().is_some();
        for (data_type, stream) in instrument.streams() {
            let is_dead = matches!(stream.state, StreamState::Silent | StreamState::Refused);
            streams.push((is_steady(data_type), is_lost || is_dead));
        }
    }
    let has_steady = streams.iter().any(|(is_steady, _)| *is_steady);
    streams.retain(|(is_steady, _)| *is_steady || !has_steady);
    if streams.is_empty() {
        return instruments.iter().all(|it| it.problem().is_some());
    }
    streams.iter().all(|(_, is_dead)| *is_dead)
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
    use crate::status::samples::{instrument, stream};
    use crate::wire::DataType;

    fn running() -> SessionStatus {
        SessionStatus {
            state: State::Running,
            connections_wanted: 2,
            connections_open: 2,
            ..SessionStatus::named("alpha")
        }
    }

    fn book(symbol: &str, state: BookState) -> InstrumentStatus {
        let mut book = instrument(symbol, &[stream(DataType::Orderbook, StreamState::Live)]);
        if let Some(report) = &mut book.report {
            report.book_state = Some(state);
        }
        book
    }

    fn streams(symbol: &str, states: &[(DataType, StreamState)]) -> InstrumentStatus {
        let streams: Vec<_> = states
            .iter()
            .map(|(kind, state)| stream(*kind, *state))
            .collect();
        instrument(symbol, &streams)
    }

    fn impossible(symbol: &str, problem: &str) -> InstrumentStatus {
        let mut instrument = instrument(symbol, &[]);
        if let Some(report) = &mut instrument.report {
            report.problem = Some(problem.to_owned());
        }
        instrument
    }

    fn judged(instruments: Vec<InstrumentStatus>) -> (Verdict, Vec<String>) {
        of_session(&SessionStatus {
            instruments,
            ..running()
        })
    }

    #[test]
    fn a_session_at_work_with_everything_open_and_synced_is_healthy() {
        let session = SessionStatus {
            instruments: vec![book("BTC", BookState::Synced)],
            ..running()
        };
        assert_eq!(of_session(&session), (Verdict::Healthy, vec![]));
    }

    #[test]
    fn what_is_missing_degrades_it_and_is_named() {
        let session = SessionStatus {
            connections_open: 1,
            instruments: vec![
                book("BTC", BookState::Resyncing),
                book("ETH", BookState::Stale),
                book("SOL", BookState::Synced),
            ],
            ..running()
        };
        let (verdict, reasons) = of_session(&session);
        assert_eq!(verdict, Verdict::Degraded);
        assert_eq!(
            reasons,
            [
                "1 of 2 connections are open",
                "books not synced: BTC resyncing, ETH stale",
            ]
        );
    }

    #[test]
    fn no_open_connection_and_a_failed_adapter_are_unhealthy() {
        let cut_off = SessionStatus {
            connections_open: 0,
            ..running()
        };
        assert_eq!(of_session(&cut_off).0, Verdict::Unhealthy);
        let failed = SessionStatus {
            state: State::Failed,
            ..running()
        };
        assert_eq!(of_session(&failed).0, Verdict::Unhealthy);
    }

    #[test]
    fn a_session_that_tells_nothing_hangs() {
        let posted = std::time::Instant::now().checked_sub(SILENT_SESSION + Duration::from_secs(1));
        let session = SessionStatus {
            posted: posted.unwrap(),
            ..running()
        };
        let (verdict, reasons) = of_session(&session);
        assert_eq!(verdict, Verdict::Unhealthy);
        assert!(
            reasons[0].starts_with("has told nothing for 16 s"),
            "{reasons:?}"
        );
    }

    #[test]
    fn of_many_books_only_some_are_named() {
        let books = (0..25).map(|n| book(&format!("S{n}"), BookState::Stale));
        let session = SessionStatus {
            instruments: books.collect(),
            ..running()
        };
        let (_, reasons) = of_session(&session);
        assert!(reasons[0].ends_with("S9 stale and 15 more"), "{reasons:?}");
    }

    #[test]
    fn silent_and_refused_streams_and_what_cannot_be_collected_are_named_and_the_others_run_on() {
        use StreamState::{Asked, Live, Refused, Silent};
        let (verdict, reasons) = judged(vec![
            streams(
                "BTC",
                &[(DataType::Orderbook, Live), (DataType::Trade, Silent)],
            ),
            streams(
                "ETH",
                &[(DataType::Trade, Asked), (DataType::FundingRate, Silent)],
            ),
            streams("SOL", &[(DataType::Liquidation, Refused)]),
            impossible("FOO", "Invalid symbol"),
        ]);
        assert_eq!(verdict, Verdict::Degraded);
        assert_eq!(
            reasons,
            [
                "cannot be collected: FOO: Invalid symbol",
                "streams refused: SOL liquidation",
                "streams silent: BTC trade, ETH funding_rate",
            ]
        );
    }

    #[test]
    fn when_every_pushed_stream_is_silent_a_polled_one_does_not_save_the_session() {
        use StreamState::{Live, Refused, Silent};
        let polled = (DataType::OpenInterest, Live);
        let (verdict, reasons) = judged(vec![
            streams("BTC", &[(DataType::Orderbook, Silent), polled]),
            streams("ETH", &[(DataType::Trade, Refused), polled]),
        ]);
        assert_eq!(verdict, Verdict::Unhealthy);
        assert_eq!(
            reasons.last().map(String::as_str),
            Some("nothing comes any more")
        );
    }

    #[test]
    fn a_session_of_rare_types_only_lives_as_long_as_one_of_them() {
        use StreamState::{Live, Silent};
        let one = |state| streams("BTC", &[(DataType::VolatilityIndex, state)]);
        let two = |state| streams("ETH", &[(DataType::VolatilityIndex, state)]);
        assert_eq!(judged(vec![one(Silent), two(Live)]).0, Verdict::Degraded);
        assert_eq!(judged(vec![one(Silent), two(Silent)]).0, Verdict::Unhealthy);
    }

    #[test]
    fn a_session_of_which_nothing_can_be_collected_is_unhealthy_and_long_words_are_cut() {
        let (verdict, reasons) = judged(vec![impossible("FOO", &"x".repeat(5_000))]);
        assert_eq!(verdict, Verdict::Unhealthy);
        assert!(
            reasons.iter().all(|reason| reason.len() < 200),
            "{reasons:?}"
        );
    }
}
