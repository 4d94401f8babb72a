//! Polled answers as market events.

use marketprism_kit::Output;
use marketprism_kit::arithmetic;
use marketprism_kit::polls::Key;
use marketprism_kit::session::Context;
use marketprism_kit::wit::{
    Decimal, FundingRate, LongShortRatio, MarketEvent, OpenInterest, RatioKind, Response,
};

use super::{Kind, Polled, RATIO_PERIOD, Taken, Useless, body};
use crate::instruments::Instrument;
use crate::parse::polled::{self as wire, Interest, Premium};
use crate::settings::Settings;

/// Hours between two fundings of a symbol that `fundingInfo` does not name.
/// <https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Get-Funding-Rate-Info>
pub const FUNDING_HOURS: u32 = 8;

/// A mark price that came no longer ago than this is as good as a new one, in nanoseconds.
const MARK_WITHIN: u64 = 5_000_000_000;

impl Polled {
    /// Publishes what an answer about an instrument brings.
    pub(super) fn take(
        &mut self,
        cx: &mut Context<'_, Settings>,
        key: Key,
        response: &Response,
        instrument: &mut Instrument,
        out: &mut Output,
    ) -> Result<Taken, Useless> {
        let symbol = &instrument.symbol;
        match Kind::of(key) {
            Kind::FundingInfo => Ok(Taken::Whole),
            Kind::Funding => {
                let premium = wire::premium(body(response)?, symbol)?;
                instrument.known.mark = Some((premium.mark_price, cx.now));
                self.publish_funding(key, symbol, premium, out);
                Ok(Taken::Whole)
            }
            Kind::Interest => match instrument.known.interest.take() {
                None => self.take_interest(cx, key, body(response)?, instrument, out),
                Some(interest) => {
                    // The mark price may not be had; the open interest is worth something without it.
                    let mark = body(response)
                        .and_then(|body| Ok(wire::mark_price(body, symbol)?))
                        .ok();
                    instrument.known.mark = mark.map(|mark| (mark, cx.now));
                    self.publish_interest(key, interest, mark, out);
                    Ok(Taken::Whole)
                }
            },
            Kind::TopPosition => {
                self.publish_ratios((key, RatioKind::TopPosition), body(response)?, symbol, out)
            }
            Kind::AllAccount => {
                self.publish_ratios((key, RatioKind::AllAccount), body(response)?, symbol, out)
            }
        }
    }

    fn publish_funding(&mut self, key: Key, symbol: &str, premium: Premium, out: &mut Output) {
        let Some(rate) = premium.rate else {
            return;
        };
        if !self.polls.is_fresh(key, premium.time_ms) {
            return;
        }
        let hours = self.funding_hours.as_ref();
        let hours = hours.map(|unusual| unusual.get(symbol).copied().unwrap_or(FUNDING_HOURS));
        out.publish(MarketEvent::FundingRate(FundingRate {
            instrument: key.instrument,
            sequence: premium.time_ms,
            time: premium.time,
            current: rate,
            estimated: None,
            interval: hours.map(|hours| format!("{hours}h")),
            mark_price: Some(premium.mark_price.to_string()),
            index_price: Some(premium.index_price.to_string()),
            premium_index: premium.premium,
            next_funding: premium.next_funding,
        }));
    }

    fn take_interest(
        &mut self,
        cx: &mut Context<'_, Settings>,
        key: Key,
        body: &[u8],
        instrument: &mut Instrument,
        out: &mut Output,
    ) -> Result<Taken, Useless> {
        let interest = wire::interest(body, &instrument.symbol)?;
        let mark = instrument.known.mark;
        if let Some((mark, _)) = mark.filter(|(_, at)| cx.now.saturating_sub(*at) <= MARK_WITHIN) {
            self.publish_interest(key, interest, Some(mark), out);
            return Ok(Taken::Whole);
        }
        instrument.known.interest = Some(interest);
        let address = self.address(cx, Kind::Funding, key, instrument);
        self.ask(cx, key, &address, out);
        Ok(Taken::AskedAgain)
    }

    fn publish_interest(
        &mut self,
        key: Key,
        interest: Interest,
        mark: Option<Decimal>,
        out: &mut Output,
    ) {
        if !self.polls.is_fresh(key, interest.time_ms) {
            return;
        }
        out.publish(MarketEvent::OpenInterest(OpenInterest {
            instrument: key.instrument,
            sequence: interest.time_ms,
            time: interest.time,
            value: interest.value.to_string(),
            usd: mark.map(|mark| arithmetic::product(interest.value, mark)),
            mark_price: mark.map(|mark| mark.to_string()),
        }));
    }

    fn publish_ratios(
        &mut self,
        (key, kind): (Key, RatioKind),
        body: &[u8],
        symbol: &str,
        out: &mut Output,
    ) -> Result<Taken, Useless> {
        for row in wire::ratios(body, symbol)? {
            if self.polls.is_fresh(key, row.time_ms) {
                out.publish(MarketEvent::LongShortRatio(LongShortRatio {
                    instrument: key.instrument,
                    sequence: row.time_ms,
                    time: row.time,
                    kind,
                    ratio: row.ratio,
                    long: row.long,
                    short: row.short,
                    period: RATIO_PERIOD.to_owned(),
                }));
            }
        }
        Ok(Taken::Whole)
    }
}
