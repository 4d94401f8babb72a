//! Connections, symbols, trades and frames of every kind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_binance::Binance;
use marketprism_kit::Adapter;
use marketprism_kit::testing::{self, Driver, check};
use marketprism_kit::wit::Event;
use world::{SECOND, depth, trade};

#[test]
fn it_starts_by_naming_instruments_and_connecting() {
    let start = testing::start(
        r#"{"trade_stream":"aggTrade"}"#,
        &["BTCUSDT", "ethfdusd", "BTCUSDT", "a/b"],
    );
    let mut driver = Driver::<Binance>::default();
    assert_eq!(
        driver.told(7, &start),
        "declare 0 BTCUSDT binance MarketType::Spot BTC-USDT\n\
         status 0 resyncing (starting) id 0 applied 0 gaps 0 resyncs 0\n\
         declare 1 ETHFDUSD binance MarketType::Spot ETH-FDUSD\n\
         status 1 resyncing (starting) id 0 applied 0 gaps 0 resyncs 0\n\
         log error \"a/b\" cannot be a symbol of Binance; left out\n\
         connect 0 wss://stream.binance.com:9443/stream\n\
         wake 6 at 1000000007\n\
         wake 0 at 1000000000\n\
         wake 8 at 3000000007\n"
    );
    assert_eq!(
        driver.told(8, &Event::Opened(0)),
        "send 0 {\"method\":\"SUBSCRIBE\",\"params\":[\"btcusdt@depth@100ms\",\"btcusdt@aggTrade\",\
         \"ethfdusd@depth@100ms\",\"ethfdusd@aggTrade\"],\"id\":0}\n"
    );
}

