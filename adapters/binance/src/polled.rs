//! What is polled of each instrument, and what its answers bring: funding rates, open interest, ratios of long to short.

mod publish;

use std::collections::{BTreeMap, BTreeSet};

use marketprism_kit::polls::{Key, Polls};
use marketprism_kit::session::{Context, failure_text};
use marketprism_kit::wit::{Decimal, LogLevel, Response, StreamReport};
use marketprism_kit::{Output, Refusal};

use crate::address::{encoded, market};
use crate::alarm;
use crate::instruments::{Instrument, Instruments};
use crate::parse::polled::{self as wire, Interest};
use crate::settings::Settings;

const SECOND: u64 = 1_000_000_000;

/// Most requests under way at once.
const IN_FLIGHT_MAX: usize = 8;

/// How often the funding intervals are read.
const FUNDING_INFO_EVERY: u64 = 3_600 * SECOND;

/// Funding intervals that are kept, of symbols whose interval is not the usual one.
const FUNDING_INTERVALS_MAX: usize = 10_000;

/// The number under which what belongs to no instrument is polled.
const NO_INSTRUMENT: u32 = u32::MAX;

/// Ratios may be asked for 1,000 times in 5 minutes, whatever their weight; this leaves others something.
/// <https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Long-Short-Ratio>
const RATIO_EVERY: u64 = SECOND / 2;

/// The period of the ratios, in milliseconds and as the exchange names it.
const RATIO_PERIOD_MS: u64 = 300_000;
const RATIO_PERIOD: &str = "5m";

/// Most rows of ratios that are asked for at once.
const RATIO_ROWS_MAX: u64 = 30;

/// What is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Funding intervals of all instruments.
    FundingInfo,
    /// Funding rate, with mark and index price.
    Funding,
    /// Open interest; then the mark price, unless it is known well enough.
    Interest,
    /// Long/short ratio of the top traders' positions.
    TopPosition,
    /// Long/short ratio of all accounts.
    AllAccount,
}

impl Kind {
    /// Those that are polled of each instrument.
    pub const OF_INSTRUMENTS: [Self; 4] = [
        Self::Funding,
        Self::Interest,
        Self::TopPosition,
        Self::AllAccount,
    ];

    fn of(key: Key) -> Self {
        match key.kind {
            1 => Self::Funding,
            2 => Self::Interest,
            3 => Self::TopPosition,
            4 => Self::AllAccount,
            _ => Self::FundingInfo,
        }
    }

    const fn key(self, instrument: u32) -> Key {
        Key {
            kind: self as u8,
            instrument,
        }
    }

    /// The data type that it brings.
    pub const fn data_type(self) -> &'static str {
        match self {
            Self::FundingInfo | Self::Funding => "funding_rate",
            Self::Interest => "open_interest",
            Self::TopPosition => "lsr_top_position",
            Self::AllAccount => "lsr_all_account",
        }
    }

    /// How often it is polled unless the configuration says otherwise, in seconds.
    pub const fn interval(self) -> f64 {
        match self {
            Self::FundingInfo | Self::Funding | Self::Interest => 30.0,
            Self::TopPosition | Self::AllAccount => 20.0,
        }
    }
}

/// What polled answers said of one instrument.
#[derive(Debug, Default)]
pub struct Known {
    /// Mark price and when it came.
    mark: Option<(Decimal, u64)>,
    /// An open interest that waits for a mark price.
    interest: Option<Interest>,
}

/// What is to be done about the end of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Answered {
    /// It was for something else.
    NotMine,
    /// It is dealt with.
    Done,
    /// The exchange does not know the instrument, in its words.
    Unlisted(u32, String),
}

