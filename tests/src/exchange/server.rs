//! The port: requests of REST and WebSocket handshakes, both on one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::connection;
use super::dialect::Trouble;
use super::http::{self, Answer, Request};
use super::rest;
use super::state::{OnTheWay, Shared};

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
        let entered = shared.lock().enter(&shared.settings);
        let (answer, delay, counted) = if !entered {
            (crowded(&shared), Duration::ZERO, None)
        } else if request.method == "GET" {
            let counted = OnTheWay(shared.clone());
            let (answer, delay) = rest::answer(&shared, &request);
            (answer, delay, Some(counted))
        } else {
            let counted = OnTheWay(shared.clone());
            let answer = shared.dialect.refuse(&Trouble::NotFound);
            (answer, Duration::ZERO, Some(counted))
        };
        if !delay.is_zero() {
            sleep(delay).await;
        }
        http::write(&mut socket, &answer).await?;
        drop(counted);
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
    let Some(opening) = shared.dialect.opening(request) else {
        return http::write(&mut socket, &shared.dialect.refuse(&Trouble::NotFound)).await;
    };
    let counted = {
        let mut state = shared.lock();
        (state.admit(&shared.settings) && state.enter(&shared.settings))
            .then(|| OnTheWay(shared.clone()))
    };
    let Some(counted) = counted else {
        return http::write(&mut socket, &crowded(&shared)).await;
    };
    let key = request.websocket_key().unwrap_or_default();
    let accept = derive_accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await?;
    let socket = WebSocketStream::from_partially_read(socket, rest, Role::Server, None).await;
    connection::serve(shared, socket, &request.target, opening, counted).await;
    Ok(())
}

/// How an exchange refuses a connection is not documented.
fn crowded(shared: &Shared) -> Answer {
    let rest = shared.settings.limits.connections_window;
    shared.dialect.refuse(&Trouble::Limited { rest, most: 0 })
}
