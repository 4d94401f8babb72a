//! Whether the exchange knows an instrument. One that it does not know is named, nothing is asked for it any more but
//! now and then whether it is listed again, and the others run on.

use marketprism_kit::Output;
use marketprism_kit::session::Context;
use marketprism_kit::wit::Response;

use crate::address::{encoded, market};
use crate::alarm;
use crate::parse::polled;
use crate::settings::Settings;
use crate::venue::Venue;

const SECOND: u64 = 1_000_000_000;

/// An unknown instrument is asked for again after this.
const UNKNOWN_FOR: u64 = 600 * SECOND;

/// A check that was not answered is repeated after this.
const REPEATED_AFTER: u64 = 60 * SECOND;

/// Checks at the start are spread over this time.
const SPREAD: u64 = 30 * SECOND;

/// What is known of one instrument.
#[derive(Debug, Default)]
pub struct Check {
    request: Option<u32>,
    problem: Option<String>,
}

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The exchange knows it.
    Listed,
    /// It does not, in its words.
    Unlisted(String),
    /// Nothing of that.
    Unclear,
}

impl Check {
    /// Why the instrument cannot be collected.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Sets the alarm for a first check, for a session that asks for nothing else by which a bad name is noticed.
    pub fn plan(cx: &Context<'_, Settings>, instrument: u32, out: &mut Output) {
        let later = SECOND + cx.random(instrument.into()) % SPREAD;
        out.wake_at(alarm::CHECK.of(instrument), cx.now.saturating_add(later));
    }

    /// The exchange does not know the instrument. Sets the alarm for the next check.
    pub fn fail(
        &mut self,
        cx: &Context<'_, Settings>,
        instrument: u32,
        why: String,
        out: &mut Output,
    ) {
        self.problem = Some(why);
        let later = UNKNOWN_FOR + cx.random(instrument.into()) % (UNKNOWN_FOR / 10);
        out.wake_at(alarm::CHECK.of(instrument), cx.now.saturating_add(later));
    }

    /// Forgets everything; an answer on its way will be nobody's.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The alarm has come: asks for the cheapest thing that names the instrument.
    /// <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#symbol-price-ticker>
    pub fn send(
        &mut self,
        cx: &mut Context<'_, Settings>,
        instrument: u32,
        symbol: &str,
        out: &mut Output,
    ) {
        let weight = match cx.settings.venue {
            Venue::Spot => 2,
            Venue::UsdMargined => 1,
        };
        let endpoint = format!("ticker/price?symbol={}", encoded(symbol));
        let request = cx.next_request();
        self.request = Some(request);
        out.request(
            request,
            &market(cx.settings, &endpoint),
            weight,
            "instruments",
            Some(instrument),
        );
    }

    /// Takes in the end of a request; none when it was for something else.
    pub fn answered(
        &mut self,
        cx: &Context<'_, Settings>,
        instrument: u32,
        response: &Response,
        out: &mut Output,
    ) -> Option<Verdict> {
        if self.request != Some(response.request) {
            return None;
        }
        self.request = None;
        match &response.outcome {
            Ok(answer) if answer.status == 200 => return Some(Verdict::Listed),
            Ok(answer) => {
                if let Some(why) = polled::bad_symbol(&answer.body) {
                    return Some(Verdict::Unlisted(why));
                }
            }
            Err(_) => {}
        }
        let later = REPEATED_AFTER + cx.random(instrument.into()) % (REPEATED_AFTER / 10);
        out.wake_at(alarm::CHECK.of(instrument), cx.now.saturating_add(later));
        Some(Verdict::Unclear)
    }
}
