//! The health document: the fields of the old collector, with the truth in them, and `mode` and `processes`.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::coverage::coverage;
use super::pages::timestamp;
use super::verdict::{self, Verdict};
use crate::bus::Storing;
use crate::process::{MachineFigures, ProcessFigures};
use crate::rest::HostUsage;
use crate::sandbox::contract::{BookState, InstrumentReport, unpack};
use crate::status::{Board, InstrumentStatus, SessionStatus, State, stream_state_name};
use crate::wire::{digits, iso_text, state_name};

/// A session with its verdict and the reasons for it.
struct Judged {
    session: Arc<SessionStatus>,
    verdict: Verdict,
    reasons: Vec<String>,
}

/// The document, from the board as it is now.
pub(super) fn document(board: &Board) -> Value {
    let begun = Instant::now();
    let now = now_ns();
    let judged: Vec<Judged> = board
        .sessions()
        .into_iter()
        .map(|session| {
            let (verdict, reasons) = verdict::of_session(&session);
            Judged {
                session,
                verdict,
                reasons,
            }
        })
        .collect();
    let checks = [nats_check(&judged), sessions_check(&judged)];
    let overall = checks
        .iter()
        .map(|(_, verdict, _)| *verdict)
        .max()
        .unwrap_or(Verdict::Unhealthy);
    let processes: Map<String, Value> = judged
        .iter()
        .map(|it| (it.session.name.clone(), process(board, it, now)))
        .collect();
    let healthy = judged
        .iter()
        .filter(|it| it.verdict != Verdict::Unhealthy)
        .count();
    json!({
        "status": overall.word(),
        "timestamp": timestamp(),
        "version": env!("CARGO_PKG_VERSION"),
        "uptime": board.uptime().as_secs_f64(),
        "mode": "multiprocess",
        "checks": checks.into_iter().map(|(name, verdict, details)| {
            (name.to_owned(), check(name, verdict, details, begun))
        }).collect::<Map<_, _>>(),
        "metrics": machine(board, &judged),
        "coverage": coverage(judged.iter().map(|it| &*it.session), now),
        "processes": processes,
        "request_budgets": board.budgets().iter().map(budget).collect::<Vec<_>>(),
        "summary": {
            "total_services": judged.len(),
            "healthy_services": healthy,
            "unhealthy_services": judged.len() - healthy,
            "check_duration": begun.elapsed().as_secs_f64(),
        },
    })
}

/// Whether every session that is to publish is connected to NATS.
pub(super) fn is_bus_connected(sessions: &[Arc<SessionStatus>]) -> bool {
    !sessions.is_empty()
        && sessions
            .iter()
            .all(|session| session.outgoing.connected != Some(false))
}

