//! What a venue's protocol must say. Everything else of the simulator knows no venue: connections, time, faults, the
//! ledger and the market are the same for all of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::datum::Datum;
use super::feed::Feed;
use super::frame::Frame;
use super::http::{Answer, Request};
use super::limits::Limits;
use super::parameters::Parameters;
use super::records::{End, Violation};
use super::settings::Settings;
use super::teller::Teller;
use crate::market::{Market, Terms};

/// One venue.
pub(crate) trait Dialect: Debug + Send + Sync {
    /// What is traded under a name, and in which units.
    fn terms(&self, symbol: &str) -> Terms;

    /// Ticks or lots as this venue writes them.
    fn number(&self, count: u64, decimals: u32) -> String;

    /// The venue's update ids are the market's, times this.
    fn update_id_factor(&self) -> u64 {
        1
    }

    /// Who makes frames of the market's news.
    fn teller(&self, market: &Market, settings: &Settings) -> Box<dyn Teller>;

    /// What the address of a WebSocket asks for; none when there are no streams there.
    fn opening(&self, request: &Request) -> Option<Opening>;

    /// What a client's text brings about.
    fn hear(&self, talk: &mut Talk<'_>, text: &str) -> Heard;

    /// The announcement of a connection's end: text in both forms, if there is one.
    fn notice(&self, _time_ms: u64) -> Option<Frame> {
        None
    }

    /// What the exchange says on its own now and then, when a client asked for it.
    fn heartbeat(&self) -> Vec<String> {
        Vec::new()
    }

    /// What a request costs.
    fn cost(&self, path: &str, parameters: &Parameters, limits: &Limits) -> Cost;

    /// The answer to a request that nothing stands against.
    fn reply(&self, desk: &Desk<'_>, request: &Request, parameters: &Parameters) -> Reply;

    /// The answer to a request that something stands against.
    fn refuse(&self, trouble: &Trouble) -> Answer;

    /// Headers of every answer, by the weight that is used up.
    fn headers(&self, _used: u64) -> Vec<String> {
        Vec::new()
    }
}

/// How a connection begins.
pub(crate) struct Opening {
    /// Frames come with the name of their stream.
    pub(crate) combined: bool,
    /// The streams that the address names.
    pub(crate) streams: BTreeSet<Arc<str>>,
    /// Whether data of a stream ever comes on this path.
    pub(crate) carries: Carries,
}

/// Whether data of a stream comes on a path.
pub(crate) type Carries = fn(&str) -> bool;

/// A connection while a client's text is heard.
pub(crate) struct Talk<'a> {
    pub(crate) connection: u64,
    pub(crate) streams: &'a mut BTreeSet<Arc<str>>,
    pub(crate) combined: &'a mut bool,
    pub(crate) manners: &'a mut Manners,
    pub(crate) feed: &'a mut Feed,
    pub(crate) settings: &'a Settings,
    pub(crate) now: Instant,
}

/// What a connection has agreed with its client.
#[derive(Debug, Default)]
pub(crate) struct Manners {
    /// When it asked for streams or gave some up, within the window.
    pub(crate) requests: VecDeque<Instant>,
    /// How often the exchange shall say that it is there.
    pub(crate) heartbeat: Option<Duration>,
    /// Until when the client must show that it is there.
    pub(crate) test_until: Option<Instant>,
}

/// What a client's text brought about.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// In their order.
    pub(crate) answers: Vec<String>,
    /// Streams asked for now: silent ones speak again.
    pub(crate) asked: Vec<Arc<str>>,
    /// What such a stream begins with.
    pub(crate) first: Vec<Frame>,
    /// How often the exchange shall say that it is there, from now on.
    pub(crate) heartbeat_set: bool,
    pub(crate) violation: Option<Violation>,
    pub(crate) end: Option<End>,
}

impl Heard {
    pub(crate) fn answer(text: impl Into<String>) -> Self {
        Self {
            answers: vec![text.into()],
            ..Self::default()
        }
    }
}

/// What a request costs: weight of the common budget, and what it takes of a budget of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) weight: u64,
    pub(crate) quota: Option<Quota>,
}

/// A budget of a kind of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) name: String,
    pub(crate) most: usize,
    pub(crate) window: Duration,
}

/// Where requests are answered.
pub(crate) struct Desk<'a> {
    pub(crate) feed: &'a Feed,
    pub(crate) settings: &'a Settings,
    pub(crate) time_ms: u64,
}

/// An answer and what is in it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// Of a book.
    pub(crate) update_id: Option<u64>,
    pub(crate) data: Vec<Datum>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            body: body.into(),
            update_id: None,
            data: Vec::new(),
        }
    }

    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Self::new(200, body)
    }

    pub(crate) fn with(mut self, data: Vec<Datum>) -> Self {
        self.data = data;
        self
    }
}

/// What stands against a request.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// Too many: come back after this.
    Limited { rest: Duration, most: u64 },
    /// Banned for so long, until then.
    Banned { rest: Duration, until_ms: u64 },
    /// The exchange has a problem of its own.
    Failing,
    /// There is no such address.
    NotFound,
}

/// What was used up of the budgets of kinds of requests.
#[derive(Debug, Default)]
pub(crate) struct Quotas(BTreeMap<String, VecDeque<Duration>>);

impl Quotas {
    /// Takes one at a time since the start, or says how long there is none.
    pub(crate) fn take(&mut self, quota: &Quota, now: Duration) -> Result<(), Duration> {
        let taken = self.0.entry(quota.name.clone()).or_default();
        while taken
            .pop_front_if(|at| now.saturating_sub(*at) >= quota.window)
            .is_some()
        {}
        match taken.front() {
            Some(oldest) if taken.len() >= quota.most => {
                Err((*oldest + quota.window).saturating_sub(now))
            }
            _ => {
                taken.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_refilled_as_its_window_slides() {
        let quota = Quota {
            name: "ratios BTC".to_owned(),
            most: 2,
            window: Duration::from_secs(2),
        };
        let mut quotas = Quotas::default();
        let mut at = |milliseconds| quotas.take(&quota, Duration::from_millis(milliseconds));
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(500), Ok(()));
        assert_eq!(at(1_000), Err(Duration::from_secs(1)));
        assert_eq!(at(2_000), Ok(()));
        assert_eq!(at(2_100), Err(Duration::from_millis(400)));
        let other = Quota {
            name: "ratios ETH".to_owned(),
            ..quota
        };
        assert_eq!(quotas.take(&other, Duration::from_millis(2_100)), Ok(()));
    }
}
