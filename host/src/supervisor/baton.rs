//! The moment at which one session goes silent and another speaks: exactly one of them goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;

const OFFERED: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;

/// Whoever has published so far. It is silent while the baton is on its way.
pub(super) struct Giver {
    state: Arc<AtomicU8>,
    taken: oneshot::Receiver<()>,
}

/// Whoever is to publish from now on.
#[derive(Debug)]
pub(super) struct Taker {
    state: Arc<AtomicU8>,
    taken: oneshot::Sender<()>,
}

/// A baton that is offered.
pub(super) fn baton() -> (Giver, Taker) {
    let state = Arc::new(AtomicU8::new(OFFERED));
    let (sender, taken) = oneshot::channel();
    let giver = Giver {
        state: state.clone(),
        taken,
    };
    let taker = Taker {
        state,
        taken: sender,
    };
    (giver, taker)
}

impl Giver {
    /// Waits until it is taken, the taker is gone, or `limit` is over. True: it is taken, and the giver is silent for ever.
    pub(super) async fn given(self, limit: Duration) -> bool {
        let _ = tokio::time::timeout(limit, self.taken).await;
        let withdrawn =
            self.state
                .compare_exchange(OFFERED, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire);
        withdrawn.is_err()
    }
}

impl Taker {
    /// Takes it. False: the giver has waited for too long and publishes again.
    pub(super) fn take(self) -> bool {
        let taken =
            self.state
                .compare_exchange(OFFERED, TAKEN, Ordering::AcqRel, Ordering::Acquire);
        // A giver that does not wait yet finds it taken when it looks.
        let _ = self.taken.send(());
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_second_is_told() {
        let (giver, taker) = baton();
        assert!(taker.take());
        assert!(giver.given(LONG).await);

        let (giver, taker) = baton();
        assert!(!giver.given(LONG).await);
        assert!(!taker.take());
    }

    #[tokio::test(start_paused = true)]
    async fn a_taker_that_dies_gives_it_back() {
        let (giver, taker) = baton();
        let began = tokio::time::Instant::now();
        drop(taker);
        assert!(!giver.given(LONG).await);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[test]
    fn exactly_one_goes_on_however_they_race() {
        for _ in 0..200 {
            let (giver, taker) = baton();
            let other = std::thread::spawn(move || taker.take());
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap();
            let is_taken = runtime.block_on(giver.given(Duration::from_micros(20)));
            assert_eq!(other.join().unwrap(), is_taken);
        }
    }
}
