//! What is asked for again and again beside the streams: the exchange's clock and its lists of instruments. Candles
//! have their own times ([`candles`]). A session that stands by needs all of it too.

pub mod candles;

use marketprism_kit::clock::ServerClock;
use marketprism_kit::polls::{Key, Polls};
use marketprism_kit::session::{Context, failure_text};
use marketprism_kit::wit::{LogLevel, Response};
use marketprism_kit::{Output, Refusal};

use crate::instruments::{Instruments, Listing};
use crate::settings::Settings;
use crate::{address, alarm, names, parse};

/// Most requests at once. Each is a connection while it lasts.
const IN_FLIGHT_MAX: usize = 2;

/// How often lists of instruments are asked for: options are listed and expire every day.
const LISTS_EVERY: u64 = 3_600_000_000_000;

const CLOCK: u8 = 0;
const LIST: u8 = 1;

/// What is polled.
#[derive(Debug)]
pub struct Polled {
    polls: Polls,
    clock: ServerClock,
    /// The currencies whose lists are asked for; the place is the list's number.
    currencies: Vec<String>,
}

impl Polled {
    /// Polls the clock.
    pub fn new(now: u64) -> Self {
        let mut polls = Polls::new(IN_FLIGHT_MAX);
        polls.add_essential(now, Self::clock(), ServerClock::EVERY);
        Self {
            polls,
            clock: ServerClock::default(),
            currencies: Vec::new(),
        }
    }

    const fn clock() -> Key {
        Key {
            kind: CLOCK,
            instrument: 0,
        }
    }

    /// The list with this instrument is asked for at once and then regularly.
    pub fn list(&mut self, now: u64, name: &str) {
        let currency = names::listed_under(name);
        let known = self.currencies.iter().position(|it| it == currency);
        let place = known.unwrap_or_else(|| {
            self.currencies.push(currency.to_owned());
            self.currencies.len() - 1
        });
        let key = Key {
            kind: LIST,
            instrument: u32::try_from(place).unwrap_or(u32::MAX),
        };
        self.polls.add_essential(now, key, LISTS_EVERY);
    }

    /// Asks for what is due, and sets the alarm for the next time.
    pub fn send(&mut self, cx: &mut Context<'_, Settings>, out: &mut Output) {
        while let Some(key) = self.polls.next(cx.now) {
            let request = cx.next_request();
            self.polls.asked(key, request);
            let currency = self.currencies.get(key.instrument as usize);
            let (address, weight) = match (key.kind, currency) {
                (LIST, Some(currency)) => address::instruments(cx.settings, currency),
                _ => {
                    self.clock.ask(request, cx.now);
                    address::time(cx.settings)
                }
            };
            let data_type = if key.kind == LIST {
                "instruments"
            } else {
                "time"
            };
            out.request(request, &address, weight, data_type, None);
        }
        if let Some(next) = self.polls.next_at() {
            out.wake_at(alarm::POLLS.number(), next);
        }
    }

    /// Takes in the end of a request; false when it is of another kind.
    pub fn answered(
        &mut self,
        cx: &mut Context<'_, Settings>,
        response: &Response,
        instruments: &mut Instruments,
        out: &mut Output,
    ) -> bool {
        let Some(key) = self.polls.answered(response.request) else {
            return false;
        };
        let read = match key.kind {
            LIST => self.read_list(key.instrument, response, instruments),
            _ => self.read_clock(cx.now, response, out),
        };
        match read {
            Ok(()) => self.polls.succeeded(key, cx.now),
            Err(refusal) => {
                let random = cx.random(u64::from(response.request));
                self.polls.failed(key, cx.now, random);
                let what = self.currencies.get(key.instrument as usize);
                let what = what.filter(|_| key.kind == LIST).map_or("", String::as_str);
                out.log(
                    LogLevel::Debug,
                    format_args!(
                        "{} {what}: {} {}",
                        if key.kind == LIST {
                            "instruments of"
                        } else {
                            "time"
                        },
                        refusal.rule,
                        refusal.detail
                    ),
                );
            }
        }
        self.send(cx, out);
        true
    }

    fn read_clock(
        &mut self,
        now: u64,
        response: &Response,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let sent = self.clock.answered(response.request);
        let time = parse::exchange_time(usable(response)?)?;
        ServerClock::tell(sent, now, time, out);
        Ok(())
    }

    fn read_list(
        &self,
        place: u32,
        response: &Response,
        instruments: &mut Instruments,
    ) -> Result<(), Refusal> {
        let all = parse::listed(usable(response)?)?;
        let Some(currency) = self.currencies.get(place as usize) else {
            return Ok(());
        };
        for (_, instrument) in instruments.iter_mut() {
            if instrument.is_index || names::listed_under(&instrument.name) != currency {
                continue;
            }
            instrument.listing = match all.iter().find(|it| it.name == instrument.name) {
                Some(listed) => {
                    instrument.trades.market.measured(listed.is_inverse);
                    Listing::Listed
                }
                None => Listing::Missing,
            };
        }
        Ok(())
    }
}

/// The answer of a request, if there is one.
fn usable(response: &Response) -> Result<&marketprism_kit::wit::Answer, Refusal> {
    let outcome = response.outcome.as_ref();
    outcome.map_err(|failure| Refusal::new("no answer", failure_text(*failure)))
}
