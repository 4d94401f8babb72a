//! Judges every message of every venue: what can be judged at once when it comes, the rest when it is known what was
//! really sent.

mod instrument;
mod number;
mod polled;
mod readable;

use std::collections::{BTreeMap, BTreeSet};

use crate::daemon::Published;
use crate::exchange::{Simulator, Venue};
use crate::hot_storage;

pub use instrument::Instrument;
pub use polled::Polled;
pub use readable::Readable;

/// Levels a side of tops at fixed times, and of those on every change.
const LEVELS: usize = 100;
const LEVELS_ON_CHANGE: usize = 400;

/// Complaints that are kept; more say nothing more.
const WRONG_MAX: usize = 50;

/// One venue.
pub struct Heard {
    venue: Venue,
    /// By the normalised symbol.
    pub instruments: BTreeMap<String, Instrument>,
    /// What is polled.
    pub polled: Polled,
}

/// All of them.
pub struct Judge {
    /// By venue, in the order of the exchanges.
    pub heard: Vec<Heard>,
    /// What JetStream is to store, by their ids, and how often each went by.
    pub stored: BTreeMap<String, u64>,
    /// All messages.
    pub messages: u64,
    /// What is wrong with them.
    pub wrong: Vec<String>,
    resynced: BTreeSet<String>,
}

/// The venue of a subject.
fn venue(exchange: &str, market: &str) -> Option<Venue> {
    Some(match (exchange, market) {
        ("binance", "spot") => Venue::BinanceSpot,
        ("binance", "perpetual") => Venue::BinanceDerivatives,
        ("okx", "spot") => Venue::OkxSpot,
        ("okx", "perpetual") => Venue::OkxDerivatives,
        ("deribit", _) => Venue::DeribitDerivatives,
        _ => return None,
    })
}

impl Judge {
    /// Nothing is heard yet. Of Deribit every change of a book is published, of the others tops at fixed times: as the
    /// shipped configuration has it.
    #[must_use]
    pub fn of(exchanges: &[Simulator]) -> Self {
        Self::with_levels(exchanges, |venue| match venue {
            Venue::DeribitDerivatives => LEVELS_ON_CHANGE,
            _ => LEVELS,
        })
    }

    /// Nothing is heard yet. Every change of every book is published.
    #[must_use]
    pub fn on_change(exchanges: &[Simulator]) -> Self {
        Self::with_levels(exchanges, |_| LEVELS_ON_CHANGE)
    }

    fn with_levels(exchanges: &[Simulator], levels: impl Fn(Venue) -> usize) -> Self {
        let heard = exchanges.iter().map(|exchange| {
            let venue = exchange.venue();
            let instruments = exchange.truth().symbols().into_iter().map(|terms| {
                let base = terms.symbol.split('-').next().unwrap_or_default();
                let base = base.trim_end_matches("USDT");
                let symbol = match venue {
                    Venue::DeribitDerivatives => terms.symbol.clone(),
                    _ => format!("{base}-USDT"),
                };
                (symbol, Instrument::new(venue, terms, levels(venue)))
            });
            Heard {
                venue,
                instruments: instruments.collect(),
                polled: Polled::default(),
            }
        });
        Self {
            heard: heard.collect(),
            stored: BTreeMap::new(),
            messages: 0,
            wrong: Vec::new(),
            resynced: BTreeSet::new(),
        }
    }

    /// Judges a message.
    pub fn hear(&mut self, exchanges: &[Simulator], published: &Published) {
        self.messages += 1;
        if let Err(why) = self.judge(exchanges, published) {
            self.complain(format!("{}: {why}", published.subject));
        }
    }

    /// Something is wrong.
    pub fn complain(&mut self, why: String) {
        if self.wrong.len() < WRONG_MAX {
            self.wrong.push(why);
        }
    }

    fn judge(&mut self, exchanges: &[Simulator], published: &Published) -> Result<(), String> {
        let tokens: Vec<&str> = published.subject.split('.').collect();
        let [data_type, exchange, market, symbol] = tokens[..] else {
            return Err("not four tokens".to_owned());
        };
        if hot_storage::DATA_TYPES.contains(&data_type) {
            let read = hot_storage::read(&published.subject, &published.payload);
            read.map_err(|complaints| format!("the old consumer: {complaints:?}"))?;
        }
        let venue = venue(exchange, market).ok_or("of no venue")?;
        let mut all = self.heard.iter_mut().zip(exchanges);
        let found = all.find(|(heard, _)| heard.venue == venue);
        let (heard, exchange) = found.ok_or("of no venue")?;
        let payload = published.json();
        if let Some(id) = &published.id {
            let times = self.stored.entry(id.clone()).or_default();
            *times += 1;
            if *times > 1 {
                // Sent again until JetStream has it.
                return Ok(());
            }
            let named = payload.get("instrument_id").or(payload.get("currency"));
            let named = named.and_then(|name| name.as_str()).unwrap_or_default();
            let named = named.to_owned();
            return heard.polled.hear(data_type, named, payload);
        }
        let instrument = heard.instruments.get_mut(symbol);
        let instrument = instrument.ok_or("an unknown instrument")?;
        match data_type {
            "orderbook" => instrument.book(exchange, &payload),
            "orderbook_delta" => instrument.change(exchange, &payload),
            "orderbook_status" => {
                instrument.status(&payload);
                if payload["state"] == "resyncing" {
                    let reason = payload["reason"].as_str().unwrap_or_default();
                    let reason = reason.split(':').next().unwrap_or_default();
                    self.resynced.insert(format!(
                        "{exchange_name}: {reason}",
                        exchange_name = venue.name()
                    ));
                }
                Ok(())
            }
            "trade" => instrument.trade(&payload),
            _ => Err("has no Nats-Msg-Id".to_owned()),
        }
    }

    /// Every book is synced.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        let mut all = self.instruments();
        all.all(|instrument| instrument.state == "synced")
    }

    /// All instruments of all venues.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.heard
            .iter()
            .flat_map(|heard| heard.instruments.values())
    }

    /// What is wrong with all that was published so far, by what was really sent.
    #[must_use]
    pub fn check(
        &self,
        exchanges: &[Simulator],
        readable: impl Fn(&Simulator) -> Readable,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        for (heard, exchange) in self.heard.iter().zip(exchanges) {
            let name = heard.venue.name();
            let readable = readable(exchange);
            for (symbol, instrument) in &heard.instruments {
                let trades = instrument.check_trades(exchange, &readable);
                wrong.extend(
                    trades
                        .into_iter()
                        .map(|why| format!("{name} {symbol}: {why}")),
                );
            }
            let polled = heard.polled.check(exchange);
            let forced = heard.polled.check_forced(exchange, &readable);
            let both = polled.into_iter().chain(forced);
            wrong.extend(both.map(|why| format!("{name}: {why}")));
        }
        wrong
    }

    /// Why books were built anew.
    #[must_use]
    pub const fn resynced(&self) -> &BTreeSet<String> {
        &self.resynced
    }
}
