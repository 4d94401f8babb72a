//! How the exchange is spoken to: connections, channels, signs of life, the clock and the lists.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod world;

use marketprism_kit::testing;
use marketprism_kit::wit::{Event, StreamState};
use serde_json::json;
use world::{MS, SECOND, START, quietly, snapshot, subscriptions};

const BOTH: &str = r#"{"data_types":["orderbook","trade"]}"#;

#[test]
fn volatility_indices_alone_need_no_connection() {
    let (_, said) = world::start("{}", &["BTC", "ETH"]);
    let from = START / MS - 120_000;
    let to = START / MS;
    assert_eq!(
        quietly(&said),
        format!(
            "declare 0 BTC deribit MarketType::Options BTC\n\
             declare 1 ETH deribit MarketType::Options ETH\n\
             request 0 https://www.deribit.com/api/v2/public/get_volatility_index_data?currency=BTC&start_timestamp={from}&end_timestamp={to}&resolution=60 weight 500\n\
             request 1 https://www.deribit.com/api/v2/public/get_volatility_index_data?currency=ETH&start_timestamp={from}&end_timestamp={to}&resolution=60 weight 500\n\
             request 2 https://www.deribit.com/api/v2/public/get_time weight 500\n"
        )
    );
}

#[test]
fn a_currency_means_its_perpetual_where_books_or_trades_are_collected() {
    let types = r#"{"data_types":["orderbook","trade","volatility_index"]}"#;
    let (mut world, said) = world::start(types, &["btc", "BTC-PERPETUAL", "BTC-24SEP21-34000-P"]);
    let declared: Vec<_> = said
        .lines()
        .filter(|it| it.starts_with("declare"))
        .collect();
    assert_eq!(
        declared,
        [
            "declare 0 BTC-PERPETUAL deribit MarketType::Perpetual BTC-PERPETUAL",
            "declare 1 BTC deribit MarketType::Options BTC",
            "declare 2 BTC-24SEP21-34000-P deribit MarketType::Options BTC-24SEP21-34000-P",
        ]
    );
    assert!(said.contains("connect 0 wss://www.deribit.com/ws/api/v2\n"));
    assert!(said.contains("get_instruments?currency=BTC&expired=false weight 10000"));
    let said = world::opened(&mut world, 0);
    assert_eq!(
        subscriptions(&said),
        [(
            1_000_000,
            [
                "book.BTC-PERPETUAL.100ms",
                "trades.BTC-PERPETUAL.100ms",
                "book.BTC-24SEP21-34000-P.100ms",
                "trades.BTC-24SEP21-34000-P.100ms"
            ]
            .map(str::to_owned)
            .to_vec()
        )]
    );
}

