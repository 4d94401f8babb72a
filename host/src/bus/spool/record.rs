//! One record of a spool's file: its length, a checksum, and what it says.
//!
//! `length: u32, checksum: u32, kind: u8, number: u64, ..`, figures in little-endian order. The checksum is over
//! everything behind it, so that zeros, which a file may end in after a power cut, are no record.

use bytes::Bytes;
use flate2::Crc;

use crate::wire::{DataType, Message, Stamp};

/// Length and checksum.
const HEAD_BYTES: usize = 8;

/// Longest record behind its head, in bytes: no message comes near it, and a damaged length is recognised.
pub(super) const BODY_BYTES_MAX: usize = 64 << 20;

const MESSAGE: u8 = 1;
const DONE: u8 = 2;

/// What one record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// A message that is to be stored. Its source is not kept.
    Message {
        /// Rises by one with every message of the spool.
        number: u64,
        /// The message.
        message: Message,
    },
    /// A message needs no more to be stored.
    Done {
        /// Which.
        number: u64,
    },
}

/// Writes a message; none when one of its parts is longer than a record can tell.
pub(super) fn message(number: u64, message: &Message) -> Option<Vec<u8>> {
    let id = message.msg_id.as_deref().unwrap_or_default();
    let body_bytes = message.subject.len() + id.len() + message.payload.len() + 64;
    if body_bytes > BODY_BYTES_MAX {
        return None;
    }
    let mut record = Vec::with_capacity(HEAD_BYTES + body_bytes);
    record.extend_from_slice(&[0; HEAD_BYTES]);
    record.push(MESSAGE);
    record.extend_from_slice(&number.to_le_bytes());
    record.extend_from_slice(&message.stamp.published_ns.to_le_bytes());
    for text in [message.data_type.name(), &message.subject, id] {
        record.extend_from_slice(&u16::try_from(text.len()).ok()?.to_le_bytes());
        record.extend_from_slice(text.as_bytes());
    }
    record.extend_from_slice(&message.payload);
    sealed(record)
}

/// Writes that a message is done.
pub(super) fn done(number: u64) -> Option<Vec<u8>> {
    let mut record = vec![0; HEAD_BYTES];
    record.push(DONE);
    record.extend_from_slice(&number.to_le_bytes());
    sealed(record)
}

fn sealed(mut record: Vec<u8>) -> Option<Vec<u8>> {
    let (head, body) = record.split_at_mut_checked(HEAD_BYTES)?;
    let length = u32::try_from(body.len()).ok()?;
    let mut checksum = Crc::new();
    checksum.update(body);
    let (length_place, checksum_place) = head.split_at_mut_checked(4)?;
    length_place.copy_from_slice(&length.to_le_bytes());
    checksum_place.copy_from_slice(&checksum.sum().to_le_bytes());
    Some(record)
}

/// Reads the record at the beginning of `bytes`, and tells its length; none where there is no whole one.
pub(super) fn read(bytes: &[u8]) -> Option<(Record, usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let body = rest.get(..length).filter(|_| length <= BODY_BYTES_MAX)?;
    let mut found = Crc::new();
    found.update(body);
    if found.sum() != u32::from_le_bytes(*checksum) {
        return None;
    }
    Some((read_body(body)?, HEAD_BYTES + length))
}

fn read_body(body: &[u8]) -> Option<Record> {
    let (kind, rest) = body.split_first()?;
    let (number, mut rest) = rest.split_first_chunk::<8>()?;
    let number = u64::from_le_bytes(*number);
    match *kind {
        DONE if rest.is_empty() => Some(Record::Done { number }),
        MESSAGE => {
            let (published, after) = rest.split_first_chunk::<8>()?;
            rest = after;
            let mut text = || {
                let (length, after) = rest.split_first_chunk::<2>()?;
                let (text, after) =
                    after.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
                rest = after;
                std::str::from_utf8(text).ok()
            };
            let data_type = DataType::from_name(text()?)?;
            let subject = text()?.into();
            let id = text()?;
            Some(Record::Message {
                number,
                message: Message {
                    subject,
                    msg_id: (!id.is_empty()).then(|| id.to_owned()),
                    payload: Bytes::copy_from_slice(rest),
                    data_type,
                    transport: data_type.transport(),
                    source: Default::default(),
                    stamp: Stamp {
                        published_ns: u64::from_le_bytes(*published),
                        received_ns: 0,
                    },
                },
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Message {
        Message {
            subject: "funding_rate.alpha.perpetual.BTC-USDT".into(),
            msg_id: Some("funding_rate:alpha:BTC-USDT:1".to_owned()),
            payload: Bytes::from_static(b"{\"a\":1}"),
            data_type: DataType::FundingRate,
            transport: DataType::FundingRate.transport(),
            source: Default::default(),
            stamp: Stamp {
                published_ns: 77,
                received_ns: 0,
            },
        }
    }

    #[test]
    fn a_record_reads_as_it_was_written() {
        let mut bytes = message(5, &example()).unwrap();
        let first = bytes.len();
        bytes.extend(done(5).unwrap());
        let written = Record::Message {
            number: 5,
            message: example(),
        };
        assert_eq!(read(&bytes), Some((written, first)));
        let rest = bytes.get(first..).unwrap();
        assert_eq!(read(rest), Some((Record::Done { number: 5 }, rest.len())));
    }

    #[test]
    fn what_is_cut_or_changed_anywhere_is_no_record() {
        let whole = message(5, &example()).unwrap();
        for cut in 0..whole.len() {
            assert_eq!(read(whole.get(..cut).unwrap()), None, "cut at {cut}");
            let mut changed = whole.clone();
            *changed.get_mut(cut).unwrap() ^= 0x20;
            assert_eq!(read(&changed), None, "changed at {cut}");
        }
        assert_eq!(read(&[0; 64]), None);
    }
}
