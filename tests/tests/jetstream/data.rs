//! The data that tests leave, and whether they are stored as they are to be.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use marketprism_host::wire::{DataType, Message, Stamp};
use marketprism_tests::stream_reader::StoredMessage;

fn now_ns() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    u64::try_from(since.as_nanos()).unwrap()
}

/// One datum of a session: each is of another subject than the one before.
pub fn datum(session: &str, number: u64) -> Message {
    const TYPES: [DataType; 3] = [
        DataType::FundingRate,
        DataType::OpenInterest,
        DataType::Liquidation,
    ];
    let data_type = TYPES[usize::try_from(number % 3).unwrap()];
    let symbol = ["BTC-USDT", "ETH-USDT"][usize::try_from(number / 3 % 2).unwrap()];
    let now = now_ns();
    Message {
        subject: format!("{}.{session}.perpetual.{symbol}", data_type.name()).into(),
        msg_id: Some(format!("{}:{session}:{symbol}:{number}", data_type.name())),
        payload: Bytes::from(format!("{{\"number\":{number},\"rest\":\"{:400}\"}}", "")),
        data_type,
        transport: data_type.transport(),
        source: Default::default(),
        stamp: Stamp {
            published_ns: now,
            received_ns: now,
        },
    }
}

/// Every datum of these sessions is there once, those of a subject in their order.
pub fn assert_each_once(stored: &[StoredMessage], sessions: &[(&str, u64)]) {
    let ids: HashSet<&String> = stored.iter().map(|it| &it.id).collect();
    for (session, count) in sessions {
        let missing: Vec<String> = (0..*count)
            .filter_map(|number| datum(session, number).msg_id)
            .filter(|id| !ids.contains(id))
            .collect();
        assert!(missing.is_empty(), "{} missing: {missing:?}", missing.len());
    }
    let mut seen = HashSet::new();
    let doubles: Vec<_> = stored.iter().filter(|it| !seen.insert(&it.id)).collect();
    assert!(doubles.is_empty(), "{} doubles: {doubles:?}", doubles.len());
    let wanted: u64 = sessions.iter().map(|(_, count)| count).sum();
    assert_eq!(stored.len() as u64, wanted);
    let mut lasts: BTreeMap<&String, u64> = BTreeMap::new();
    for StoredMessage { subject, id } in stored {
        let number: u64 = id.rsplit(':').next().unwrap().parse().unwrap();
        let before = lasts.insert(subject, number);
        assert!(
            before.is_none_or(|it| it < number),
            "{subject}: {number} after {before:?}"
        );
    }
}
