//! What a book's changes of state must have been, told from what was really sent.
//!
//! The rules of <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#how-to-manage-a-local-order-book-correctly>
//! leave a book no choice once it is synced at an update id: of the updates that came through, those that it has are
//! ignored, the next one that follows is applied, and the first one that does not follow is a gap. So from every
//! `synced` on, the ledger says which update was the gap, which id the book had then, how many updates had been applied
//! (a double that were applied would count), and where the connection ended instead. Every change of state must be the
//! one that is told from the ledger, with the same ids and the same counters; so none is missing, and none has a cause
//! in another symbol. An update that is lost while the book is not synced, or that its snapshot has, leads to nothing,
//! as it should.
//!
//! Only when and with which snapshot a book becomes synced depends on time; that is taken from what was published.

use std::collections::BTreeMap;

use marketprism_tests::exchange::{ConnectionRecord, Entry, Fate, Item};

use crate::judge::Status;

/// What came through to the daemon on one stream of updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Update {
        first: u64,
        last: u64,
    },
    /// The connection ended.
    Lost,
}

/// One symbol's stream of updates.
pub struct Updates {
    came: Vec<Came>,
    /// What became of each update, by its first id.
    fates: BTreeMap<u64, Fate>,
}

impl Updates {
    /// Reads it from the ledger. Entries of a connection are in the order of their sending, and a connection that the
    /// exchange ended was read to its end.
    pub fn read(entries: &[Entry], connections: &[ConnectionRecord], name: &str) -> Self {
        let mut fates = BTreeMap::new();
        let mut by_connection: BTreeMap<u64, Vec<Came>> = BTreeMap::new();
        for record in connections {
            if record.target.contains(name) {
                by_connection.insert(record.number, Vec::new());
            }
        }
        for entry in entries.iter().filter(|entry| *entry.stream == *name) {
            let Item::Depth { first, last } = entry.item else {
                panic!("{:?} on {name}", entry.item);
            };
            fates.insert(first, entry.fate);
            let times = match entry.fate {
                Fate::Doubled => 2,
                Fate::Whole | Fate::Swapped => 1,
                _ => 0,
            };
            let came = by_connection.entry(entry.connection).or_default();
            came.extend(std::iter::repeat_n(Came::Update { first, last }, times));
        }
        for record in connections.iter().filter(|record| record.ended.is_some()) {
            assert!(record.complete, "not read to its end: {record:?}");
            if let Some(came) = by_connection.get_mut(&record.number) {
                came.push(Came::Lost);
            }
        }
        Self {
            came: by_connection.into_values().flatten().collect(),
            fates,
        }
    }

    /// The last update id that came through.
    pub fn last(&self) -> u64 {
        let updates = self.came.iter().filter_map(|came| match came {
            Came::Update { last, .. } => Some(*last),
            Came::Lost => None,
        });
        updates.max().unwrap_or(0)
    }

    /// Tells the changes of state from the stream and compares them with those published.
    ///
    /// When connections ended while a book was not synced, it is not certain after how many ends it became so: each
    /// number is tried, and one must explain everything.
    pub fn explain(&self, statuses: &[Status]) -> Result<Outcome, String> {
        let Some(starting) = statuses.first() else {
            return Err("no change of state".to_owned());
        };
        if starting.state != "resyncing" || starting.reason != "starting" {
            return Err(format!("begins with {starting:?}"));
        }
        let mut ways = vec![(1, Walk::default())];
        let mut furthest = (0, String::new());
        'ways: while let Some((mut place, mut walk)) = ways.pop() {
            while let Some(status) = statuses.get(place) {
                place += 1;
                let taken = match walk.state {
                    State::Resyncing => walk.sync(self, status).map(|others| {
                        ways.extend(others.into_iter().map(|other| (place, other)));
                    }),
                    State::Synced => walk.go_on(self, status),
                    State::Stale => walk.come_back(self, status),
                };
                if let Err(why) = taken {
                    if place >= furthest.0 {
                        furthest = (place, format!("{status:?}: {why}"));
                    }
                    continue 'ways;
                }
            }
            match walk.run(self) {
                Next::End if walk.state == State::Synced => return Ok(walk.outcome),
                next => furthest = (place, format!("after everything told: {next:?}")),
            }
        }
        Err(furthest.1)
    }
}

