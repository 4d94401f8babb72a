//! What the page says of streams, and that it stays readable whatever adapters tell.

use std::time::Duration;

use super::*;
use crate::sandbox::contract::{StreamReport, StreamState};
use crate::status::samples::{self, instrument};
use crate::status::{InstrumentStatus, OperationKind, SessionStatus, Stage};
use crate::wire::DataType;
use crate::ws::{ConnectLimit, ConnectUsage};

fn stream(state: StreamState) -> StreamReport {
    StreamReport {
        heard: Some(1_500_000_000),
        silence_max: Some(60_000_000_000),
        resubscribed: 3,
        ..samples::stream(DataType::FundingRate, state)
    }
}

fn told(instruments: Vec<InstrumentStatus>) -> Vec<String> {
    let board = Board::without_requests();
    board.post(SessionStatus {
        clock_difference: Some(-250_000_000),
        instruments,
        ..SessionStatus::named("alpha_spot")
    });
    let text = text(&board, &Kept::default()).unwrap();
    let text = String::from_utf8(text).unwrap();
    let kept = ["_stream_", "_instrument_", "_clock_"];
    text.lines()
        .filter(|line| !line.starts_with('#') && kept.iter().any(|name| line.contains(name)))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_stream_has_one_state_its_times_and_its_counts() {
    let mut bad = instrument("BTC", &[stream(StreamState::Silent)]);
    if let Some(report) = &mut bad.report {
        report.problem = Some("no such symbol".to_owned());
    }
    let of = r#"{exchange="alpha_spot",symbol="BTC",data_type="funding_rate"#;
    assert_eq!(
        told(vec![bad]),
        [
            format!(r#"marketprism_stream_state{of}",state="asked"}} 0"#),
            format!(r#"marketprism_stream_state{of}",state="live"}} 0"#),
            format!(r#"marketprism_stream_state{of}",state="silent"}} 1"#),
            format!(r#"marketprism_stream_state{of}",state="refused"}} 0"#),
            format!(r#"marketprism_stream_last_heard_timestamp_seconds{of}"}} 1.5"#),
            format!(r#"marketprism_stream_silence_limit_seconds{of}"}} 60"#),
            format!(r#"marketprism_stream_resubscriptions_total{of}"}} 3"#),
            r#"marketprism_instrument_problem{exchange="alpha_spot",symbol="BTC"} 1"#.to_owned(),
            r#"marketprism_exchange_clock_difference_seconds{exchange="alpha_spot"} -0.25"#
                .to_owned(),
        ]
    );
}

#[test]
fn an_adapter_that_tells_things_twice_or_makes_types_up_spoils_nothing() {
    let gossip = StreamReport {
        data_type: "gossip".to_owned(),
        ..stream(StreamState::Live)
    };
    let streams = [
        stream(StreamState::Live),
        stream(StreamState::Silent),
        gossip,
    ];
    let both = vec![instrument("BTC", &streams), instrument("BTC", &streams)];
    let lines = told(both);
    let mut names: Vec<&str> = lines.iter().filter_map(|it| it.split(' ').next()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "{lines:#?}");
    assert!(
        lines.iter().all(|line| !line.contains("gossip")),
        "{lines:#?}"
    );
    assert!(
        lines.iter().any(|line| line.contains(r#"state="live"} 1"#)),
        "{lines:#?}"
    );
}

#[test]
fn connecting_is_told_for_each_host_name_and_limits_only_where_they_are_known() {
    let usage = |attempts, connections_max| ConnectUsage {
        limit: ConnectLimit {
            attempts,
            within: Duration::from_secs(1),
            connections_max,
        },
        waiting: 2,
        attempts: attempts as usize,
        open: 5,
    };
    let hosts = [("alpha", usage(3, 0)), ("beta", usage(0, 32))];
    let mut families = Families::default();
    connecting::add(
        &mut families,
        &hosts.map(|(host, usage)| (host.to_owned(), usage)).into(),
    );
    let text = TextEncoder::new()
        .encode_to_string(&families.finish())
        .unwrap();
    let lines: Vec<&str> = text.lines().filter(|it| !it.starts_with('#')).collect();
    assert_eq!(
        lines,
        [
            r#"marketprism_connection_attempts_waiting{host="alpha"} 2"#,
            r#"marketprism_connection_attempts_waiting{host="beta"} 2"#,
            r#"marketprism_connections_open{host="alpha"} 5"#,
            r#"marketprism_connections_open{host="beta"} 5"#,
            r#"marketprism_connections_limit{host="beta"} 32"#,
            r#"marketprism_connection_attempts_used{host="alpha"} 3"#,
            r#"marketprism_connection_attempts_limit{host="alpha"} 3"#,
        ]
    );
}

#[test]
fn every_data_type_is_told_by_its_plain_name_with_the_time_of_its_last_message() {
    let board = Board::without_requests();
    let mut session = SessionStatus::named("alpha_spot");
    for data_type in DataType::ALL {
        let outgoing = &mut session.outgoing;
        outgoing.publish(data_type, "BTC-USDT", 1_500_000_000);
    }
    board.post(session);
    let text = String::from_utf8(text(&board, &Kept::default()).unwrap()).unwrap();
    for data_type in DataType::ALL {
        let name = data_type.name();
        for line in [
            format!(
                r#"marketprism_nats_messages_published_total{{subject="{name}.alpha.spot.BTC-USDT"}} 1"#
            ),
            format!(
                r#"marketprism_nats_messages_published_labeled_total{{exchange="alpha",market_type="spot",data_type="{name}"}} 1"#
            ),
            format!(
                r#"marketprism_collector_last_success_timestamp_seconds{{exchange="alpha",data_type="{name}"}} 1.5"#
            ),
        ] {
            assert!(text.lines().any(|it| it == line), "{line} is missing");
        }
        let bucket = format!(
            r#"marketprism_nats_publish_duration_seconds_bucket{{subject="{name}.alpha.spot.BTC-USDT",le="+Inf"}} 0"#
        );
        assert!(text.lines().any(|it| it == bucket), "{bucket} is missing");
    }
}

#[test]
fn every_end_of_a_replacement_is_counted_and_a_session_without_one_is_told_from_the_start() {
    let board = Board::without_requests();
    for name in ["alpha_spot", "beta_spot"] {
        board.post(SessionStatus::named(name));
    }
    let operations = board.operations();
    for stage in [Stage::Done, Stage::RolledBack, Stage::Syncing] {
        let id = operations.begin(OperationKind::Swap, "alpha_spot", "a.wasm", None);
        operations.update(id, |it| {
            it.stage = stage;
            it.took = Some(Duration::from_millis(1_500));
            it.pause = Some(Duration::from_micros(600));
        });
    }
    let text = String::from_utf8(text(&board, &Kept::default()).unwrap()).unwrap();
    let ended = |session: &str, kind: &str, outcome: &str, count: u64| {
        format!(
            r#"marketprism_adapter_swaps_total{{session="{session}",kind="{kind}",outcome="{outcome}"}} {count}"#
        )
    };
    for line in [
        ended("alpha_spot", "swap", "done", 1),
        ended("alpha_spot", "swap", "rolled_back", 1),
        ended("alpha_spot", "swap", "refused", 0),
        ended("alpha_spot", "rollback", "done", 0),
        ended("beta_spot", "shadow", "done", 0),
        r#"marketprism_adapter_swap_seconds_sum{session="alpha_spot"} 3"#.to_owned(),
        r#"marketprism_adapter_swap_seconds_count{session="beta_spot"} 0"#.to_owned(),
        r#"marketprism_adapter_swap_pause_seconds_bucket{session="alpha_spot",le="0.0005"} 0"#
            .to_owned(),
        r#"marketprism_adapter_swap_pause_seconds_bucket{session="alpha_spot",le="0.001"} 2"#
            .to_owned(),
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is missing");
    }
    assert!(!text.contains(r#"outcome="syncing""#));
}
