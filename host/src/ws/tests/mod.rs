//! Dialers against servers written here, on loopback; virtual time wherever time matters.

mod attempts;
mod closing;
mod flow;
mod opening;
mod turns;
mod ways;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};
use url::Url;

use super::{Attempts, Dialer, End, Event, Handle, Settings, What};

/// The server's side of one connection.
type Peer = WebSocketStream<TcpStream>;

/// A dialer and what it tells.
struct Bench {
    dialer: Dialer,
    tell: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
}

impl Bench {
    fn new(settings: Settings) -> Self {
        Self::sharing(&Attempts::default(), settings)
    }

    fn sharing(attempts: &Attempts, settings: Settings) -> Self {
        let (tell, events) = mpsc::channel(16);
        Self {
            dialer: Dialer::new(settings, attempts.clone()).expect("a dialer"),
            tell,
            events,
        }
    }

    fn open(&self, address: &Url) -> Handle {
        self.dialer.open(1, address.clone(), self.tell.clone())
    }

    async fn next(&mut self) -> What {
        let next = tokio::time::timeout(Duration::from_secs(3600), self.events.recv());
        next.await
            .expect("an event in time")
            .expect("an event")
            .what
    }

    /// Opens a connection to a listening server.
    async fn opened(&mut self, listener: &TcpListener, address: &Url) -> (Handle, Peer) {
        let handle = self.open(address);
        let peer = accept(listener).await;
        assert_eq!(self.next().await, What::Opened);
        (handle, peer)
    }

    async fn closed(&mut self) -> End {
        loop {
            if let What::Closed(end) = self.next().await {
                return end;
            }
        }
    }

    /// Lets virtual time pass until it is so.
    async fn until(&self, mut so: impl FnMut(super::Counts) -> bool) {
        for _ in 0..100_000 {
            if so(self.dialer.counts()) {
                return;
            }
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        panic!("never so: {:?}", self.dialer.counts());
    }
}

async fn listen() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("ws://{}/feed", listener.local_addr().expect("an address"));
    (listener, address.parse().expect("a URL"))
}

async fn accept(listener: &TcpListener) -> Peer {
    let (stream, _) = listener.accept().await.expect("a connection");
    accept_async(stream).await.expect("a handshake")
}

/// What the server's side reads next.
async fn read(peer: &mut Peer) -> Message {
    peer.next().await.expect("a message").expect("a good one")
}

async fn write(peer: &mut Peer, message: Message) {
    peer.send(message).await.expect("written");
}