#[test]
fn many_instruments_are_spread_over_connections() {
    let names: Vec<_> = (0..250).map(|n| format!("X{n}USDT")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut driver = Driver::<Binance>::default();
    let told = driver.told(1, &testing::start("{}", &names));
    assert_eq!(told.matches("connect ").count(), 3);
    for (connection, streams) in [(0, 200), (1, 200), (2, 100)] {
        let told = driver.told(2, &Event::Opened(connection));
        assert_eq!(told.matches("usdt@").count(), streams);
        let messages = told.matches(&format!("send {connection} ")).count();
        assert_eq!(messages, streams / 100);
    }
}

#[test]
fn a_bad_setting_is_named_and_replaced_by_its_default() {
    let settings = r#"{"data_types":"trade","orderbook":{"snapshot_interval":-1,"depth_limit":"many","deltas":3},"trade_stream":"x"}"#;
    let told = check::<Binance>(&[(1, testing::start(settings, &["BTCUSDT"]))]);
    for key in [
        "data_types",
        "orderbook.snapshot_interval",
        "orderbook.depth_limit",
        "orderbook.deltas",
        "trade_stream",
    ] {
        assert!(
            told.contains(&format!("log error {key}: ")),
            "{key}: {told}"
        );
    }
    assert!(told.contains("connect 0"));
    assert!(
        check::<Binance>(&[(1, testing::start("nonsense", &["BTCUSDT"]))]).contains("connect 0")
    );
}

#[test]
fn only_the_data_types_asked_for_are_collected() {
    let events = [
        (
            1,
            testing::start(r#"{"data_types":["trade"]}"#, &["BTCUSDT"]),
        ),
        (2, Event::Opened(0)),
    ];
    let told = check::<Binance>(&events);
    assert!(told.contains(r#""params":["btcusdt@trade"]"#), "{told}");
    assert!(
        !told.contains("status") && !told.contains("wake 0 "),
        "{told}"
    );
}

#[test]
fn a_trade_is_published_with_the_digits_that_were_sent() {
    let mut world = world::start("{}");
    let golden = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1760000000456,"s":"BTCUSDT","t":5312345678,"p":"121550.01000000","q":"0.00123000","T":1760000000455,"m":true,"M":true}}"#;
    let published =
        "trade 0 #5312345678 sell 121550.01000000 x 0.00123000 at 1760000000455000000\n";
    assert_eq!(world.frame(golden), published);
}

#[test]
fn trades_of_one_millisecond_are_all_published_and_doubled_ones_are_not() {
    let mut world = world::start("{}");
    assert!(
        world
            .frame(&trade(1, "1"))
            .starts_with("trade 0 #1 buy 1 x 0.5")
    );
    assert!(world.frame(&trade(2, "1")).starts_with("trade 0 #2"));
    assert_eq!(world.frame(&trade(2, "1")), "");
    assert_eq!(world.frame(&trade(1, "1")), "");
    assert!(world.report().contains("trades 2 duplicates 2 missing 0"));
}

#[test]
fn what_nobody_asked_for_is_ignored() {
    let mut world = world::start("{}");
    for frame in [
        r#"{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}}"#,
        r#"{"stream":"btcusdt@kline_1m","data":{"e":"kline"}}"#,
        r#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade"}}"#,
        r#"{"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":160,"bids":[],"asks":[]}}"#,
        r#"{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","s":"ETHUSDT"}}"#,
        r#"{"stream":"!ticker@arr","data":[]}"#,
        r#"{"result":null,"id":1}"#,
        r#"{"u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}"#,
        r#"{"e":"trade","s":"ETHUSDT"}"#,
    ] {
        assert_eq!(world.frame(frame), "ignored\n", "{frame}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let mut world = world::start("{}");
    let update = depth(1, 2, r#"["10.0","1"]"#, "");
    for (frame, rule) in [
        (String::new(), "not json"),
        ("garbage".to_owned(), "not json"),
        ("{}".to_owned(), "wrong shape"),
        ("[1]".to_owned(), "wrong shape"),
        (update[..update.len() - 1].to_owned(), "not json"),
        (update[..40].to_owned(), "not json"),
        (format!("{update}}}"), "not json"),
        (update.replace("\"U\":1", "\"U\":\"1\""), "wrong shape"),
        (
            update.replace("\"U\":1", "\"U\":3"),
            "update ids out of order",
        ),
        (update.replace("\"U\":1,", ""), "wrong shape"),
        (update.replace("depthUpdate", "trade"), "wrong shape"),
        (update.replace("BTCUSDT", "ETHUSDT"), "wrong symbol"),
        (update.replace("10.0", ""), "not a number"),
        (update.replace("10.0", "+10"), "not a number"),
        (update.replace("10.0", "-10"), "negative number"),
        (
            update.replace("10.0", "10.0000000000000000000001"),
            "number out of range",
        ),
        (
            update.replace("\"E\":1000", "\"E\":99999999999999999"),
            "number out of range",
        ),
        (r#"{"stream":"btcusdt@trade"}"#.to_owned(), "wrong shape"),
        (
            r#"{"stream":"btcusdt@trade","data":[]}"#.to_owned(),
            "wrong shape",
        ),
        (
            r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#.to_owned(),
            "exchange error",
        ),
    ] {
        assert_eq!(world.frame(&frame), format!("refused {rule}\n"), "{frame}");
    }
    assert_eq!(
        world.tell(&testing::frame(0, vec![0xff, 0xfe, 0x00])),
        "refused not json\n"
    );
    assert!(world.report().contains("resyncing id - trades 0"));
}

#[test]
fn a_refused_message_is_repeated_and_a_refused_stream_is_named() {
    const ERROR: &str = r#"{"error":{"code":2,"msg":"Invalid request"},"id":0}"#;
    let begun = |types: &str| {
        let mut driver = Driver::<Binance>::default();
        let settings = format!(r#"{{"data_types":[{types}]}}"#);
        driver.tell(SECOND, &testing::start(&settings, &["BTCUSDT"]));
        driver.tell(SECOND, &Event::Opened(0));
        driver
    };
    let mut driver = begun(r#""orderbook","trade""#);
    assert_eq!(
        driver.told(SECOND, &testing::frame(0, ERROR)),
        "refused exchange error\n"
    );
    let told = driver.told(3 * SECOND, &Event::Alarm(6));
    assert!(
        told.contains(r#""method":"SUBSCRIBE","params":["btcusdt@depth@100ms""#),
        "{told}"
    );
    let mut driver = begun(r#""trade""#);
    let told = driver.told(SECOND, &testing::frame(0, ERROR));
    assert!(
        told.contains("log error btcusdt@trade: the exchange refuses it")
            && told.contains("refused exchange error"),
        "{told}"
    );
    assert!(
        !driver
            .told(3 * SECOND, &Event::Alarm(6))
            .contains("SUBSCRIBE")
    );
}

#[test]
fn a_frame_is_read_whatever_its_order_spaces_and_new_fields() {
    let mut world = world::start("{}");
    assert!(world.frame(" { \"data\" : {\"new\":{},\"s\":\"BTCUSDT\",\"m\":true,\"T\":5,\"q\":2,\"p\":1e-2,\"t\":9,\"e\":\"trade\"}, \"stream\":\"btcusdt@trade\" } ").starts_with("trade 0 #9 sell 0.01 x 2 at 5000000"));
    assert!(world.frame(r#"{"e":"trade","E":1,"s":"BTCUSDT","t":10,"p":"1","q":"2","T":5,"m":false,"M":true}"#).starts_with("trade 0 #10 buy"));
    assert!(world.frame(r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":11,"p":"1","q":"2","b":88,"a":50,"T":5,"m":false,"M":true}}"#).starts_with("trade 0 #11 buy"));
    assert!(
        world
            .frame(&depth(1, 2, "", "").replace("@100ms", ""))
            .starts_with("request 0 ")
    );
}

#[test]
fn a_planned_shutdown_is_told() {
    let mut world = world::start("{}");
    assert!(
        world
            .frame(r#"{"e":"serverShutdown","E":1770123456789}"#)
            .starts_with("log info")
    );
    assert!(
        world
            .frame(r#"{"stream":"","data":{"e":"serverShutdown","E":1770123456789}}"#)
            .starts_with("log info")
    );
}

#[test]
fn symbols_come_and_go_without_touching_the_others() {
    let mut world = world::start("{}");
    world.frame(&depth(99, 100, "", ""));
    let changed = |names: &[&str]| {
        Event::SymbolsChanged(names.iter().map(|name| (*name).to_owned()).collect())
    };
    let told = world.tell(&changed(&["BTCUSDT", "ETHUSDT"]));
    assert!(
        told.starts_with(
            "declare 1 ETHUSDT binance MarketType::Spot ETH-USDT\n\
             status 1 resyncing (starting) id 0 applied 0 gaps 0 resyncs 0\n\
             send 0 {\"method\":\"SUBSCRIBE\",\"params\":[\"ethusdt@depth@100ms\",\"ethusdt@trade\"],\"id\":1}\n"
        ),
        "{told}"
    );
    world.now += SECOND;
    let told = world.tell(&changed(&["ETHUSDT"]));
    assert!(
        told.starts_with(
            "send 0 {\"method\":\"UNSUBSCRIBE\",\"params\":[\"btcusdt@depth@100ms\",\"btcusdt@trade\"],\"id\":2}\n"
        ),
        "{told}"
    );
    assert_eq!(world.frame(&depth(101, 102, "", "")), "ignored\n");
    world.now += SECOND;
    let told = world.tell(&changed(&["ETHUSDT", "BTCUSDT"]));
    assert!(
        told.starts_with(
            "status 0 resyncing (starting) id 0 applied 0 gaps 0 resyncs 0\n\
             send 0 {\"method\":\"SUBSCRIBE\",\"params\":[\"btcusdt@depth@100ms\",\"btcusdt@trade\"],\"id\":3}\n"
        ),
        "{told}"
    );
}

#[test]
fn stopping_closes_the_connections() {
    let mut world = world::start("{}");
    assert_eq!(world.tell(&Event::Stop), "close 0\n");
    assert_eq!(world.tell(&testing::closed(0)), "");
}

#[test]
fn nothing_happens_before_the_start() {
    assert!(
        check::<Binance>(&[(1, Event::Opened(0)), (2, Event::Stop)])
            .lines()
            .all(|line| line.starts_with("log error"))
    );
}

#[test]
fn it_describes_itself() {
    let description = Binance::describe();
    assert_eq!(description.name, "binance");
    let venues = description.venues.iter();
    let venues: Vec<_> = venues
        .map(|it| (it.name.as_str(), it.request_weight_per_minute))
        .collect();
    assert_eq!(
        venues,
        [("binance_spot", 6_000), ("binance_derivatives", 2_400)]
    );
    let connects = description.venues.iter();
    let connects: Vec<_> = connects
        .map(|it| it.connects.map(|it| (it.count, it.seconds)))
        .collect();
    assert_eq!(connects, [Some((300, 300)); 2]);
    assert!(
        description
            .settings
            .contains(&"orderbook.method".to_owned())
    );
}
