//! Forced orders: every detail once, with an id that is always the same for the same order.

use std::collections::BTreeMap;

use marketprism_kit::Output;
use marketprism_kit::arithmetic::product;
use marketprism_kit::recent::Recent;
use marketprism_kit::wit::{Liquidation, MarketEvent, Side};

use crate::instruments::Instruments;
use crate::parse::ForcedOrder;

/// Ids that are remembered: while a connection is replaced, every order comes twice.
const REMEMBERED: usize = 4_096;

/// The forced orders of a session.
#[derive(Debug)]
pub struct Liquidations {
    recent: Recent<String>,
}

impl Default for Liquidations {
    fn default() -> Self {
        Self {
            recent: Recent::new(REMEMBERED),
        }
    }
}

impl Liquidations {
    /// Publishes the orders of one frame that did not come before.
    pub fn take(&mut self, orders: &[ForcedOrder], instruments: &Instruments, out: &mut Output) {
        // Equal orders of one frame are counted, so that each has an id of its own.
        let mut equal: BTreeMap<String, u32> = BTreeMap::new();
        for order in orders {
            let Some(instrument) = instruments.get(order.instrument) else {
                continue;
            };
            let side = match order.side {
                Side::Buy => "buy",
                Side::Sell => "sell",
            };
            let [price, quantity] = &order.texts;
            let id = format!(
                "okx_{}_{}_{side}_{price}_{quantity}",
                order.time_ms, instrument.name
            );
            let count = equal.entry(id.clone()).or_default();
            let id = format!("{id}_{count}");
            *count += 1;
            if !self.recent.is_new(&id) {
                continue;
            }
            let coins = |contract: crate::contracts::Contract| {
                contract.coins_text(order.quantity, order.price)
            };
            out.publish(MarketEvent::Liquidation(Liquidation {
                instrument: order.instrument,
                sequence: order.time_ms,
                time: order.time_ms.saturating_mul(1_000_000),
                id,
                side: order.side,
                status: "filled".to_owned(),
                price: price.clone(),
                quantity: quantity.clone(),
                filled_quantity: None,
                notional_value: Some(product(order.price, order.quantity)),
                average_price: None,
                bankruptcy_price: None,
                quantity_base: instrument.contract.and_then(coins),
                all_instruments: false,
            }));
        }
    }
}