/// Why an answer brings nothing.
enum Useless {
    Failed(&'static str),
    Refused(Refusal),
    Unlisted(String),
}

impl From<Refusal> for Useless {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Everything that is polled.
#[derive(Debug)]
pub struct Polled {
    polls: Polls,
    /// When the alarm is set for.
    alarm: Option<u64>,
    /// Hours between two fundings where they are not the usual ones; none until they are known.
    funding_hours: Option<BTreeMap<String, u32>>,
    /// What failed the last time, as kind and instrument.
    failing: BTreeSet<(u8, u32)>,
}

impl Polled {
    /// Nothing yet, of a session that may stand by.
    pub fn new(stands_by: bool) -> Self {
        let mut polls = Polls::new(IN_FLIGHT_MAX);
        if stands_by {
            polls.stand_by();
        }
        Self {
            polls,
            alarm: None,
            funding_hours: None,
            failing: BTreeSet::new(),
        }
    }

    /// Whether what is polled begins later.
    pub const fn is_standing_by(&self) -> bool {
        self.polls.is_standing_by()
    }

    /// What was left begins.
    pub fn promoted(
        &mut self,
        cx: &mut Context<'_, Settings>,
        instruments: &Instruments,
        out: &mut Output,
    ) {
        self.polls.promoted(cx.now);
        self.send(cx, instruments, out);
    }

    /// Polls an instrument from now on; `count` instruments are collected.
    pub fn add(&mut self, cx: &Context<'_, Settings>, id: u32, symbol: &str, count: usize) {
        for (kind, interval) in &cx.settings.polled {
            let mut interval = *interval;
            match kind {
                // What is delivered on a day has no funding.
                Kind::Funding if symbol.contains('_') => continue,
                Kind::Funding => {
                    let info = Kind::FundingInfo.key(NO_INSTRUMENT);
                    // Rates are published with it.
                    self.polls.add_essential(cx.now, info, FUNDING_INFO_EVERY);
                }
                Kind::TopPosition | Kind::AllAccount => {
                    let both = 2 * RATIO_EVERY;
                    let count = u64::try_from(count).unwrap_or(u64::MAX);
                    interval = interval.max(both.saturating_mul(count));
                }
                Kind::FundingInfo | Kind::Interest => {}
            }
            self.polls.add(cx.now, kind.key(id), interval);
        }
    }

    /// Polls an instrument no more.
    pub fn remove(&mut self, id: u32, known: &mut Known) {
        self.polls.remove(id);
        self.failing.retain(|(_, instrument)| *instrument != id);
        *known = Known::default();
    }

    /// The alarm has come.
    pub fn woken(&mut self) {
        self.alarm = None;
    }

    /// Sends the requests that are due and sets the alarm for the next one.
    pub fn send(
        &mut self,
        cx: &mut Context<'_, Settings>,
        instruments: &Instruments,
        out: &mut Output,
    ) {
        while let Some(key) = self.polls.next(cx.now) {
            let address = match (Kind::of(key), instruments.get(key.instrument)) {
                (Kind::FundingInfo, _) => market(cx.settings, "fundingInfo"),
                (kind, Some(instrument)) => self.address(cx, kind, key, instrument),
                (_, None) => {
                    self.polls.remove(key.instrument);
                    continue;
                }
            };
            self.ask(cx, key, &address, out);
        }
        let next = self.polls.next_at();
        if let Some(next) = next.filter(|next| self.alarm != Some(*next)) {
            self.alarm = Some(next);
            out.wake_at(alarm::POLLS.number(), next);
        }
    }

    /// Sends a request; each of these endpoints weighs 1, or nothing.
    fn ask(&mut self, cx: &mut Context<'_, Settings>, key: Key, address: &str, out: &mut Output) {
        let request = cx.next_request();
        self.polls.asked(key, request);
        let instrument = (key.instrument != NO_INSTRUMENT).then_some(key.instrument);
        let data_type = Kind::of(key).data_type();
        out.request(request, address, 1, data_type, instrument);
    }

