//! Every sample of the exchange's messages and answers: what the adapter subscribes to is read to the expected event or
//! refused by name, everything else is nobody's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeMap;

use marketprism_deribit::parse::{self, Asked, Message, Outcome, Scratch, TradeMade};
use marketprism_deribit::{Deribit, Instrument, Instruments};
use marketprism_kit::testing::{self, Driver, recording};
use marketprism_kit::wit::{Answer, Level, Side};

/// Each sample and what it says, written by hand from the sample. Of each side of a book the number of its levels and
/// the first three, price x amount; of a trade its number, name, side, price x amount and time.
const EXPECTED: &[(&str, &str)] = &[
    ("cmp_bbo_inverse_future", "ignored"),
    ("cmp_bbo_inverse_swap", "ignored"),
    ("cmp_candlestick_inverse_future", "ignored"),
    ("cmp_candlestick_inverse_swap", "ignored"),
    ("cmp_candlestick_option", "ignored"),
    (
        "cmp_l2_event_inverse_future_snapshot",
        "book BTC-25JUN21 whole id 31479219781 at 1622626472678 bids 3: 37317.0x2960.0 37311.5x530.0 37311.0x45170.0 asks 3: 37327.0x10.0 37327.5x20000.0 37328.0x3000.0",
    ),
    (
        "cmp_l2_event_inverse_future_update",
        "book BTC-25JUN21 after 31479339296 id 31479339507 at 1622626784890 bids 2: 37392.5x3000.0 37399.0x6530.0 asks 2: 37850.0x8850.0 37848.5x0.0",
    ),
    (
        "cmp_l2_event_inverse_swap_snapshot",
        "book BTC-PERPETUAL whole id 31479596557 at 1622627433440 bids 3: 37240.0x20.0 37237.0x14270.0 37233.0x50.0 asks 3: 37240.5x14240.0 37248.5x15690.0 37251.0x650.0",
    ),
    (
        "cmp_l2_event_inverse_swap_update",
        "book BTC-PERPETUAL after 31479598064 id 31479598217 at 1622627435737 bids 2: 36779.0x0.0 36809.5x254870.0 asks 2: 37462.5x0.0 37394.0x42670.0",
    ),
    (
        "cmp_l2_event_option_snapshot",
        "book BTC-11JUN21-25000-P whole id 31479771122 at 1622627851747 bids 3: 0.005x13.7 0.0045x5.7 0.004x61.6 asks 3: 0.006x64.5 0.0065x48.0 0.0085x0.5",
    ),
    ("cmp_l2_snapshot_inverse_future", "reply"),
    ("cmp_l2_snapshot_inverse_swap", "reply"),
    ("cmp_l2_snapshot_option", "reply"),
    ("cmp_l2_topk_inverse_future", "ignored"),
    ("cmp_l2_topk_inverse_swap", "ignored"),
    ("cmp_l2_topk_option", "ignored"),
    ("cmp_open_interest_inverse_future", "reply"),
    ("cmp_open_interest_inverse_future_all", "reply"),
    ("cmp_open_interest_inverse_swap", "reply"),
    ("cmp_open_interest_option", "reply"),
    ("cmp_ticker_inverse_future", "ignored"),
    ("cmp_ticker_inverse_swap", "ignored"),
    ("cmp_ticker_option", "ignored"),
    (
        "cmp_trade_inverse_future",
        "trades BTC-26MAR21 #5326971 137486952 buy 56273.5x6000.0 at 1616321287195",
    ),
    (
        "cmp_trade_inverse_swap",
        "trades BTC-PERPETUAL #92836831 137487241 buy 56168.0x5580.0 at 1616321478553; #92836832 137487242 buy 56168.0x60.0 at 1616321478553",
    ),
    // All options' trades in one channel, which is not asked for.
    ("cmp_trade_option", "ignored"),
    ("gct_ws_Announcement", "ignored"),
    ("gct_ws_Candlestick", "ignored"),
    ("gct_ws_Change_Updates", "ignored"),
    ("gct_ws_Currency_Changes_Updates", "ignored"),
    ("gct_ws_Currency_Trades", "ignored"),
    ("gct_ws_Estimated_Expiration_Price", "ignored"),
    ("gct_ws_Incremental_Ticker", "ignored"),
    ("gct_ws_Index_Price", "ignored"),
    ("gct_ws_Instrument_State", "ignored"),
    (
        "gct_ws_Instrument_Trades",
        "trades BTC-PERPETUAL #30289442 48079269 sell 8950x10 at 1590484512188",
    ),
    ("gct_ws_Instruments_Ticker", "ignored"),
    ("gct_ws_Mark_Price_Options", "ignored"),
    // Its asks were cut out by hand.
    ("gct_ws_Orderbook", "refused wrong shape"),
    (
        "gct_ws_Orderbook_Update",
        "book BTC-PERPETUAL whole id 297217 at 1554373962454 bids 2: 5042.34x30 5041.94x20 asks 2: 5042.64x40 5043.3x40",
    ),
    ("gct_ws_Platform_State", "ignored"),
    ("gct_ws_Price_Ranking", "ignored"),
    ("gct_ws_Price_Statistics", "ignored"),
    ("gct_ws_Volatility_Index", "ignored"),
    ("nt_http_get_combos", "reply"),
    ("nt_http_get_expirations_any", "reply"),
    ("nt_http_get_expirations_btc_option", "reply"),
    ("nt_http_get_instrument", "reply"),
    ("nt_http_get_instrument_option", "reply"),
    ("nt_http_get_instruments", "reply"),
    ("nt_http_get_instruments_future_combo", "reply"),
    ("nt_http_get_instruments_option_combo", "reply"),
    ("nt_http_get_last_trades", "reply"),
    ("nt_http_get_last_trades_future_combo", "reply"),
    ("nt_http_get_last_trades_historical_combo", "reply"),
    ("nt_http_get_last_trades_option_combo", "reply"),
    ("nt_http_get_order_book", "reply"),
    ("nt_http_get_time", "reply"),
    ("nt_http_get_tradingview_chart_data", "reply"),
    ("nt_http_test", "reply"),
    (
        "nt_ws_book_delta",
        "book BTC-PERPETUAL after 123456789 id 123456790 at 1699999999500 bids 2: 42500.0x950.0 42498.5x300.0 asks 2: 42501.0x0.0 42501.5x700.0",
    ),
    ("nt_ws_book_grouped_snapshot", "ignored"),
    (
        "nt_ws_book_snapshot",
        "book BTC-PERPETUAL whole id 123456789 at 1699999999000 bids 5: 42500.0x1000.0 42499.5x500.0 42499.0x750.0 asks 5: 42501.0x800.0 42501.5x600.0 42502.0x400.0",
    ),
    ("nt_ws_chart", "ignored"),
    ("nt_ws_error", "error 10028 too_many_requests"),
    ("nt_ws_quote", "ignored"),
    (
        "nt_ws_subscribe_response",
        "channels trades.BTC-PERPETUAL.100ms book.BTC-PERPETUAL.100ms",
    ),
    ("nt_ws_test_request", "test request"),
    ("nt_ws_ticker", "ignored"),
    (
        "nt_ws_trades",
        "trades BTC-PERPETUAL #271252854 403691824 sell 92294.5x10.0 at 1765531356452; #271252855 403691825 sell 92288.5x750.0 at 1765531356452",
    ),
    (
        "nt_ws_trades_option_combo",
        "trades BTC-CS-19MAY26-70000_75000 #1 244365193 sell 0.0639x0.1 at 1779118041756",
    ),
    ("nt_ws_volatility_index", "ignored"),
    ("ssc2ce_testnet_book_0", "channels book.BTC-PERPETUAL.raw"),
    (
        "ssc2ce_testnet_book_1",
        "book BTC-PERPETUAL whole id 4095205325 at 1592820067334 bids 371: 9415.5x72300.0 9415.0x9290.0 9414.5x1860.0 asks 305: 9416.0x534910.0 9416.5x11810.0 9417.0x3760.0",
    ),
    (
        "ssc2ce_testnet_book_2",
        "book BTC-PERPETUAL after 4095205325 id 4095205460 at 1592820072343 bids 2: 9411.0x0.0 9415.5x126130.0 asks 0:",
    ),
    (
        "ssc2ce_testnet_book_3",
        "book BTC-PERPETUAL after 4095205460 id 4095205461 at 1592820077252 bids 3: 9415.5x0.0 9415.0x0.0 9414.5x0.0 asks 1: 9414.5x970.0",
    ),
    (
        "ssc2ce_testnet_book_4",
        "book BTC-PERPETUAL after 4095205461 id 4095205462 at 1592820077253 bids 0: asks 2: 9418.5x41250.0 9418.0x6420.0",
    ),
    (
        "ssc2ce_testnet_book_5",
        "book BTC-PERPETUAL after 4095205463 id 4095205464 at 1592820077257 bids 2: 9413.0x95960.0 9413.5x28860.0 asks 0:",
    ),
    (
        "tardis_book_02",
        "book ETH-PERPETUAL whole id 1776289261 at 1564617600273 bids 2: 217.8x1895 217.75x712 asks 2: 218.6x179803 218.65x7887",
    ),
    (
        "tardis_book_03",
        "book ETH-PERPETUAL after 1776294621 id 1776294623 at 1564617654272 bids 1: 217.8x0 asks 2: 219.2x64903 219.1x19343",
    ),
    (
        "tardis_book_12",
        "book ETH-10SEP21-3350-P after 0 id 14617771529 at 1631026812566 bids 1: 0.019x93 asks 1: 0.037x93",
    ),
    (
        "tardis_book_13",
        "book LINK_USDC-PERPETUAL whole id 1232767964 at 1654041599955 bids 5: 7.562x34 7.561x329 7.56x401 asks 0:",
    ),
    ("tardis_quote_01", "ignored"),
    ("tardis_ticker_04", "ignored"),
    ("tardis_ticker_05", "ignored"),
    ("tardis_ticker_06", "ignored"),
    ("tardis_ticker_07", "ignored"),
    ("tardis_ticker_08", "ignored"),
    ("tardis_ticker_09", "ignored"),
    ("tardis_ticker_14", "ignored"),
    ("tardis_ticker_15", "ignored"),
    ("tardis_ticker_16", "ignored"),
    ("tardis_ticker_17", "ignored"),
    (
        "tardis_trades_00",
        "trades BTC-PERPETUAL #20944815 39355898 sell 9598.5x2000 at 1567296022565; #20944816 39355899 sell 9598.5x50 at 1567296022565",
    ),
    (
        "tardis_trades_10",
        "trades BTC-PERPETUAL #40781986 66460463 sell 4469.5x1120 at 1584058044032",
    ),
    (
        "tardis_trades_11",
        "trades BTC-PERPETUAL #40782080 66460626 buy 4458.5x2500 at 1584058067675",
    ),
];

