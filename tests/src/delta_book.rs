//! A reference consumer of `orderbook_delta`: it keeps its own book from nothing but the changes, proves that none is
//! missing, and holds it against every top that is published beside them.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

/// Decimal places that prices are compared by.
const PLACES: usize = 18;

/// Tops that may wait for the change of their update: an update's top and its change are published one after the other.
const WAITING_MAX: usize = 16;

/// Price and quantity as they were written.
pub type Level = (String, String);

/// One instrument's book.
#[derive(Debug)]
pub struct DeltaBook {
    /// Levels a side of a published top.
    depth: usize,
    /// The last update in the book; none before the first whole book.
    id: Option<u64>,
    bids: BTreeMap<i128, Level>,
    asks: BTreeMap<i128, Level>,
    waiting: VecDeque<Value>,
    compared: u64,
    wholes: u64,
    changes: u64,
}

impl DeltaBook {
    /// A consumer that knows nothing yet. Tops have at most `depth` levels a side.
    #[must_use]
    pub fn new(depth: usize) -> Self {
        Self {
            depth,
            id: None,
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            waiting: VecDeque::new(),
            compared: 0,
            wholes: 0,
            changes: 0,
        }
    }

    /// Tops that were compared.
    #[must_use]
    pub const fn compared(&self) -> u64 {
        self.compared
    }

    /// Whole books taken.
    #[must_use]
    pub const fn wholes(&self) -> u64 {
        self.wholes
    }

    /// Changes applied.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// The last update in the book.
    #[must_use]
    pub const fn id(&self) -> Option<u64> {
        self.id
    }

    /// The best levels, bids then asks, best first.
    #[must_use]
    pub fn top(&self, levels: usize) -> (Vec<Level>, Vec<Level>) {
        (
            self.bids.values().rev().take(levels).cloned().collect(),
            self.asks.values().take(levels).cloned().collect(),
        )
    }

    /// Takes a message of `orderbook_delta`.
    ///
    /// # Errors
    /// When the chain is broken, a field is not as the contract says, or a top that waited for it differs.
    pub fn change(&mut self, payload: &Value) -> Result<(), String> {
        let id = number(payload, "last_update_id")?;
        let first = number(payload, "first_update_id")?;
        let previous = number(payload, "prev_update_id")?;
        if payload["snapshot"] == true {
            self.bids.clear();
            self.asks.clear();
            self.wholes += 1;
        } else {
            if self.id != Some(previous) {
                return Err(format!(
                    "the change to {id} follows {previous}, not {:?}",
                    self.id
                ));
            }
            if first > id || id <= previous {
                return Err(format!("a change from {first} to {id} after {previous}"));
            }
            self.changes += 1;
        }
        for (price, level) in levels(payload, "bids")? {
            set(&mut self.bids, price, level);
        }
        for (price, level) in levels(payload, "asks")? {
            set(&mut self.asks, price, level);
        }
        self.id = Some(id);
        if let (Some((bid, _)), Some((ask, _))) =
            (self.bids.last_key_value(), self.asks.first_key_value())
            && bid >= ask
        {
            return Err(format!("crossed at {id}"));
        }
        while let Some(top) = self.waiting.pop_front() {
            let wanted = number(&top, "last_update_id")?;
            if wanted > id {
                self.waiting.push_front(top);
                break;
            }
            self.compare(wanted, &top)?;
        }
        Ok(())
    }

    /// Takes a message of `orderbook`: compares it now, or when the change of the same update has come.
    ///
    /// # Errors
    /// When it differs, or is of an update that no change led to.
    pub fn published(&mut self, payload: &Value) -> Result<(), String> {
        let wanted = number(payload, "last_update_id")?;
        if self.id.is_some_and(|id| wanted <= id) {
            return self.compare(wanted, payload);
        }
        self.waiting.push_back(payload.clone());
        if self.waiting.len() > WAITING_MAX {
            return Err(format!("no change comes for {wanted}; at {:?}", self.id));
        }
        Ok(())
    }

