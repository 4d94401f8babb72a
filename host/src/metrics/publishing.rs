//! What goes to NATS: by subject, by kind, and how long it took. These are the names that dashboards and alerts read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::SERIES_MAX;
use super::family::Families;
use crate::bus::{Storing, Subject};
use crate::distribution::Distribution;
use crate::status::SessionStatus;
use crate::wire::DataType;

/// The subject under which those beyond the limit are told together.
const OTHER: &str = "other";

pub(super) fn add(families: &mut Families, sessions: &[Arc<SessionStatus>]) {
    let mut subjects: Vec<(&str, &Subject)> = sessions
        .iter()
        .flat_map(|session| &session.outgoing.delivered.subjects)
        .map(|(name, subject)| (&**name, subject))
        .collect();
    subjects.sort_unstable_by_key(|(name, _)| *name);
    by_subject(families, &subjects);
    by_kind(families, &subjects);
    failures(families, sessions);
    waiting(families, sessions);
    storing(families, sessions);
}

fn by_subject(families: &mut Families, subjects: &[(&str, &Subject)]) {
    let told = subjects.get(..SERIES_MAX).unwrap_or(subjects);
    let rest = subjects.get(SERIES_MAX..).unwrap_or_default();
    let mut messages = families.counter(
        "marketprism_nats_messages_published_total",
        "Messages handed to NATS, by subject.",
    );
    for (name, subject) in told {
        messages.add_count(&[("subject", name)], subject.messages);
    }
    if !rest.is_empty() {
        let count = rest.iter().map(|(_, subject)| subject.messages).sum();
        messages.add_count(&[("subject", OTHER)], count);
    }
    let mut durations = families.histogram(
        "marketprism_nats_publish_duration_seconds",
        "Time from a message being written to its being handed to NATS, by subject.",
    );
    for (name, subject) in told {
        durations.add_durations(&[("subject", name)], &subject.waited);
    }
    let mut left = Distribution::default();
    for (_, subject) in rest {
        left.merge(&subject.waited);
    }
    if left.count() > 0 {
        durations.add_durations(&[("subject", OTHER)], &left);
    }
}

fn by_kind(families: &mut Families, subjects: &[(&str, &Subject)]) {
    let mut counts: BTreeMap<(&str, &str, DataType), u64> = BTreeMap::new();
    let mut lasts: BTreeMap<(&str, DataType), u64> = BTreeMap::new();
    for (_, subject) in subjects {
        let source = &*subject.source;
        let kind = (
            source.exchange.as_str(),
            source.market_type,
            subject.data_type,
        );
        *counts.entry(kind).or_default() += subject.messages;
        let last = lasts
            .entry((&source.exchange, subject.data_type))
            .or_default();
        *last = subject.last_ns.max(*last);
    }
    let mut labelled = families.counter(
        "marketprism_nats_messages_published_labeled_total",
        "Messages handed to NATS, by exchange, market type and data type.",
    );
    for ((exchange, market_type, data_type), count) in &counts {
        let labels = [
            ("exchange", *exchange),
            ("market_type", *market_type),
            ("data_type", data_type.name()),
        ];
        labelled.add_count(&labels, *count);
    }
    let mut by_type: BTreeMap<(&str, DataType), u64> = BTreeMap::new();
    for ((exchange, _, data_type), count) in &counts {
        *by_type.entry((exchange, *data_type)).or_default() += count;
    }
    let mut data = families.counter(
        "marketprism_data_count_total",
        "Messages handed to NATS, by exchange and data type.",
    );
    for ((exchange, data_type), count) in &by_type {
        let labels = [("exchange", *exchange), ("data_type", data_type.name())];
        data.add_count(&labels, *count);
    }
    let mut last_success = families.gauge(
        "marketprism_collector_last_success_timestamp_seconds",
        "When a message was last handed to NATS, by exchange and data type.",
    );
    for ((exchange, data_type), last_ns) in &lasts {
        let labels = [("exchange", *exchange), ("data_type", data_type.name())];
        last_success.add(&labels, *last_ns as f64 / 1e9);
    }
}

fn failures(families: &mut Families, sessions: &[Arc<SessionStatus>]) {
    let mut failed: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for session in sessions {
        for ((subject, reason), count) in &session.outgoing.delivered.failed {
            let is_room = failed.len() < SERIES_MAX;
            let subject = if is_room { subject } else { OTHER };
            *failed.entry((subject, reason)).or_default() += count;
        }
    }
    let mut errors = families.counter(
        "marketprism_nats_publish_errors_total",
        "Messages that NATS did not take, by subject and reason.",
    );
    for ((subject, reason), count) in failed {
        errors.add_count(&[("subject", subject), ("error_type", reason)], count);
    }
}

