//! The port: requests of REST and WebSocket handshakes, both on one.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::connection;
use super::http::{self, Answer, Request, decoded};
use super::rest;
use super::state::Shared;

/// Takes connections for ever.
pub(crate) async fn run(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        // A client that is gone already is no matter.
        if let Ok((socket, _)) = listener.accept().await {
            let shared = shared.clone();
            tokio::spawn(async move {
                // What fails here fails because the client is gone or talks no HTTP.
                let _ = serve(shared, socket).await;
            });
        }
    }
}

async fn serve(shared: Arc<Shared>, mut socket: TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(request) = http::read(&mut socket, &mut buffer).await? {
        if request.websocket_key().is_some() {
            return upgrade(shared, socket, buffer, &request).await;
        }
        let (answer, delay) = if request.method == "GET" {
            rest::answer(&shared, &request)
        } else {
            (Answer::new(404, "{}"), std::time::Duration::ZERO)
        };
        if !delay.is_zero() {
            sleep(delay).await;
        }
        http::write(&mut socket, &answer).await?;
        let last = request
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if answer.truncated || last {
            break;
        }
    }
    socket.shutdown().await
}

async fn upgrade(
    shared: Arc<Shared>,
    mut socket: TcpStream,
    rest: Vec<u8>,
    request: &Request,
) -> io::Result<()> {
    let Some((combined, streams)) = streams(request) else {
        return http::write(&mut socket, &Answer::new(404, "{}")).await;
    };
    let admitted = shared.lock().admit(&shared.settings);
    if !admitted {
        // How the exchange refuses here is not documented.
        let mut answer = Answer::new(429, r#"{"code":-1003,"msg":"Too many connections."}"#);
        answer.headers.push("Retry-After: 300".to_owned());
        return http::write(&mut socket, &answer).await;
    }
    let key = request.websocket_key().unwrap_or_default();
    let accept = derive_accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await?;
    let socket = WebSocketStream::from_partially_read(socket, rest, Role::Server, None).await;
    connection::serve(shared, socket, &request.target, combined, streams).await;
    Ok(())
}

/// The form and the streams that an address asks for; none when it is no address of streams.
fn streams(request: &Request) -> Option<(bool, BTreeSet<Arc<str>>)> {
    let path = decoded(request.path());
    let (combined, names) = if path == "/stream" {
        let mut pairs = request.query().split('&');
        let names = pairs.find_map(|pair| pair.strip_prefix("streams="));
        (true, decoded(names.unwrap_or_default()))
    } else {
        let rest = path.strip_prefix("/ws")?;
        (rest.is_empty() || rest.starts_with('/')).then_some(())?;
        (false, rest.to_owned())
    };
    let names = names.split('/').filter(|name| !name.is_empty());
    Some((combined, names.map(Arc::from).collect()))
}
