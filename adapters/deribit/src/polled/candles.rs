//! The candles of volatility indices: asked for a little after each interval's end, each closed candle published once
//! and in order, those that were missed too.
//! <https://docs.deribit.com/api-reference/market-data/public-get_volatility_index_data>

use marketprism_kit::session::{Context, failure_text};
use marketprism_kit::wit::{
    LogLevel, MarketEvent, Response, StreamReport, StreamState, VolatilityIndex,
};
use marketprism_kit::{Output, Refusal};

use crate::parse::{self, Candle, Candles};
use crate::settings::{Settings, VolatilitySettings};
use crate::{address, alarm};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// So long after the end of an interval its candle is there.
const AFTER: u64 = 2 * SECOND;

/// Between two indices at one time.
const APART: u64 = 200 * MS;

/// A candle that is not there yet is asked for again after this, so often at most.
const AGAIN: u64 = 5 * SECOND;
const AGAIN_MAX: u32 = 3;

/// Most candles asked for at once: the exchange gives 1,000, the newest, and leaves out the older ones.
const WINDOW_MAX: u64 = 500;

/// Most requests at once. Each is a connection while it lasts.
const IN_FLIGHT_MAX: usize = 2;

/// An exchange clock further away than this is not believed.
const CLOCK_DIFFERENCE_MAX: u64 = 3_600 * SECOND;

/// The index of one currency.
#[derive(Debug)]
struct Index {
    instrument: u32,
    currency: String,
    due: u64,
    /// Number of the request under way, and the time to which it asks.
    asked: Option<(u32, u64)>,
    /// Start of the last candle published.
    newest: Option<u64>,
    /// The version before published its candles until a moment ago.
    takes_over: bool,
    /// Most candles asked for next.
    window: u64,
    /// Failures in a row.
    failures: u32,
    /// Times in a row that the newest candle was not there yet.
    again: u32,
    began: u64,
    heard: Option<u64>,
    problem: Option<String>,
}

/// The indices that are collected.
#[derive(Debug)]
pub struct Indices {
    all: Vec<Index>,
    /// The session stands by: nothing is asked for.
    stands_by: bool,
}

impl Indices {
    /// None yet, of a session that may stand by.
    pub const fn new(stands_by: bool) -> Self {
        Self {
            all: Vec::new(),
            stands_by,
        }
    }

    /// The session stands by no more.
    pub fn promoted(&mut self, cx: &mut Context<'_, Settings>, out: &mut Output) {
        if std::mem::take(&mut self.stands_by) {
            for index in &mut self.all {
                (index.due, index.began, index.takes_over) = (cx.now, cx.now, true);
            }
            self.send(cx, out);
        }
    }

    /// Collects the index of a currency from now on.
    pub fn add(&mut self, now: u64, instrument: u32, currency: &str) {
        if self.all.iter().any(|index| index.instrument == instrument) {
            return;
        }
        self.all.push(Index {
            instrument,
            currency: currency.to_owned(),
            due: now,
            asked: None,
            newest: None,
            takes_over: false,
            window: WINDOW_MAX,
            failures: 0,
            again: 0,
            began: now,
            heard: None,
            problem: None,
        });
    }

    /// Collects it no more.
    pub fn remove(&mut self, instrument: u32) {
        self.all.retain(|index| index.instrument != instrument);
    }

    /// Sends the requests that are due, and sets the alarm for the next time.
    pub fn send(&mut self, cx: &mut Context<'_, Settings>, out: &mut Output) {
        let wanted = cx.settings.volatility.as_ref();
        let Some(settings) = wanted.filter(|_| !self.stands_by) else {
            return;
        };
        let mut in_flight = self.all.iter().filter(|it| it.asked.is_some()).count();
        for index in &mut self.all {
            if index.asked.is_some() || index.due > cx.now || in_flight >= IN_FLIGHT_MAX {
                continue;
            }
            let (from, to) = index.window(cx.now, settings);
            let times = (from / MS, to / MS);
            let (address, weight) =
                address::candles(cx.settings, &index.currency, times, &settings.resolution);
            let request = cx.next_request();
            index.asked = Some((request, to));
            in_flight += 1;
            let instrument = Some(index.instrument);
            out.request(request, &address, weight, "volatility_index", instrument);
        }
        let waiting = self.all.iter().filter(|index| index.asked.is_none());
        let next = waiting.map(|index| index.due).min();
        if let Some(next) = next.filter(|_| in_flight < IN_FLIGHT_MAX) {
            out.wake_at(alarm::CANDLES.number(), next);
        }
    }

    /// Takes in the end of a request; false when it is of another kind.
    pub fn answered(
        &mut self,
        cx: &mut Context<'_, Settings>,
        response: &Response,
        out: &mut Output,
    ) -> bool {
        let is_asked = |index: &Index| index.asked.filter(|(asked, _)| *asked == response.request);
        let mut all = (0_u64..).zip(&mut self.all);
        let Some((place, index, to)) =
            all.find_map(|(place, index)| is_asked(index).map(|(_, to)| (place, index, to)))
        else {
            return false;
        };
        index.asked = None;
        let read = match &response.outcome {
            Ok(answer) => parse::candles(answer),
            Err(failure) => Err(Refusal::new("no answer", failure_text(*failure))),
        };
        if let Some(settings) = &cx.settings.volatility {
            match read {
                Ok(candles) => index.take(cx.now, &candles, (place, to), settings, out),
                Err(refusal) => {
                    let random = cx.random(u64::from(response.request));
                    index.failed(cx.now, refusal, random, out);
                }
            }
        }
        self.send(cx, out);
        true
    }

