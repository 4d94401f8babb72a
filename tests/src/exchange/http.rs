//! As much HTTP/1.1 as one loopback port needs for REST and the WebSocket handshake: requests without a body.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request's head may be this long: 1,024 streams by name and more.
const HEAD_BYTES_MAX: usize = 256 * 1024;

/// The head of a request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as they came.
    pub(crate) target: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// A header by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The client wants a WebSocket; its key.
    pub(crate) fn websocket_key(&self) -> Option<&str> {
        let upgrade = self.header("upgrade")?;
        upgrade.eq_ignore_ascii_case("websocket").then_some(())?;
        self.header("sec-websocket-key")
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

/// The next request's head; none at the end. What came behind it stays in the buffer.
pub(crate) async fn read(
    socket: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Request>> {
    const END: &[u8] = b"\r\n\r\n";
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    loop {
        if let Some(end) = buffer.windows(END.len()).position(|bytes| bytes == END) {
            let rest = buffer.split_off(end + END.len());
            let head = std::mem::replace(buffer, rest);
            let head = String::from_utf8(head).map_err(|_| invalid("a head that is no text"))?;
            return Ok(Some(parse(&head).ok_or_else(|| invalid("no HTTP"))?));
        }
        if buffer.len() > HEAD_BYTES_MAX {
            return Err(invalid("a head without end"));
        }
        if socket.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn parse(head: &str) -> Option<Request> {
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    first.next()?.starts_with("HTTP/1.").then_some(())?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Request {
        method,
        target,
        headers,
    })
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Lines without their ends.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
    /// Only half of the body is sent, then the connection ends.
    pub(crate) truncated: bool,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            truncated: false,
        }
    }
}

/// Writes an answer.
pub(crate) async fn write(socket: &mut TcpStream, answer: &Answer) -> io::Result<()> {
    let Answer {
        status,
        headers,
        body,
        truncated,
    } = answer;
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        _ => "Internal Server Error",
    };
    let mut text = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.push_str(if *truncated {
        &body[..body.len() / 2]
    } else {
        body
    });
    socket.write_all(text.as_bytes()).await?;
    socket.flush().await
}

/// Takes back what percent signs hide.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        let hidden = text
            .get(place + 1..place + 3)
            .filter(|_| bytes[place] == b'%')
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(hidden.unwrap_or(bytes[place]));
        place += if hidden.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_taken_back() {
        assert_eq!(
            decoded("btcusdt%40trade/eth@trade"),
            "btcusdt@trade/eth@trade"
        );
        assert_eq!(decoded("%5B%22A%22%5D"), "[\"A\"]");
        assert_eq!(decoded("100%"), "100%");
    }
}
