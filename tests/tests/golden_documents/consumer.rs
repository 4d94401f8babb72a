//! The rules by which the storage service reads what is published.

use serde_json::{Value, json};

/// What every message gives: the time of publishing and the names.
fn consumed(payload: &Value) -> Value {
    assert!(payload["ts_ms"].is_u64());
    assert!(["binance", "okx", "deribit"].contains(&payload["exchange"].as_str().unwrap()));
    let market_type = payload["market_type"].as_str().unwrap().to_lowercase();
    assert!(["spot", "perpetual", "options"].contains(&market_type.as_str()));
    json!({
        "ts_ms": payload["ts_ms"], "exchange": payload["exchange"], "market_type": market_type,
        "symbol": payload["symbol"],
        "data_source": payload.get("data_source").cloned().unwrap_or("simple_hot_storage".into()),
    })
}

pub fn consumed_trade(payload: &Value) -> Value {
    let mut seen = consumed(payload);
    seen["trade_id"] = payload["trade_id"].clone();
    seen["side"] = payload["side"].clone();
    seen["trade_ts_ms"] = payload["trade_ts_ms"].clone();
    seen["is_maker"] = payload
        .get("is_maker")
        .cloned()
        .unwrap_or(Value::Bool(false));
    for name in ["price", "quantity"] {
        // A text with a point is read as a float, one without as an integer: an exponent would become 0.
        let text = payload[name].as_str().unwrap();
        seen[name] = if text.contains('.') {
            json!(text.parse::<f64>().unwrap())
        } else {
            json!(text.parse::<i64>().unwrap())
        };
    }
    seen
}

pub fn consumed_book(payload: &Value) -> Value {
    let mut seen = consumed(payload);
    seen["last_update_id"] = payload["last_update_id"].clone();
    for (side, name) in [("bids", "bid"), ("asks", "ask")] {
        let levels = payload[side].as_array().unwrap();
        let part = |key: &str, position: usize| {
            let part = levels[0].get(key).unwrap_or_else(|| &levels[0][position]);
            json!(part.as_str().unwrap().parse::<f64>().unwrap())
        };
        let text = payload[side].to_string();
        assert!(
            !text.contains('\''),
            "the service puts this into SQL as it is"
        );
        seen[side] = json!(text);
        seen[format!("{side}_count")] = json!(levels.len());
        seen[format!("best_{name}_price")] = part("price", 0);
        seen[format!("best_{name}_quantity")] = part("quantity", 1);
    }
    seen
}
