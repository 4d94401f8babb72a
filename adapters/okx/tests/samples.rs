//! Single messages and answers that others recorded or that the exchange documents: what each means to the adapter.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeSet;

use marketprism_kit::testing::recording::{shared, text};
use marketprism_kit::testing::{self, Driver};
use marketprism_kit::wit::{Event, Level, MarketEvent};
use marketprism_okx::parse::{self, Asked, Chain, Message, Scratch, answer};
use marketprism_okx::{Contract, Instrument, Instruments, Okx, PolledKind, Venue};

/// What it says of one message: without wake-ups, and without what is sent to the exchange.
fn told(venue: &str, instrument: &str, message: &str) -> String {
    let mut driver = Driver::<Okx>::default();
    let settings = format!(
        r#"{{"exchange":"{venue}","data_types":["orderbook","trade"{}],"orderbook":{{"method":"websocket","nats_publish_depth":2}}}}"#,
        if venue == "okx_spot" {
            ""
        } else {
            r#","liquidation""#
        }
    );
    driver.tell(0, &testing::start(&settings, &[instrument]));
    driver.tell(0, &Event::Opened(0));
    let told = driver.told(0, &testing::frame(0, message));
    let lines = told
        .lines()
        .filter(|line| !line.starts_with("wake") && !line.starts_with("send"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The messages of a sample: those that the exchange sent, one a line or one in the file.
fn messages(folder: &str, file: &str) -> Vec<String> {
    let text = text(&format!("captures/samples/{folder}/{file}"));
    if file.ends_with(".jsonl") {
        return text.lines().map(str::to_owned).collect();
    }
    if !file.starts_with("jk_sub_") {
        return vec![text];
    }
    // ">" we send, "<" it acknowledges, "=" it pushes, a number says which of several streams.
    let mut messages = Vec::new();
    for line in text.lines() {
        let marked = line.strip_prefix(['>', '<', '=']);
        match marked {
            Some(rest) if !line.starts_with('>') => {
                messages.push(rest.trim_start_matches(char::is_numeric).to_owned());
            }
            Some(_) => {}
            None => {
                if let Some(message) = messages.last_mut() {
                    message.push_str(line);
                }
            }
        }
    }
    messages
}

fn check(folder: &str, venue: &str, table: &[(&str, &str, &str)], answers: &[&str]) {
    let mut known: BTreeSet<String> = answers.iter().map(|file| (*file).to_owned()).collect();
    for (file, instrument, expected) in table {
        known.insert((*file).to_owned());
        let found: Vec<_> = messages(folder, file)
            .iter()
            .map(|message| told(venue, instrument, message))
            .collect();
        assert_eq!(found.join("\n").trim(), *expected, "{file}");
    }
    let folder = shared(&format!("captures/samples/{folder}"));
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_expected = known.contains(&name) || is_of_another_request(&name);
        assert!(is_expected, "nothing is expected of {name}");
    }
}

#[rustfmt::skip]
const SPOT: &[(&str, &str, &str)] = &[
    ("cmp_bbo_spot.json", "BTC-USDT", "ignored"),
    ("cmp_candlestick_spot.json", "BTC-USDT", "ignored"),
    ("cmp_l2_topk_spot.json", "BTC-USDT", "ignored"),
    ("cmp_ticker_spot.json", "BTC-USDT", "ignored"),
    ("gct_ws_Deposit_Info_Details.json", "BTC-USDT", "ignored"),
    ("gct_ws_Economic_Calendar.json", "BTC-USDT", "ignored"),
    ("gct_ws_Index_Candlestick.json", "BTC-USDT", "ignored"),
    ("gct_ws_Index_Ticker.json", "BTC-USDT", "ignored"),
    ("gct_ws_Mark_Price_Candlestick.json", "BTC-USD-190628", "ignored"),
    ("gct_ws_Price_Limit.json", "LTC-USD-190628", "ignored"),
    ("gct_ws_Status.json", "BTC-USDT", "ignored"),
    ("nt_ws_bbo_tbt.json", "BTC-USDT", "ignored"),
    ("nt_ws_candle.json", "BTC-USDT", "ignored"),
    ("nt_ws_tickers.json", "BTC-USDT", "ignored"),
    ("roq_bbo_tbt_0.json", "LTC-USDC", "ignored"),
    ("roq_books_l2_tbt_2.json", "PERP-USDT", "ignored"),
    ("roq_candle_0.json", "BTC-USDT", "ignored"),
    ("roq_index_tickers_0.json", "LTC-USD", "ignored"),
    ("roq_tickers_0.json", "BTC-USD", "ignored"),
    // Cut to three levels a side by whoever kept them, so their checksums cannot match.
    ("cmp_l2_event_spot_snapshot.json", "BTC-USDT", "refused checksum does not match\nlog warn BTC-USDT: checksum does not match; waiting for a new snapshot"),
    ("roq_books_l2_tbt_0.json", "NEAR-USDT", "refused checksum does not match\nlog warn NEAR-USDT: checksum does not match; waiting for a new snapshot"),
    ("nt_ws_books_snapshot.json", "BTC-USDT", "refused checksum does not match\nlog warn BTC-USDT: checksum does not match; waiting for a new snapshot"),
    // Updates before their snapshot say nothing.
    ("cmp_l2_event_spot_update.json", "BTC-USDT", ""),
    ("roq_books_l2_tbt_1.json", "NEAR-USDT", ""),
    ("nt_ws_books_update.json", "BTC-USDT", ""),
    ("tickvault_books_2026_updates.jsonl", "BTC-USDT", ""),
    // Acknowledgements.
    ("roq_subscribe_2.json", "BTC-USD", ""),
    ("roq_subscribe_3.json", "BTC-USD", ""),
    ("roq_subscribe_4.json", "BTC-USD", ""),
    ("roq_subscribe_5.json", "BTC-USD", ""),
    ("roq_subscribe_6.json", "BTC-USD", ""),
    ("gct_ws_Test_Snapshot_Orderbook.json", "BTC-USDT", "status 0 synced (snapshot applied) id 1 applied 0 gaps 0 resyncs 0\nbook 0 snapshot id - at 1659792392540000000 bids 0.07014x56 0.07011x608 asks 0.07026x5 0.07027x765"),
    ("cmp_trade_spot.json", "BTC-USDT", "trade 0 #314161276 buy 43474.1 x 0.00373695 at 1646311839593000000"),
    ("gct_ws_Trade.json", "BTC-USDT", "trade 0 #130639474 buy 42219.9 x 0.12060306 at 1630048897897000000"),
    ("nt_ws_trades.json", "BTC-USD", "trade 0 #130639474 buy 42219.9 x 0.12060306 at 1630048897897000000"),
    ("gct_ws_Failure.json", "LTC-USD-200327", "refused exchange error"),
    ("nt_common_optional_string_to_u64.json", "BTC-USDT", "refused wrong shape"),
];

#[rustfmt::skip]
const SWAP: &[(&str, &str, &str)] = &[
    ("cmp_bbo_inverse_swap.json", "BTC-USD-SWAP", "ignored"),
    ("cmp_bbo_linear_swap.json", "BTC-USDT-SWAP", "ignored"),
    ("cmp_candlestick_inverse_swap.json", "BTC-USD-SWAP", "ignored"),
    ("cmp_candlestick_linear_swap.json", "BTC-USDT-SWAP", "ignored"),
    ("cmp_funding_rate_inverse_swap.json", "BTC-USD-SWAP", "ignored"),
    ("cmp_funding_rate_linear_swap.json", "BTC-USDT-SWAP", "ignored"),
    ("cmp_l2_topk_inverse_swap.json", "BTC-USD-SWAP", "ignored"),
    ("cmp_l2_topk_linear_swap.json", "BTC-USDT-SWAP", "ignored"),
    ("cmp_ticker_inverse_swap.json", "BTC-USD-SWAP", "ignored"),
    ("cmp_ticker_linear_swap.json", "BTC-USDT-SWAP", "ignored"),
    ("gct_ws_Block_Ticker.json", "LTC-USD-SWAP", "ignored"),
    ("gct_ws_Candlesticks.json", "BTC-USD-SWAP", "ignored"),
    ("gct_ws_Funding_Rate.json", "BTC-USD-SWAP", "ignored"),
    ("gct_ws_Open_Interest.json", "LTC-USD-SWAP", "ignored"),
    ("gct_ws_Ticker.json", "BTC-USD-SWAP", "ignored"),
    ("jk_sub_EstimatedPrice.json", "BTC-USD-170310", "ignored"),
    ("jk_sub_FundingRate.json", "ETH-USDT", "ignored"),
    ("jk_sub_IndexKlines.json", "ETH-USDT", "ignored"),
    ("jk_sub_IndexTicker.json", "ETH-USDT", "ignored"),
    ("jk_sub_Interest.json", "ETH-USDT", "ignored"),
    ("jk_sub_Klines.json", "ETH-USDT", "ignored"),
    ("jk_sub_MarkPrice.json", "ETH-USDT", "ignored"),
    ("jk_sub_MarkPriceKlines.json", "ETH-USDT", "ignored"),
    ("jk_sub_OptionSummary.json", "ETH-USDT", "ignored"),
    ("jk_sub_PriceLimit.json", "ETH-USDT", "ignored"),
    ("jk_sub_Symbol.json", "BTC-USDT", "ignored"),
    ("jk_sub_SystemStatus.json", "BTC-USDT", "ignored"),
    ("jk_sub_Ticker.json", "ETH-USDT", "ignored"),
    ("nt_ws_funding_rate.json", "BTC-USDT-SWAP", "ignored"),
    ("nt_ws_instruments.json", "BTC-USDT-SWAP", "ignored"),
    ("roq_funding_rate_0.json", "LTC-USDT-SWAP", "ignored"),
    ("jk_sub_Concurrent.json", "ETH-USDT", "ignored\nignored"),
    // The documentation pairs a channel of one instrument with a trade of another one.
    ("jk_sub_Trades.json", "ETH-USDT", "refused wrong symbol"),
    ("jk_sub_OrderBook.json", "ETH-USDT", "refused checksum does not match\nlog warn ETH-USDT: checksum does not match; waiting for a new snapshot"),
    ("cmp_l2_event_inverse_swap_snapshot.json", "BTC-USD-SWAP", "refused checksum does not match\nlog warn BTC-USD-SWAP: checksum does not match; waiting for a new snapshot"),
    ("galoy_order_book_update_1.json", "BTC-USD-SWAP", ""),
    ("galoy_order_book_update_2.json", "BTC-USD-SWAP", ""),
    ("galoy_order_book_update_3.json", "BTC-USD-SWAP", ""),
    ("barter_subscription_0.json", "BTC-USD-191227", ""),
    ("roq_subscribe_7.json", "BTC-USD-SWAP", ""),
    ("barter_subscription_1.json", "BTC-USD-191227", "log error trades:BTC-USD-191227: the exchange refuses it: 60012: Invalid request: {\"op\": \"subscribe\", \"args\":[{ \"channel\" : \"trades\", \"instId\" : \"BTC-USD-191227\"}]}\nrefused exchange error"),
    ("galoy_order_book_snapshot.json", "BTC-USD-SWAP", "status 0 synced (snapshot applied) id 1 applied 0 gaps 0 resyncs 0\nbook 0 snapshot id - at 1666759645503000000 bids 20276x845 20275.3x34 asks 20276.1x1393 20276.2x404"),
    ("gct_ws_Snapshot_OrderBook.json", "BTC-USD-SWAP", "status 0 synced (snapshot applied) id 1 applied 0 gaps 0 resyncs 0\nbook 0 snapshot id - at 1659792392540000000 bids 0.07014x56 0.07011x608 asks 0.07026x5 0.07027x765"),
    ("barter_trade_0.json", "BTC-USDT", "trade 0 #130639474 buy 42219.9 x 0.12060306 at 1630048897897000000"),
    ("cmp_trade_inverse_swap.json", "BTC-USD-SWAP", "trade 0 #173543957 sell 43574.9 x 1 at 1646312664791000000"),
    ("cmp_trade_linear_swap.json", "BTC-USDT-SWAP", "trade 0 #219066264 buy 43568.8 x 7 at 1646312440645000000"),
    ("roq_trades_0.json", "BTC-USDT-SWAP", "trade 0 #2005639579 sell 91467.1 x 0.03 at 1765201257145000000"),
    ("gct_ws_Liquidation_Orders.json", "IOST-USDT-SWAP", "MarketEvent::Liquidation(Liquidation { instrument: 0, sequence: 1692266434010, time: 1692266434010000000, id: \"okx_1692266434010_IOST-USDT-SWAP_buy_0.007831_13_0\", side: Side::Buy, status: \"filled\", price: \"0.007831\", quantity: \"13\", filled-quantity: None, notional-value: Some(\"0.101803\"), average-price: None, bankruptcy-price: None, quantity-base: None, all-instruments: false })"),
];

/// Answers that are asked for; each has its own test.
const SPOT_ANSWERS: &[&str] = &[
    "cmp_l2_snapshot_spot.json",
    "nt_http_get_order_book.json",
    "nt_http_get_instruments_spot.json",
    "nt_http_get_instruments_margin.json",
];
const SWAP_ANSWERS: &[&str] = &[
    "cmp_l2_snapshot_inverse_swap.json",
    "cmp_l2_snapshot_linear_swap.json",
    "cmp_open_interest_inverse_swap.json",
    "cmp_open_interest_linear_swap.json",
    "jk_GetFundingRates.json",
    "jk_GetOpenInterests.json",
    "jk_GetOrderBook.json",
    "nt_http_get_instruments_swap.json",
];

/// Answers that nothing asks for.
fn is_of_another_request(file: &str) -> bool {
    file.starts_with("jk_Get") || file.starts_with("nt_http_")
}

#[test]
fn every_message_of_spot_is_what_it_should_be() {
    check("okx_spot", "okx_spot", SPOT, SPOT_ANSWERS);
}

#[test]
fn every_message_of_swaps_is_what_it_should_be() {
    check("okx_swap", "okx_derivatives", SWAP, SWAP_ANSWERS);
}

#[test]
fn a_recorded_book_keeps_its_checksum_through_its_updates() {
    let mut driver = Driver::<Okx>::default();
    let settings = r#"{"exchange":"okx_derivatives"}"#;
    driver.tell(0, &testing::start(settings, &["BTC-USD-SWAP"]));
    for file in ["snapshot", "update_1", "update_2", "update_3"] {
        let file = format!("galoy_order_book_{file}.json");
        for message in messages("okx_swap", &file) {
            driver.tell(0, &testing::frame(0, message));
        }
    }
    let report = driver.told(0, &Event::ReportWanted(1));
    assert!(
        report.contains("applied 3 gaps 0 resyncs 0 levels 400/400"),
        "{report}"
    );
}

/// The body of an answer; before some stands what was asked.
fn answer_text(folder: &str, file: &str) -> String {
    let text = text(&format!("captures/samples/{folder}/{file}"));
    let begin = text.find('{').unwrap();
    text[begin..].to_owned()
}

fn level(level: &Level) -> String {
    testing::level(level)
}

#[test]
fn every_kind_of_push_of_a_book_is_read_to_its_ids_and_levels() {
    let mut instruments = Instruments::default();
    for name in ["BTC-USDT", "NEAR-USDT", "BTC-USD-SWAP", "ETH-USDT"] {
        let id = instruments.add(Instrument::new(name.to_owned(), Venue::Spot));
        instruments.get_mut(id).unwrap().active = true;
    }
    let asked = Asked {
        instruments: &instruments,
        books: true,
        trades: true,
        liquidations: false,
    };
    let chain = |sequence, previous| Some(Chain { sequence, previous });
    for (folder, file, is_snapshot, ids, checksum, time_ms, counts, best) in [
        (
            "okx_spot",
            "cmp_l2_event_spot_snapshot.json",
            true,
            None,
            Some(144_433_427),
            1_646_313_944_551,
            (3, 3),
            "43666x0.00278174 43666.1x1.09431286",
        ),
        (
            "okx_spot",
            "cmp_l2_event_spot_update.json",
            false,
            None,
            Some(796_530_682),
            1_646_314_295_200,
            (1, 1),
            "43675.6x0.05 43736.2x0.1358",
        ),
        (
            "okx_spot",
            "nt_ws_books_snapshot.json",
            true,
            chain(123_456, None),
            Some(-855_196_043),
            1_597_026_383_085,
            (8, 8),
            "8476.97x256 8476.98x415",
        ),
        (
            "okx_spot",
            "nt_ws_books_update.json",
            false,
            chain(123_457, Some(123_456)),
            Some(-855_196_043),
            1_597_026_383_085,
            (8, 8),
            "8476.97x256 8476.98x415",
        ),
        (
            "okx_spot",
            "roq_books_l2_tbt_0.json",
            true,
            chain(9_690_930_615, None),
            Some(-1_197_821_412),
            1_765_201_257_005,
            (3, 3),
            "1.782x2173.46443964 1.783x411.15719291",
        ),
        (
            "okx_spot",
            "roq_books_l2_tbt_1.json",
            false,
            chain(9_690_930_617, Some(9_690_930_615)),
            Some(1_923_732_318),
            1_765_201_257_205,
            (2, 0),
            "1.781x14694.07509503 -",
        ),
        (
            "okx_swap",
            "cmp_l2_event_inverse_swap_snapshot.json",
            true,
            None,
            Some(-1_817_371_130),
            1_646_314_888_087,
            (3, 3),
            "43726.3x131 43726.4x145",
        ),
        (
            "okx_swap",
            "galoy_order_book_update_1.json",
            false,
            None,
            Some(172_172_468),
            1_666_759_645_603,
            (10, 4),
            "20275.3x0 20288.5x0",
        ),
        (
            "okx_swap",
            "jk_sub_OrderBook.json",
            true,
            chain(123_456, None),
            Some(-855_196_043),
            1_597_026_383_085,
            (8, 8),
            "8476.97x256 8476.98x415",
        ),
    ] {
        let mut scratch = Scratch::default();
        let message = messages(folder, file).pop().unwrap();
        let read = parse::frame(message.as_bytes(), asked, &mut scratch);
        assert!(matches!(read, Ok(Message::Books(_))), "{file}: {read:?}");
        let [book] = scratch.books.as_slice() else {
            panic!("{file}")
        };
        assert_eq!(
            (book.is_snapshot, book.chain, book.checksum),
            (is_snapshot, ids, checksum),
            "{file}"
        );
        assert_eq!(book.time, time_ms * 1_000_000, "{file}");
        let levels = &book.levels;
        assert_eq!((levels.bids.len(), levels.asks.len()), counts, "{file}");
        let first = |side: &[Level]| side.first().map_or("-".to_owned(), level);
        assert_eq!(
            format!("{} {}", first(&levels.bids), first(&levels.asks)),
            best,
            "{file}"
        );
    }
}

#[test]
fn snapshots_of_old_answers_have_no_id() {
    for (folder, file, count, best, time_ms) in [
        (
            "okx_spot",
            "cmp_l2_snapshot_spot.json",
            3,
            "29692.4x0.43986254 29692.5x0.10951348",
            1_654_328_918_680,
        ),
        (
            "okx_spot",
            "nt_http_get_order_book.json",
            3,
            "41006.7x0.48792100 41006.8x0.60038921",
            1_704_067_200_000,
        ),
        (
            "okx_swap",
            "cmp_l2_snapshot_inverse_swap.json",
            3,
            "29671.2x759 29671.3x12",
            1_654_329_603_386,
        ),
        (
            "okx_swap",
            "cmp_l2_snapshot_linear_swap.json",
            3,
            "29701.6x5 29701.7x2",
            1_654_329_607_417,
        ),
        (
            "okx_swap",
            "jk_GetOrderBook.json",
            1,
            "41006.3x0.30178218 41006.8x0.60038921",
            1_629_966_436_396,
        ),
    ] {
        let book = answer::book(answer_text(folder, file).as_bytes()).unwrap();
        let levels = &book.levels;
        assert_eq!(
            (book.chain, book.time),
            (None, time_ms * 1_000_000_u64),
            "{file}"
        );
        assert_eq!(
            (levels.bids.len(), levels.asks.len()),
            (count, count),
            "{file}"
        );
        let found = format!("{} {}", level(&levels.bids[0]), level(&levels.asks[0]));
        assert_eq!(found, best, "{file}");
    }
}

fn polled(kind: PolledKind, name: &str, file: &str) -> Result<MarketEvent, &'static str> {
    let body = answer_text("okx_swap", file);
    let event = kind.event(0, name, body.as_bytes());
    event
        .map(|(_, event)| event)
        .map_err(|refusal| refusal.rule)
}

#[test]
fn answers_of_what_is_polled_are_read_or_refused_by_name() {
    let MarketEvent::FundingRate(rate) = polled(
        PolledKind::Funding,
        "BTC-USDT-SWAP",
        "jk_GetFundingRates.json",
    )
    .unwrap() else {
        panic!("no funding rate")
    };
    assert_eq!(rate.current, "0.0000792386885340");
    assert_eq!(
        (rate.estimated, rate.interval.as_deref()),
        (None, Some("8h"))
    );
    assert_eq!(rate.next_funding, Some(1_703_088_000_000_000_000));
    assert_eq!(
        (rate.sequence, rate.time),
        (1_703_070_685_309, 1_703_070_685_309_000_000)
    );

    for (name, file, value, time) in [
        (
            "BTC-USDT-SWAP",
            "jk_GetOpenInterests.json",
            "5000",
            1_597_026_383_085,
        ),
        (
            "ETH-USD-SWAP",
            "cmp_open_interest_inverse_swap.json",
            "21795246",
            1_654_348_683_853,
        ),
        (
            "BTC-USD-SWAP",
            "cmp_open_interest_linear_swap.json",
            "4093058",
            1_654_348_739_678,
        ),
    ] {
        let Ok(MarketEvent::OpenInterest(interest)) = polled(PolledKind::OpenInterest, name, file)
        else {
            panic!("no open interest in {file}")
        };
        assert_eq!(
            (interest.value.as_str(), interest.usd, interest.sequence),
            (value, None, time)
        );
    }
    let other = polled(
        PolledKind::OpenInterest,
        "XRP-USD-SWAP",
        "jk_GetOpenInterests.json",
    );
    assert_eq!(other, Err("nothing of the instrument"));

    let file = "jk_GetRubikLongShortRatio.json";
    let Ok(MarketEvent::LongShortRatio(ratio)) =
        polled(PolledKind::AllAccount, "BTC-USDT-SWAP", file)
    else {
        panic!("no ratio")
    };
    assert_eq!(
        (ratio.ratio.as_str(), ratio.period.as_str()),
        ("1.25", "5m")
    );
    assert_eq!(ratio.long, "0.5555555555555555555555555556");
    assert_eq!(ratio.short, "0.4444444444444444444444444444");
    assert_eq!(ratio.sequence, 1_630_502_100_000);
}

#[test]
fn contracts_are_read_from_the_recorded_lists() {
    let read = |folder: &str, file: &str| {
        let mut found = Vec::new();
        answer::contracts(answer_text(folder, file).as_bytes(), |name, contract| {
            found.push((name.to_owned(), contract));
        })
        .unwrap();
        found
    };
    for file in [
        "nt_http_get_instruments_spot.json",
        "nt_http_get_instruments_margin.json",
    ] {
        let spot = read("okx_spot", file);
        assert!(!spot.is_empty() && spot.iter().all(|(_, contract)| contract.is_none()));
    }
    let swaps = read("okx_swap", "nt_http_get_instruments_swap.json");
    let number = |text: &str| marketprism_kit::decimal::parse(text.as_bytes()).unwrap();
    let contract = |name: &str| swaps.iter().find(|(known, _)| known == name).unwrap().1;
    let expected = Contract::of("inverse", number("100"), number("1"));
    assert_eq!(contract("BTC-USD-SWAP"), expected);
}
