//! The trades of one instrument: each once, and those that never came counted.
//! <https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-trades-channel>

use marketprism_kit::recent::Recent;
use marketprism_kit::trades::{Leap, Ledger, Seen};
use marketprism_kit::wit::{Counters, Trade};
use marketprism_kit::{Output, Refusal};

use crate::contracts::Contract;
use crate::parse::TradeMade;

/// One push stands for no more trades than this.
const COUNT_MAX: u64 = 100_000;

/// Trades before the first that are remembered.
const EARLY_MAX: usize = 256;

/// The trades of one instrument.
#[derive(Debug)]
pub struct Trades {
    ledger: Ledger,
    published: u64,
    /// The first id that came; a trade before it may still come, when two frames were swapped.
    first: Option<u64>,
    /// Ids below the first that came since.
    early: Recent<u64>,
}

impl Default for Trades {
    fn default() -> Self {
        Self {
            ledger: Ledger::default(),
            published: 0,
            first: None,
            early: Recent::new(EARLY_MAX),
        }
    }
}

impl Trades {
    /// Takes in a push; publishes it unless it came before.
    #[inline]
    pub fn take(
        &mut self,
        instrument: u32,
        trade: &TradeMade,
        contract: Option<Contract>,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        if trade.count > 1 || !self.ledger.follow(trade.id) {
            match self.ledger.leap(trade.id) {
                Leap::None => {}
                Leap::Confirmed => {
                    self.first = None;
                    self.ledger.begin_anew();
                }
                Leap::Doubtful => {
                    let found = trade.id.to_string();
                    return Err(Refusal::new("trade id far from all others", found));
                }
            }
            if trade.count > COUNT_MAX {
                let found = format!("count {} of trade {}", trade.count, trade.id);
                return Err(Refusal::new("number out of range", found));
            }
            let before = self.ledger.last();
            if before.is_none() {
                self.first.get_or_insert(trade.id);
            }
            let is_early = self.first.is_some_and(|first| trade.id < first);
            if is_early && self.early.is_new(&trade.id) {
                self.publish(instrument, trade, contract, out);
                return Ok(());
            }
            if self.ledger.see(trade.id) == Seen::Duplicate {
                return Ok(());
            }
            // One push stands for all trades of a taker at one price: their ids are not missing.
            if before.is_some() {
                for id in trade.id.saturating_sub(trade.count - 1)..trade.id {
                    if self.ledger.lacks(id) {
                        self.ledger.see(id);
                    }
                }
            }
        }
        self.publish(instrument, trade, contract, out);
        Ok(())
    }

    fn publish(
        &mut self,
        instrument: u32,
        trade: &TradeMade,
        contract: Option<Contract>,
        out: &mut Output,
    ) {
        self.published += 1;
        out.trade(Trade {
            instrument,
            sequence: trade.id,
            id: None,
            time: trade.time,
            price: trade.price,
            quantity: trade.quantity,
            quantity_base: contract.and_then(|it| it.coins(trade.quantity, trade.price)),
            side: trade.side,
        });
    }

    /// The instrument is collected no more: what goes by from here on is not missed.
    pub fn pause(&mut self) {
        self.ledger.pause();
        // What was published before cannot be told from what was not.
        self.first = Some(0);
    }

    /// Writes the counters.
    pub fn report(&self, counters: &mut Counters) {
        *counters = Counters {
            trades: self.published,
            duplicate_trades: self.ledger.duplicates(),
            missing_trades: self.ledger.missing(),
            ..*counters
        };
    }
}

#[cfg(test)]
mod tests {
    use super::Trades;
    use crate::parse::TradeMade;
    use marketprism_kit::book::empty_report;
    use marketprism_kit::testing::said;
    use marketprism_kit::wit::{Decimal, Side};

    fn take(trades: &mut Trades, id: u64, count: u64) -> String {
        let trade = TradeMade {
            id,
            count,
            price: Decimal::of(1, 0),
            quantity: Decimal::of(2, 0),
            time: 3,
            side: Side::Buy,
        };
        said(|out| {
            if let Err(refusal) = trades.take(0, &trade, None, out) {
                out.refused(&refusal);
            }
        })
    }

    fn counts(trades: &Trades) -> (u64, u64, u64) {
        let mut report = empty_report(0);
        trades.report(&mut report.counters);
        let counters = report.counters;
        (
            counters.trades,
            counters.duplicate_trades,
            counters.missing_trades,
        )
    }

    #[test]
    fn ids_that_one_push_stands_for_are_not_missing() {
        let mut trades = Trades::default();
        for (id, count) in [(10, 3), (11, 1), (15, 4), (16, 1)] {
            assert!(take(&mut trades, id, count).starts_with("trade"));
        }
        assert_eq!(counts(&trades), (4, 0, 0));
        assert!(take(&mut trades, 20, 2).starts_with("trade"));
        assert_eq!(counts(&trades), (5, 0, 2));
        assert_eq!(take(&mut trades, 20, 2), "");
        assert_eq!(take(&mut trades, 13, 1), "");
        assert!(take(&mut trades, 18, 2).starts_with("trade"));
        assert_eq!(counts(&trades), (6, 2, 0));
    }

    #[test]
    fn a_trade_before_the_first_is_published_once_too() {
        let mut trades = Trades::default();
        for (id, told) in [(7, true), (6, true), (6, false), (5, true), (8, true)] {
            assert_eq!(take(&mut trades, id, 1).starts_with("trade"), told, "{id}");
        }
        assert_eq!(counts(&trades), (4, 1, 0));
        trades.pause();
        assert_eq!(take(&mut trades, 4, 1), "");
        assert!(take(&mut trades, 12, 1).starts_with("trade"));
        assert_eq!(take(&mut trades, 11, 1), "");
    }

    #[test]
    fn a_wrong_id_does_not_make_the_others_old() {
        let mut trades = Trades::default();
        take(&mut trades, 5, 1);
        assert!(take(&mut trades, 5_000_000_000_000, 1).starts_with("refused"));
        assert!(take(&mut trades, 6, 1).starts_with("trade"));
        assert_eq!(counts(&trades), (2, 0, 0));
        assert!(take(&mut trades, 9_000_000_000_000, 1).starts_with("refused"));
        assert!(take(&mut trades, 9_000_000_000_001, 1).starts_with("trade"));
    }
}
