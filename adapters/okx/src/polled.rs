//! What is polled: of each swap what no stream brings, what contracts are, and the exchange's time.

pub mod publish;

use marketprism_kit::clock::ServerClock;
use marketprism_kit::polls::{Key, Polls};
use marketprism_kit::session::{Context, failure_text};
use marketprism_kit::wit::{LogLevel, Response};
use marketprism_kit::{Output, Refusal};

use crate::address;
use crate::alarm;
use crate::instruments::{Instruments, Kind};
use crate::parse::answer;
use crate::settings::Settings;

/// Requests under way at once; snapshots of books go on beside them.
const IN_FLIGHT_MAX: usize = 8;

/// How often it is asked what contracts are: the exchange changes them now and then, with notice.
const CONTRACTS_EVERY: u64 = 3_600_000_000_000;

/// What is asked for once for the whole session is kept under this instrument.
const SESSION: u32 = u32::MAX;

const CLOCK: Key = Key {
    kind: 16,
    instrument: SESSION,
};

/// The kinds of instruments that are contracts, each with its key.
const CONTRACTS: [(Kind, Key); 2] = [
    (
        Kind::Swap,
        Key {
            kind: 17,
            instrument: SESSION,
        },
    ),
    (
        Kind::Future,
        Key {
            kind: 18,
            instrument: SESSION,
        },
    ),
];

/// What a session asks for by request.
#[derive(Debug)]
pub struct Polled {
    polls: Polls,
    clock: ServerClock,
    /// Failures were told; they are told again after a success.
    is_told: bool,
}

impl Polled {
    /// Begins with what the session needs whatever it collects. The session may stand by.
    pub fn new(now: u64, stands_by: bool) -> Self {
        let mut polls = Polls::new(IN_FLIGHT_MAX);
        if stands_by {
            polls.stand_by();
        }
        polls.add_essential(now, CLOCK, ServerClock::EVERY);
        Self {
            polls,
            clock: ServerClock::default(),
            is_told: false,
        }
    }

    /// What was left begins.
    pub fn promoted(&mut self, now: u64) {
        self.polls.promoted(now);
    }

    /// Everything that is polled.
    pub const fn polls(&self) -> &Polls {
        &self.polls
    }

    /// Polls an instrument from now on.
    pub fn add(&mut self, now: u64, instrument: u32, kind: Kind, settings: &Settings) {
        if let Some((_, key)) = CONTRACTS.iter().find(|(of, _)| *of == kind) {
            // Trades of an instrument are worth more when it is known.
            self.polls.add_essential(now, *key, CONTRACTS_EVERY);
        }
        if kind == Kind::Swap {
            for (what, interval) in &settings.polled {
                let kind = *what as u8;
                self.polls.add(now, Key { kind, instrument }, *interval);
            }
        }
    }

    /// Polls an instrument no more.
    pub fn remove(&mut self, instrument: u32) {
        self.polls.remove(instrument);
    }

    /// Asks for what is due, and sets the alarm for what is due next.
    pub fn send(
        &mut self,
        cx: &mut Context<'_, Settings>,
        instruments: &Instruments,
        out: &mut Output,
    ) {
        while let Some(key) = self.polls.next(cx.now) {
            let request = cx.next_request();
            self.polls.asked(key, request);
            let contracts = CONTRACTS.iter().find(|(_, contracts)| *contracts == key);
            if key == CLOCK {
                self.clock.ask(request, cx.now);
                out.request(request, &address::time(cx.settings), 1, "clock", None);
            } else if let Some((kind, _)) = contracts {
                let address = address::instruments(cx.settings, *kind);
                out.request(request, &address, 1, "instruments", None);
            } else if let Some(what) = publish::Kind::of(key.kind)
                && let Some(instrument) = instruments.get(key.instrument)
            {
                let base = &cx.settings.base_url;
                let address = what.address(base, &instrument.name, instrument.kind.name());
                let of = Some(key.instrument);
                out.request(request, &address, 1, what.data_type(), of);
            }
        }
        if let Some(next) = self.polls.next_at() {
            out.wake_at(alarm::POLLS.number(), next);
        }
    }

    /// Takes in the end of a request; false when it is none of these.
    pub fn answered(
        &mut self,
        cx: &Context<'_, Settings>,
        response: &Response,
        instruments: &mut Instruments,
        out: &mut Output,
    ) -> bool {
        let Some(key) = self.polls.answered(response.request) else {
            return false;
        };
        let sent = self.clock.answered(response.request);
        let outcome = match &response.outcome {
            Err(failure) => Err(failure_text(*failure).to_owned()),
            Ok(answer) if answer.status != 200 => Err(format!("status {}", answer.status)),
            Ok(answer) => self
                .read(cx.now, key, sent, &answer.body, instruments, out)
                .map_err(|refusal| {
                    out.refused(&refusal);
                    format!("{}: {}", refusal.rule, refusal.detail)
                }),
        };
        match outcome {
            Ok(()) => {
                self.polls.succeeded(key, cx.now);
                self.is_told = false;
            }
            Err(why) => {
                let salt = (u64::from(key.instrument) << 8) | u64::from(key.kind);
                self.polls.failed(key, cx.now, cx.random(salt ^ cx.now));
                if !std::mem::replace(&mut self.is_told, true) {
                    let what = publish::Kind::of(key.kind).map_or("a request", |it| it.data_type());
                    let of = instruments.get(key.instrument);
                    let of = of.map_or("the session", |instrument| &instrument.name);
                    out.log(LogLevel::Warn, format_args!("{what} of {of}: {why}"));
                }
            }
        }
        true
    }

    fn read(
        &mut self,
        now: u64,
        key: Key,
        sent: Option<u64>,
        body: &[u8],
        instruments: &mut Instruments,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        if key == CLOCK {
            let time = answer::time(body)?;
            ServerClock::tell(sent, now, time, out);
            return Ok(());
        }
        let Some(what) = publish::Kind::of(key.kind) else {
            return answer::contracts(body, |name, contract| {
                let id = instruments.find(name.as_bytes()).map(|(id, _)| id);
                if let Some(instrument) = id.and_then(|id| instruments.get_mut(id)) {
                    instrument.contract = contract;
                }
            });
        };
        let Some(instrument) = instruments.get_mut(key.instrument) else {
            return Ok(());
        };
        match what.event(key.instrument, &instrument.name, body) {
            Ok((time, event)) => {
                instrument.problem = None;
                if self.polls.is_fresh(key, time) {
                    out.publish(event);
                }
                Ok(())
            }
            Err(refusal) => {
                // 51001: there is no such instrument.
                let is_unknown = refusal.rule == answer::EXCHANGE_ERROR;
                if is_unknown && refusal.detail.starts_with("51001") {
                    instrument.problem = Some(refusal.detail.clone());
                }
                Err(refusal)
            }
        }
    }
}
