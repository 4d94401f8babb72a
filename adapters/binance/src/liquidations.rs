//! Forced orders: each published once, of the configured symbols or of all.

use std::collections::BTreeMap;

use marketprism_kit::recent::Recent;
use marketprism_kit::wit::{Liquidation, LogLevel, MarketEvent, Side};
use marketprism_kit::{Output, Refusal};

use crate::Running;
use crate::instruments::by_symbol;
use crate::parse::ForcedOrder;
use crate::settings::Forced;

/// Forced orders that are remembered, so that what comes through two connections is published once.
const RECENT_MAX: usize = 2_000;

/// Most instruments of a session whose forced orders of all symbols are collected; the exchange lists some hundreds.
const INSTRUMENTS_MAX: usize = 3_000;

/// What was published lately.
#[derive(Debug)]
pub struct ForcedOrders {
    recent: Recent<String>,
    /// It was told that there are too many instruments.
    is_told: bool,
}

impl Default for ForcedOrders {
    fn default() -> Self {
        Self {
            recent: Recent::new(RECENT_MAX),
            is_told: false,
        }
    }
}

impl Running {
    /// Takes in the forced orders of one frame.
    pub(crate) fn forced_orders(
        &mut self,
        now: u64,
        connection: u32,
        orders: Vec<ForcedOrder>,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let of_all = self.session.settings.forced == Some(Forced::OfAll);
        // Equal orders of one frame are told apart by their number.
        let mut equal: BTreeMap<String, u32> = BTreeMap::new();
        for order in orders {
            let known = by_symbol(&self.instruments, &order.symbol);
            let instrument = match known {
                Some((id, _)) => id,
                None if self.instruments.count() < INSTRUMENTS_MAX => {
                    self.declare(order.symbol.clone(), out)
                }
                None => {
                    if !std::mem::replace(&mut self.forced.is_told, true) {
                        out.log(
                            LogLevel::Error,
                            format_args!(
                                "forced orders of more than {INSTRUMENTS_MAX} instruments"
                            ),
                        );
                    }
                    return Err(Refusal::new("too many instruments", order.symbol));
                }
            };
            let stream = self.instruments.get(instrument);
            let stream = stream.and_then(|it| it.streams.forced);
            if let Some(stream) = stream.or(self.forced_of_all) {
                self.streams.heard(stream, connection, now);
            }
            let name = name(&order);
            let number = equal.entry(name.clone()).or_default();
            let id = format!("{name}_{number}");
            *number += 1;
            if self.forced.recent.is_new(&id) {
                out.publish(event(instrument, id, order, of_all));
            }
        }
        Ok(())
    }
}

/// What is the same for the same forced order, without its number in its frame.
fn name(order: &ForcedOrder) -> String {
    let side = match order.side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    };
    format!(
        "binance_{}_{}_{side}_{}_{}",
        order.time_ms, order.symbol, order.order_price, order.quantity
    )
}

fn event(instrument: u32, id: String, order: ForcedOrder, of_all: bool) -> MarketEvent {
    let price = order.average_price.clone().unwrap_or(order.order_price);
    MarketEvent::Liquidation(Liquidation {
        instrument,
        sequence: order.time_ms,
        time: order.time,
        id,
        side: order.side,
        status: order.status,
        price: price.clone(),
        quantity: order.quantity,
        filled_quantity: Some(order.filled_quantity),
        notional_value: Some(order.notional),
        average_price: order.average_price,
        // As the old collector had it: the price that it shows.
        bankruptcy_price: Some(price),
        quantity_base: None,
        all_instruments: of_all,
    })
}
