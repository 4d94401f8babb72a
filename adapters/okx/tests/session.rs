//! Connections, symbols, trades, what is polled, and frames of every kind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_kit::Adapter;
use marketprism_kit::testing::{self, check};
use marketprism_kit::wit::Event;
use marketprism_okx::Okx;
use world::{SECOND, World, snapshot, update};

const STREAMS: u32 = 1;
const POLLS: u32 = 2;
const HEARTBEAT: u32 = 3;

fn trade(channel_of: &str, id: u64, more: &str) -> String {
    format!(
        r#"{{"arg":{{"channel":"trades","instId":"{channel_of}"}},"data":[{{"instId":"{channel_of}","tradeId":"{id}","px":"121520","sz":"1.25","side":"buy","ts":"1760000000455"{more}}}]}}"#
    )
}

#[test]
fn it_starts_by_naming_instruments_and_connecting() {
    let settings =
        r#"{"exchange":"okx_derivatives","data_types":["orderbook","trade","liquidation"]}"#;
    let names = ["BTC-USDT-SWAP", "eth-usd-241227", "BTC-USDT-SWAP", "a/b"];
    let events = [(7, testing::start(settings, &names)), (8, Event::Opened(0))];
    assert_eq!(
        check::<Okx>(&events),
        "declare 0 BTC-USDT-SWAP okx MarketType::Perpetual BTC-USDT\n\
         status 0 resyncing (starting) id 0 applied 0 gaps 0 resyncs 0\n\
         declare 1 ETH-USD-241227 okx MarketType::Perpetual ETH-USD-241227\n\
         status 1 resyncing (starting) id 0 applied 0 gaps 0 resyncs 0\n\
         log error \"A/B\" cannot be an instrument of OKX; left out\n\
         request 0 https://www.okx.com/api/v5/public/time weight 1\n\
         request 1 https://www.okx.com/api/v5/public/instruments?instType=SWAP weight 1\n\
         request 2 https://www.okx.com/api/v5/public/instruments?instType=FUTURES weight 1\n\
         connect 0 wss://ws.okx.com:8443/ws/v5/public\n\
         wake 1 at 1000000007\n\
         wake 0 at 1000000000\n\
         wake 3 at 20000000008\n\
         send 0 {\"id\":\"0\",\"op\":\"subscribe\",\"args\":[{\"channel\":\"books\",\"instId\":\"BTC-USDT-SWAP\"},\
         {\"channel\":\"trades\",\"instId\":\"BTC-USDT-SWAP\"},{\"channel\":\"liquidation-orders\",\"instType\":\"SWAP\"},\
         {\"channel\":\"books\",\"instId\":\"ETH-USD-241227\"},{\"channel\":\"trades\",\"instId\":\"ETH-USD-241227\"},\
         {\"channel\":\"liquidation-orders\",\"instType\":\"FUTURES\"}]}\n"
    );
}

