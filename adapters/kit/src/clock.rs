//! How far the exchange's clock is from the machine's: the exchange's time in an answer against the middle of its
//! request.

use crate::Output;

/// One exchange's clock, asked for now and then.
#[derive(Debug, Default)]
pub struct ServerClock {
    /// Number of the request on its way, and when it was sent.
    asked: Option<(u32, u64)>,
}

impl ServerClock {
    /// How often an exchange is asked, in nanoseconds.
    pub const EVERY: u64 = 60_000_000_000;

    /// Longest way of a request whose answer still says something, in nanoseconds.
    const WAY_MAX: u64 = 500_000_000;

    /// A request for the time was sent.
    pub const fn ask(&mut self, request: u32, now: u64) {
        self.asked = Some((request, now));
    }

    /// When the request of this number was sent; none when it asked for something else. To be asked once, with the end
    /// of the request.
    pub const fn answered(&mut self, request: u32) -> Option<u64> {
        match self.asked {
            Some((asked, sent)) if asked == request => {
                self.asked = None;
                Some(sent)
            }
            _ => None,
        }
    }

    /// Tells the host how far the exchange's clock is off, when the answer to the request that was sent at `sent` says
    /// so: see [`ServerClock::difference`].
    pub fn tell(sent: Option<u64>, now: u64, exchange: u64, out: &mut Output) {
        let difference = sent.and_then(|sent| Self::difference(sent, now, exchange));
        if let Some(difference) = difference {
            out.clock_difference(difference);
        }
    }

    /// The exchange's clock minus the machine's, in nanoseconds, when a request that was sent at `sent` was answered at
    /// `now` with `exchange` (all since the epoch). None when the answer took too long to tell.
    pub fn difference(sent: u64, now: u64, exchange: u64) -> Option<i64> {
        let way = now.checked_sub(sent)?;
        if way > Self::WAY_MAX {
            return None;
        }
        let middle = sent + way / 2;
        i64::try_from(i128::from(exchange) - i128::from(middle)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::ServerClock;

    #[test]
    fn the_middle_of_the_request_is_compared() {
        assert_eq!(ServerClock::difference(100, 200, 170), Some(20));
        assert_eq!(ServerClock::difference(100, 200, 100), Some(-50));
        assert_eq!(ServerClock::difference(0, 3_000_000_000, 0), None);
        let mut clock = ServerClock::default();
        clock.ask(7, 5);
        assert_eq!(clock.answered(8), None);
        assert_eq!((clock.answered(7), clock.answered(7)), (Some(5), None));
    }
}
