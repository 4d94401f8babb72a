//! What compares the two versions, on a thread of its own, and writes down how it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::queue::{Queue, Shown};
use crate::compare::{Comparison, Figures, Latency, LeftOut, Report, Settings, Side};
use crate::distribution::Distribution;
use crate::status::{Board, Operations, Stage};
use crate::wire::{DataType, Message, Transport};

/// How often it looks what the sessions have shown. They do not wake it: that would cost them time.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Entries that are taken before it looks at the time again.
const ENTRIES_AT_ONCE: usize = 10_000;

/// How often the report is written anew.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How long after a message the other side's may come. Both see the same within some milliseconds, but a trade that
/// waits for those before it is late by seconds.
const WINDOW_MAX: Duration = Duration::from_secs(10);

/// Bytes that wait for their partners, at most.
const BYTES_MAX: usize = 64 << 20;

/// Who is compared.
pub(super) struct Terms {
    /// Where the report goes.
    pub(super) board: Arc<Board>,
    pub(super) operation: u64,
    /// For how long.
    pub(super) length: Duration,
    /// The version at work, by its names.
    pub(super) old: Figures,
    /// The candidate.
    pub(super) new: Figures,
    /// Data types that the candidate does not collect while it stands by.
    pub(super) left_out: BTreeSet<DataType>,
}

/// A comparison that runs.
pub(super) struct Comparing {
    terms: Terms,
    queue: Queue,
    comparison: Comparison,
    old: Shows,
    new: Shows,
    /// Messages of what is left out.
    left_out: BTreeMap<DataType, u64>,
}

/// What one side has shown.
#[derive(Default)]
struct Shows {
    /// Its counters when it began to show.
    first: Option<Figures>,
    last: Figures,
    latency: Distribution,
}

impl Comparing {
    pub(super) fn new(terms: Terms, queue: Queue) -> Self {
        let settings = Settings {
            window: WINDOW_MAX.min(terms.length / 4),
            bytes_max: BYTES_MAX,
            began_together: false,
            ..Settings::default()
        };
        Self {
            comparison: Comparison::new(settings),
            left_out: terms.left_out.iter().map(|it| (*it, 0)).collect(),
            terms,
            queue,
            old: Shows::default(),
            new: Shows::default(),
        }
    }

    /// Compares until the time is over or the operation goes on to something else.
    pub(super) fn run(mut self) {
        let began = Instant::now();
        let mut told = began;
        while self.is_wanted() {
            let shows = self.look();
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                self.tell();
            }
            if began.elapsed() >= self.terms.length {
                self.tell();
                self.wait_for_decision();
                return;
            }
            match shows {
                Look::All => std::thread::sleep(LOOK_EVERY),
                Look::More => {}
                Look::Over => break,
            }
        }
        self.look();
        self.tell();
    }

    fn operations(&self) -> &Operations {
        self.terms.board.operations()
    }

    fn is_wanted(&self) -> bool {
        self.operations().stage(self.terms.operation) == Some(Stage::Comparing)
    }

    /// Takes what the sessions have shown.
    fn look(&mut self) -> Look {
        for _ in 0..ENTRIES_AT_ONCE {
            match self.queue.take() {
                Ok(Some((side, shown))) => self.take(side, shown),
                Ok(None) => return Look::All,
                Err(_) => return Look::Over,
            }
        }
        Look::More
    }

    fn take(&mut self, side: Side, shown: Shown) {
        let shows = match side {
            Side::Old => &mut self.old,
            Side::New => &mut self.new,
        };
        match shown {
            Shown::Counted(figures) => {
                shows.first.get_or_insert_with(|| (*figures).clone());
                shows.last = *figures;
            }
            // What one side shows before the other begins has no partner.
            Shown::Message(message, tick) if self.has_begun() => self.compare(side, &message, tick),
            Shown::Message(..) => {}
        }
    }

    /// Whether both sides show what they publish.
    fn has_begun(&self) -> bool {
        self.old.first.is_some() && self.new.first.is_some()
    }

    fn compare(&mut self, side: Side, message: &Message, tick: Option<u64>) {
        if let Some(count) = self.left_out.get_mut(&message.data_type) {
            *count += u64::from(side == Side::Old);
            return;
        }
        let shows = match side {
            Side::Old => &mut self.old,
            Side::New => &mut self.new,
        };
        let stamp = message.stamp;
        let took = stamp.published_ns.saturating_sub(stamp.received_ns);
        shows.latency.add(Duration::from_nanos(took));
        self.comparison.add_at_tick(side, message, tick);
    }

    /// Writes down how it stands.
    fn tell(&mut self) {
        self.comparison.pass(now());
        let (old, new) = (
            self.old.figures(&self.terms.old),
            self.new.figures(&self.terms.new),
        );
        let left_out = self.left_out.iter().filter(|(_, messages)| **messages > 0);
        let report = Report {
            left_out: left_out
                .map(|(data_type, messages)| LeftOut {
                    data_type: *data_type,
                    messages: *messages,
                })
                .collect(),
            lost: self.queue.lost(),
            ..self.comparison.report(old, new)
        };
        let report = report.json();
        self.operations()
            .update(self.terms.operation, |it| it.report = Some(report));
    }

    /// The time is over: somebody may decide.
    fn wait_for_decision(&self) {
        let seconds = self.terms.length.as_secs();
        self.operations().update(self.terms.operation, |it| {
            // It may have been promoted or dropped this moment.
            if it.stage == Stage::Comparing {
                it.stage = Stage::Deciding;
                it.why = Some(format!(
                    "compared for {seconds} s; it stands by to be promoted or dropped"
                ));
            }
        });
    }
}

