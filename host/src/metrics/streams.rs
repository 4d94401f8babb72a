//! Each stream of each instrument by the judgement of its adapter, what cannot be collected, and how far the clocks of
//! the exchanges differ.

use std::sync::Arc;

use super::SERIES_MAX;
use super::family::Families;
use crate::sandbox::contract::StreamReport;
use crate::status::{InstrumentStatus, STREAM_STATES, SessionStatus, stream_state_name};

/// A stream and its labels.
struct Stream<'a> {
    labels: [(&'static str, &'a str); 3],
    report: &'a StreamReport,
}

pub(super) fn add(families: &mut Families, sessions: &[Arc<SessionStatus>]) {
    let instruments: Vec<(&str, &InstrumentStatus)> = sessions
        .iter()
        .flat_map(|session| {
            let instruments = session.instruments.iter();
            instruments.map(|instrument| (session.name.as_str(), instrument))
        })
        .take(SERIES_MAX)
        .collect();
    let streams: Vec<Stream<'_>> = instruments
        .iter()
        .flat_map(|(session, instrument)| {
            instrument.streams().map(|(data_type, report)| Stream {
                labels: [
                    ("exchange", *session),
                    ("symbol", instrument.names.exchange_symbol.as_str()),
                    ("data_type", data_type.name()),
                ],
                report,
            })
        })
        .take(SERIES_MAX)
        .collect();
    states(families, &streams);
    figures(families, &streams);
    problems(families, &instruments);
    clocks(families, sessions);
}

fn states(families: &mut Families, streams: &[Stream<'_>]) {
    let mut states = families.gauge(
        "marketprism_stream_state",
        "1 for the state that a stream is in, 0 for the others.",
    );
    for stream in streams {
        for state in STREAM_STATES {
            let [exchange, symbol, data_type] = stream.labels;
            let labels = [
                exchange,
                symbol,
                data_type,
                ("state", stream_state_name(state)),
            ];
            states.add_count(&labels, u64::from(stream.report.state == state));
        }
    }
}

fn figures(families: &mut Families, streams: &[Stream<'_>]) {
    let mut heard = families.gauge(
        "marketprism_stream_last_heard_timestamp_seconds",
        "When a stream last brought something usable.",
    );
    for stream in streams {
        if let Some(ns) = stream.report.heard {
            heard.add(&stream.labels, ns as f64 / 1e9);
        }
    }
    let mut limits = families.gauge(
        "marketprism_stream_silence_limit_seconds",
        "How long a stream may bring nothing before it counts as silent.",
    );
    for stream in streams {
        if let Some(ns) = stream.report.silence_max {
            limits.add(&stream.labels, ns as f64 / 1e9);
        }
    }
    let mut resubscriptions = families.counter(
        "marketprism_stream_resubscriptions_total",
        "How often a stream was asked for again because it was silent.",
    );
    for stream in streams {
        resubscriptions.add_count(&stream.labels, stream.report.resubscribed);
    }
}

fn problems(families: &mut Families, instruments: &[(&str, &InstrumentStatus)]) {
    let mut problems = families.gauge(
        "marketprism_instrument_problem",
        "1 when an instrument cannot be collected, else 0; the health page tells why.",
    );
    for (session, instrument) in instruments {
        if instrument.report.is_some() {
            let symbol = instrument.names.exchange_symbol.as_str();
            let labels = [("exchange", *session), ("symbol", symbol)];
            problems.add_count(&labels, u64::from(instrument.problem().is_some()));
        }
    }
}

fn clocks(families: &mut Families, sessions: &[Arc<SessionStatus>]) {
    let mut clocks = families.gauge(
        "marketprism_exchange_clock_difference_seconds",
        "The exchange's clock minus this machine's, as it was last measured.",
    );
    for session in sessions {
        if let Some(ns) = session.clock_difference {
            clocks.add(&[("exchange", &session.name)], ns as f64 / 1e9);
        }
    }
}