/// What was told from the ledger and found to be so.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// By what had become of the update that was missing.
    pub gaps: BTreeMap<Fate, u64>,
    /// Updates that came again and changed nothing.
    pub ignored: u64,
    pub applied: u64,
    /// Ends of connections at which the book was synced.
    pub lost: u64,
    /// The book's last update id.
    pub last: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Resyncing,
    Synced,
    Stale,
}

/// A book on its way through what came.
#[derive(Clone, Debug, Default)]
struct Walk {
    state: State,
    at: usize,
    /// An update was applied since the snapshot.
    is_chained: bool,
    resyncs: u64,
    outcome: Outcome,
}

/// What ends a synced book's way.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Gap(u64),
    Lost,
    End,
}

impl Walk {
    /// As far as the book goes.
    fn run(&mut self, stream: &Updates) -> Next {
        while let Some(came) = stream.came.get(self.at) {
            self.at += 1;
            match *came {
                Came::Lost => return Next::Lost,
                Came::Update { last, .. } if last <= self.outcome.last => {
                    self.outcome.ignored += u64::from(self.is_chained);
                }
                Came::Update { first, .. } if first > self.outcome.last + 1 => {
                    return Next::Gap(first);
                }
                Came::Update { last, .. } => self.apply(last),
            }
        }
        Next::End
    }

    fn apply(&mut self, last: u64) {
        self.outcome.last = last;
        self.outcome.applied += 1;
        self.is_chained = true;
    }

    /// The published change must be this one, with the counters that are due.
    fn expect(&self, status: &Status, state: &str, reason: &str) -> Result<(), String> {
        let due = Status {
            state: state.to_owned(),
            reason: reason.to_owned(),
            gaps: self.outcome.gaps.values().sum(),
            resyncs: self.resyncs,
            updates_applied: self.outcome.applied,
            last_update_id: Some(self.outcome.last),
        };
        if *status == due {
            Ok(())
        } else {
            Err(format!("due was {due:?}"))
        }
    }

    /// A book becomes synced: at which id, and how many updates that had waited were applied, is taken as it was
    /// published. Returns the other ways to understand it.
    fn sync(&mut self, stream: &Updates, status: &Status) -> Result<Vec<Self>, String> {
        let id = status.last_update_id.ok_or("no update id")?;
        let waited = status.updates_applied.checked_sub(self.outcome.applied);
        let waited = waited.ok_or("fewer updates applied than before")?;
        self.is_chained = waited > 0;
        self.outcome.applied += waited;
        self.outcome.last = id;
        self.state = State::Synced;
        self.expect(status, "synced", "snapshot applied")?;
        let mut others = Vec::new();
        let behind = stream.came.iter().enumerate().skip(self.at);
        for (at, came) in behind {
            match came {
                Came::Update { last, .. } if *last > id => break,
                Came::Update { .. } => {}
                Came::Lost => others.push(Self {
                    at: at + 1,
                    ..self.clone()
                }),
            }
        }
        Ok(others)
    }

    fn go_on(&mut self, stream: &Updates, status: &Status) -> Result<(), String> {
        let before = self.outcome.last;
        match self.run(stream) {
            Next::Gap(first) => {
                let last = self.outcome.last;
                // Before the first update was applied there was no chain to break: the snapshot did not fit.
                if self.is_chained {
                    let missing = stream.fates.range(..=last + 1).next_back();
                    let fate = missing.map_or(Fate::Unsent, |(_, fate)| *fate);
                    *self.outcome.gaps.entry(fate).or_default() += 1;
                }
                self.state = State::Resyncing;
                self.resyncs += 1;
                self.expect(status, "resyncing", &format!("gap: {first} follows {last}"))
            }
            Next::Lost => {
                self.state = State::Stale;
                self.outcome.lost += 1;
                self.expect(status, "stale", "connection lost")
            }
            Next::End => Err(format!("nothing happened to the book after {before}")),
        }
    }

    /// A book whose connection was lost goes on if nothing was missed.
    fn come_back(&mut self, stream: &Updates, status: &Status) -> Result<(), String> {
        while stream.came.get(self.at) == Some(&Came::Lost) {
            self.at += 1;
        }
        let Some(Came::Update { first, last }) = stream.came.get(self.at) else {
            return Err("nothing came after the connection was lost".to_owned());
        };
        self.at += 1;
        if *first <= self.outcome.last + 1 {
            if *last > self.outcome.last {
                self.apply(*last);
            }
            self.state = State::Synced;
            return self.expect(status, "synced", "stream continued");
        }
        self.state = State::Resyncing;
        self.resyncs += 1;
        self.expect(status, "resyncing", "updates missed while disconnected")
    }
}
