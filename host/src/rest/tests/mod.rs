//! Clients against HTTP servers written here by hand, on loopback; virtual time wherever time matters.

mod answers;
mod budget;
mod connections;
mod encrypted;
mod pauses;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use url::Url;

use super::{Budgets, Client, Done, Limit, Settings};

/// A client and what it tells.
struct Bench {
    client: Client,
    budgets: Budgets,
    tell: mpsc::Sender<Done>,
    done: mpsc::Receiver<Done>,
}

impl Bench {
    fn new(settings: Settings) -> Self {
        Self::sharing(settings, &Budgets::new(Limit::per_minute(1_000)))
    }

    fn sharing(settings: Settings, budgets: &Budgets) -> Self {
        let (tell, done) = mpsc::channel(16);
        Self {
            client: Client::new(settings, budgets.clone()).expect("a client"),
            budgets: budgets.clone(),
            tell,
            done,
        }
    }

    fn get(&self, request: u32, address: &Url, weight: u32) {
        self.client
            .get(request, address.clone(), weight, self.tell.clone());
    }

    async fn done(&mut self) -> Done {
        let next = tokio::time::timeout(Duration::from_secs(3600), self.done.recv());
        next.await.expect("an end in time").expect("an end")
    }
}

async fn listen() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!(
        "http://{}/depth?limit=5",
        listener.local_addr().expect("one")
    );
    (listener, address.parse().expect("a URL"))
}

async fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().await.expect("a connection").0
}

/// The head of the next request; `None` when the client hung up.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).expect("text"))
}

/// Answers with a status line, further headers (each with its line end) and a body.
async fn answer(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.expect("written");
    // A client that has seen enough hangs up.
    let _ = stream.write_all(body).await;
}

/// Takes one request on a new connection and answers it.
async fn serve(listener: &TcpListener, status: &str, headers: &str, body: &[u8]) -> TcpStream {
    let mut stream = accept(listener).await;
    head(&mut stream).await.expect("a request");
    answer(&mut stream, status, headers, body).await;
    stream
}

/// Answers requests for ever, each with 200 and nothing in it.
fn serve_all(listener: TcpListener) {
    tokio::spawn(async move {
        loop {
            let mut stream = accept(&listener).await;
            tokio::spawn(async move {
                while head(&mut stream).await.is_some() {
                    answer(&mut stream, "200 OK", "", b"").await;
                }
            });
        }
    });
}
