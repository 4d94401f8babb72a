//! A plain client: blocking, one socket, every wait bounded.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use marketprism_tests::exchange::{MarketSource, Pace, Scales, Settings, Simulator, Source, Venue};
use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

/// Nothing in these tests takes longer.
pub const LONG: Duration = Duration::from_secs(20);

/// An exchange whose market stands until it is told to move.
pub fn stepped(symbols: &[&str]) -> Settings {
    Settings {
        pace: Pace::Stepped,
        ..Settings::of_symbols(symbols)
    }
}

/// The same with another rate of orders.
pub fn stepped_at(symbols: &[&str], orders_per_second: u64) -> Settings {
    let symbols = symbols.iter().map(|&symbol| symbol.to_owned()).collect();
    Settings {
        pace: Pace::Stepped,
        source: Source::Market(MarketSource {
            symbols,
            orders_per_second,
            ..MarketSource::default()
        }),
        ..Settings::default()
    }
}

/// The same of a venue, with forced orders every other second.
pub fn stepped_venue(venue: Venue, symbols: &[&str]) -> Settings {
    let symbols = symbols.iter().map(|&symbol| symbol.to_owned()).collect();
    Settings {
        pace: Pace::Stepped,
        scales: Scales {
            ratio_period: Duration::from_secs(2),
            candle_minute: Duration::from_secs(2),
            ..Scales::default()
        },
        source: Source::Market(MarketSource {
            symbols,
            liquidations_per_minute: 60,
            ..MarketSource::default()
        }),
        ..Settings::of_venue(venue, &[])
    }
}

/// Starts an exchange.
pub fn start(settings: Settings) -> Simulator {
    Simulator::start(settings).expect("a free port")
}

/// A WebSocket client.
pub struct Client(WebSocket<TcpStream>);

impl Client {
    /// Opens a connection.
    pub fn open(exchange: &Simulator, target: &str) -> Self {
        match Self::try_open(exchange, target) {
            Ok(client) => client,
            Err(error) => panic!("{target}: {error}"),
        }
    }

    /// Opens a connection, or is refused.
    pub fn try_open(exchange: &Simulator, target: &str) -> Result<Self, String> {
        let socket = TcpStream::connect(exchange.address()).expect("a listening exchange");
        socket.set_read_timeout(Some(LONG)).expect("a timeout");
        let url = format!("{}{target}", exchange.ws_url());
        match client(url, socket) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Sends a message.
    pub fn send(&mut self, message: Message) {
        self.0.send(message).expect("a living connection");
    }

    /// Sends a text.
    pub fn say(&mut self, text: &str) {
        self.send(Message::text(text));
    }

    /// The next message that is no control frame; none at the end. Pings are answered.
    pub fn next(&mut self) -> Option<String> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Some(text.to_string()),
                // Reading on answers pings and close frames.
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("nothing came")
                }
                Err(_) => return None,
            }
        }
    }

    /// The next message as JSON.
    pub fn json(&mut self) -> Value {
        let text = self.next().expect("a message");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The next messages as JSON up to one of which something is true, that one included.
    pub fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            let message = self.json();
            let found = is_it(&message);
            messages.push(message);
            if found {
                return messages;
            }
        }
    }

    /// All messages until the end.
    pub fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// All messages until the end, as JSON.
    pub fn rest_json(&mut self) -> Vec<Value> {
        let texts = self.rest().into_iter();
        texts
            .map(|text| serde_json::from_str(&text).expect("JSON"))
            .collect()
    }

    /// Reads on until the connection ends; the close frame, if there was one.
    pub fn end(&mut self) -> Option<CloseFrame> {
        let mut closed = None;
        loop {
            match self.0.read() {
                Ok(Message::Close(frame)) => closed = frame,
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("no end came")
                }
                Err(_) => return closed,
            }
        }
    }

    /// Waits for the next ping, and answers it.
    pub fn ping(&mut self) {
        loop {
            if let Message::Ping(_) = self.0.read().expect("a ping") {
                self.0.flush().expect("a living connection");
                return;
            }
        }
    }
}

/// An answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    headers: BTreeMap<String, String>,
    /// The body as far as it came.
    pub body: String,
}

impl Answer {
    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// A header that is a number.
    pub fn number(&self, name: &str) -> u64 {
        let text = self.header(name);
        text.parse().unwrap_or_else(|_| panic!("{name}: {text:?}"))
    }

    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Nothing of the body is missing.
    pub fn is_whole(&self) -> bool {
        self.number("content-length") == self.body.len() as u64
    }
}

/// Asks for something by hand-made HTTP.
pub fn get(exchange: &Simulator, target: &str) -> Answer {
    let mut socket = TcpStream::connect(exchange.address()).expect("a listening exchange");
    socket.set_read_timeout(Some(LONG)).expect("a timeout");
    let request = format!("GET {target} HTTP/1.1\r\nHost: exchange\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).expect("a request");
    let mut text = String::new();
    socket.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Answer {
        status: status
            .and_then(|status| status.parse().ok())
            .expect("a status"),
        headers: headers.collect(),
        body: body.to_owned(),
    }
}