const NAMES: [&str; 8] = [
    "BTC-PERPETUAL",
    "ETH-PERPETUAL",
    "LINK_USDC-PERPETUAL",
    "BTC-25JUN21",
    "BTC-26MAR21",
    "BTC-11JUN21-25000-P",
    "ETH-10SEP21-3350-P",
    "BTC-CS-19MAY26-70000_75000",
];

fn samples() -> BTreeMap<String, String> {
    let folder = std::fs::read_dir(recording::shared("captures/samples/deribit")).unwrap();
    folder
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn instruments() -> Instruments {
    let mut all = Instruments::default();
    for (id, name) in (0..).zip(NAMES) {
        let mut instrument = Instrument::new(id, name.to_owned(), false);
        instrument.active = true;
        all.add(instrument);
    }
    all
}

fn side(levels: &[Level]) -> String {
    let first: Vec<_> = levels.iter().take(3).map(testing::level).collect();
    format!("{}: {}", levels.len(), first.join(" "))
        .trim_end()
        .to_owned()
}

fn trade(trade: &TradeMade) -> String {
    let side = if trade.side == Side::Buy {
        "buy"
    } else {
        "sell"
    };
    format!(
        "#{} {} {side} {}x{} at {}",
        trade.sequence,
        trade.id,
        trade.price,
        trade.quantity,
        trade.time / 1_000_000
    )
}

fn read(text: &str) -> String {
    let (instruments, mut scratch) = (instruments(), Scratch::default());
    let asked = Asked {
        instruments: &instruments,
        books: true,
        trades: true,
    };
    match parse::frame(text.as_bytes(), asked, &mut scratch) {
        Ok(Message::Book(update)) => {
            let kind = match update.previous {
                Some(previous) => format!("after {previous}"),
                None => "whole".to_owned(),
            };
            format!(
                "book {} {kind} id {} at {} bids {} asks {}",
                NAMES[update.instrument as usize],
                update.id,
                update.time / 1_000_000,
                side(&scratch.changes.bids),
                side(&scratch.changes.asks)
            )
        }
        Ok(Message::Trades(id)) => {
            let all: Vec<_> = scratch.trades.iter().map(trade).collect();
            format!("trades {} {}", NAMES[id as usize], all.join("; "))
        }
        Ok(Message::TestRequest) => "test request".to_owned(),
        Ok(Message::Heartbeat) => "heartbeat".to_owned(),
        Ok(Message::Reply(reply)) => match reply.outcome {
            Outcome::Channels(names) => format!("channels {}", names.join(" ")),
            Outcome::Done => "reply".to_owned(),
            Outcome::Error(error) => format!("error {} {}", error.code, error.message),
        },
        Ok(Message::Ignored) => "ignored".to_owned(),
        Err(refusal) => format!("refused {}", refusal.rule),
    }
}

#[test]
fn every_sample_is_read_as_expected() {
    let samples = samples();
    let expected: BTreeMap<_, _> = EXPECTED.iter().copied().collect();
    assert!(
        samples.keys().eq(expected.keys()),
        "a sample without its line"
    );
    for (name, text) in samples {
        assert_eq!(read(&text), expected[name.as_str()], "{name}");
    }
}

#[test]
fn no_sample_harms_a_session() {
    let mut driver = Driver::<Deribit>::default();
    let settings = r#"{"data_types":["orderbook","trade","volatility_index"],"orderbook":{"method":"websocket","deltas":true}}"#;
    driver.tell(1, &testing::start(settings, &["BTC", "ETH-PERPETUAL"]));
    for (now, text) in (2..).zip(samples().values()) {
        driver.tell(now, &testing::frame(0, text.as_str()));
        for request in 0..20 {
            driver.tell(now, &testing::answer(request, 200, text.as_str()));
        }
    }
}

fn answer(name: &str) -> Answer {
    Answer {
        status: 200,
        body: recording::text(&format!("captures/samples/deribit/{name}.json")).into_bytes(),
    }
}

#[test]
fn answers_of_the_requests_that_are_sent_are_read() {
    let time = parse::exchange_time(&answer("nt_http_get_time"));
    assert_eq!(time.unwrap(), 1_733_338_800_000_000_000);

    let list = answer("nt_http_get_instruments");
    let list: Vec<_> = parse::listed(&list)
        .unwrap()
        .into_iter()
        .map(|it| (it.name.into_owned(), it.is_inverse))
        .collect();
    let expected = [
        ("BTC-PERPETUAL", true),
        ("BTC-27DEC24", true),
        ("BTC-27DEC24-100000-C", false),
        ("BTC-COMBO-1", false),
    ];
    assert_eq!(list, expected.map(|(name, it)| (name.to_owned(), it)));
    for (name, count) in [("future", 6), ("option", 6)] {
        let list = answer(&format!("nt_http_get_instruments_{name}_combo"));
        let list = parse::listed(&list).unwrap();
        assert!(list.len() >= count && list.iter().all(|it| !it.is_inverse));
    }

    let trades = answer("nt_http_get_last_trades");
    let trades = parse::old_trades(&trades, 0, "ETH-PERPETUAL").unwrap();
    assert_eq!(
        trade(&trades[0]),
        "#203024587 ETH-284830839 sell 2968.3x1.0 at 1766332040636"
    );
    assert!(
        trades
            .windows(2)
            .all(|two| two[1].sequence == two[0].sequence + 1)
    );
    let other = parse::old_trades(&answer("nt_http_get_last_trades"), 0, "BTC-PERPETUAL");
    assert_eq!(other.unwrap_err().rule, "wrong symbol");

    let error = Answer {
        status: 400,
        ..answer("nt_ws_error")
    };
    let refusal = parse::candles(&error).unwrap_err();
    assert_eq!(
        (refusal.rule, refusal.detail.as_str()),
        ("exchange error", "10028: too_many_requests")
    );
}
