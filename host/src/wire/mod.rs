//! Market events to NATS subjects and JSON payloads: the outside contract of this daemon, and the only room that
//! knows it. A message is written by hand into one buffer: the constant parts of an instrument are escaped once, when
//! it is declared, and every number keeps exactly the digits that the adapter sent. What cannot be written exactly is
//! an error for the caller to count, never a wrong number. Sending is left to `bus`.

mod books;
mod data_type;
mod error;
mod json;
mod message;
mod names;
mod number;
mod rates;
mod subject;
mod time;
mod trades;
mod writer;

pub use books::state_name;
pub(crate) use data_type::PerType;
pub use data_type::{DataType, Transport};
pub use error::WireError;
pub use message::{Message, Source, Stamp};
pub use names::market_type_name;
pub use number::digits;
pub use subject::Subjects;
pub use time::{iso_text, iso_time};
pub use writer::Writer;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