fn waiting(families: &mut Families, sessions: &[Arc<SessionStatus>]) {
    let wanted: Vec<bool> = sessions
        .iter()
        .filter_map(|session| session.outgoing.connected)
        .collect();
    if !wanted.is_empty() {
        let all = wanted.iter().all(|connected| *connected);
        families
            .gauge(
                "marketprism_nats_connected",
                "1 when every session is connected to NATS, else 0.",
            )
            .add(&[], f64::from(u8::from(all)));
    }
    families.gauge_of(
        sessions,
        "marketprism_outbox_messages",
        "Messages that wait to be handed to NATS.",
        |session| session.outgoing.waiting as f64,
    );
    families.gauge_of(
        sessions,
        "marketprism_outbox_bytes",
        "Payload of the messages that wait to be handed to NATS.",
        |session| session.outgoing.waiting_bytes as f64,
    );
    families.counter_of(
        sessions,
        "marketprism_outbox_superseded_total",
        "Books that were replaced by a newer one of their subject before they could be handed to NATS.",
        |session| session.outgoing.superseded,
    );
    let mut dropped = families.counter(
        "marketprism_outbox_dropped_total",
        "Messages that were lost, because the outbox was full or no NATS server is configured.",
    );
    for session in sessions {
        for data_type in session.tally.published.keys() {
            let count = session.outgoing.dropped.get(data_type).copied();
            let labels = [
                ("session", session.name.as_str()),
                ("data_type", data_type.name()),
                ("reason", "no_room"),
            ];
            dropped.add_count(&labels, count.unwrap_or(0));
        }
        let labels = [
            ("session", session.name.as_str()),
            ("data_type", "any"),
            ("reason", "no_server"),
        ];
        dropped.add_count(&labels, session.outgoing.delivered.discarded);
    }
    families.histogram_of(
        sessions,
        "marketprism_frame_to_nats_duration_seconds",
        "Time from a frame being read to the messages made of it being handed to NATS.",
        |session| &session.outgoing.delivered.latency,
    );
}

/// Name and help of a metric, and where its figure is.
type Figure = (&'static str, &'static str, fn(&Storing) -> u64);

/// What sessions leave to be stored by streams.
fn storing(families: &mut Families, sessions: &[Arc<SessionStatus>]) {
    let all: Vec<(&str, &Storing)> = sessions
        .iter()
        .filter_map(|it| Some((it.name.as_str(), it.outgoing.storing.as_ref()?)))
        .collect();
    let figures: [Figure; 4] = [
        (
            "marketprism_spool_messages",
            "Messages that are not known to be stored by a stream.",
            |it| it.waiting,
        ),
        (
            "marketprism_spool_memory_messages",
            "Those of them that the disk did not take, and that end with the process.",
            |it| it.unspooled,
        ),
        (
            "marketprism_spool_bytes",
            "Size of the files in which messages wait to be stored.",
            |it| it.spool_bytes,
        ),
        (
            "marketprism_jetstream_unacknowledged_messages",
            "Messages that were sent to a stream and wait for its acknowledgement.",
            |it| it.unacknowledged,
        ),
    ];
    for (name, help, value) in figures {
        let mut gauge = families.gauge(name, help);
        for (session, storing) in &all {
            gauge.add_count(&[("session", session)], value(storing));
        }
    }
    let counts: [Figure; 3] = [
        (
            "marketprism_jetstream_stored_total",
            "Messages that a stream has stored.",
            |it| it.stored,
        ),
        (
            "marketprism_jetstream_known_total",
            "Messages that were there already, by their id.",
            |it| it.known,
        ),
        (
            "marketprism_jetstream_resent_total",
            "Messages that were sent to a stream again.",
            |it| it.resent,
        ),
    ];
    for (name, help, value) in counts {
        let mut counter = families.counter(name, help);
        for (session, storing) in &all {
            counter.add_count(&[("session", session)], value(storing));
        }
    }
    let mut dropped = families.counter(
        "marketprism_spool_dropped_total",
        "Messages for streams that were lost, by reason.",
    );
    for (session, storing) in &all {
        for reason in Storing::REASONS {
            let count = storing.dropped.get(reason).copied().unwrap_or(0);
            dropped.add_count(&[("session", session), ("reason", reason)], count);
        }
    }
    if let Some((_, storing)) = all.first() {
        families
            .counter(
                "marketprism_jetstream_stream_failures_total",
                "Attempts to make a stream or to bring it up to date that failed.",
            )
            .add_count(&[], storing.stream_failures);
    }
}
