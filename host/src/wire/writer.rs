//! The table of declared instruments, and the way from a market event to a message.

use std::sync::Arc;

use bytes::Bytes;

use super::error::cut;
use super::json::Payload;
use super::message::message_id;
use super::names::{Prepared, exchange};
use super::{DataType, Message, Stamp, Subjects, WireError, books, rates, trades};
use crate::sandbox::contract::{Instrument, MarketEvent};

/// Writes the messages of one session: knows its instruments, owns the buffer.
#[derive(Debug)]
pub struct Writer {
    venue: String,
    subjects: Subjects,
    instruments_max: usize,
    instruments: Vec<Prepared>,
    buffer: Vec<u8>,
}

impl Writer {
    /// A writer without instruments. `venue` is the session's `exchange` value, which message ids carry;
    /// `instruments_max` bounds the table.
    ///
    /// # Errors
    /// [`WireError::Name`] for a venue that cannot be part of a message id.
    pub fn new(venue: &str, subjects: Subjects, instruments_max: usize) -> Result<Self, WireError> {
        exchange("venue", venue)?;
        Ok(Self {
            venue: venue.to_owned(),
            subjects,
            instruments_max,
            instruments: Vec::new(),
            buffer: Vec::new(),
        })
    }

    /// Names an instrument. Declaring it again under the same names changes nothing.
    ///
    /// # Errors
    /// [`WireError::Name`], [`WireError::IdNotDense`], [`WireError::TooManyInstruments`] or [`WireError::Redeclared`];
    /// the table is then as it was.
    pub fn declare(&mut self, instrument: Instrument) -> Result<(), WireError> {
        let id = instrument.id;
        if let Some(known) = self.instrument(id) {
            return if *known == instrument {
                Ok(())
            } else {
                Err(WireError::Redeclared {
                    id,
                    known: known.exchange_symbol.clone(),
                    wanted: cut(&instrument.exchange_symbol),
                })
            };
        }
        if self.instruments.len() >= self.instruments_max {
            return Err(WireError::TooManyInstruments {
                id,
                limit: self.instruments_max,
            });
        }
        let expected = u32::try_from(self.instruments.len()).unwrap_or(u32::MAX);
        if id != expected {
            return Err(WireError::IdNotDense { id, expected });
        }
        self.instruments
            .push(Prepared::new(&self.venue, &self.subjects, instrument)?);
        Ok(())
    }

    /// The instrument declared under a number.
    pub fn instrument(&self, id: u32) -> Option<&Instrument> {
        self.prepared(id).map(|prepared| &prepared.instrument)
    }

    /// The instruments declared, by their numbers.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.instruments.iter().map(|prepared| &prepared.instrument)
    }

    fn prepared(&self, id: u32) -> Option<&Prepared> {
        self.instruments.get(usize::try_from(id).ok()?)
    }

    /// Writes one market event as a message.
    ///
    /// # Errors
    /// [`WireError::UnknownInstrument`], [`WireError::Scale`], [`WireError::Number`], [`WireError::Name`] (a text that
    /// consumers could not take) and [`WireError::EmptySide`] (a snapshot with no bids or no asks). Nothing is to be
    /// sent then; the caller counts it by [`WireError::reason`].
    pub fn write(&mut self, event: &MarketEvent, stamp: Stamp) -> Result<Message, WireError> {
        let data_type = DataType::of(event);
        let id = instrument_id(event);
        let prepared = usize::try_from(id)
            .ok()
            .and_then(|position| self.instruments.get(position));
        let prepared = prepared.ok_or(WireError::UnknownInstrument { id, data_type })?;
        let payload = Payload::begin(&mut self.buffer, prepared, stamp);
        match event {
            MarketEvent::Trade(trade) => trades::trade(payload, prepared, trade)?,
            MarketEvent::Book(book) => books::top(payload, prepared, book)?,
            MarketEvent::BookChange(change) => books::change(payload, prepared, change)?,
            MarketEvent::BookStatus(status) => books::status(payload, prepared, status),
            MarketEvent::FundingRate(rate) => rates::funding_rate(payload, prepared, rate)?,
            MarketEvent::OpenInterest(interest) => {
                rates::open_interest(payload, prepared, interest)?
            }
            MarketEvent::Liquidation(liquidation) => {
                rates::liquidation(payload, prepared, liquidation)?
            }
            MarketEvent::LongShortRatio(ratio) => {
                rates::long_short_ratio(payload, prepared, ratio)?
            }
            MarketEvent::VolatilityIndex(index) => {
                rates::volatility_index(payload, prepared, index)?
            }
        }
        Ok(Message {
            subject: Arc::clone(prepared.subjects.get(data_type)),
            msg_id: message_id(data_type, prepared, event)?,
            payload: Bytes::copy_from_slice(&self.buffer),
            data_type,
            transport: data_type.transport(),
            source: Arc::clone(&prepared.source),
            stamp,
        })
    }
}

const fn instrument_id(event: &MarketEvent) -> u32 {
    match event {
        MarketEvent::Trade(event) => event.instrument,
        MarketEvent::Book(event) => event.instrument,
        MarketEvent::BookChange(event) => event.instrument,
        MarketEvent::BookStatus(event) => event.instrument,
        MarketEvent::FundingRate(event) => event.instrument,
        MarketEvent::OpenInterest(event) => event.instrument,
        MarketEvent::Liquidation(event) => event.instrument,
        MarketEvent::LongShortRatio(event) => event.instrument,
        MarketEvent::VolatilityIndex(event) => event.instrument,
    }
}