    fn address(
        &self,
        cx: &Context<'_, Settings>,
        kind: Kind,
        key: Key,
        instrument: &Instrument,
    ) -> String {
        let symbol = encoded(&instrument.symbol);
        let ratio = match kind {
            Kind::FundingInfo | Kind::Funding => {
                return market(cx.settings, &format!("premiumIndex?symbol={symbol}"));
            }
            Kind::Interest => {
                return market(cx.settings, &format!("openInterest?symbol={symbol}"));
            }
            Kind::TopPosition => "topLongShortPositionRatio",
            Kind::AllAccount => "globalLongShortAccountRatio",
        };
        // As many rows as may have been missed.
        let newest = self.polls.newest(key);
        let since = newest.map(|newest| (cx.now / 1_000_000).saturating_sub(newest));
        let rows = since.map_or(1, |since| {
            (since / RATIO_PERIOD_MS).clamp(1, RATIO_ROWS_MAX)
        });
        format!(
            "{}/futures/data/{ratio}?symbol={symbol}&period={RATIO_PERIOD}&limit={rows}",
            cx.settings.base_url
        )
    }

    /// Takes in the end of a request.
    pub fn answered(
        &mut self,
        cx: &mut Context<'_, Settings>,
        response: &Response,
        instruments: &mut Instruments,
        out: &mut Output,
    ) -> Answered {
        let Some(key) = self.polls.answered(response.request) else {
            return Answered::NotMine;
        };
        let kind = Kind::of(key);
        let result = if kind == Kind::FundingInfo {
            body(response).and_then(|body| self.take_funding_hours(body))
        } else if let Some(instrument) = instruments.get_mut(key.instrument) {
            self.take(cx, key, response, instrument, out)
        } else {
            return Answered::Done;
        };
        let name = instruments
            .get(key.instrument)
            .map_or("all", |instrument| instrument.symbol.as_str());
        let mark = (key.kind, key.instrument);
        let answered = match result {
            Ok(Taken::AskedAgain) => return Answered::Done,
            Ok(Taken::Whole) => {
                self.polls.succeeded(key, cx.now);
                if self.failing.remove(&mark) {
                    let what = kind.data_type();
                    out.log(LogLevel::Info, format_args!("{name}: {what} is back"));
                }
                Answered::Done
            }
            Err(useless) => {
                let why = match &useless {
                    Useless::Failed(why) => why,
                    Useless::Unlisted(why) => why.as_str(),
                    Useless::Refused(refusal) => {
                        out.refused(refusal);
                        refusal.rule
                    }
                };
                if self.failing.insert(mark) {
                    let what = kind.data_type();
                    out.log(LogLevel::Warn, format_args!("{name}: {what}: {why}"));
                }
                let salt = u64::from(response.request);
                self.polls.failed(key, cx.now, cx.random(salt));
                match useless {
                    Useless::Unlisted(why) => Answered::Unlisted(key.instrument, why),
                    Useless::Failed(_) | Useless::Refused(_) => Answered::Done,
                }
            }
        };
        self.send(cx, instruments, out);
        answered
    }

    /// How what is polled of an instrument stands.
    pub fn report(&self, cx: &Context<'_, Settings>, id: u32) -> Vec<StreamReport> {
        let kinds = cx.settings.polled.iter();
        kinds
            .filter_map(|(kind, _)| self.polls.report(kind.key(id), kind.data_type(), cx.now))
            .collect()
    }

    fn take_funding_hours(&mut self, body: &[u8]) -> Result<Taken, Useless> {
        let unusual = wire::funding_intervals(body)?
            .into_iter()
            .filter(|it| it.hours != publish::FUNDING_HOURS)
            .take(FUNDING_INTERVALS_MAX);
        self.funding_hours = Some(unusual.map(|it| (it.symbol, it.hours)).collect());
        Ok(Taken::Whole)
    }
}

/// What became of an answer.
enum Taken {
    /// All of it is published.
    Whole,
    /// Another request for the same thing is on its way.
    AskedAgain,
}

/// The body of a good answer.
fn body(response: &Response) -> Result<&[u8], Useless> {
    match &response.outcome {
        Err(failure) => Err(Useless::Failed(failure_text(*failure))),
        Ok(answer) if answer.status == 200 => Ok(&answer.body),
        Ok(answer) => match wire::bad_symbol(&answer.body) {
            Some(why) => Err(Useless::Unlisted(why)),
            None => {
                let text = String::from_utf8_lossy(&answer.body);
                let found = format!("status {}: {text}", answer.status);
                Err(Refusal::new("request refused", found).into())
            }
        },
    }
}