    fn compare(&mut self, wanted: u64, payload: &Value) -> Result<(), String> {
        if self.id != Some(wanted) {
            return Err(format!("a top of {wanted} beside a book at {:?}", self.id));
        }
        let side = |name| -> Result<Vec<Level>, String> {
            Ok(levels(payload, name)?
                .into_iter()
                .map(|(_, level)| level)
                .collect())
        };
        let (bids, asks) = self.top(self.depth);
        for (name, own, published) in [("bids", bids, side("bids")?), ("asks", asks, side("asks")?)]
        {
            if own != published {
                return Err(format!(
                    "{name} at {wanted}: {published:?} published, {own:?} kept"
                ));
            }
        }
        self.compared += 1;
        Ok(())
    }
}

fn set(side: &mut BTreeMap<i128, Level>, price: i128, level: Level) {
    if level.1.chars().all(|digit| matches!(digit, '0' | '.')) {
        side.remove(&price);
    } else {
        side.insert(price, level);
    }
}

fn number(payload: &Value, field: &str) -> Result<u64, String> {
    let value = &payload[field];
    value.as_u64().ok_or_else(|| format!("{field} is {value}"))
}

/// The levels of one side, each with its price as a number: pairs, or objects as tops on change have them.
fn levels(payload: &Value, side: &str) -> Result<Vec<(i128, Level)>, String> {
    let list = payload[side]
        .as_array()
        .ok_or_else(|| format!("{side} is no list"))?;
    let text = |level: &Value, name: &str, place: usize| {
        let value = level.get(name).unwrap_or_else(|| &level[place]);
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| format!("{name} in {side} is {value}"))
    };
    list.iter()
        .map(|level| {
            let price = text(level, "price", 0)?;
            let quantity = text(level, "quantity", 1)?;
            Ok((units(&price)?, (price, quantity)))
        })
        .collect()
}

/// A plain decimal as a whole number of 10^-18.
fn units(text: &str) -> Result<i128, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{part:0<PLACES$}");
    let number = digits.parse::<i128>();
    number.map_err(|_| format!("{text} is no plain decimal"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(whole: bool, ids: [u64; 3], bids: Value, asks: Value) -> Value {
        let [first, last, previous] = ids;
        json!({
            "snapshot": whole, "first_update_id": first, "last_update_id": last, "prev_update_id": previous,
            "bids": bids, "asks": asks,
        })
    }

    fn begun() -> DeltaBook {
        let mut book = DeltaBook::new(2);
        let bids = json!([["10.0", "1"], ["9", "2"], ["8", "3"]]);
        let whole = change(true, [5, 5, 5], bids, json!([["11", "4"]]));
        book.change(&whole).unwrap();
        book
    }

    #[test]
    fn a_top_waits_for_its_change_and_is_then_the_books_own() {
        let mut book = begun();
        let top = json!({
            "last_update_id": 7, "asks": [["11", "4"]],
            "bids": [{ "price": "10.00", "quantity": "6" }, { "price": "8", "quantity": "3" }],
        });
        book.published(&top).unwrap();
        assert_eq!(book.compared(), 0);
        let bids = json!([["10.00", "6"], ["9.0", "0.000"]]);
        book.change(&change(false, [6, 7, 5], bids, json!([])))
            .unwrap();
        assert_eq!(
            (book.compared(), book.changes(), book.id()),
            (1, 1, Some(7))
        );
        book.published(&top).unwrap();
        assert_eq!(book.compared(), 2);
    }

    #[test]
    fn a_missing_change_is_found_and_a_whole_book_mends_it() {
        let mut book = begun();
        let late = change(false, [8, 9, 7], json!([]), json!([]));
        let told = book.change(&late).unwrap_err();
        assert_eq!(told, "the change to 9 follows 7, not Some(5)");
        let whole = change(true, [9, 9, 9], json!([["1", "1"]]), json!([]));
        book.change(&whole).unwrap();
        assert_eq!(book.top(9).0, [("1".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_top_that_differs_and_a_book_that_crosses_are_found() {
        let mut book = begun();
        let top = json!({ "last_update_id": 5, "bids": [["10.0", "1"]], "asks": [["11", "4"]] });
        assert!(book.published(&top).unwrap_err().starts_with("bids at 5"));
        let crossing = change(false, [6, 6, 5], json!([["11.0", "1"]]), json!([]));
        assert_eq!(book.change(&crossing).unwrap_err(), "crossed at 6");
    }
}
