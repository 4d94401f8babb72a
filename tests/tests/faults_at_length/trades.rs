//! What trades must have been published, told from what was really sent.

use std::collections::HashSet;

use marketprism_tests::exchange::{Entry, Item, RequestRecord};

/// The ids of the trades that were sent whole on a stream, ascending.
pub fn sent(entries: &[Entry], stream: &str) -> Vec<u64> {
    let whole = entries
        .iter()
        .filter(|entry| *entry.stream == *stream && entry.fate.is_whole());
    let mut ids: Vec<_> = whole
        .map(|entry| match entry.item {
            Item::Trade(id) => id,
            other => panic!("{other:?} on {stream}"),
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Trades that were published though they were not sent whole.
#[derive(Debug, Default)]
pub struct Fetched {
    pub all: usize,
    /// Those published after a newer one.
    pub late: usize,
    /// Of these, those that were asked for in vain or with a late answer.
    pub failed: usize,
}

/// Every trade that was sent whole is published, none twice, and they are in the exchange's order among themselves.
///
/// A trade that was not sent whole is fetched, and waited for: it is in order too, unless it could not be had in time.
/// The adapter holds newer trades for three seconds at most, and 2,000 of them.
pub fn check(
    symbol: &str,
    published: &[u64],
    whole: &[u64],
    requests: &[RequestRecord],
) -> Fetched {
    let whole: HashSet<_> = whole.iter().copied().collect();
    let (mut all, mut last, mut last_whole) = (HashSet::new(), 0, 0);
    let mut fetched = Fetched::default();
    for id in published {
        assert!(all.insert(*id), "{symbol}: trade {id} came twice");
        if whole.contains(id) {
            assert!(*id > last_whole, "{symbol}: trade {id} after {last_whole}");
            last_whole = *id;
        } else {
            fetched.all += 1;
            if *id < last {
                fetched.late += 1;
                let mut asked = requests
                    .iter()
                    .filter(|request| asks_for(request, symbol, *id));
                fetched.failed += usize::from(asked.any(|request| request.fault.is_some()));
            }
        }
        last = last.max(*id);
    }
    let lost: Vec<_> = whole.difference(&all).collect();
    assert!(lost.is_empty(), "{symbol}: {lost:?} were not published");
    fetched
}

/// Whether a request is one for this trade.
fn asks_for(request: &RequestRecord, symbol: &str, id: u64) -> bool {
    let number = |name: &str| -> Option<u64> {
        let (_, rest) = request.target.split_once(name)?;
        rest.split('&').next()?.parse().ok()
    };
    let (Some(first), Some(count)) = (number("fromId="), number("limit=")) else {
        return false;
    };
    request.target.contains(&format!("symbol={symbol}&")) && (first..first + count).contains(&id)
}
