//! What a caller learns about its requests, and the reading of a body.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_ENCODING;

/// The end of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The caller's number of the request.
    pub request: u32,
    /// The answer, whatever its status; or why there is none.
    pub outcome: Result<Answer, Failure>,
    /// Time that it waited for the budget and for a free connection.
    pub waited: Duration,
    /// Time from then to the end of the answer.
    pub took: Duration,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status, for example 200.
    pub status: u16,
    /// The body, decompressed.
    pub body: Bytes,
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No answer within the time limit.
    #[error("no answer in time")]
    TimedOut,
    /// The host could not be reached, the connection broke, or what came is not HTTP.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The answer was larger than allowed.
    #[error("the answer is too large")]
    TooLarge,
    /// It was not sent: the budget is used up or paused for longer than it may wait, or too many wait already.
    #[error("over budget: {0}")]
    OverBudget(String),
}

/// Reads a body to its end, at most `limit` bytes of it on the wire and in memory.
pub(super) async fn read(
    answer: hyper::Response<Incoming>,
    limit: usize,
) -> Result<Answer, Failure> {
    let status = answer.status().as_u16();
    let encoding = answer.headers().get(CONTENT_ENCODING).cloned();
    let collected = Limited::new(answer.into_body(), limit).collect().await;
    let bytes = match collected {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(Failure::TooLarge),
        Err(error) => return Err(Failure::Unreachable(error.to_string())),
    };
    let body = match encoding.as_ref().map(|encoding| encoding.as_bytes()) {
        None | Some(b"identity") => bytes,
        Some(b"gzip" | b"x-gzip") if bytes.is_empty() => bytes,
        Some(b"gzip" | b"x-gzip") => decompress(&bytes, limit)?,
        Some(other) => {
            let other = String::from_utf8_lossy(other);
            return Err(Failure::Unreachable(format!("encoding {other:?}")));
        }
    };
    Ok(Answer { status, body })
}

fn decompress(bytes: &[u8], limit: usize) -> Result<Bytes, Failure> {
    let mut plain = Vec::new();
    // One byte more than allowed tells too large from just fitting.
    MultiGzDecoder::new(bytes)
        .take(limit as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|error| Failure::Unreachable(format!("gzip: {error}")))?;
    if plain.len() > limit {
        return Err(Failure::TooLarge);
    }
    Ok(plain.into())
}
