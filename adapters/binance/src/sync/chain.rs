//! Whether an update follows a book: the exchange's rules, which differ between its markets.
//!
//! Spot: <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#how-to-manage-a-local-order-book-correctly>,
//! USD-M: <https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/How-to-manage-a-local-order-book-correctly>

use marketprism_kit::book::UpdateIds;

use crate::venue::Venue;

/// What the book stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// A snapshot, to which no update was applied yet.
    Snapshot,
    /// An update of another connection, or of the time before the connection was lost.
    Before,
    /// An update of the connection that it follows.
    Update,
}

/// How an update stands to a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The book has it already.
    Known,
    /// It is the next one.
    Follows,
    /// Something lies between.
    Hole,
}

/// How an update stands to a book at update `last`.
pub fn link(venue: Venue, chain: Chain, last: u64, ids: &UpdateIds) -> Link {
    let is_known = match (venue, chain) {
        // USD-M, rule 4: drop what is older than the snapshot; the first update may end exactly with it.
        (Venue::UsdMargined, Chain::Snapshot) => ids.last < last,
        _ => ids.last <= last,
    };
    if is_known {
        return Link::Known;
    }
    let follows = match (venue, chain) {
        // Overlap is legal.
        (Venue::Spot, _) => ids.first <= last.saturating_add(1),
        // Rule 5; recordings show a first update that begins right behind the snapshot.
        (Venue::UsdMargined, Chain::Snapshot) => ids.first <= last || ids.previous == Some(last),
        // Another connection may cut the stream at other places; levels are absolute, so overlap does no harm.
        (Venue::UsdMargined, Chain::Before) => continues(venue, last, ids),
        // Rule 6.
        (Venue::UsdMargined, Chain::Update) => ids.previous == Some(last),
    };
    if follows { Link::Follows } else { Link::Hole }
}

/// Whether nothing lies between a book at update `last` and this update, which may be older than the book.
pub fn continues(venue: Venue, last: u64, ids: &UpdateIds) -> bool {
    match venue {
        Venue::Spot => ids.first <= last.saturating_add(1),
        Venue::UsdMargined => ids.previous.is_some_and(|previous| previous <= last),
    }
}

/// Whether a snapshot at update `last` is too old for a stream that begins with this update.
pub fn is_too_old(venue: Venue, last: u64, first: &UpdateIds) -> bool {
    match venue {
        // Spot, rule 4.
        Venue::Spot => last < first.first,
        Venue::UsdMargined => link(venue, Chain::Snapshot, last, first) == Link::Hole,
    }
}

#[cfg(test)]
mod tests {
    use super::{Chain, Link, link};
    use crate::venue::Venue;
    use marketprism_kit::book::UpdateIds;

    fn usd_m(chain: Chain, last: u64, (first, until, previous): (u64, u64, u64)) -> Link {
        let ids = UpdateIds {
            first,
            last: until,
            previous: Some(previous),
            time: 0,
        };
        link(Venue::UsdMargined, chain, last, &ids)
    }

    #[test]
    fn the_first_update_of_usd_m_holds_the_snapshot_or_names_it_as_the_one_before() {
        for (ids, expected) in [
            ((90, 99, 80), Link::Known),
            ((90, 100, 80), Link::Follows),
            ((100, 105, 97), Link::Follows),
            ((103, 105, 100), Link::Follows),
            ((101, 105, 99), Link::Hole),
            ((103, 105, 101), Link::Hole),
        ] {
            assert_eq!(usd_m(Chain::Snapshot, 100, ids), expected, "{ids:?}");
        }
    }

    #[test]
    fn each_further_update_of_usd_m_names_the_one_before() {
        for (ids, expected) in [
            ((90, 100, 80), Link::Known),
            ((99, 105, 97), Link::Hole),
            ((101, 105, 99), Link::Hole),
            ((150, 155, 100), Link::Follows),
        ] {
            assert_eq!(usd_m(Chain::Update, 100, ids), expected, "{ids:?}");
        }
        assert_eq!(usd_m(Chain::Before, 100, (99, 105, 97)), Link::Follows);
        assert_eq!(usd_m(Chain::Before, 100, (102, 105, 101)), Link::Hole);
    }
}
