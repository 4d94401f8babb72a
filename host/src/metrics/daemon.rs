//! The daemon as a whole: its process, and the request budgets that all sessions share.

use super::Kept;
use super::family::Families;
use crate::process::ProcessFigures;
use crate::status::Board;

pub(super) fn add(families: &mut Families, board: &Board, process: Option<&ProcessFigures>) {
    families
        .gauge(
            "marketprism_build_info",
            "Always 1; which version is running.",
        )
        .add(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    families
        .gauge(
            "marketprism_uptime_seconds",
            "How long the daemon has been running.",
        )
        .add(&[], board.uptime().as_secs_f64());
    budgets(families, board);
    if let Some(figures) = process {
        add_process(families, figures);
    }
}

/// What is written on disk, and what could not be.
pub(super) fn add_kept(families: &mut Families, kept: &Kept) {
    let mut counter = |name: &str, help: &str, value: u64| {
        families.counter(name, help).add_count(&[], value);
    };
    if let Some(bundles) = &kept.bundles {
        counter(
            "marketprism_fault_bundles_written_total",
            "Bundles of faults that were written.",
            bundles.saved(),
        );
        counter(
            "marketprism_fault_bundles_failed_total",
            "Bundles of faults that could not be written.",
            bundles.failed(),
        );
    }
    if let Some(missing) = &kept.recording {
        counter(
            "marketprism_recording_lines_dropped_total",
            "Lines that a recording lacks because its queue was full.",
            missing.dropped(),
        );
        counter(
            "marketprism_recording_writes_failed_total",
            "Writes of a recording that failed.",
            missing.failed(),
        );
    }
}

fn budgets(families: &mut Families, board: &Board) {
    let budgets = board.budgets();
    let mut used = families.gauge(
        "marketprism_request_weight_used",
        "Request weight spent at a host name within the budget's window.",
    );
    for host in &budgets {
        used.add_count(&[("host", &host.host)], host.usage.used);
    }
    let mut limit = families.gauge(
        "marketprism_request_weight_limit",
        "Request weight that may be spent at a host name within the budget's window.",
    );
    for host in &budgets {
        limit.add_count(&[("host", &host.host)], host.usage.limit.weight.into());
    }
    let mut paused = families.gauge(
        "marketprism_requests_paused_seconds",
        "For how much longer nothing is sent to a host name, because it asked for that; 0 when it did not.",
    );
    for host in &budgets {
        let left = host
            .usage
            .paused
            .map_or(0.0, |(left, _)| left.as_secs_f64());
        paused.add(&[("host", &host.host)], left);
    }
}

/// The names that every client library of Prometheus uses.
fn add_process(families: &mut Families, figures: &ProcessFigures) {
    families
        .counter(
            "process_cpu_seconds_total",
            "Total user and system CPU time spent in seconds.",
        )
        .add(&[], figures.cpu_seconds);
    let mut gauge = |name: &str, help: &str, value: f64| {
        families.gauge(name, help).add(&[], value);
    };
    gauge(
        "process_resident_memory_bytes",
        "Resident memory size in bytes.",
        figures.resident_bytes as f64,
    );
    gauge(
        "process_virtual_memory_bytes",
        "Virtual memory size in bytes.",
        figures.virtual_bytes as f64,
    );
    gauge(
        "process_start_time_seconds",
        "Start time of the process since the epoch in seconds.",
        figures.start_seconds,
    );
    gauge(
        "process_open_fds",
        "Number of open file descriptors.",
        figures.open_descriptors as f64,
    );
    if let Some(max) = figures.max_descriptors {
        gauge(
            "process_max_fds",
            "Maximum number of open file descriptors.",
            max as f64,
        );
    }
    gauge(
        "process_threads",
        "Number of OS threads in the process.",
        figures.threads as f64,
    );
}
