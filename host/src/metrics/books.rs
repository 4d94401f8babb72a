//! Each instrument: its book and its trades, as its adapter last reported them.

use std::sync::Arc;

use super::SERIES_MAX;
use super::family::{Families, Labels};
use crate::sandbox::contract::{BookState, InstrumentReport};
use crate::status::SessionStatus;

pub(super) fn add(families: &mut Families, sessions: &[Arc<SessionStatus>]) {
    let reports: Vec<(&str, &str, &InstrumentReport)> = sessions
        .iter()
        .flat_map(|session| {
            session.instruments.iter().filter_map(|instrument| {
                let report = instrument.report.as_ref()?;
                let symbol = instrument.names.exchange_symbol.as_str();
                Some((session.name.as_str(), symbol, report))
            })
        })
        .take(SERIES_MAX)
        .collect();
    let of_books = |report: &InstrumentReport| report.book_state.is_some();
    let is_synced = |report: &InstrumentReport| report.book_state == Some(BookState::Synced);

    let mut synced = families.gauge(
        "marketprism_orderbook_synced",
        "1 when a book is synced and published, else 0.",
    );
    for (session, symbol, report) in reports.iter().filter(|(.., report)| of_books(report)) {
        let labels = [("exchange", *session), ("symbol", *symbol)];
        synced.add_count(&labels, u64::from(is_synced(report)));
    }
    let mut levels = families.gauge(
        "marketprism_orderbook_levels",
        "Price levels that a book holds, by side.",
    );
    for (session, symbol, report) in reports.iter().filter(|(.., report)| of_books(report)) {
        for (side, count) in [("bid", report.bid_levels), ("ask", report.ask_levels)] {
            let labels = [("exchange", *session), ("symbol", *symbol), ("side", side)];
            levels.add_count(&labels, count.into());
        }
    }
    let mut counter = |name: &str,
                       help: &str,
                       applies: &dyn Fn(&InstrumentReport) -> bool,
                       value: &dyn Fn(&InstrumentReport) -> u64| {
        let mut family = families.counter(name, help);
        for (session, symbol, report) in reports.iter().filter(|(.., report)| applies(report)) {
            let labels: Labels<'_> = &[("exchange", session), ("symbol", symbol)];
            family.add_count(labels, value(report));
        }
    };
    counter(
        "marketprism_orderbook_updates_total",
        "Updates applied to a book.",
        &of_books,
        &|report| report.counters.updates_applied,
    );
    counter(
        "marketprism_orderbook_gaps_total",
        "Broken chains of a synced book.",
        &of_books,
        &|report| report.counters.gaps,
    );
    counter(
        "marketprism_orderbook_resyncs_total",
        "Rebuilds of a book that had been synced.",
        &of_books,
        &|report| report.counters.resyncs,
    );
    counter(
        "marketprism_trades_total",
        "Trades published of an instrument.",
        &|_| true,
        &|report| report.counters.trades,
    );
    counter(
        "marketprism_trades_duplicate_total",
        "Trades of an instrument that were received again and left out.",
        &|_| true,
        &|report| report.counters.duplicate_trades,
    );
    counter(
        "marketprism_trades_fetched_total",
        "Trades of an instrument that the stream left out and a request brought.",
        &|_| true,
        &|report| report.counters.fetched_trades,
    );
    let mut missing = families.gauge(
        "marketprism_trades_missing",
        "Trade ids of an instrument that were never received, or not yet.",
    );
    for (session, symbol, report) in &reports {
        let labels = [("exchange", *session), ("symbol", *symbol)];
        missing.add_count(&labels, report.counters.missing_trades);
    }
}
