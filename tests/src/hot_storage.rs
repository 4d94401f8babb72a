//! A consumer that reads messages by the rules of the storage service of the Python collector, which stays as it is:
//! which fields it takes, how it turns texts into numbers, which names it holds against its strict monitor.

use serde_json::{Map, Value, json};

/// The data types that it reads; each subject's first token. Of other subjects it knows nothing.
pub const DATA_TYPES: [&str; 8] = [
    "orderbook",
    "trade",
    "funding_rate",
    "open_interest",
    "liquidation",
    "lsr_top_position",
    "lsr_all_account",
    "volatility_index",
];

/// What its strict monitor lets pass.
const EXCHANGES: [&str; 3] = ["binance", "okx", "deribit"];
const MARKET_TYPES: [&str; 3] = ["spot", "perpetual", "options"];

/// Reads one message: the row that the service makes of it.
///
/// # Errors
/// Everything that it would warn of, count as a violation, or put into its database as something else than was meant.
pub fn read(subject: &str, payload: &[u8]) -> Result<Value, Vec<String>> {
    let payload: Value = match serde_json::from_slice(payload) {
        Ok(payload) => payload,
        Err(error) => return Err(vec![format!("no JSON: {error}")]),
    };
    let mut reader = Reader {
        payload: &payload,
        row: Map::new(),
        complaints: Vec::new(),
    };
    let data_type = reader.subject(subject);
    reader.names();
    match data_type.as_str() {
        "orderbook" => reader.book(),
        "trade" => reader.trade(),
        "funding_rate" => reader.funding_rate(),
        "open_interest" => reader.open_interest(),
        "liquidation" => reader.liquidation(),
        "lsr_top_position" => reader.ratios("position"),
        "lsr_all_account" => reader.ratios("account"),
        "volatility_index" => reader.volatility_index(),
        other => reader.complain(format!("{other} is no data type of the service")),
    }
    let Reader {
        row, complaints, ..
    } = reader;
    if complaints.is_empty() {
        Ok(Value::Object(row))
    } else {
        Err(complaints)
    }
}

struct Reader<'a> {
    payload: &'a Value,
    row: Map<String, Value>,
    complaints: Vec<String>,
}