#[test]
fn many_instruments_are_spread_over_connections_and_messages() {
    let names: Vec<_> = (0..250).map(|n| format!("X{n}-USDT")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut world = world::with("{}", &names);
    let connects = check::<Okx>(&[(1, testing::start("{}", &names))]);
    assert_eq!(connects.matches("connect ").count(), 3);
    let told = world.tell(&Event::Opened(1));
    let messages: Vec<_> = told
        .lines()
        .filter(|line| line.starts_with("send"))
        .collect();
    assert_eq!(messages.len(), 4);
    assert!(
        messages
            .iter()
            .all(|line| line.len() < 64 * 1024 && line.matches("instId").count() == 60)
    );
}

#[test]
fn a_bad_setting_is_named_and_replaced_by_its_default() {
    let settings = r#"{"exchange":"okx_futures","data_types":["orderbook","funding_rate"],"orderbook":{"channel":"books5","snapshot_interval":-1,"deltas":3}}"#;
    let told = check::<Okx>(&[(1, testing::start(settings, &["BTC-USDT"]))]);
    for key in [
        "exchange",
        "data_types",
        "orderbook.channel",
        "orderbook.snapshot_interval",
        "orderbook.deltas",
    ] {
        assert!(
            told.contains(&format!("log error {key}: ")),
            "{key}: {told}"
        );
    }
    assert!(told.contains("connect 0 "));
    let told = check::<Okx>(&[(1, testing::start("nonsense", &["BTC-USDT"]))]);
    assert!(told.contains("connect 0 "));
}

#[test]
fn only_the_data_types_asked_for_are_collected() {
    let settings = r#"{"data_types":["trade"]}"#;
    let events = [
        (1, testing::start(settings, &["BTC-USDT"])),
        (1, Event::Opened(0)),
        (2, testing::frame(0, snapshot(5))),
    ];
    let told = check::<Okx>(&events);
    assert!(told.contains(r#""args":[{"channel":"trades","instId":"BTC-USDT"}]"#));
    assert!(
        !told.contains("status") && told.ends_with("ignored\n"),
        "{told}"
    );
}

#[test]
fn a_trade_is_published_with_the_digits_that_were_sent() {
    let mut world = world::start("{}");
    let golden = r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"785123456","px":"121548.1","sz":"0.00041","side":"sell","ts":"1760000000455","count":"2"}]}"#;
    assert_eq!(
        world.frame(golden),
        "trade 0 #785123456 sell 121548.1 x 0.00041 at 1760000000455000000\n"
    );
    // Every element of a push; one that came before is left out.
    let two = r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"785123456","px":"1","sz":"1","side":"sell","ts":"1"},{"instId":"BTC-USDT","tradeId":"785123457","px":"2","sz":"3.0","side":"buy","ts":"4"},{"instId":"BTC-USDT","tradeId":"785123460","px":"2","sz":"3","side":"buy","ts":"4","count":"2"}]}"#;
    assert_eq!(
        world.frame(two),
        "trade 0 #785123457 buy 2 x 3.0 at 4000000\ntrade 0 #785123460 buy 2 x 3 at 4000000\n"
    );
    assert!(world.report().contains("trades 3 duplicates 1 missing 1"));
}

#[test]
fn a_refused_instrument_is_named_and_the_others_go_on() {
    let mut world = world::with("{}", &["BTC-USDT", "FOO-BAR"]);
    let refusal = |channel: &str| {
        format!(
            r#"{{"event":"error","code":"60018","msg":"Wrong URL or channel:{channel},instId:FOO-BAR doesn't exist. Please use the correct URL, channel and parameters referring to API document.","connId":"a4d3ae55","id":"0"}}"#
        )
    };
    let told = world.frame(&refusal("books"));
    assert!(told.starts_with("log error books:FOO-BAR: the exchange refuses it: 60018: Wrong URL or channel:books,instId:FOO-BAR"));
    assert!(told.ends_with("refused exchange error\n"));
    world.frame(&refusal("trades"));
    let actions = testing_report(&mut world);
    assert!(
        actions[1]
            .problem
            .as_deref()
            .unwrap()
            .starts_with("60018: Wrong URL")
    );
    assert_eq!(actions[0].problem, None);
    assert!(world.frame(&snapshot(5)).starts_with("status 0 synced"));
    // Asked for again rarely.
    let mut again = [0, 0];
    for second in 0..608 {
        world.now += SECOND;
        world.frame(&update(5, 5));
        again[second / 599] += world.alarm(STREAMS).matches("FOO-BAR").count();
    }
    assert_eq!(again, [0, 2]);
}

