//! How many bytes the actions of an adapter hold: what it can make the host carry.

use super::contract::{Action, InstrumentReport, MarketEvent, StreamReport};

/// Bytes of an action with everything that it holds.
pub(super) fn bytes(action: &Action) -> usize {
    size_of::<Action>()
        + match action {
            Action::Publish(event) => event_bytes(event),
            Action::Connect(connect) => connect.address.len(),
            Action::Send(send) => send.text.len(),
            Action::Request(request) => request.address.len(),
            Action::Declare(names) => {
                names.exchange_symbol.len() + names.exchange.len() + names.symbol.len()
            }
            Action::Report(reports) => reports.iter().map(report_bytes).sum(),
            Action::Refused(refusal) => refusal.rule.len() + refusal.detail.len(),
            Action::Log(line) => line.message.len(),
            Action::Close(_) | Action::WakeAt(_) | Action::ClockDifference(_) | Action::Ignored => {
                0
            }
        }
}

fn event_bytes(event: &MarketEvent) -> usize {
    match event {
        MarketEvent::Trade(trade) => optional(&trade.id),
        MarketEvent::Book(book) => levels(&book.bids, &book.asks),
        MarketEvent::BookChange(change) => levels(&change.bids, &change.asks),
        MarketEvent::BookStatus(status) => status.reason.len(),
        MarketEvent::FundingRate(rate) => {
            rate.current.len()
                + optional(&rate.estimated)
                + optional(&rate.interval)
                + optional(&rate.mark_price)
                + optional(&rate.index_price)
                + optional(&rate.premium_index)
        }
        MarketEvent::OpenInterest(interest) => {
            interest.value.len() + optional(&interest.usd) + optional(&interest.mark_price)
        }
        MarketEvent::Liquidation(liquidation) => {
            liquidation.id.len()
                + liquidation.status.len()
                + liquidation.price.len()
                + liquidation.quantity.len()
                + optional(&liquidation.filled_quantity)
                + optional(&liquidation.notional_value)
                + optional(&liquidation.average_price)
                + optional(&liquidation.bankruptcy_price)
                + optional(&liquidation.quantity_base)
        }
        MarketEvent::LongShortRatio(ratio) => {
            ratio.ratio.len() + ratio.long.len() + ratio.short.len() + ratio.period.len()
        }
        MarketEvent::VolatilityIndex(index) => {
            index.open.len()
                + index.high.len()
                + index.low.len()
                + index.close.len()
                + index.resolution.len()
        }
    }
}

fn report_bytes(report: &InstrumentReport) -> usize {
    let stream = |stream: &StreamReport| size_of::<StreamReport>() + stream.data_type.len();
    size_of::<InstrumentReport>()
        + report.streams.iter().map(stream).sum::<usize>()
        + optional(&report.problem)
        + levels(&report.bids, &report.asks)
}

fn levels(bids: &[i64], asks: &[i64]) -> usize {
    size_of_val(bids) + size_of_val(asks)
}

fn optional(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}
