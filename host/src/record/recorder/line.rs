//! One line of a recording, and its JSON.

use std::io::Write;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// What happened. `replay` plays frames, answers, lost connections, openings and promotions; it skips the rest, which is
/// what the adapter did or what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A message of a connection.
    Frame(Vec<u8>),
    /// A connection is open.
    Opened,
    /// A connection was lost; why.
    Lost(String),
    /// A connection that the adapter closed is closed.
    Ended(String),
    /// An answer: status and body.
    Answer(u16, Vec<u8>),
    /// A request without an answer; why.
    NoAnswer(&'static str),
    /// What stood by is published from here on.
    Promoted,
    /// An alarm went off.
    Alarm(u32),
    /// The adapter wants a connection.
    Connect,
    /// The adapter sends a message.
    Send(String),
    /// The adapter closes a connection.
    Close,
    /// The adapter asks for something: the cost of it.
    Request(u32),
    /// The adapter was stopped; everything that it had open is dropped.
    Stopped,
}

impl What {
    /// About how much it takes in the queue.
    pub(super) fn bytes(&self) -> usize {
        let data = match self {
            Self::Frame(data) | Self::Answer(_, data) => data.len(),
            Self::Lost(text) | Self::Ended(text) | Self::Send(text) => text.len(),
            _ => 0,
        };
        size_of::<Line>() + data
    }
}

/// A line on its way to the writer.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) session: Arc<str>,
    pub(super) now: u64,
    pub(super) address: Arc<str>,
    pub(super) what: What,
    /// Lines dropped just before it.
    pub(super) lost: u64,
}

/// A line as it is written.
#[derive(Serialize)]
struct Record<'a> {
    t_ns: u64,
    conn: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    data: &'a str,
}

impl Line {
    /// Writes it, with a line before it where some are missing.
    pub(super) fn write(&self, output: &mut impl Write) -> std::io::Result<()> {
        let record = Record {
            t_ns: self.now,
            conn: &self.address,
            kind: "lost",
            method: None,
            url: None,
            status: None,
            encoding: None,
            data: "",
        };
        if self.lost > 0 {
            let data = &self.lost.to_string();
            let conn = "";
            put(
                Record {
                    conn,
                    data,
                    ..record
                },
                output,
            )?;
        }
        let number;
        let (kind, text) = match &self.what {
            What::Frame(data) => {
                return bytes(
                    Record {
                        kind: "ws",
                        ..record
                    },
                    data,
                    output,
                );
            }
            What::Answer(status, body) => {
                let record = Record {
                    kind: "http",
                    method: Some("GET"),
                    url: Some(&self.address),
                    status: Some(*status),
                    ..record
                };
                return bytes(record, body, output);
            }
            What::Opened => ("ws_open", ""),
            What::Lost(why) => ("ws_close", why.as_str()),
            What::Ended(why) => ("ws_end", why.as_str()),
            What::NoAnswer(why) => ("no_answer", *why),
            What::Alarm(alarm) => {
                number = alarm.to_string();
                ("alarm", number.as_str())
            }
            What::Promoted => ("promoted", ""),
            What::Connect => ("connect", ""),
            What::Send(text) => ("send", text.as_str()),
            What::Close => ("close", ""),
            What::Request(weight) => {
                number = weight.to_string();
                ("request", number.as_str())
            }
            What::Stopped => ("stopped", ""),
        };
        put(
            Record {
                kind,
                data: text,
                ..record
            },
            output,
        )
    }
}

/// Writes a record whose data are bytes; those that are no UTF-8 in base64.
fn bytes<'a>(record: Record<'a>, data: &'a [u8], output: &mut impl Write) -> std::io::Result<()> {
    match str::from_utf8(data) {
        Ok(data) => put(Record { data, ..record }, output),
        Err(_) => {
            let (encoding, data) = (Some("base64"), &STANDARD.encode(data)[..]);
            put(
                Record {
                    encoding,
                    data,
                    ..record
                },
                output,
            )
        }
    }
}

fn put(record: Record<'_>, output: &mut impl Write) -> std::io::Result<()> {
    serde_json::to_writer(&mut *output, &record)?;
    output.write_all(b"\n")
}
