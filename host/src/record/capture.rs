//! A recording as it lies on disk: one JSON object a line, in receive order.
//!
//! `{"t_ns": receive time or null, "conn": address, "kind": "ws" | "http" | "ws_close" | "ws_open" | "meta", "data":
//! the text received}`; `http` lines add `url` and `status`. Other kinds and keys are skipped.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Longest line accepted, in bytes.
const LINE_BYTES_MAX: u64 = 256 << 20;

/// A recording cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the recording {path}: {source}")]
pub struct CaptureError {
    path: PathBuf,
    source: std::io::Error,
}

/// What a line of a recording is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A message of a connection.
    Frame(Vec<u8>),
    /// An answer to a request: what it answers, the status, and the body.
    Answer(AnswerKey, u16, Vec<u8>),
    /// The connections were lost.
    Close,
    /// The exchange lets connections open again.
    Open,
}

/// What makes a recorded answer fit a request: the last path segment and the instrument. API version, host name and
/// all other parameters are left aside.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AnswerKey {
    endpoint: String,
    instrument: Option<String>,
}

impl AnswerKey {
    /// The key of a request's address.
    pub fn of(address: &url::Url) -> Self {
        let endpoint = address
            .path_segments()
            .and_then(|mut segments| segments.next_back());
        // The parameters by which the recorded exchanges name what is asked for.
        let instrument = ["symbol", "instId", "instrument_name", "currency"]
            .iter()
            .find_map(|name| {
                address
                    .query_pairs()
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| value.to_ascii_uppercase())
            });
        Self {
            endpoint: endpoint.unwrap_or_default().to_string(),
            instrument,
        }
    }
}

/// One line that means something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Number of the line in the file, from 1.
    pub number: u64,
    /// Receive time in nanoseconds since the epoch; a line without one has its predecessor's.
    pub time: u64,
    /// The address of its connection.
    pub address: String,
    /// What it is.
    pub kind: Kind,
}

#[derive(Deserialize)]
struct Record {
    t_ns: Option<u64>,
    conn: Option<String>,
    kind: String,
    data: Option<String>,
    url: Option<String>,
    status: Option<u16>,
}

/// A recording being read from its beginning to its end.
pub struct Capture {
    path: PathBuf,
    reader: BufReader<std::fs::File>,
    text: Vec<u8>,
    number: u64,
    time: u64,
    unreadable: u64,
    /// Number of the last line that holds each answer.
    last_answers: HashMap<AnswerKey, u64>,
}

impl Capture {
    /// Opens a recording and notes where its answers lie, which takes one pass over the file.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let fail = |source| CaptureError {
            path: path.to_path_buf(),
            source,
        };
        let file = std::fs::File::open(path).map_err(fail)?;
        let mut capture = Self {
            path: path.to_path_buf(),
            reader: BufReader::with_capacity(1 << 18, file),
            text: Vec::new(),
            number: 0,
            time: 0,
            unreadable: 0,
            last_answers: HashMap::new(),
        };
        let mut last_answers = HashMap::new();
        let mut first_time = None;
        while let Some(line) = capture.next_line()? {
            if first_time.is_none() && line.time > 0 {
                first_time = Some(line.time);
            }
            if let Kind::Answer(key, ..) = line.kind {
                last_answers.insert(key, line.number);
            }
        }
        capture.reader.rewind().map_err(fail)?;
        capture.number = 0;
        capture.unreadable = 0;
        // Lines without a time before the first timed one are as old as that one.
        capture.time = first_time.unwrap_or(0);
        capture.last_answers = last_answers;
        Ok(capture)
    }

    /// The next line that means something; lines that are no such object are counted and left out.
    pub fn next_line(&mut self) -> Result<Option<Line>, CaptureError> {
        loop {
            self.text.clear();
            let read = (&mut self.reader)
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut self.text)
                .map_err(|source| CaptureError {
                    path: self.path.clone(),
                    source,
                })?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.text.trim_ascii().is_empty() {
                continue;
            }
            let Ok(record) = serde_json::from_slice::<Record>(&self.text) else {
                self.unreadable += 1;
                continue;
            };
            self.time = record.t_ns.unwrap_or(self.time);
            let address = record.conn.unwrap_or_default();
            let data = record.data.unwrap_or_default().into_bytes();
            let kind = match record.kind.as_str() {
                "ws" => Kind::Frame(data),
                "ws_close" => Kind::Close,
                "ws_open" => Kind::Open,
                "http" => {
                    let address = record.url.as_deref().unwrap_or(&address);
                    let Ok(address) = url::Url::parse(address) else {
                        self.unreadable += 1;
                        continue;
                    };
                    let status = record.status.unwrap_or(200);
                    Kind::Answer(AnswerKey::of(&address), status, data)
                }
                _ => continue,
            };
            let line = Line {
                number: self.number,
                time: self.time,
                address,
                kind,
            };
            return Ok(Some(line));
        }
    }

    /// Whether an answer with this key lies behind line `number`.
    pub fn lies_ahead(&self, key: &AnswerKey, number: u64) -> bool {
        self.last_answers
            .get(key)
            .is_some_and(|last| *last > number)
    }

    /// Lines that are no JSON object of a recording.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }
}