    /// How the index of an instrument stands, and what is wrong with it; none while the session stands by.
    pub fn report(
        &self,
        instrument: u32,
        now: u64,
        settings: &VolatilitySettings,
    ) -> Option<(StreamReport, Option<&str>)> {
        let mut all = self.all.iter().filter(|_| !self.stands_by);
        let index = all.find(|it| it.instrument == instrument)?;
        let usual = settings.interval.max(settings.candle);
        let silence_max = usual.saturating_mul(3).saturating_add(60 * SECOND);
        let is_silent = now.saturating_sub(index.heard.unwrap_or(index.began)) > silence_max;
        let state = match index.heard {
            _ if is_silent => StreamState::Silent,
            Some(_) => StreamState::Live,
            None => StreamState::Asked,
        };
        let report = StreamReport {
            data_type: "volatility_index".to_owned(),
            state,
            heard: index.heard,
            silence_max: Some(silence_max),
            resubscribed: 0,
        };
        Some((report, index.problem.as_deref()))
    }
}

impl Index {
    /// From which time to which candles are asked for: what is missed, oldest first, so that it is published in order.
    /// An adapter that starts cannot know what was published before it, and takes the last closed candle only: older
    /// ones would be stored a second time. One that takes over asks for what was closed since the version before last
    /// asked: the host lets out what is later than what that one published.
    fn window(&self, now: u64, settings: &VolatilitySettings) -> (u64, u64) {
        let mut newly = settings.candle.saturating_mul(2);
        if self.takes_over {
            newly = newly.saturating_add(settings.interval + AFTER);
        }
        let oldest = now.saturating_sub(settings.backfill.max(newly));
        let next = self.newest.map_or(now.saturating_sub(newly), |newest| {
            newest.saturating_add(settings.candle)
        });
        let from = next.max(oldest).min(now);
        let most = settings.candle.saturating_mul(self.window);
        (from, from.saturating_add(most).min(now))
    }

    fn take(
        &mut self,
        now: u64,
        candles: &Candles,
        (place, to): (u64, u64),
        settings: &VolatilitySettings,
        out: &mut Output,
    ) {
        self.failures = 0;
        if candles.is_partial && self.window > 1 {
            // The older ones come first.
            self.window /= 2;
            self.due = now;
            return;
        }
        // The exchange's own clock says which candles are closed.
        let clock = candles
            .answered
            .filter(|time| time.abs_diff(now) < CLOCK_DIFFERENCE_MAX)
            .unwrap_or(now);
        for candle in &candles.all {
            let is_new = self.newest.is_none_or(|newest| candle.start > newest);
            let is_closed = candle.start.saturating_add(settings.candle) <= clock;
            if is_new && is_closed {
                self.newest = Some(candle.start);
                self.heard = Some(now);
                publish(self.instrument, candle, &settings.resolution, out);
            }
        }
        self.problem = self
            .newest
            .is_none()
            .then(|| "the exchange has no candles of it".to_owned());
        self.window = WINDOW_MAX;
        let is_at_end = to.saturating_add(settings.candle) >= now;
        let left = settings.interval - clock % settings.interval;
        self.due = now.saturating_add(left + AFTER + place * APART);
        if !is_at_end {
            // What was asked for is not all. Where the exchange has nothing of it, it is passed over.
            let passed = (to / settings.candle).saturating_sub(1) * settings.candle;
            self.newest = self.newest.max(Some(passed));
            self.due = now;
            return;
        }
        let closed = (clock / settings.candle).saturating_sub(1) * settings.candle;
        let is_late = self.newest.is_some_and(|newest| newest < closed);
        if is_late && self.again < AGAIN_MAX {
            self.again += 1;
            self.due = self.due.min(now.saturating_add(AGAIN));
        } else {
            self.again = 0;
        }
    }

    /// Asks again after 1 s, 2 s, 4 s and so on up to a minute, and at most a tenth more by `random`.
    fn failed(&mut self, now: u64, refusal: Refusal, random: u64, out: &mut Output) {
        let delay = (SECOND << self.failures.min(6)).min(60 * SECOND);
        self.failures = self.failures.saturating_add(1);
        self.due = now.saturating_add(delay + random % (delay / 10));
        let problem = format!("{}: {}", refusal.rule, refusal.detail);
        if self.failures == 1 {
            out.log(
                LogLevel::Warn,
                format_args!("volatility index of {}: {problem}", self.currency),
            );
        }
        if refusal.rule != "no answer" {
            out.refused(&refusal);
        }
        if refusal.rule == "exchange error" {
            self.problem = Some(problem);
        }
    }
}

fn publish(instrument: u32, candle: &Candle, resolution: &str, out: &mut Output) {
    out.publish(MarketEvent::VolatilityIndex(VolatilityIndex {
        instrument,
        sequence: candle.start / MS,
        time: candle.start,
        open: candle.open.clone(),
        high: candle.high.clone(),
        low: candle.low.clone(),
        close: candle.close.clone(),
        resolution: resolution.to_owned(),
    }));
}
