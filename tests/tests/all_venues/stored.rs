//! What the JetStream server has stored.

use std::collections::BTreeMap;

use marketprism_tests::stream_reader::StreamReader;

/// How often each message id is in the stream.
pub fn ids(nats: String) -> BTreeMap<String, u64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let stored = runtime.expect("tokio").block_on(async {
        let reader = StreamReader::of(nats, "MARKET_DATA").await;
        reader.everything().await
    });
    let mut times = BTreeMap::new();
    for message in stored {
        *times.entry(message.id).or_default() += 1;
    }
    times
}