/// What came of a look.
enum Look {
    /// Nothing waits any more.
    All,
    /// More may wait.
    More,
    /// Nothing will come any more.
    Over,
}

impl Shows {
    /// What this side has used since it began to show, under its names.
    fn figures(&self, names: &Figures) -> Figures {
        let first = self.first.clone().unwrap_or_default();
        let since = |of: fn(&Figures) -> u64| of(&self.last).saturating_sub(of(&first));
        Figures {
            frames: since(|it| it.frames),
            ignored_frames: since(|it| it.ignored_frames),
            refused_frames: since(|it| it.refused_frames),
            refused_answers: since(|it| it.refused_answers),
            unwritten: since(|it| it.unwritten),
            faults: since(|it| it.faults),
            events: since(|it| it.events),
            fuel: since(|it| it.fuel),
            frame_fuel: since(|it| it.frame_fuel),
            latency: (self.latency.count() > 0).then(|| Latency {
                mean_ns: self.latency.mean_ns(),
                half_ns: self.latency.at_most_ns(50),
                p99_ns: self.latency.at_most_ns(99),
            }),
            ..names.clone()
        }
    }
}

/// Which of the data types that a candidate can publish it leaves until its turn: those that it reports no stream of.
/// What is polled begins then. What goes out on Core NATS is never polled, so it must be there.
pub(super) fn left_out<'a>(
    can_publish: impl Iterator<Item = &'a str>,
    streams: &BTreeSet<DataType>,
) -> BTreeSet<DataType> {
    can_publish
        .filter_map(DataType::from_name)
        .filter(|it| it.transport() == Transport::Stream && !streams.contains(it))
        .collect()
}

