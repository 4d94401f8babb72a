//! One event as bytes: the time in eight bytes, a tag, and what the event holds; numbers have their little end first.

use super::masked::masked;
use crate::sandbox::contract::{Answer, Closed, Event, Frame, RequestFailure, Response, Start};

const START: u8 = 1;
const OPENED: u8 = 2;
const FRAME: u8 = 3;
const CLOSED: u8 = 4;
const ANSWER: u8 = 5;
const NO_ANSWER: u8 = 6;
const ALARM: u8 = 7;
const SYMBOLS_CHANGED: u8 = 8;
const REPORT_WANTED: u8 = 9;
const STOP: u8 = 10;
const PROMOTED: u8 = 11;
/// As `START`, of a session that stands by.
const START_STANDBY: u8 = 12;

/// Hands over the tag of an event and the pieces of what it holds, without copying what can be large.
pub(super) fn parts(event: &Event, put: impl FnOnce(u8, &[&[u8]])) {
    match event {
        Event::Frame(frame) => put(FRAME, &[&frame.connection.to_le_bytes(), &frame.data]),
        Event::Response(response) => {
            let request = response.request.to_le_bytes();
            match &response.outcome {
                Ok(answer) => put(
                    ANSWER,
                    &[&request, &answer.status.to_le_bytes(), &answer.body],
                ),
                Err(failure) => put(NO_ANSWER, &[&request, &[failure_number(*failure)]]),
            }
        }
        Event::Alarm(alarm) => put(ALARM, &[&alarm.to_le_bytes()]),
        Event::Opened(connection) => put(OPENED, &[&connection.to_le_bytes()]),
        Event::Closed(closed) => put(
            CLOSED,
            &[&closed.connection.to_le_bytes(), closed.reason.as_bytes()],
        ),
        Event::ReportWanted(levels) => put(REPORT_WANTED, &[&levels.to_le_bytes()]),
        Event::Promoted => put(PROMOTED, &[]),
        Event::Stop => put(STOP, &[]),
        Event::SymbolsChanged(symbols) => put(SYMBOLS_CHANGED, &[&texts(symbols)]),
        Event::Start(start) => {
            let settings = masked(&start.settings);
            let symbols = texts(&start.instruments);
            let tag = if start.standby { START_STANDBY } else { START };
            put(
                tag,
                &[&start.seed.to_le_bytes(), &symbols, settings.as_bytes()],
            );
        }
    }
}

/// The time and the event of one entry; `None` when it is none.
pub fn decode(entry: &[u8]) -> Option<(u64, Event)> {
    let mut rest = Rest(entry);
    let now = u64::from_le_bytes(rest.take()?);
    let [tag] = rest.take()?;
    let event = match tag {
        START | START_STANDBY => {
            let seed = u64::from_le_bytes(rest.take()?);
            let instruments = rest.texts()?;
            Event::Start(Start {
                settings: rest.text()?,
                instruments,
                seed,
                standby: tag == START_STANDBY,
            })
        }
        OPENED => Event::Opened(rest.number()?),
        FRAME => Event::Frame(Frame {
            connection: rest.number()?,
            data: rest.bytes(),
        }),
        CLOSED => Event::Closed(Closed {
            connection: rest.number()?,
            reason: rest.text()?,
        }),
        ANSWER => Event::Response(Response {
            request: rest.number()?,
            outcome: Ok(Answer {
                status: u16::from_le_bytes(rest.take()?),
                body: rest.bytes(),
            }),
        }),
        NO_ANSWER => {
            let request = rest.number()?;
            let [number] = rest.take()?;
            Event::Response(Response {
                request,
                outcome: Err(failure(number)?),
            })
        }
        ALARM => Event::Alarm(rest.number()?),
        SYMBOLS_CHANGED => Event::SymbolsChanged(rest.texts()?),
        REPORT_WANTED => Event::ReportWanted(rest.number()?),
        PROMOTED => Event::Promoted,
        STOP => Event::Stop,
        _ => return None,
    };
    rest.0.is_empty().then_some((now, event))
}

/// How many texts, then each with its length before it.
fn texts(texts: &[String]) -> Vec<u8> {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = number(texts.len()).to_vec();
    for text in texts {
        bytes.extend(number(text.len()));
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn failure_number(failure: RequestFailure) -> u8 {
    match failure {
        RequestFailure::TimedOut => 0,
        RequestFailure::Unreachable => 1,
        RequestFailure::TooLarge => 2,
        RequestFailure::OverBudget => 3,
    }
}

fn failure(number: u8) -> Option<RequestFailure> {
    Some(match number {
        0 => RequestFailure::TimedOut,
        1 => RequestFailure::Unreachable,
        2 => RequestFailure::TooLarge,
        3 => RequestFailure::OverBudget,
        _ => return None,
    })
}

/// What is left of an entry.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0).to_vec()
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()).ok()
    }

    fn texts(&mut self) -> Option<Vec<String>> {
        let count = self.number()?;
        (0..count)
            .map(|_| {
                let length = usize::try_from(self.number()?).ok()?;
                let (text, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                String::from_utf8(text.to_vec()).ok()
            })
            .collect()
    }
}
