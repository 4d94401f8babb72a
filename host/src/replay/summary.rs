//! What a replay found, as one JSON object.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::sandbox::contract::{InstrumentReport, unpack};
use crate::session::{Plan, Session};
use crate::wire::{digits, state_name};
use crate::world::ReplayWorld;

/// Levels a side in a summary.
pub const LEVELS: u32 = 20;

/// Sums a session up. Everything but `elapsed_s` and `frames_per_s` is the same in every replay.
///
/// The session must have been asked for a report of [`LEVELS`] levels last.
pub fn summary(plan: &Plan, session: &Session<ReplayWorld>, elapsed: Duration) -> Value {
    let tally = session.tally();
    let published: Map<String, Value> = tally
        .published
        .iter()
        .map(|(data_type, count)| (data_type.name().to_string(), json!(count)))
        .collect();
    let mut instruments: Map<String, Value> = plan
        .symbols
        .iter()
        .map(|symbol| (symbol.clone(), instrument(session, symbol, None)))
        .collect();
    for declared in session.instruments() {
        let symbol = &declared.exchange_symbol;
        let report = session.reports().get(&declared.id);
        if report.is_some() || !instruments.contains_key(symbol) {
            instruments.insert(symbol.clone(), instrument(session, symbol, report));
        }
    }
    let description = plan.adapter.description();
    let seconds = elapsed.as_secs_f64();
    json!({
        "adapter": {
            "name": description.name,
            "version": description.version,
            "sha256": plan.adapter.sha256(),
        },
        "frames": tally.frames,
        "bytes": tally.bytes,
        "ignored_frames": tally.ignored_frames,
        "refused_frames": tally.refused_frames,
        "refused_answers": tally.refused_answers,
        "faults": tally.faults,
        "unwritten": tally.unwritten,
        "published": published,
        "instruments": instruments,
        "unheard_frames": session.world().unheard(),
        "unreadable_lines": session.world().unreadable(),
        "memory_bytes": session.memory_bytes(),
        "elapsed_s": seconds,
        "frames_per_s": if seconds > 0.0 { tally.frames as f64 / seconds } else { 0.0 },
    })
}

fn instrument(
    session: &Session<ReplayWorld>,
    symbol: &str,
    report: Option<&InstrumentReport>,
) -> Value {
    let trades = session.tally().trades(symbol);
    let counters = report.map(|report| &report.counters);
    json!({
        "trades": trades.count,
        "trade_quantity": trades.quantity.to_string(),
        "duplicate_trades": counters.map_or(0, |counters| counters.duplicate_trades),
        "missing_trades": counters.map_or(0, |counters| counters.missing_trades),
        "book_updates_applied": counters.map_or(0, |counters| counters.updates_applied),
        "gaps": counters.map_or(0, |counters| counters.gaps),
        "resyncs": counters.map_or(0, |counters| counters.resyncs),
        "book_state": report.and_then(|report| report.book_state).map(state_name),
        "last_update_id": report.and_then(|report| report.last_update_id),
        "bids": report.map(|report| levels(&report.bids)).unwrap_or_default(),
        "asks": report.map(|report| levels(&report.asks)).unwrap_or_default(),
    })
}

fn levels(packed: &[i64]) -> Vec<[String; 2]> {
    unpack(packed)
        .map(|level| {
            [
                digits(level.price, level.price_scale),
                digits(level.quantity, level.quantity_scale),
            ]
        })
        .collect()
}
