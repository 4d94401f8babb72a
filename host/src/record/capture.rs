//! A recording as it lies on disk: one JSON object a line, in receive order.
//!
//! `{"t_ns": receive time or null, "conn": address, "kind": "ws" | "http" | "ws_close" | "ws_open" | "promoted" | "meta",
//! "data": the text received}`; `http` lines add `url` and `status`. Other kinds and keys are skipped. Where `encoding` is
//! "base64", `data` is bytes that are no UTF-8. A file may be gzip; one that was cut in the middle is read up to there.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;

/// Longest line accepted, in bytes.
const LINE_BYTES_MAX: u64 = 256 << 20;

/// How a gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

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
    /// What stood by is published from here on.
    Promoted,
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
    /// Number of the line, from 1, through all files.
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
    encoding: Option<String>,
    url: Option<String>,
    status: Option<u16>,
}

/// A recording being read from its beginning to its end.
pub struct Capture {
    paths: Vec<PathBuf>,
    /// The file that is being read, and its place among the paths.
    reader: Option<Reader>,
    place: usize,
    text: Vec<u8>,
    number: u64,
    time: u64,
    unreadable: u64,
    /// Number of the last line that holds each answer.
    last_answers: HashMap<AnswerKey, u64>,
}

/// A file, as it is or unpacked.
enum Reader {
    Plain(BufReader<std::fs::File>),
    Packed(BufReader<MultiGzDecoder<BufReader<std::fs::File>>>),
}

impl Capture {
    /// Opens a recording and notes where its answers lie, which takes one pass over the file.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        Self::open_all(&[path.to_path_buf()])
    }

    /// Opens a recording of several files, to be read in this order.
    pub fn open_all(paths: &[PathBuf]) -> Result<Self, CaptureError> {
        let mut capture = Self {
            paths: paths.to_vec(),
            reader: None,
            place: 0,
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
        capture.reader = None;
        capture.place = 0;
        capture.number = 0;
        capture.unreadable = 0;
        // Lines without a time before the first timed one are as old as that one.
        capture.time = first_time.unwrap_or(0);
        capture.last_answers = last_answers;
        Ok(capture)
    }

    /// Reads the next line of bytes; false at the end of the last file.
    fn next_text(&mut self) -> Result<bool, CaptureError> {
        loop {
            self.text.clear();
            let Some(path) = self.paths.get(self.place) else {
                return Ok(false);
            };
            let fail = |source| CaptureError {
                path: path.clone(),
                source,
            };
            let reader = match &mut self.reader {
                Some(reader) => reader,
                None => self.reader.insert(open_file(path).map_err(fail)?),
            };
            let read = match reader {
                Reader::Plain(reader) => read_line(reader, &mut self.text).map_err(fail)?,
                Reader::Packed(reader) => match read_line(reader, &mut self.text) {
                    Err(error) if is_cut(&error) => {
                        self.unreadable += u64::from(!self.text.is_empty());
                        0
                    }
                    read => read.map_err(fail)?,
                },
            };
            if read > 0 {
                return Ok(true);
            }
            self.reader = None;
            self.place += 1;
        }
    }

    /// The next line that means something; lines that are no such object are counted and left out.
    pub fn next_line(&mut self) -> Result<Option<Line>, CaptureError> {
        loop {
            if !self.next_text()? {
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
            let data = record.data.unwrap_or_default();
            let data = match record.encoding.as_deref() {
                None => data.into_bytes(),
                Some(encoding) => match STANDARD.decode(&data) {
                    Ok(bytes) if encoding == "base64" => bytes,
                    _ => {
                        self.unreadable += 1;
                        continue;
                    }
                },
            };
            let kind = match record.kind.as_str() {
                "ws" => Kind::Frame(data),
                "ws_close" => Kind::Close,
                "ws_open" => Kind::Open,
                "promoted" => Kind::Promoted,
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

fn open_file(path: &Path) -> std::io::Result<Reader> {
    let mut file = BufReader::with_capacity(1 << 18, std::fs::File::open(path)?);
    Ok(if file.fill_buf()?.starts_with(&GZIP) {
        Reader::Packed(BufReader::new(MultiGzDecoder::new(file)))
    } else {
        Reader::Plain(file)
    })
}

fn read_line(reader: &mut impl BufRead, text: &mut Vec<u8>) -> std::io::Result<usize> {
    reader.take(LINE_BYTES_MAX).read_until(b'\n', text)
}

/// What a decoder says of a file whose writer was stopped in the middle.
fn is_cut(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput
    )
}
