//! Each session and its adapter: state, limits, faults, and what it takes.

use std::sync::Arc;

use super::family::Families;
use crate::sandbox::FaultKind;
use crate::status::{SessionStatus, State};

type Session = Arc<SessionStatus>;

pub(super) fn add(families: &mut Families, sessions: &[Session]) {
    process_names(families, sessions);
    lifecycle(families, sessions);
    work(families, sessions);
    memory(families, sessions);
    connections(families, sessions);
}

/// The names under which the old collector's plan showed a session; it called it a process.
fn process_names(families: &mut Families, sessions: &[Session]) {
    let mut gauge = |name: &str, help: &str, value: &dyn Fn(&SessionStatus) -> Option<f64>| {
        let mut family = families.gauge(name, help);
        for session in sessions {
            if let Some(value) = value(session) {
                family.add(&[("process", &session.name)], value);
            }
        }
    };
    gauge(
        "marketprism_process_cpu_percent",
        "Share of one processor that a session's thread uses, in percent.",
        &|session| session.cpu_percent,
    );
    gauge(
        "marketprism_process_memory_mb",
        "Memory and tables of a session's adapter, in MiB.",
        &|session| Some(session.memory_bytes as f64 / f64::from(1 << 20)),
    );
    gauge(
        "marketprism_process_uptime_seconds",
        "How long a session has been running.",
        &|session| Some(session.began.elapsed().as_secs_f64()),
    );
    gauge(
        "marketprism_process_status",
        "1 when a session's adapter is at work, else 0.",
        &|session| Some(f64::from(u8::from(session.state.is_at_work()))),
    );
}

fn lifecycle(families: &mut Families, sessions: &[Session]) {
    let mut info = families.gauge(
        "marketprism_adapter_info",
        "Always 1; which adapter a session runs.",
    );
    for session in sessions {
        let labels = [
            ("session", session.name.as_str()),
            ("adapter", session.adapter.as_str()),
            ("version", session.adapter_version.as_str()),
            ("sha256", session.adapter_sha256.as_str()),
        ];
        info.add(&labels, 1.0);
    }
    let mut states = families.gauge(
        "marketprism_session_state",
        "1 for the state that a session is in, 0 for the others.",
    );
    for session in sessions {
        for state in State::ALL {
            let labels = [("session", session.name.as_str()), ("state", state.name())];
            states.add_count(&labels, u64::from(session.state == state));
        }
    }
    families.gauge_of(
        sessions,
        "marketprism_session_status_age_seconds",
        "How old the figures of a session are; far above a second when its thread hangs.",
        |session| session.posted.elapsed().as_secs_f64(),
    );
    let mut faults = families.counter(
        "marketprism_adapter_faults_total",
        "Instances of an adapter that were stopped, by the kind of fault.",
    );
    for session in sessions {
        for kind in FaultKind::ALL {
            let count = session.history.faults.get(kind.name()).copied();
            let labels = [("session", session.name.as_str()), ("kind", kind.name())];
            faults.add_count(&labels, count.unwrap_or(0));
        }
    }
    let mut entered = families.counter(
        "marketprism_session_transitions_total",
        "How often a session entered a state.",
    );
    for session in sessions {
        for state in State::ALL {
            let count = session.history.entered.get(&state).copied();
            let labels = [("session", session.name.as_str()), ("state", state.name())];
            entered.add_count(&labels, count.unwrap_or(0));
        }
    }
    families.histogram_of(
        sessions,
        "marketprism_adapter_recovery_seconds",
        "Time from a fault to the adapter being at work again, without the pause that the restart policy asks for.",
        |session| &session.history.recovery,
    );
    families.counter_of(
        sessions,
        "marketprism_adapter_memory_soft_crossings_total",
        "How often an adapter's memory rose above its soft limit.",
        |session| session.history.soft_crossings,
    );
    let mut threads = families.counter(
        "marketprism_session_threads_lost_total",
        "Threads of a session that ended by themselves or hung, and were replaced.",
    );
    for session in sessions {
        let name = session.name.as_str();
        threads
            .add_count(
                &[("session", name), ("reason", "ended")],
                session.history.deaths,
            )
            .add_count(
                &[("session", name), ("reason", "hung")],
                session.history.hangs,
            );
    }
    families.counter_of(
        sessions,
        "marketprism_adapter_restarts_total",
        "Instances of an adapter that were started after a fault.",
        |session| session.history.restarts,
    );
}

