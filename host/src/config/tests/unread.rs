//! Keys that nobody reads.

use super::*;

#[test]
fn a_key_that_nobody_reads_is_told_once_with_the_name_that_was_meant() {
    let text = format!(
        "{}natz: {{servers: []}}\nnats: {{sreams: {{}}, tls: {{requird: true}}, streams: {{trades: 'x.{{symbol}}'}}}}\n\
         data_types: {{trade: {{intervall: 5, other: 1}}, trads: {{a: 1}}}}\n",
        with_block(
            "symbls: [A]\norderbook: {methd: x, deltas: true}\nlimits: {memory_sft_mb: 5}\nwholly: {unknown: {a: 1, b: 2}}\n\
             own: {read: 1, nested: {deep: 2}}"
        )
    );
    let config = read(&text).unwrap();
    let settings = [
        "orderbook.method",
        "orderbook.deltas",
        "own",
        "data_types.trade.interval",
    ];
    assert_eq!(
        config.notices.unknown(&readers(&settings)),
        [
            r#"data_types.trade.intervall (did you mean "interval"?)"#,
            "data_types.trade.other",
            r#"data_types.trads (did you mean "trade"?)"#,
            r#"exchanges.alpha_spot.limits.memory_sft_mb (did you mean "memory_soft_mb"?)"#,
            r#"exchanges.alpha_spot.orderbook.methd (did you mean "method"?)"#,
            r#"exchanges.alpha_spot.symbls (did you mean "symbols"?)"#,
            "exchanges.alpha_spot.wholly",
            r#"nats.sreams (did you mean "streams"?)"#,
            r#"nats.streams.trades (did you mean "trade"?)"#,
            r#"nats.tls.requird (did you mean "required"?)"#,
            r#"natz (did you mean "nats"?)"#,
        ]
    );
    assert_eq!(
        config.notices.not_used(&readers(&settings)),
        Vec::<String>::new()
    );
}

#[test]
fn a_key_of_a_session_whose_adapter_has_not_spoken_is_not_judged() {
    let text = with_block("odd: 1\norderbook: {update_frequency: 1}") + "odd: 1\n";
    let config = read(&text).unwrap();
    assert_eq!(config.notices.unknown(&Readers::new()), ["odd"]);
    assert_eq!(
        config.notices.not_used(&Readers::new()),
        Vec::<String>::new()
    );
}

#[test]
fn a_key_of_the_old_collector_is_not_used_until_an_adapter_reads_it() {
    let text = with_block("orderbook: {update_frequency: 100, publish_interval: 0.1}")
        + "clickhouse: {host: h, port: 1}\nsystem: {name: x}\nnetworking: {http: {timeout: 1}}\n";
    let config = read(&text).unwrap();
    let wanted = [
        "clickhouse",
        "exchanges.alpha_spot.orderbook.publish_interval",
        "exchanges.alpha_spot.orderbook.update_frequency",
        "networking.http",
        "system",
    ];
    assert_eq!(config.notices.not_used(&readers(&[])), wanted);
    assert_eq!(
        config
            .notices
            .not_used(&readers(&["orderbook.publish_interval"])),
        [
            "clickhouse",
            "exchanges.alpha_spot.orderbook.update_frequency",
            "networking.http",
            "system"
        ]
    );
    assert_eq!(config.notices.unknown(&readers(&[])), Vec::<String>::new());
}
