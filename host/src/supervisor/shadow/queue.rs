//! The way from two sessions to their comparison: bounded, and nobody waits on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};

use crate::compare::{Figures, Side};
use crate::session::{Tally, Tap};
use crate::wire::Message;

/// Entries that wait, at most.
const ENTRIES_MAX: usize = 20_000;

/// Bytes of payloads that wait, at most.
const BYTES_MAX: usize = 32 << 20;

/// What a session shows.
#[derive(Debug)]
pub(super) enum Shown {
    /// A message, and the tick at which it was made.
    Message(Message, Option<u64>),
    /// What it has counted so far.
    Counted(Box<Figures>),
}

/// The end at which a session shows what it publishes.
#[derive(Debug)]
struct End {
    side: Side,
    entries: SyncSender<(Side, Shown)>,
    shared: Arc<Shared>,
}

/// The end at which it is looked at. Once it is gone, the sessions show no more.
#[derive(Debug)]
pub(super) struct Queue {
    entries: Receiver<(Side, Shown)>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Bytes of payloads that wait.
    bytes: AtomicUsize,
    /// Messages for which there was no room.
    lost: AtomicU64,
}

/// A queue, and the ends of the version at work and of the candidate.
pub(super) fn queue() -> (Queue, [Box<dyn Tap>; 2]) {
    let (sender, entries) = sync_channel(ENTRIES_MAX);
    let shared = Arc::new(Shared::default());
    let end = |side| -> Box<dyn Tap> {
        Box::new(End {
            side,
            entries: sender.clone(),
            shared: shared.clone(),
        })
    };
    let ends = [end(Side::Old), end(Side::New)];
    (Queue { entries, shared }, ends)
}

impl Queue {
    /// The next entry, if one waits. An error tells that both sessions show no more.
    pub(super) fn take(&self) -> Result<Option<(Side, Shown)>, AllGone> {
        match self.entries.try_recv() {
            Ok((side, shown)) => {
                if let Shown::Message(message, _) = &shown {
                    let bytes = message.payload.len();
                    self.shared.bytes.fetch_sub(bytes, Ordering::Relaxed);
                }
                Ok(Some((side, shown)))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(AllGone),
        }
    }

    /// Messages for which there was no room.
    pub(super) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

/// Nobody shows anything any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AllGone;

impl End {
    /// False: nobody looks any more.
    fn put(&self, shown: Shown) -> bool {
        match self.entries.try_send((self.side, shown)) {
            Ok(()) => true,
            Err(TrySendError::Full((_, shown))) => {
                if let Shown::Message(message, _) = shown {
                    self.lose(message.payload.len());
                }
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }

    fn lose(&self, bytes: usize) {
        self.shared.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.shared.lost.fetch_add(1, Ordering::Relaxed);
    }
}

impl Tap for End {
    fn message(&mut self, message: &Message, tick: Option<u64>) -> bool {
        let bytes = message.payload.len();
        let before = self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > BYTES_MAX {
            self.lose(bytes);
            return true;
        }
        self.put(Shown::Message(message.clone(), tick))
    }

    fn counted(&mut self, tally: &Tally) -> bool {
        // Should there be no room, the next figures have these too.
        self.put(Shown::Counted(Box::new(Figures {
            frames: tally.frames,
            ignored_frames: tally.ignored_frames,
            refused_frames: tally.refused_frames,
            refused_answers: tally.refused_answers,
            unwritten: tally.unwritten,
            faults: tally.faults,
            events: tally.events,
            fuel: tally.fuel,
            frame_fuel: tally.frame_fuel,
            ..Figures::default()
        })))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::wire::{DataType, Stamp};

    fn message(bytes: usize) -> Message {
        Message {
            subject: "trade.alpha.spot.BTC-USDT".into(),
            msg_id: None,
            payload: vec![b' '; bytes].into(),
            data_type: DataType::Trade,
            transport: DataType::Trade.transport(),
            source: Arc::default(),
            stamp: Stamp::default(),
        }
    }

    fn taken(queue: &Queue) -> usize {
        std::iter::from_fn(|| queue.take().ok().flatten()).count()
    }

    #[test]
    fn what_does_not_fit_by_number_is_counted_and_room_comes_back() {
        let (queue, [mut old, mut new]) = queue();
        for _ in 0..ENTRIES_MAX / 2 {
            assert!(old.message(&message(1), None) && new.message(&message(1), None));
        }
        assert_eq!(queue.lost(), 0);
        assert!(old.message(&message(1), None) && new.message(&message(1), None));
        assert_eq!(queue.lost(), 2);
        assert_eq!(taken(&queue), ENTRIES_MAX);
        assert_eq!(queue.shared.bytes.load(Ordering::Relaxed), 0);
        assert!(old.message(&message(1), None));
        assert_eq!((queue.lost(), taken(&queue)), (2, 1));
    }

    #[test]
    fn what_does_not_fit_by_size_is_counted_and_figures_still_pass() {
        let (queue, [mut old, mut new]) = queue();
        let third = BYTES_MAX / 3;
        for _ in 0..3 {
            assert!(old.message(&message(third), None));
        }
        assert!(new.message(&message(third), None));
        assert!(new.counted(&Tally::default()));
        assert_eq!(queue.lost(), 1);
        assert!(matches!(
            queue.take(),
            Ok(Some((Side::Old, Shown::Message(..))))
        ));
        assert!(new.message(&message(third), None), "there is room again");
        assert_eq!(queue.lost(), 1);
        assert_eq!(taken(&queue), 4);
    }

    #[test]
    fn each_end_is_told_when_the_other_is_gone() {
        let (queue, [mut old, new]) = queue();
        drop(new);
        assert_eq!(queue.take().map(|it| it.is_some()), Ok(false));
        assert!(old.message(&message(1), None));
        drop(queue);
        assert!(!old.message(&message(1), None));
        assert!(!old.counted(&Tally::default()));
        let (queue, ends) = super::queue();
        drop(ends);
        assert_eq!(queue.take().err(), Some(AllGone));
    }
}