fn testing_report(world: &mut World) -> Vec<marketprism_kit::wit::InstrumentReport> {
    match world.actions(&Event::ReportWanted(0)).as_slice() {
        [marketprism_kit::wit::Action::Report(reports)] => reports.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refusal_that_names_nothing_is_known_by_the_number_of_the_message() {
    let mut world = world::with(r#"{"data_types":["trade"]}"#, &["BTC-USDT"]);
    let told = world
        .frame(r#"{"id":"0","event":"error","code":"60012","msg":"Invalid request","connId":"a"}"#);
    assert!(
        told.starts_with("log error trades:BTC-USDT: the exchange refuses it"),
        "{told}"
    );
    let told = world.frame(
        r#"{"id":"0","event":"error","code":"60014","msg":"Requests too frequent","connId":"a"}"#,
    );
    assert_eq!(told, "refused exchange error\n");
}

#[test]
fn an_idle_connection_is_pinged_and_pongs_are_nothing() {
    let mut world = world::start("{}");
    world.now += 20 * SECOND;
    assert!(world.alarm(HEARTBEAT).starts_with("send 0 ping\n"));
    assert_eq!(world.frame("pong"), "");
    world.now += 19 * SECOND;
    assert!(!world.alarm(HEARTBEAT).contains("send"));
}

#[test]
fn a_notice_renews_the_connection() {
    let mut world = world::start("{}");
    let told = world.frame(r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"}"#);
    assert_eq!(
        told,
        "log info the exchange announces: The connection will soon be closed for a service upgrade. Please reconnect.\n\
         connect 1 wss://ws.okx.com:8443/ws/v5/public\n"
    );
    let other =
        r#"{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"abcd1234"}"#;
    assert_eq!(world.frame(other), "");
}

#[test]
fn what_nobody_asked_for_is_ignored() {
    let mut world = world::start("{}");
    for frame in [
        r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{}]}"#,
        r#"{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{}]}"#,
        r#"{"arg":{"channel":"books","instId":"ETH-USDT"},"action":"update","data":[{}]}"#,
        r#"{"arg":{"channel":"trades","instId":"ETH-USDT"},"data":[]}"#,
        r#"{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[]}"#,
        r#"{"arg":{"channel":"status"},"data":[]}"#,
    ] {
        assert_eq!(world.frame(frame), "ignored\n", "{frame}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let mut world = world::start("{}");
    let good = trade("BTC-USDT", 5, "");
    let push = snapshot(5);
    for (frame, rule) in [
        (String::new(), "not json"),
        ("garbage".to_owned(), "not json"),
        ("{}".to_owned(), "wrong shape"),
        ("[1]".to_owned(), "wrong shape"),
        (good[..good.len() - 1].to_owned(), "not json"),
        (
            good.replace("\"px\":\"121520\"", "\"px\":\"\""),
            "not a number",
        ),
        (good.replace("\"121520\"", "\"-1\""), "negative number"),
        (good.replace("\"121520\"", "null"), "not a number"),
        (
            good.replace("\"121520\"", "\"1.0000000000000000000000001\""),
            "number out of range",
        ),
        (
            good.replace("\"tradeId\":\"5\"", "\"tradeId\":\"5.5\""),
            "not a number",
        ),
        (good.replace("\"tradeId\":\"5\",", ""), "wrong shape"),
        (good.replace("buy", "both"), "wrong shape"),
        (good.replace("\"data\"", "\"date\""), "wrong shape"),
        (
            good.replace("1760000000455", "99999999999999999"),
            "number out of range",
        ),
        (
            good.replacen("BTC-USDT", "ETH-USDT", 2)
                .replacen("ETH-USDT", "BTC-USDT", 1),
            "wrong symbol",
        ),
        (
            trade("BTC-USDT", 5, ",\"count\":\"0\""),
            "number out of range",
        ),
        (
            trade("BTC-USDT", 5, ",\"count\":\"9\""),
            "number out of range",
        ),
        (
            push.replace("\"seqId\":5", "\"seqId\":-5"),
            "negative number",
        ),
        (
            push.replace("\"checksum\":0", "\"checksum\":3000000000"),
            "number out of range",
        ),
        (
            push.replace("[\"11\",\"1\",", "[\"11\",\"x\","),
            "not a number",
        ),
        (push.replace("\"asks\":[", "\"asks\":[7,"), "wrong shape"),
    ] {
        assert_eq!(world.frame(&frame), format!("refused {rule}\n"), "{frame}");
    }
    let told = world.tell(&testing::frame(0, vec![0xff, 0xfe, 0x00]));
    assert_eq!(told, "refused not json\n");
    assert!(world.report().contains("resyncing id - trades 0"));
}

#[test]
fn a_frame_is_read_whatever_its_order_spaces_and_new_fields() {
    let mut world = world::start("{}");
    let other = r#" { "data" : [ {"new":{},"side":"sell","ts":5,"sz":2,"px":1e-2,"tradeId":9,"instId":"BTC-USDT"} ], "arg":{"instId":"BTC-USDT","new":1,"channel":"trades"} } "#;
    assert_eq!(world.frame(other), "trade 0 #9 sell 0.01 x 2 at 5000000\n");
    let newest = trade(
        "BTC-USDT",
        10,
        r#","count":"1","source":"0","seqId":279183506666"#,
    );
    assert!(world.frame(&newest).starts_with("trade 0 #10 buy"));
    let plain = snapshot(7).replace("\"seqId\":7", "\"seqId\":\"7\"");
    assert!(
        world
            .frame(&plain)
            .contains("synced (snapshot applied) id 7")
    );
}

#[test]
fn symbols_come_and_go_without_touching_the_others() {
    let mut world = world::start("{}");
    world.frame(&snapshot(100));
    let changed = |names: &[&str]| {
        Event::SymbolsChanged(names.iter().map(|name| (*name).to_owned()).collect())
    };
    let told = world.tell(&changed(&["BTC-USDT", "ETH-USDT"]));
    assert!(told.starts_with("declare 1 ETH-USDT okx MarketType::Spot ETH-USDT\n"));
    assert!(told.contains("send 0 ") && !told.contains("connect") && !told.contains("BTC-USDT"));
    assert_eq!(world.frame(&update(100, 101)), "");
    let told = world.tell(&changed(&["ETH-USDT"]));
    assert!(told.contains(r#""op":"unsubscribe","args":[{"channel":"books","instId":"BTC-USDT"},{"channel":"trades","instId":"BTC-USDT"}]"#), "{told}");
    assert_eq!(world.frame(&update(101, 102)), "ignored\n");
    let told = world.tell(&changed(&["ETH-USDT", "BTC-USDT"]));
    assert!(told.starts_with("status 0 resyncing (starting)"));
    assert!(world.frame(&snapshot(300)).starts_with("status 0 synced"));
}

#[test]
fn stopping_closes_the_connections() {
    let mut world = world::start("{}");
    assert_eq!(world.tell(&Event::Stop), "close 0\n");
    assert_eq!(world.tell(&testing::closed(0)), "");
}

#[test]
fn nothing_happens_before_the_start() {
    let told = check::<Okx>(&[(1, Event::Opened(0)), (2, Event::Stop)]);
    assert!(told.lines().all(|line| line.starts_with("log error")));
}

#[test]
fn it_describes_itself() {
    let description = Okx::describe();
    let venues = description.venues.iter();
    let venues: Vec<_> = venues
        .map(|it| (it.name.as_str(), it.used_weight_header.as_ref()))
        .collect();
    assert_eq!(venues, [("okx_spot", None), ("okx_derivatives", None)]);
    assert_eq!(description.data_types.len(), 7);
    assert!(
        description
            .settings
            .contains(&"orderbook.channel".to_owned())
    );
}

const SWAP: &str = r#"{"exchange":"okx_derivatives","data_types":["funding_rate","open_interest","liquidation","lsr_top_position","lsr_all_account","trade"],"data_type_settings":{"funding_rate":{"interval":30},"lsr_top_position":{"interval":0.01}}}"#;

/// Lets time go by in a session of one swap and gives the requests, with when they were made in seconds.
fn requests(world: &mut World, seconds: u64, body: &str) -> Vec<(u64, String)> {
    let mut made = Vec::new();
    let mut told = world.alarm(POLLS);
    for _ in 0..seconds * 10 {
        while let Some(line) = told.lines().find(|line| line.starts_with("request ")) {
            let mut words = line.split(' ').skip(1);
            let number = words.next().unwrap().parse().unwrap();
            let address = words.next().unwrap().to_owned();
            made.push(((world.now - world.start) / SECOND, address));
            let rest = told.replacen(line, "", 1);
            told = rest + &world.answer(number, body);
        }
        world.now += SECOND / 10;
        told = world.alarm(POLLS);
    }
    made
}

#[test]
fn what_is_polled_is_asked_for_at_its_own_interval() {
    let mut world = world::with(SWAP, &["BTC-USDT-SWAP"]);
    let made = requests(
        &mut world,
        300,
        r#"{"code":"0","data":[["1759999800000","1.62"]]}"#,
    );
    let count = |endpoint: &str| {
        made.iter()
            .filter(|(_, address)| address.contains(endpoint))
            .count()
    };
    assert_eq!(
        count("long-short-account-ratio-contract?instId=BTC-USDT-SWAP&period=5m&limit=1"),
        15
    );
    // No interval is shorter than a second.
    let top = count("long-short-position-ratio-contract-top-trader?instId=BTC-USDT-SWAP&period=5m");
    assert!((295..=301).contains(&top), "{top}");
    assert!(
        made.iter()
            .all(|(_, address)| address.starts_with("https://www.okx.com/api/v5/"))
    );
}

#[test]
fn contracts_make_coins_of_trades() {
    let mut world = world::with(SWAP, &["BTC-USDT-SWAP"]);
    let quantity_base = |actions: &[marketprism_kit::wit::Action]| match actions {
        [marketprism_kit::wit::Action::Publish(marketprism_kit::wit::MarketEvent::Trade(it))] => {
            it.quantity_base.map(|number| number.to_string())
        }
        other => panic!("{other:?}"),
    };
    let push = |id| testing::frame(0, trade("BTC-USDT-SWAP", id, ""));
    assert_eq!(quantity_base(&world.actions(&push(1))), None);
    world.answer(1, r#"{"code":"0","msg":"","data":[{"instId":"BTC-USDT-SWAP","ctType":"linear","ctVal":"0.01","ctMult":"1"},{"instId":"X-USDT-SWAP","ctType":"","ctVal":"","ctMult":""}]}"#);
    assert_eq!(
        quantity_base(&world.actions(&push(2))).as_deref(),
        Some("0.0125")
    );
}

#[test]
fn the_exchanges_clock_is_measured() {
    let mut world = world::start("{}");
    world.now += 100_000_000;
    let ms = world.start / 1_000_000 + 57;
    let told = world.answer(
        0,
        &format!(r#"{{"code":"0","msg":"","data":[{{"ts":"{ms}"}}]}}"#),
    );
    assert!(told.starts_with("clock difference 7000000\n"), "{told}");
    let broken = world::start("{}").answer(0, r#"{"code":"0","data":[]}"#);
    assert!(broken.starts_with("refused wrong shape\n"), "{broken}");
}

#[test]
fn a_poll_that_fails_is_told_once_and_repeated_later_and_later() {
    let mut world = world::with(SWAP, &["BTC-USDT-SWAP"]);
    let error = r#"{"code":"51001","msg":"Instrument ID does not exist","data":[]}"#;
    let made = requests(&mut world, 60, error);
    assert!((10..60).contains(&made.len()), "{}", made.len());
    let problem = testing_report(&mut world)[0].problem.clone();
    assert_eq!(
        problem.as_deref(),
        Some("51001: Instrument ID does not exist")
    );
}

#[test]
fn forced_orders_come_once_each_with_an_id_of_their_own() {
    let mut world = world::with(SWAP, &["BTC-USDT-SWAP"]);
    let detail = |ms: u64| {
        format!(
            r#"{{"bkLoss":"0","bkPx":"120500.1","ccy":"","posSide":"long","side":"sell","sz":"13","ts":"{ms}"}}"#
        )
    };
    let push = |details: &str| {
        format!(
            r#"{{"arg":{{"channel":"liquidation-orders","instType":"SWAP"}},"data":[{{"details":[{details}],"instId":"BTC-USDT-SWAP"}},{{"details":"?","instId":"XRP-USDT-SWAP"}}]}}"#
        )
    };
    let told = world.frame(&push(&format!("{},{},{}", detail(5), detail(5), detail(6))));
    let ids: Vec<_> = told
        .lines()
        .map(|line| {
            line.split("id: \"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap()
        })
        .collect();
    assert_eq!(
        ids,
        [
            "okx_5_BTC-USDT-SWAP_sell_120500.1_13_0",
            "okx_5_BTC-USDT-SWAP_sell_120500.1_13_1",
            "okx_6_BTC-USDT-SWAP_sell_120500.1_13_0",
        ]
    );
    assert_eq!(world.frame(&push(&detail(6))), "");
    assert!(world.frame(&push(&detail(7))).contains("okx_7_"));
    assert_eq!(
        world.frame(&push(r#"{"side":"sell"}"#)),
        "refused wrong shape\n"
    );
}