#[test]
fn signs_of_life_are_asked_for_first_and_each_question_is_answered_at_once() {
    let (mut world, _) = world::start(BOTH, &["BTC-PERPETUAL"]);
    let said = world.tell(&Event::Opened(0));
    let first = said.lines().next().unwrap();
    assert!(first.contains("public/set_heartbeat") && first.contains(r#""interval":30"#));
    let question = r#"{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}"#;
    let said = world.frame(question);
    assert!(
        said.starts_with("send 0 ") && said.contains("public/test"),
        "{said}"
    );
    assert_eq!(
        world.frame(&question.replace("test_request", "heartbeat")),
        ""
    );
    assert_eq!(world.frame(r#"{"jsonrpc":"2.0","id":1,"result":"ok"}"#), "");
    let version = r#"{"jsonrpc":"2.0","id":2,"result":{"version":"1.2.26"}}"#;
    assert_eq!(world.frame(version), "");
}

#[test]
fn a_channel_that_is_not_accepted_is_named_and_the_others_run_on() {
    let (mut world, _) = world::start(BOTH, &["BTC-PERPETUAL", "BTC-NOWHERE"]);
    let said = world.tell(&Event::Opened(0));
    let (id, channels) = subscriptions(&said).remove(0);
    let accepted: Vec<_> = channels
        .iter()
        .filter(|it| it.contains("PERPETUAL"))
        .collect();
    let said = world.frame(&json!({"id": id, "result": accepted}).to_string());
    assert_eq!(said.lines().count(), 2, "{said}");
    let said = world.frame(&snapshot(7, r#"["new",1,1]"#, r#"["new",2,1]"#));
    assert!(said.starts_with("status 0 synced"));
    let reports = world.reports();
    assert_eq!(reports[0].problem, None);
    assert!(
        reports[0]
            .streams
            .iter()
            .all(|it| it.state == StreamState::Live)
    );
    assert!(
        reports[1]
            .problem
            .as_ref()
            .unwrap()
            .contains("not among those")
    );
    assert!(
        reports[1]
            .streams
            .iter()
            .all(|it| it.state == StreamState::Refused)
    );
}

#[test]
fn a_message_that_is_refused_as_a_whole_is_repeated_channel_by_channel() {
    let (mut world, _) = world::start(BOTH, &["BTC-PERPETUAL", "BTC-NOWHERE"]);
    let said = world.tell(&Event::Opened(0));
    let (id, channels) = subscriptions(&said).remove(0);
    let error = json!({"code": -32602, "message": "Invalid params", "data": {"param": "channels"}});
    world.frame(&json!({"id": id, "error": error}).to_string());
    let mut asked = Vec::new();
    for _ in 0..20 {
        let said = world.wait(SECOND / 2);
        for (id, alone) in subscriptions(&said) {
            assert_eq!(alone.len(), 1);
            let reply = if alone[0].contains("NOWHERE") {
                json!({"id": id, "error": error})
            } else {
                json!({"id": id, "result": alone})
            };
            world.frame(&reply.to_string());
            asked.extend(alone);
        }
    }
    assert_eq!(asked, channels);
    let reports = world.reports();
    assert!(
        reports[0]
            .streams
            .iter()
            .all(|it| it.state == StreamState::Live)
    );
    assert!(
        reports[1]
            .problem
            .as_ref()
            .unwrap()
            .contains("Invalid params")
    );
}

#[test]
fn too_many_requests_is_told_and_no_channel_is_taken_for_a_bad_one() {
    let (mut world, _) = world::start(BOTH, &["BTC-PERPETUAL"]);
    let said = world.tell(&Event::Opened(0));
    let (id, _) = subscriptions(&said).remove(0);
    let error = json!({"code": 10028, "message": "too_many_requests", "data": null});
    let said = world.frame(&json!({"id": id, "error": error}).to_string());
    assert_eq!(
        said,
        "log warn the exchange says: too_many_requests (10028)\n"
    );
    let said = world.wait(15 * SECOND);
    let again: Vec<_> = subscriptions(&said)
        .into_iter()
        .flat_map(|it| it.1)
        .collect();
    assert_eq!(
        again,
        ["book.BTC-PERPETUAL.100ms", "trades.BTC-PERPETUAL.100ms"]
    );
    assert_eq!(world.reports()[0].problem, None);
}

#[test]
fn the_clock_is_compared_and_what_the_list_does_not_name_is_a_problem() {
    let (mut world, _) = world::start(BOTH, &["BTC-PERPETUAL", "BTC-1JAN20"]);
    world.now += 100 * MS;
    let time = (START + 550 * MS) / MS;
    let said = world.answer(world.asked("get_time"), &format!(r#"{{"result":{time}}}"#));
    assert!(said.starts_with("clock difference 500000000\n"), "{said}");
    let list = r#"{"result":[{"instrument_name":"BTC-PERPETUAL","kind":"future","quote_currency":"USD","contract_size":10}]}"#;
    world.answer(world.asked("get_instruments"), list);
    let reports = world.reports();
    assert_eq!(reports[0].problem, None);
    assert_eq!(
        reports[1].problem.as_deref(),
        Some("the exchange does not list it")
    );
    // Nothing that is polled is lost when an answer cannot be used.
    let said = world.wait(61 * SECOND);
    assert!(said.contains("get_time"));
    world.tell(&testing::answer(world.asked("get_time"), 503, "busy"));
    assert!(world.wait(2 * SECOND).contains("get_time"));
}

#[test]
fn symbols_come_and_go_without_a_restart() {
    let mut world = world::open(BOTH, &["BTC-PERPETUAL"]);
    let names = |names: &[&str]| {
        Event::SymbolsChanged(names.iter().map(|name| (*name).to_owned()).collect())
    };
    let said = world.tell(&names(&["BTC-PERPETUAL", "ETH-PERPETUAL", "no name"]));
    assert!(said.contains("\"no name\" cannot be a name of Deribit; left out"));
    assert!(said.contains("declare 1 ETH-PERPETUAL"));
    assert!(!said.contains("connect"));
    let channels = subscriptions(&said).remove(0).1;
    assert_eq!(
        channels,
        ["book.ETH-PERPETUAL.100ms", "trades.ETH-PERPETUAL.100ms"]
    );
    world.wait(2 * SECOND);
    let said = world.tell(&names(&["ETH-PERPETUAL"]));
    assert!(said.contains("public/unsubscribe") && said.contains("book.BTC-PERPETUAL.100ms"));
    assert_eq!(world.reports().len(), 1);
    assert_eq!(world.frame(&snapshot(1, "", "")), "ignored\n");
    let said = world.tell(&Event::Stop);
    assert_eq!(said, "close 0\n");
}

#[test]
fn an_instrument_has_no_volatility_index() {
    let (mut world, said) = world::start("{}", &["BTC-PERPETUAL"]);
    assert!(!said.contains("connect"));
    let problem = world.reports().remove(0).problem;
    assert_eq!(
        problem.as_deref(),
        Some("only currencies have a volatility index")
    );
}
