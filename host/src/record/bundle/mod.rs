//! Fault bundles: why an instance was stopped, and the events that led there, in one file.
//!
//! A bundle is gzip: one line of JSON (the [`Header`]), the events of the [`Flight`] recorder, and an end of four zero
//! bytes. So a bundle that was cut or damaged is never taken for a shorter one.

mod folder;
mod header;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::flight::{Flight, decode};
use crate::sandbox::contract::Event;
pub use folder::{Bundles, EXTENSION, FOLDER};
pub use header::{AdapterText, Facts, FaultText, Header};
use header::{FORMAT, MAGIC};

/// Longest header that is read, in bytes.
const HEADER_BYTES_MAX: u64 = 64 << 20;

/// Longest event that is read, in bytes.
const EVENT_BYTES_MAX: usize = 1 << 30;

/// Ends the events.
const END: [u8; 4] = [0; 4];

/// Why a file is no bundle that can be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// It is something else.
    #[error("is no fault bundle")]
    Other,
    /// It was written in another form.
    #[error("has form {0}, this host reads form {FORMAT}")]
    Format(u32),
    /// It was cut short or changed.
    #[error("is damaged: {0}")]
    Damaged(String),
}

/// What goes into a bundle.
pub struct Report {
    /// The facts.
    pub facts: Facts,
    /// The events.
    pub flight: Flight,
}

impl Report {
    /// Writes the bundle.
    fn write(&self, output: impl Write) -> std::io::Result<()> {
        let mut output = GzEncoder::new(output, Compression::fast());
        let header = Header {
            marketprism: MAGIC.to_owned(),
            format: FORMAT,
            facts: self.facts.clone(),
        };
        serde_json::to_writer(&mut output, &header)?;
        output.write_all(b"\n")?;
        for bytes in self.flight.bytes() {
            output.write_all(bytes)?;
        }
        output.write_all(&END)?;
        output.finish()?.flush()
    }
}

/// A bundle that was read to its end and found whole.
#[derive(Debug)]
pub struct Bundle {
    /// The facts.
    pub facts: Facts,
    /// The events, each with its time in nanoseconds since the epoch.
    pub events: Vec<(u64, Event)>,
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn read(file: impl Read) -> Result<Self, BundleError> {
        let mut input = BufReader::new(MultiGzDecoder::new(file));
        let facts = facts(&mut input)?;
        let mut events = Vec::new();
        let mut entry = Vec::new();
        loop {
            let mut length = END;
            input.read_exact(&mut length).map_err(damaged)?;
            if length == END {
                break;
            }
            let length = u32::from_le_bytes(length) as usize;
            if length > EVENT_BYTES_MAX {
                return Err(BundleError::Damaged(format!("an event of {length} bytes")));
            }
            entry.clear();
            // Not reserved beforehand: a damaged length must not cost memory.
            (&mut input)
                .take(length as u64)
                .read_to_end(&mut entry)
                .map_err(damaged)?;
            let event = decode(&entry).filter(|_| entry.len() == length);
            events.push(event.ok_or_else(|| {
                BundleError::Damaged(format!("event {} makes no sense", events.len() + 1))
            })?);
        }
        // The checksum stands behind the last byte.
        let behind = input.read(&mut [0]).map_err(damaged)?;
        if behind > 0 || events.len() as u64 != facts.events {
            return Err(BundleError::Damaged(format!(
                "{} events, its header says {}",
                events.len(),
                facts.events
            )));
        }
        Ok(Self { facts, events })
    }

    /// Reads the facts alone.
    ///
    /// # Errors
    /// [`BundleError`]; damage behind the header is not seen.
    pub fn read_facts(file: impl Read) -> Result<Facts, BundleError> {
        facts(&mut BufReader::new(MultiGzDecoder::new(file)))
    }
}

/// Whether the file is a bundle, whole or not; anything that cannot be read is none.
pub fn is_bundle(path: &Path) -> bool {
    let Ok(file) = std::fs::File::open(path) else {
        return false;
    };
    let begin = begin();
    let mut bytes = Vec::new();
    // What was read before an error is there all the same.
    let _ = MultiGzDecoder::new(BufReader::new(file))
        .take(begin.len() as u64)
        .read_to_end(&mut bytes);
    bytes == begin.as_bytes()
}

/// How every bundle begins.
fn begin() -> String {
    format!("{{\"marketprism\":\"{MAGIC}\"")
}

fn facts(input: &mut impl BufRead) -> Result<Facts, BundleError> {
    let mut line = Vec::new();
    let read = input.take(HEADER_BYTES_MAX).read_until(b'\n', &mut line);
    if !line.starts_with(begin().as_bytes()) {
        return Err(match read {
            Err(error) if line.is_empty() && !is_damage(&error) => BundleError::Unreadable(error),
            _ => BundleError::Other,
        });
    }
    read.map_err(damaged)?;
    #[derive(serde::Deserialize)]
    struct Form {
        format: u32,
    }
    let unclear = |error: serde_json::Error| BundleError::Damaged(format!("its header: {error}"));
    let form: Form = serde_json::from_slice(&line).map_err(unclear)?;
    if form.format != FORMAT {
        return Err(BundleError::Format(form.format));
    }
    let header: Header = serde_json::from_slice(&line).map_err(unclear)?;
    Ok(header.facts)
}

/// What a decoder says about bytes that are not what an encoder wrote.
fn is_damage(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

fn damaged(error: std::io::Error) -> BundleError {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        BundleError::Damaged("it ends in the middle".to_owned())
    } else if is_damage(&error) {
        BundleError::Damaged(error.to_string())
    } else {
        BundleError::Unreadable(error)
    }
}
