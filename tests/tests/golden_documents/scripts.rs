//! What an exchange would have sent for the raw input of each golden file, in the words of today.

use serde_json::{Value, json};

use crate::raw::raw;

/// What the shipped configuration says beside the blocks, as far as it matters to a document.
const SHIPPED: &str =
    "data_types:\n  liquidation:\n    symbols: [BTCUSDT, ETHUSDT, BTC-USDT-SWAP, ETH-USDT-SWAP]\n";

/// One golden file as an exchange that is played.
pub struct Script {
    pub case: &'static str,
    pub venue: &'static str,
    pub data_type: &'static str,
    /// What stands at `orderbook` in the block.
    orderbook: &'static str,
    /// Part of a connection's address, and what comes through it.
    pub frames: Vec<(&'static str, String)>,
    /// Part of a request's address, and its answer.
    answers: Vec<(&'static str, String)>,
    /// Lines of the old output that were published twice and are not any more.
    pub once: &'static [usize],
    /// Further differences of the documents: line, decision, place, value.
    pub differences: Vec<(usize, &'static str, &'static str, Value)>,
}

/// Every golden file.
pub fn scripts() -> Vec<Script> {
    [binance(), okx(), deribit()]
        .into_iter()
        .flatten()
        .collect()
}

impl Script {
    fn new(case: &'static str, data_type: &'static str) -> Self {
        let venues = [
            "binance_spot",
            "binance_derivatives",
            "okx_spot",
            "okx_derivatives",
            "deribit_derivatives",
        ];
        let venue = venues.into_iter().find(|venue| case.starts_with(venue));
        Self {
            case,
            venue: venue.unwrap(),
            data_type,
            orderbook: "{method: snapshot, snapshot_interval: 1}",
            frames: Vec::new(),
            answers: Vec::new(),
            once: &[],
            differences: Vec::new(),
        }
    }

    fn on_change(mut self) -> Self {
        self.orderbook = "{method: websocket}";
        self
    }

    fn hears(mut self, hint: &'static str, frame: &Value) -> Self {
        self.frames.push((hint, frame.to_string()));
        self
    }

    fn answered(mut self, part: &'static str, body: &Value) -> Self {
        self.answers.push((part, body.to_string()));
        self
    }

    fn once(mut self, lines: &'static [usize]) -> Self {
        self.once = lines;
        self
    }

    fn differs(mut self, line: usize, decision: &'static str, at: &'static str, to: Value) -> Self {
        self.differences.push((line, decision, at, to));
        self
    }

    /// The configuration of its session.
    pub fn configuration(&self) -> String {
        let Self {
            venue,
            data_type,
            orderbook,
            ..
        } = self;
        let (market_type, symbols) = match *venue {
            "binance_spot" => ("spot", "[BTCUSDT, ETHUSDT]"),
            "binance_derivatives" => ("perpetual", "[BTCUSDT, ETHUSDT]"),
            "okx_spot" => ("spot", "[BTC-USDT]"),
            "okx_derivatives" => ("perpetual", "[BTC-USDT-SWAP]"),
            _ => ("options", "[BTC]"),
        };
        format!(
            "exchanges:\n  {venue}:\n    exchange: {venue}\n    market_type: {market_type}\n    symbols: {symbols}\n    \
             data_types: [{data_type}]\n    orderbook: {orderbook}\n{SHIPPED}"
        )
    }

    /// The body of the answer to a request; none where the exchange has no such page.
    pub fn answer(&self, address: &str, now: u64) -> Option<String> {
        let own = self.answers.iter().find(|(part, _)| address.contains(part));
        if let Some((_, body)) = own {
            return Some(body.clone());
        }
        let now_ms = now / 1_000_000;
        let pages = [
            ("/exchangeInfo", exchange_info()),
            ("/time", json!({ "serverTime": now_ms })),
            ("/public/instruments", okx_instruments()),
            ("/get_time", json!({ "jsonrpc": "2.0", "result": now_ms })),
        ];
        if address.contains("/api/v5/public/time") {
            let data = json!([{ "ts": now_ms.to_string() }]);
            return Some(json!({ "code": "0", "msg": "", "data": data }).to_string());
        }
        let page = pages.iter().find(|(part, _)| address.contains(part));
        page.map(|(_, body)| body.to_string())
    }

    /// What the exchange says to what the adapter sent.
    pub fn replies(&self, text: &str) -> Vec<String> {
        if text == "ping" {
            return vec!["pong".to_owned()];
        }
        let Ok(said) = serde_json::from_str::<Value>(text) else {
            return Vec::new();
        };
        match self.venue {
            "okx_spot" | "okx_derivatives" => self.okx_replies(&said),
            "deribit_derivatives" => vec![self.deribit_reply(&said)],
            _ => vec![json!({ "result": null, "id": said["id"] }).to_string()],
        }
    }

    /// Each subscription is acknowledged. A channel whose data a request would bring as well brings it at once.
    fn okx_replies(&self, said: &Value) -> Vec<String> {
        let mut replies = Vec::new();
        for arg in said["args"].as_array().into_iter().flatten() {
            replies.push(json!({ "event": said["op"], "arg": arg, "connId": "1" }).to_string());
            let page = match arg["channel"].as_str() {
                Some("funding-rate") => "/public/funding-rate",
                Some("open-interest") => "/public/open-interest",
                _ => continue,
            };
            let own = self.answers.iter().find(|(part, _)| *part == page);
            if let Some((_, body)) = own {
                let body: Value = serde_json::from_str(body).unwrap();
                replies.push(json!({ "arg": arg, "data": body["data"] }).to_string());
            }
        }
        replies
    }

    fn deribit_reply(&self, said: &Value) -> String {
        let own = self
            .answers
            .iter()
            .find(|(part, _)| said["method"] == format!("public{part}"));
        let result = own.map_or(json!("ok"), |(_, body)| {
            serde_json::from_str::<Value>(body).unwrap()["result"].clone()
        });
        json!({ "jsonrpc": "2.0", "id": said["id"], "result": result }).to_string()
    }
}

fn binance() -> Vec<Script> {
    let stream = |stream: &str, data: &Value| json!({ "stream": stream, "data": data });
    let mut scripts = vec![
        Script::new("binance_spot_trade", "trade").hears("@trade", &raw("binance_spot_trade")),
        Script::new("binance_derivatives_trade", "trade").hears(
            "market",
            &stream("btcusdt@aggTrade", &raw("binance_derivatives_trade")),
        ),
        Script::new("binance_derivatives_liquidation", "liquidation").hears(
            "market",
            &stream(
                "btcusdt@forceOrder",
                &raw("binance_derivatives_liquidation"),
            ),
        ),
        Script::new("binance_spot_orderbook_snapshot", "orderbook")
            .answered("/api/v3/depth", &raw("binance_spot_orderbook_snapshot")),
        Script::new("binance_derivatives_orderbook_snapshot", "orderbook").answered(
            "/fapi/v1/depth",
            &raw("binance_derivatives_orderbook_snapshot")["result"],
        ),
        Script::new("binance_derivatives_funding_rate", "funding_rate")
            .answered(
                "/fapi/v1/premiumIndex",
                &raw("binance_derivatives_funding_rate"),
            )
            .answered(
                "/fapi/v1/fundingInfo",
                &json!([{ "symbol": "BTCUSDT", "fundingIntervalHours": 8 }]),
            ),
    ];
    let mut dedup = Script::new("binance_spot_trade_dedup", "trade");
    for trade in raw("binance_spot_trade_dedup").as_array().unwrap() {
        let symbol = trade["s"].as_str().unwrap().to_lowercase();
        dedup = dedup.hears("@trade", &stream(&format!("{symbol}@trade"), trade));
    }
    scripts.push(dedup);
    for (case, page) in [
        ("binance_spot_orderbook_incremental", "/api/v3/depth"),
        (
            "binance_derivatives_orderbook_incremental",
            "/fapi/v1/depth",
        ),
    ] {
        let input = raw(case);
        let mut script = Script::new(case, "orderbook")
            .on_change()
            .answered(page, &input["snapshot"]);
        if case == "binance_derivatives_orderbook_incremental" {
            // The snapshot waits for the first event, and they are published together.
            script = script.differs(0, "D5", "update_type", json!("snapshot"));
        }
        for event in input["events"].as_array().unwrap() {
            script = script.hears("depth", &stream("btcusdt@depth@100ms", event));
        }
        scripts.push(script);
    }
    let interest = raw("binance_derivatives_open_interest");
    scripts.push(
        Script::new("binance_derivatives_open_interest", "open_interest")
            .answered("/fapi/v1/openInterest", &interest["/fapi/v1/openInterest"])
            .answered("/fapi/v1/premiumIndex", &interest["premiumIndex"]),
    );
    for (case, data_type, page) in [
        (
            "binance_derivatives_lsr_top_position",
            "lsr_top_position",
            "/futures/data/topLongShortPositionRatio",
        ),
        (
            "binance_derivatives_lsr_all_account",
            "lsr_all_account",
            "/futures/data/globalLongShortAccountRatio",
        ),
    ] {
        scripts.push(Script::new(case, data_type).answered(page, &raw(case)));
    }
    scripts
}

fn okx() -> Vec<Script> {
    let mut scripts = vec![
        Script::new("okx_derivatives_liquidation", "liquidation")
            .hears("", &raw("okx_derivatives_liquidation")),
        Script::new("okx_derivatives_funding_rate", "funding_rate")
            .answered("/public/funding-rate", &raw("okx_derivatives_funding_rate")),
    ];
    for (venue, symbol) in [
        ("okx_spot", "BTC-USDT"),
        ("okx_derivatives", "BTC-USDT-SWAP"),
    ] {
        let of = |kind: &str| {
            let names = [
                "okx_spot_trade",
                "okx_derivatives_trade",
                "okx_spot_orderbook_snapshot",
                "okx_derivatives_orderbook_snapshot",
                "okx_spot_orderbook_incremental",
                "okx_derivatives_orderbook_incremental",
            ];
            let name = format!("{venue}_{kind}");
            names.into_iter().find(|it| *it == name).unwrap()
        };
        let books = |action: &Value, data: Value| {
            let arg = json!({ "channel": "books", "instId": symbol });
            json!({ "arg": arg, "action": action, "data": [data] })
        };
        scripts.push(Script::new(of("trade"), "trade").hears("", &raw(of("trade"))));
        let mut whole = raw(of("orderbook_snapshot"))["data"][0].clone();
        whole["prevSeqId"] = json!(-1);
        whole["checksum"] = json!(0);
        scripts.push(
            Script::new(of("orderbook_snapshot"), "orderbook")
                .hears("", &books(&json!("snapshot"), whole)),
        );
        // The old collector published the snapshot twice.
        let mut changes = Script::new(of("orderbook_incremental"), "orderbook")
            .on_change()
            .once(&[1]);
        for item in raw(of("orderbook_incremental")).as_array().unwrap() {
            let mut data = item.clone();
            data.as_object_mut().unwrap().remove("action");
            changes = changes.hears("", &books(&item["action"], data));
        }
        scripts.push(changes);
    }
    let interest = raw("okx_derivatives_open_interest");
    scripts.push(
        Script::new("okx_derivatives_open_interest", "open_interest")
            .answered("/public/open-interest", &interest["public/open-interest"])
            .answered("/public/mark-price", &interest["mark-price"]),
    );
    for (case, data_type, page) in [
        (
            "okx_derivatives_lsr_top_position",
            "lsr_top_position",
            "/rubik/stat/contracts/long-short-position-ratio-contract-top-trader",
        ),
        (
            "okx_derivatives_lsr_all_account",
            "lsr_all_account",
            "/rubik/stat/contracts/long-short-account-ratio-contract",
        ),
        (
            "okx_derivatives_lsr_all_account_below1",
            "lsr_all_account",
            "/rubik/stat/contracts/long-short-account-ratio-contract",
        ),
    ] {
        scripts.push(Script::new(case, data_type).answered(page, &raw(case)));
    }
    scripts
}

fn deribit() -> Vec<Script> {
    vec![
        Script::new("deribit_derivatives_volatility_index", "volatility_index").answered(
            "/get_volatility_index_data",
            &raw("deribit_derivatives_volatility_index"),
        ),
    ]
}

/// As much of the list of symbols as an adapter may want to know.
fn exchange_info() -> Value {
    let symbol = |symbol: &str, base: &str| {
        json!({
            "symbol": symbol, "pair": symbol, "status": "TRADING", "contractType": "PERPETUAL", "baseAsset": base,
            "quoteAsset": "USDT", "marginAsset": "USDT",
        })
    };
    let symbols = [symbol("BTCUSDT", "BTC"), symbol("ETHUSDT", "ETH")];
    json!({ "timezone": "UTC", "symbols": symbols })
}

fn okx_instruments() -> Value {
    let spot = json!({
        "instType": "SPOT", "instId": "BTC-USDT", "baseCcy": "BTC", "quoteCcy": "USDT", "ctVal": "", "ctMult": "",
        "ctValCcy": "", "ctType": "", "settleCcy": "", "instFamily": "", "state": "live",
    });
    let swap = json!({
        "instType": "SWAP", "instId": "BTC-USDT-SWAP", "baseCcy": "", "quoteCcy": "", "ctVal": "0.01", "ctMult": "1",
        "ctValCcy": "BTC", "ctType": "linear", "settleCcy": "USDT", "instFamily": "BTC-USDT", "state": "live",
    });
    json!({ "code": "0", "msg": "", "data": [spot, swap] })
}
