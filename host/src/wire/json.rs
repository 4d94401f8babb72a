//! One payload while it is written: the parts that many data types share.

use super::names::{Prepared, event_token};
use super::number::{decimal, integer, json_number, plain};
use super::time::{iso, millis, millis_or_null};
use super::{Stamp, WireError};
use crate::sandbox::contract::Decimal;

/// A payload being written. Field names are literals; texts are checked or escaped before they come in.
pub(super) struct Payload<'a> {
    /// The bytes so far.
    pub(super) out: &'a mut Vec<u8>,
    stamp: Stamp,
}

impl<'a> Payload<'a> {
    /// Begins a payload with the names of the instrument.
    pub(super) fn begin(out: &'a mut Vec<u8>, instrument: &Prepared, stamp: Stamp) -> Self {
        out.clear();
        out.extend_from_slice(&instrument.opening);
        Self { out, stamp }
    }

    /// Appends bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Appends `,"name":`.
    fn field(&mut self, name: &'static str) {
        self.raw(b",\"");
        self.raw(name.as_bytes());
        self.raw(b"\":");
    }

    /// A field with an integer.
    pub(super) fn integer(&mut self, name: &'static str, value: impl itoa::Integer) {
        self.field(name);
        integer(self.out, value);
    }

    /// A field with an integer, or null.
    pub(super) fn integer_or_null(&mut self, name: &'static str, value: Option<u64>) {
        match value {
            Some(value) => self.integer(name, value),
            None => self.null(name),
        }
    }

    /// A field with true or false.
    pub(super) fn boolean(&mut self, name: &'static str, value: bool) {
        self.field(name);
        self.raw(if value { b"true" } else { b"false" });
    }

    /// A field with null.
    pub(super) fn null(&mut self, name: &'static str) {
        self.field(name);
        self.raw(b"null");
    }

    /// A field with a decimal in quotation marks.
    pub(super) fn decimal(&mut self, name: &'static str, value: Decimal) -> Result<(), WireError> {
        self.field(name);
        self.raw(b"\"");
        decimal(self.out, value.mantissa, value.scale)?;
        self.raw(b"\"");
        Ok(())
    }

    /// A field with a decimal text as a JSON number.
    pub(super) fn number(&mut self, name: &'static str, text: &str) -> Result<(), WireError> {
        self.field(name);
        json_number(self.out, name, text)
    }

    /// A field with a decimal text as a JSON number, or null.
    pub(super) fn number_or_null(
        &mut self,
        name: &'static str,
        text: Option<&str>,
    ) -> Result<(), WireError> {
        match text {
            Some(text) => self.number(name, text),
            None => {
                self.null(name);
                Ok(())
            }
        }
    }

    /// A field with a decimal text in quotation marks.
    pub(super) fn quoted_number(
        &mut self,
        name: &'static str,
        text: &str,
    ) -> Result<(), WireError> {
        let text = plain(name, text)?;
        self.literal(name, text);
        Ok(())
    }

    /// A field with a text of an adapter that consumers take as it is.
    pub(super) fn token(&mut self, name: &'static str, text: &str) -> Result<(), WireError> {
        let text = event_token(name, text)?;
        self.literal(name, text);
        Ok(())
    }

    /// A field with a text that needs no escaping.
    pub(super) fn literal(&mut self, name: &'static str, text: &str) {
        self.field(name);
        self.raw(b"\"");
        self.raw(text.as_bytes());
        self.raw(b"\"");
    }

    /// A field with words for people, escaped.
    pub(super) fn words(&mut self, name: &'static str, text: &str) {
        self.field(name);
        quoted(self.out, text);
    }

    /// A field with a time in ISO 8601.
    pub(super) fn iso(&mut self, name: &'static str, nanos: u64) {
        self.field(name);
        self.raw(b"\"");
        iso(self.out, nanos);
        self.raw(b"\"");
    }

    /// The version marks that order books carry.
    pub(super) fn standardized(&mut self) {
        self.iso("standardized_at", self.stamp.published_ns);
        self.raw(br#","standardization_version":"2.0""#);
    }

    /// Ends the payload with the times and the publisher. `event_ns` is the exchange's time, where it is known.
    pub(super) fn end(self, event_ns: Option<u64>) {
        let published_ms = millis(self.stamp.published_ns);
        let out = self.out;
        out.extend_from_slice(br#","ts_ms":"#);
        integer(out, published_ms);
        out.extend_from_slice(br#","collected_ts_ms":"#);
        integer(out, published_ms);
        out.extend_from_slice(br#","event_ts_ms":"#);
        millis_or_null(out, event_ns);
        out.extend_from_slice(br#","received_ts_ns":"#);
        integer(out, self.stamp.received_ns);
        out.extend_from_slice(br#","publisher":"unified-collector"}"#);
    }
}

/// Appends a text in quotation marks, with what JSON does not allow inside them escaped.
pub(super) fn quoted(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| HEX.get(usize::from(value)).copied().unwrap_or(b'0');
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                digit(byte >> 4),
                digit(byte & 15),
            ]),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_reads_back_as_it_was(text: String) {
            let mut out = Vec::new();
            quoted(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