impl Reader<'_> {
    fn complain(&mut self, what: String) {
        self.complaints.push(what);
    }

    fn set(&mut self, name: &str, value: Value) {
        self.row.insert(name.to_owned(), value);
    }

    fn given(&self, name: &str) -> Option<&Value> {
        self.payload.get(name).filter(|value| !value.is_null())
    }

    /// Four tokens, which the payload repeats.
    fn subject(&mut self, subject: &str) -> String {
        let tokens: Vec<&str> = subject.split('.').collect();
        let names = ["data_type", "exchange", "market_type", "symbol"];
        if tokens.len() != names.len() {
            self.complain(format!("{subject} has {} tokens", tokens.len()));
        }
        for (name, token) in names.into_iter().zip(&tokens) {
            if self.payload[name] != **token {
                self.complain(format!("{name} is {}, not {token}", self.payload[name]));
            }
        }
        tokens.first().map_or_else(String::new, ToString::to_string)
    }

    /// What every row has. It counts names that it does not know and stores them all the same.
    fn names(&mut self) {
        self.time("ts_ms", &["ts_ms", "timestamp"]);
        for (name, known) in [("exchange", &EXCHANGES), ("market_type", &MARKET_TYPES)] {
            let value = self.text(name, None).to_lowercase();
            if !known.contains(&value.as_str()) {
                self.complain(format!("strict monitor: {name} is {value:?}"));
            }
            self.set(name, value.into());
        }
        let symbol = self.text("symbol", None);
        self.set("symbol", symbol.into());
        let source = self.text("data_source", Some("simple_hot_storage"));
        self.set("data_source", source.into());
    }

    /// A text, which it puts between single quotes as it is.
    fn text(&mut self, name: &str, otherwise: Option<&str>) -> String {
        let text = match self.given(name) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => {
                let complaint = format!("{name} is no text: {other}");
                self.complain(complaint);
                String::new()
            }
            None => otherwise.map_or_else(
                || {
                    self.complain(format!("{name} is missing"));
                    String::new()
                },
                str::to_owned,
            ),
        };
        if text.contains(['\'', '\\']) {
            self.complain(format!("{name} would break the statement: {text:?}"));
        }
        text
    }

    /// Milliseconds from the first of these fields that is there, else the time of publishing.
    fn time(&mut self, name: &str, fields: &[&str]) {
        let given = fields.iter().find_map(|field| self.given(field)).cloned();
        let time = given.unwrap_or_else(|| self.row.get("ts_ms").cloned().unwrap_or_default());
        if !time.is_u64() {
            self.complain(format!("{name} is no time in milliseconds: {time}"));
        }
        self.set(name, time);
    }

    fn number(&mut self, name: &str, field: &str) {
        let value = self.given(field).cloned();
        let number = match value {
            Some(value) => self.numeric(field, &value),
            None => {
                self.complain(format!("{field} is missing"));
                json!(0)
            }
        };
        self.set(name, number);
    }

    /// JSON numbers pass. A text with a point is read as a float, one without as an integer: an exponent without a point
    /// would become 0.
    fn numeric(&mut self, name: &str, value: &Value) -> Value {
        let read = match value {
            Value::Number(_) => Some(value.clone()),
            Value::String(text) if text.contains('.') => {
                text.parse::<f64>().ok().map(|number| json!(number))
            }
            Value::String(text) => text.parse::<i64>().ok().map(|number| json!(number)),
            _ => None,
        };
        read.unwrap_or_else(|| {
            self.complain(format!("{name} is read as 0: {value}"));
            json!(0)
        })
    }

    fn copy_text(&mut self, name: &str) {
        let text = self.text(name, None);
        self.set(name, text.into());
    }

    fn trade(&mut self) {
        self.copy_text("trade_id");
        self.number("price", "price");
        self.number("quantity", "quantity");
        self.side();
        let is_maker = self.given("is_maker").cloned().unwrap_or(json!(false));
        if !is_maker.is_boolean() {
            self.complain(format!("is_maker is {is_maker}"));
        }
        self.set("is_maker", is_maker);
        self.time("trade_ts_ms", &["trade_ts_ms", "trade_time"]);
    }

    fn side(&mut self) {
        let side = self.text("side", None);
        if !matches!(side.as_str(), "buy" | "sell") {
            self.complain(format!("side is {side:?}"));
        }
        self.set("side", side.into());
    }

    fn book(&mut self) {
        let id = self.given("last_update_id").cloned().unwrap_or(json!(0));
        if !id.is_u64() {
            self.complain(format!("last_update_id is {id}"));
        }
        self.set("last_update_id", id);
        for (side, name) in [("bids", "bid"), ("asks", "ask")] {
            let Some(levels) = self.payload[side].as_array() else {
                self.complain(format!("{side} is no list"));
                continue;
            };
            let text = self.payload[side].to_string();
            if text.contains('\'') {
                self.complain(format!("{side} would break the statement"));
            }
            self.set(side, text.into());
            self.set(&format!("{side}_count"), levels.len().into());
            let Some(best) = levels.first() else {
                self.complain(format!("{side} is empty"));
                continue;
            };
            for (place, part) in ["price", "quantity"].into_iter().enumerate() {
                let column = format!("best_{name}_{part}");
                // Every level is an object, or a pair.
                let value = best.get(part).unwrap_or_else(|| &best[place]);
                let number = self.numeric(&column, value).as_f64();
                self.set(&column, json!(number));
            }
            for level in levels {
                for (place, part) in ["price", "quantity"].into_iter().enumerate() {
                    let value = level.get(part).unwrap_or_else(|| &level[place]);
                    self.numeric(side, value);
                }
            }
        }
    }

    fn funding_rate(&mut self) {
        self.number("funding_rate", "current_funding_rate");
        self.time("funding_ts_ms", &["funding_ts_ms", "funding_time"]);
        let fields = ["next_funding_ts_ms", "next_funding_time"];
        self.time("next_funding_ts_ms", &fields);
    }

    fn open_interest(&mut self) {
        // The old collector never sent the first; it is 0.0 then.
        if self.given("open_interest").is_some() {
            self.number("open_interest", "open_interest");
        } else {
            self.set("open_interest", json!(0.0));
        }
        self.number("open_interest_value", "open_interest_value");
    }

    fn liquidation(&mut self) {
        self.side();
        self.number("price", "price");
        self.number("quantity", "quantity");
        let fields = ["liquidation_ts_ms", "liquidation_time"];
        self.time("liquidation_ts_ms", &fields);
    }

    fn ratios(&mut self, of: &str) {
        for side in ["long", "short"] {
            let name = format!("{side}_{of}_ratio");
            self.number(&name, &name);
        }
        self.copy_text("period");
    }

    fn volatility_index(&mut self) {
        self.number("volatility_index", "volatility_index");
        self.number("index_value", "volatility_index");
        let asset = self.text("underlying_asset", Some(""));
        self.set("underlying_asset", asset.into());
        self.time("maturity_ts_ms", &["maturity_ts_ms"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(change: (&str, Value)) -> Result<Value, Vec<String>> {
        let mut payload = json!({
            "data_type": "trade", "exchange": "okx", "market_type": "spot", "symbol": "BTC-USDT", "ts_ms": 5,
            "trade_id": "1", "price": "7.5", "quantity": "2", "side": "buy", "trade_ts_ms": 4,
        });
        payload[change.0] = change.1;
        read("trade.okx.spot.BTC-USDT", payload.to_string().as_bytes())
    }

    #[test]
    fn texts_with_a_point_are_floats_and_others_integers() {
        let row = trade(("price", json!("121520"))).unwrap();
        assert_eq!(row["price"], 121_520);
        assert_eq!(row["data_source"], "simple_hot_storage");
        assert_eq!(trade(("price", json!("0.5"))).unwrap()["price"], 0.5);
    }

    #[test]
    fn what_it_would_store_wrongly_is_told() {
        for (change, complaint) in [
            (
                ("quantity", json!("1E-8")),
                "quantity is read as 0: \"1E-8\"",
            ),
            (("trade_id", json!(1)), "trade_id is no text: 1"),
            (("side", json!("SELL")), "side is \"SELL\""),
            (
                ("ts_ms", json!(5.5)),
                "ts_ms is no time in milliseconds: 5.5",
            ),
            (
                ("exchange", json!("okx_spot")),
                "exchange is \"okx_spot\", not okx",
            ),
            (
                ("trade_id", json!("it's")),
                "trade_id would break the statement: \"it's\"",
            ),
        ] {
            let told = trade(change).unwrap_err();
            assert_eq!(told[0], complaint);
        }
    }

    #[test]
    fn subjects_that_it_does_not_subscribe_to_are_no_data_type() {
        let told = read("orderbook_delta.okx.spot.BTC-USDT", b"{}").unwrap_err();
        let last = told.last().unwrap();
        assert_eq!(last, "orderbook_delta is no data type of the service");
    }
}