type Check = (&'static str, Verdict, Value);

fn check(name: &str, verdict: Verdict, details: Value, begun: Instant) -> Value {
    let message = details.get("problem").cloned().unwrap_or(Value::Null);
    json!({
        "name": name,
        "status": verdict.word(),
        "last_check": timestamp(),
        "response_time": begun.elapsed().as_secs_f64(),
        "error_message": message,
        "details": details,
    })
}

fn nats_check(judged: &[Judged]) -> Check {
    // A session that is stopped or has no server configured wants no connection, so it says nothing about NATS.
    let wanting: Vec<(&str, bool)> = judged
        .iter()
        .filter_map(|it| Some((it.session.name.as_str(), it.session.outgoing.connected?)))
        .collect();
    let away: Vec<&str> = wanting
        .iter()
        .filter(|(_, is_connected)| !is_connected)
        .map(|(name, _)| *name)
        .collect();
    let verdict = match away.len() {
        0 => Verdict::Healthy,
        some if some < wanting.len() => Verdict::Degraded,
        _ => Verdict::Unhealthy,
    };
    let problem = (!away.is_empty()).then(|| format!("not connected: {}", away.join(", ")));
    let details = json!({
        "connected": away.is_empty() && !wanting.is_empty(),
        "enabled": !wanting.is_empty(),
        "problem": problem,
    });
    ("nats", verdict, details)
}

fn sessions_check(judged: &[Judged]) -> Check {
    // What is stopped is so because somebody wants it; when all are, nothing is collected.
    let up = || {
        judged
            .iter()
            .filter(|it| it.session.state != State::Stopped)
    };
    let worst = up().map(|it| it.verdict).max();
    let best = up().map(|it| it.verdict).min();
    let verdict = match (best, worst) {
        (Some(Verdict::Healthy), Some(Verdict::Healthy)) => Verdict::Healthy,
        (None, _) | (Some(Verdict::Unhealthy), _) => Verdict::Unhealthy,
        _ => Verdict::Degraded,
    };
    let problems: Vec<String> = up()
        .filter(|it| !it.reasons.is_empty())
        .map(|it| format!("{}: {}", it.session.name, it.reasons.join("; ")))
        .collect();
    let problem = (!problems.is_empty()).then(|| problems.join(" | "));
    ("sessions", verdict, json!({ "problem": problem }))
}

fn machine(board: &Board, judged: &[Judged]) -> Value {
    let gb = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    let mb = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let percent = |part: u64, whole: u64| 100.0 * part as f64 / whole.max(1) as f64;
    let machine = MachineFigures::read();
    let process = ProcessFigures::read();
    let cpu: f64 = judged.iter().filter_map(|it| it.session.cpu_percent).sum();
    json!({
        "cpu_percent": cpu,
        "process_memory_mb": process.map(|it| mb(it.resident_bytes)),
        "open_descriptors": process.map(|it| it.open_descriptors),
        "threads": process.map(|it| it.threads),
        "memory_percent": machine.map(|it| percent(it.memory_used_bytes, it.memory_bytes)),
        "memory_used_mb": machine.map(|it| mb(it.memory_used_bytes)),
        "memory_total_mb": machine.map(|it| mb(it.memory_bytes)),
        "disk_percent": machine.map(|it| percent(it.disk_used_bytes, it.disk_bytes)),
        "disk_used_gb": machine.map(|it| gb(it.disk_used_bytes)),
        "disk_total_gb": machine.map(|it| gb(it.disk_bytes)),
        "uptime_seconds": board.uptime().as_secs_f64(),
        "process_count": judged.len(),
    })
}

fn process(board: &Board, judged: &Judged, now: u64) -> Value {
    let session = &*judged.session;
    let instruments: Map<String, Value> = session
        .instruments
        .iter()
        .map(|it| (it.names.exchange_symbol.clone(), instrument(it, now)))
        .collect();
    let dropped: u64 = session.outgoing.dropped.values().sum();
    let delivered = &session.outgoing.delivered;
    json!({
        "status": judged.verdict.word(),
        "problems": judged.reasons,
        "state": session.state.name(),
        "state_since": iso_text(to_ns(session.since)),
        "cpu_percent": session.cpu_percent,
        "memory_mb": session.memory_bytes as f64 / f64::from(1 << 20),
        "uptime_seconds": session.began.elapsed().as_secs_f64(),
        "status_age_seconds": session.posted.elapsed().as_secs_f64(),
        "adapter": {
            "name": session.adapter,
            "version": session.adapter_version,
            "sha256": session.adapter_sha256,
        },
        "operation": operation(board, &session.name),
        "restarts": session.history.restarts,
        "faults": session.history.faults,
        "last_fault": session.history.last_fault.as_ref().map(|(time, text)| json!({
            "time": iso_text(to_ns(*time)),
            "text": text,
        })),
        "connections": {
            "wanted": session.connections_wanted,
            "open": session.connections_open,
            "opened_total": session.sockets.opened,
            "attempts_failed_total": session.sockets.failures,
        },
        "clock_difference_seconds": session.clock_difference.map(|ns| ns as f64 / 1e9),
        "outbox": {
            "waiting": session.outgoing.waiting,
            "waiting_bytes": session.outgoing.waiting_bytes,
            "superseded_total": session.outgoing.superseded,
            "dropped_total": dropped + delivered.discarded,
            "failed_total": delivered.failed.values().sum::<u64>(),
            "jetstream": session.outgoing.storing.as_ref().map(storing),
        },
        "frames": {
            "received_total": session.tally.frames,
            "ignored_total": session.tally.ignored_frames,
            "refused_total": session.tally.refused_frames,
        },
        "instruments": instruments,
    })
}

/// What is being done to the adapter of a session, in short; null when nothing is. The session is no worse for it.
pub(super) fn operation(board: &Board, session: &str) -> Option<Value> {
    let operation = board.operations().under_way(session)?;
    Some(json!({
        "id": operation.id,
        "kind": operation.kind,
        "stage": operation.stage,
        "books": operation.books,
        "streams": operation.streams,
        "to": operation.to,
    }))
}

fn instrument(instrument: &InstrumentStatus, now: u64) -> Value {
    let Some(report) = &instrument.report else {
        return json!({ "problem": null, "streams": [] });
    };
    let counters = &report.counters;
    let streams = instrument.streams().map(|(data_type, stream)| {
        json!({
            "data_type": data_type.name(),
            "state": stream_state_name(stream.state),
            "age_seconds": stream.heard.map(|heard| seconds_since(heard, now)),
            "silence_max_seconds": stream.silence_max.map(|ns| ns as f64 / 1e9),
            "resubscribed_total": stream.resubscribed,
        })
    });
    json!({
        "problem": instrument.problem(),
        "streams": streams.collect::<Vec<_>>(),
        "book": report.book_state.map(|state| book(state, report)),
        "trades": {
            "published": counters.trades,
            "duplicates": counters.duplicate_trades,
            "missing": counters.missing_trades,
            "fetched": counters.fetched_trades,
        },
    })
}

fn book(state: BookState, report: &InstrumentReport) -> Value {
    let best = |packed: &[i64]| {
        unpack(packed).next().map(|level| {
            [
                digits(level.price, level.price_scale),
                digits(level.quantity, level.quantity_scale),
            ]
        })
    };
    json!({
        "state": state_name(state),
        "last_update_id": report.last_update_id,
        "best_bid": best(&report.bids),
        "best_ask": best(&report.asks),
        "bid_levels": report.bid_levels,
        "ask_levels": report.ask_levels,
        "updates_applied": report.counters.updates_applied,
        "gaps": report.counters.gaps,
        "resyncs": report.counters.resyncs,
    })
}

fn budget(host: &HostUsage) -> Value {
    json!({
        "host": host.host,
        "used": host.usage.used,
        "limit": host.usage.limit.weight,
        "window_seconds": host.usage.limit.window.as_secs(),
        "paused_until": host.paused_until.map(|(until, _)| iso_text(to_ns(until))),
        "paused_because": host.paused_until.map(|(_, why)| why.words()),
    })
}

/// The messages for streams.
fn storing(storing: &Storing) -> Value {
    json!({
        "waiting": storing.waiting,
        "unacknowledged": storing.unacknowledged,
        "unspooled": storing.unspooled,
        "spool_bytes": storing.spool_bytes,
        "stored_total": storing.stored,
        "known_total": storing.known,
        "resent_total": storing.resent,
        "dropped_total": storing.dropped.values().sum::<u64>(),
        "problem": storing.problem,
    })
}

/// Seconds between two moments in nanoseconds; 0 when the first is the later one.
pub(super) fn seconds_since(then: u64, now: u64) -> f64 {
    now.saturating_sub(then) as f64 / 1e9
}

/// A moment in nanoseconds since the epoch.
pub(super) fn to_ns(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The time now, in nanoseconds since the epoch.
pub(super) fn now_ns() -> u64 {
    to_ns(SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Outgoing;

    fn checked(sessions: &[(State, Option<bool>)]) -> Verdict {
        let judged: Vec<Judged> = sessions
            .iter()
            .map(|(state, connected)| {
                let session = SessionStatus {
                    state: *state,
                    outgoing: Outgoing {
                        connected: *connected,
                        ..Outgoing::default()
                    },
                    ..SessionStatus::named("alpha")
                };
                Judged {
                    session: Arc::new(session),
                    verdict: Verdict::Healthy,
                    reasons: Vec::new(),
                }
            })
            .collect();
        nats_check(&judged).1
    }

    #[test]
    fn nats_is_away_when_every_session_that_wants_it_is_cut_off() {
        let stopped = (State::Stopped, None);
        let (here, away) = ((State::Running, Some(true)), (State::Running, Some(false)));
        assert_eq!(checked(&[stopped, away]), Verdict::Unhealthy);
        assert_eq!(checked(&[stopped, here, away]), Verdict::Degraded);
        assert_eq!(checked(&[stopped, here]), Verdict::Healthy);
        assert_eq!(checked(&[away, away]), Verdict::Unhealthy);
        assert_eq!(
            checked(&[stopped, (State::Running, None)]),
            Verdict::Healthy
        );
    }
}