/// The wall clock, by which messages are stamped too, in nanoseconds since the epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or_default().as_nanos();
    u64::try_from(since).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::session::{Tally, Tap};
    use crate::status::OperationKind;
    use crate::supervisor::shadow::queue::queue;
    use crate::wire::Stamp;

    const MILLISECOND: u64 = 1_000_000;

    fn message(data_type: DataType, id: u64, payload: Value) -> Message {
        let at = now();
        Message {
            subject: format!("{}.alpha.spot.BTC-USDT", data_type.name()).into(),
            msg_id: (data_type.transport() == Transport::Stream).then(|| id.to_string()),
            payload: payload.to_string().into(),
            data_type,
            transport: data_type.transport(),
            source: Arc::default(),
            stamp: Stamp {
                published_ns: at,
                received_ns: at - MILLISECOND,
            },
        }
    }

    fn trade(id: u64, price: &str) -> Message {
        let payload = json!({ "trade_id": id.to_string(), "price": price });
        message(DataType::Trade, id, payload)
    }

    fn tally(events: u64, frames: u64, frame_fuel: u64) -> Tally {
        let mut tally = Tally::default();
        (tally.events, tally.frames, tally.frame_fuel) = (events, frames, frame_fuel);
        tally
    }

    /// A comparison for so long, and the ends at which the two sides show.
    fn comparing(board: &Arc<Board>, length: Duration) -> (Comparing, u64, [Box<dyn Tap>; 2]) {
        let operations = board.operations();
        let operation = operations.begin(OperationKind::Shadow, "alpha", "a.wasm", None);
        operations.update(operation, |it| it.stage = Stage::Comparing);
        let (queue, ends) = queue();
        let terms = Terms {
            board: board.clone(),
            operation,
            length,
            old: Figures::default(),
            new: Figures::default(),
            left_out: BTreeSet::from([DataType::FundingRate]),
        };
        (Comparing::new(terms, queue), operation, ends)
    }

    fn report(board: &Board, operation: u64) -> Report {
        let operation = board.operations().get(operation).unwrap();
        Report::from_json(operation.report.unwrap()).unwrap()
    }

    #[test]
    fn what_both_show_is_compared_from_when_both_do_and_figures_are_those_since() {
        let board = Arc::new(Board::without_requests());
        let (comparing, id, [mut old, mut new]) = comparing(&board, Duration::from_secs(600));
        new.counted(&tally(50, 40, 400));
        new.message(&trade(1, "1"), None);
        old.counted(&tally(1_000, 900, 9_000));
        for end in [&mut old, &mut new] {
            end.message(&trade(2, "1"), None);
        }
        old.message(&trade(3, "1"), None);
        new.message(&trade(3, "2"), None);
        old.message(&message(DataType::FundingRate, 1, json!({})), None);
        old.counted(&tally(1_004, 904, 9_048));
        new.counted(&tally(60, 44, 480));
        // Both sides are gone, so that it comes to its end by itself.
        drop((old, new));
        comparing.run();
        let report = report(&board, id);
        let totals = report.totals();
        assert_eq!((totals.same, totals.different), (1, 1));
        assert_eq!((totals.differing(), totals.waiting), (1, 0));
        let [left_out] = report.left_out.as_slice() else {
            panic!("{:?}", report.left_out);
        };
        assert_eq!(
            (left_out.data_type, left_out.messages),
            (DataType::FundingRate, 1)
        );
        assert_eq!((report.old.events, report.new.events), (4, 10));
        let fuel = [&report.old, &report.new].map(Figures::fuel_per_frame);
        assert_eq!(fuel, [12, 20]);
        let latency = report.new.latency.unwrap();
        assert_eq!(
            (latency.mean_ns, latency.half_ns),
            (MILLISECOND, MILLISECOND)
        );
        assert_eq!(board.operations().stage(id), Some(Stage::Comparing));
    }

    #[test]
    fn when_its_time_is_over_somebody_may_decide() {
        let board = Arc::new(Board::without_requests());
        let (comparing, id, [mut old, _new]) = comparing(&board, Duration::from_millis(1));
        comparing.run();
        assert_eq!(board.operations().stage(id), Some(Stage::Deciding));
        assert!(report(&board, id).is_same());
        assert!(!old.message(&trade(1, "1"), None), "nobody looks any more");
    }

    #[test]
    fn an_operation_that_goes_on_ends_it_and_keeps_its_stage_and_the_report() {
        let board = Arc::new(Board::without_requests());
        let (comparing, id, [mut old, mut new]) = comparing(&board, Duration::from_secs(600));
        for end in [&mut old, &mut new] {
            end.counted(&Tally::default());
        }
        for end in [&mut old, &mut new] {
            end.message(&trade(1, "1"), None);
        }
        board
            .operations()
            .update(id, |it| it.stage = Stage::Refused);
        comparing.run();
        assert_eq!(board.operations().stage(id), Some(Stage::Refused));
        assert_eq!(report(&board, id).totals().same, 1);
    }

    #[test]
    fn only_what_is_stored_and_has_no_stream_is_left_out() {
        let can_publish = ["trade", "orderbook", "funding_rate", "liquidation", "odd"];
        let streams = BTreeSet::from([DataType::Orderbook, DataType::Liquidation]);
        let found = left_out(can_publish.into_iter(), &streams);
        assert_eq!(found, BTreeSet::from([DataType::FundingRate]));
    }
}
