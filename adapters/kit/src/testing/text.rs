//! Actions as short text.

use crate::wit::{
    Action, BookOccasion, BookState, Decimal, Level, LogLevel, MarketEvent, Side, unpack,
};

/// `price x quantity` with the digits that were sent.
pub fn level(level: &Level) -> String {
    let price = Decimal::of(level.price, level.price_scale);
    format!(
        "{price}x{}",
        Decimal::of(level.quantity, level.quantity_scale)
    )
}

fn levels(packed: &[i64]) -> String {
    unpack(packed)
        .iter()
        .map(level)
        .collect::<Vec<_>>()
        .join(" ")
}

fn time(time: Option<u64>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.to_string())
}

const fn state(state: BookState) -> &'static str {
    match state {
        BookState::Synced => "synced",
        BookState::Resyncing => "resyncing",
        BookState::Stale => "stale",
    }
}

/// One action as one line.
pub fn action(action: &Action) -> String {
    match action {
        Action::Connect(to) => format!("connect {} {}", to.connection, to.address),
        Action::Send(it) => format!("send {} {}", it.connection, it.text),
        Action::Close(connection) => format!("close {connection}"),
        Action::Request(it) => format!("request {} {} weight {}", it.request, it.address, it.weight),
        Action::WakeAt(at) => format!("wake {} at {}", at.alarm, at.time),
        Action::Declare(it) => {
            format!("declare {} {} {} {:?} {}", it.id, it.exchange_symbol, it.exchange, it.market_type, it.symbol)
        }
        Action::Publish(event) => market_event(event),
        Action::Report(all) => all.iter().map(|it| {
            let counters = &it.counters;
            format!(
                "report {} {} id {} trades {} duplicates {} missing {} fetched {} applied {} gaps {} resyncs {} levels {}/{} bids {} asks {}",
                it.instrument, it.book_state.map_or("-", state), time(it.last_update_id), counters.trades,
                counters.duplicate_trades, counters.missing_trades, counters.fetched_trades, counters.updates_applied, counters.gaps,
                counters.resyncs, it.bid_levels, it.ask_levels, levels(&it.bids), levels(&it.asks),
            )
        }).collect::<Vec<_>>().join("\n"),
        Action::ClockDifference(nanoseconds) => format!("clock difference {nanoseconds}"),
        Action::Ignored => "ignored".to_owned(),
        Action::Refused(it) => format!("refused {}", it.rule),
        Action::Log(line) => {
            let level = match line.level {
                LogLevel::Debug => "debug",
                LogLevel::Info => "info",
                LogLevel::Warn => "warn",
                LogLevel::Error => "error",
            };
            format!("log {level} {}", line.message)
        }
    }
}

fn market_event(event: &MarketEvent) -> String {
    match event {
        MarketEvent::Trade(it) => {
            let side = if it.side == Side::Buy { "buy" } else { "sell" };
            format!(
                "trade {} #{} {side} {} x {} at {}",
                it.instrument, it.sequence, it.price, it.quantity, it.time
            )
        }
        MarketEvent::Book(it) => {
            let occasion = match it.occasion {
                BookOccasion::Interval => "interval",
                BookOccasion::Snapshot => "snapshot",
                BookOccasion::Update => "update",
            };
            format!(
                "book {} {occasion} id {} at {} bids {} asks {}",
                it.instrument,
                time(it.last_update_id),
                time(it.time),
                levels(&it.bids),
                levels(&it.asks),
            )
        }
        MarketEvent::BookChange(it) => format!(
            "change {} {} {}..{} after {} at {} bids {} asks {}",
            it.instrument,
            if it.snapshot { "whole" } else { "part" },
            it.first_update_id,
            it.last_update_id,
            it.previous_update_id,
            time(it.time),
            levels(&it.bids),
            levels(&it.asks),
        ),
        MarketEvent::BookStatus(it) => format!(
            "status {} {} ({}) id {} applied {} gaps {} resyncs {}",
            it.instrument,
            state(it.state),
            it.reason,
            it.sequence,
            it.updates_applied,
            it.gaps,
            it.resyncs,
        ),
        other => format!("{other:?}"),
    }
}