fn work(families: &mut Families, sessions: &[Session]) {
    families.counter_of(
        sessions,
        "marketprism_adapter_events_total",
        "Events told to an adapter.",
        |session| session.tally.events,
    );
    families.counter_of(
        sessions,
        "marketprism_adapter_fuel_used_total",
        "Fuel that an adapter used; one unit is about one WebAssembly instruction.",
        |session| session.tally.fuel,
    );
    families.counter_of(
        sessions,
        "marketprism_frames_received_total",
        "Frames handed to an adapter.",
        |session| session.tally.frames,
    );
    families.counter_of(
        sessions,
        "marketprism_frame_bytes_received_total",
        "Bytes of the frames handed to an adapter.",
        |session| session.tally.bytes,
    );
    families.counter_of(
        sessions,
        "marketprism_frames_ignored_total",
        "Frames of streams that nobody asked for.",
        |session| session.tally.ignored_frames,
    );
    families.counter_of(
        sessions,
        "marketprism_frames_refused_total",
        "Frames that could not be used.",
        |session| session.tally.refused_frames,
    );
    families.counter_of(
        sessions,
        "marketprism_answers_refused_total",
        "Answers to requests that could not be used.",
        |session| session.tally.refused_answers,
    );
    families.counter_of(
        sessions,
        "marketprism_events_unwritten_total",
        "Market events that could not be written as a message.",
        |session| session.tally.unwritten,
    );
    families.counter_of(
        sessions,
        "marketprism_texts_unsent_total",
        "Messages of an adapter to a connection that was not open.",
        |session| session.tally.unsent,
    );
    families.counter_of(
        sessions,
        "marketprism_adapter_log_lines_dropped_total",
        "Log lines of an adapter that were left out.",
        |session| session.tally.log_lines_dropped,
    );
    let mut rules = families.counter(
        "marketprism_refusals_total",
        "Frames and answers that could not be used, by the rule that they broke.",
    );
    for session in sessions {
        for (rule, count) in &session.tally.refused_by_rule {
            let labels = [("session", session.name.as_str()), ("rule", rule.as_str())];
            rules.add_count(&labels, *count);
        }
    }
    families.histogram_of(
        sessions,
        "marketprism_adapter_event_duration_seconds",
        "Time that one event takes: the adapter's own, and doing what it asked for.",
        |session| &session.tally.event_time,
    );
}

fn memory(families: &mut Families, sessions: &[Session]) {
    families.gauge_of(
        sessions,
        "marketprism_adapter_memory_bytes",
        "Memory and tables of an adapter.",
        |session| session.memory_bytes as f64,
    );
    let mut limits = families.gauge(
        "marketprism_adapter_memory_limit_bytes",
        "Memory and tables that an adapter may have: soft warns, hard stops.",
    );
    for session in sessions {
        let name = session.name.as_str();
        limits
            .add_count(
                &[("session", name), ("limit", "soft")],
                session.memory_soft_bytes(),
            )
            .add_count(
                &[("session", name), ("limit", "hard")],
                session.memory_hard_bytes(),
            );
    }
}

fn connections(families: &mut Families, sessions: &[Session]) {
    let mut tcp = families.gauge(
        "marketprism_tcp_connections",
        "TCP connections open, by session and use.",
    );
    for session in sessions {
        let name = session.name.as_str();
        let nats = u64::from(session.outgoing.connected == Some(true));
        for (usage, count) in [
            ("websocket", session.sockets.tcp_open),
            ("rest", session.requests.tcp_open),
            ("nats", nats),
        ] {
            tcp.add_count(&[("session", name), ("use", usage)], count);
        }
    }
    families.gauge_of(
        sessions,
        "marketprism_websockets_wanted",
        "WebSocket connections that an adapter asked for.",
        |session| session.connections_wanted as f64,
    );
    families.gauge_of(
        sessions,
        "marketprism_websockets_open",
        "WebSocket connections that are open.",
        |session| session.connections_open as f64,
    );
    families.counter_of(
        sessions,
        "marketprism_websocket_attempts_total",
        "Attempts to open a WebSocket.",
        |session| session.sockets.attempts,
    );
    families.counter_of(
        sessions,
        "marketprism_websocket_attempts_failed_total",
        "Attempts to open a WebSocket that failed.",
        |session| session.sockets.failures,
    );
    families.counter_of(
        sessions,
        "marketprism_websocket_opened_total",
        "WebSockets that were opened.",
        |session| session.sockets.opened,
    );
    families.counter_of(
        sessions,
        "marketprism_requests_total",
        "Requests that an adapter asked for.",
        |session| session.requests.requests,
    );
    families.counter_of(
        sessions,
        "marketprism_requests_failed_total",
        "Requests that ended without an answer.",
        |session| session.requests.failures,
    );
}
