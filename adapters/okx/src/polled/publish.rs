//! What is polled of swaps: its addresses, and its answers as market events.

use marketprism_kit::Refusal;
use marketprism_kit::arithmetic::quotient;
use marketprism_kit::decimal;
use marketprism_kit::wit::{
    Decimal, FundingRate, LongShortRatio, MarketEvent, OpenInterest, RatioKind,
};

use crate::parse::answer::{self, Ratio};

/// The period of the ratios, as the exchange names it.
const PERIOD: &str = "5m";

/// What is polled; its number is the `kind` of its [`Key`](marketprism_kit::polls::Key).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// <https://www.okx.com/docs-v5/en/#public-data-rest-api-get-funding-rate>
    Funding = 0,
    /// <https://www.okx.com/docs-v5/en/#public-data-rest-api-get-open-interest>
    OpenInterest = 1,
    /// <https://www.okx.com/docs-v5/en/#trading-statistics-rest-api-get-top-traders-contract-long-short-ratio-by-position>
    TopPosition = 2,
    /// <https://www.okx.com/docs-v5/en/#trading-statistics-rest-api-get-contract-long-short-ratio>
    AllAccount = 3,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Funding,
        Self::OpenInterest,
        Self::TopPosition,
        Self::AllAccount,
    ];

    /// The kind of a number.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// Its data type.
    pub const fn data_type(self) -> &'static str {
        match self {
            Self::Funding => "funding_rate",
            Self::OpenInterest => "open_interest",
            Self::TopPosition => "lsr_top_position",
            Self::AllAccount => "lsr_all_account",
        }
    }

    /// How often it is polled unless the configuration says it, in seconds.
    pub const fn interval_default(self) -> f64 {
        match self {
            Self::Funding | Self::OpenInterest => 30.0,
            Self::TopPosition | Self::AllAccount => 20.0,
        }
    }

    /// The address of a request for it. Limits, for each address and instrument: 10 (funding rate), 20 (open interest)
    /// and 5 (ratios) requests in 2 s, which no interval comes near.
    pub fn address(self, base_url: &str, name: &str, kind: &str) -> String {
        let ratio = |endpoint: &str| {
            format!(
                "{base_url}/api/v5/rubik/stat/contracts/{endpoint}?instId={name}&period={PERIOD}&limit=1"
            )
        };
        match self {
            Self::Funding => format!("{base_url}/api/v5/public/funding-rate?instId={name}"),
            Self::OpenInterest => {
                format!("{base_url}/api/v5/public/open-interest?instType={kind}&instId={name}")
            }
            Self::TopPosition => ratio("long-short-position-ratio-contract-top-trader"),
            Self::AllAccount => ratio("long-short-account-ratio-contract"),
        }
    }

    /// What an answer says of an instrument, and its event time in milliseconds.
    pub fn event(
        self,
        instrument: u32,
        name: &str,
        body: &[u8],
    ) -> Result<(u64, MarketEvent), Refusal> {
        Ok(match self {
            Self::Funding => {
                let it = answer::funding_rate(body, name)?;
                let event = MarketEvent::FundingRate(FundingRate {
                    instrument,
                    sequence: it.time_ms,
                    time: nanoseconds(it.time_ms),
                    current: it.current,
                    estimated: it.estimated,
                    interval: it.interval,
                    mark_price: None,
                    index_price: None,
                    premium_index: None,
                    next_funding: it.next,
                });
                (it.time_ms, event)
            }
            Self::OpenInterest => {
                let it = answer::open_interest(body, name)?;
                let event = MarketEvent::OpenInterest(OpenInterest {
                    instrument,
                    sequence: it.time_ms,
                    time: nanoseconds(it.time_ms),
                    value: it.contracts,
                    usd: it.usd,
                    mark_price: None,
                });
                (it.time_ms, event)
            }
            Self::TopPosition => ratio(instrument, RatioKind::TopPosition, answer::ratio(body)?)?,
            Self::AllAccount => ratio(instrument, RatioKind::AllAccount, answer::ratio(body)?)?,
        })
    }
}

/// Milliseconds that were found to fit.
const fn nanoseconds(ms: u64) -> u64 {
    ms.saturating_mul(1_000_000)
}

/// Long is r / (1 + r), short 1 / (1 + r).
fn ratio(instrument: u32, kind: RatioKind, it: Ratio) -> Result<(u64, MarketEvent), Refusal> {
    let one = Decimal::of(1, 0);
    let ratio = decimal::parse(it.ratio.as_bytes())?;
    let out_of_range = || Refusal::new("number out of range", it.ratio.clone());
    let whole = ratio.checked_add(one).ok_or_else(out_of_range)?;
    let long = quotient(ratio, whole).ok_or_else(out_of_range)?;
    let short = quotient(one, whole).ok_or_else(out_of_range)?;
    let event = MarketEvent::LongShortRatio(LongShortRatio {
        instrument,
        sequence: it.time_ms,
        time: nanoseconds(it.time_ms),
        kind,
        ratio: it.ratio,
        long,
        short,
        period: PERIOD.to_owned(),
    });
    Ok((it.time_ms, event))
}
