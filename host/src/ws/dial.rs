//! One attempt: from an address to an open WebSocket.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::{Host, Url};

use super::Settings;
use super::attempts::Permit;
use super::counters::{Counters, TcpOpen};
use super::socket::Socket;

/// An open WebSocket.
pub(super) type WebSocket = WebSocketStream<Socket>;

/// Bytes read from a socket at once; many frames fit.
const READ_BUFFER_BYTES: usize = 32 << 10;

/// Why an attempt failed. Nobody reacts to which it was, but whoever reads the log does.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("the address is not one of a WebSocket")]
    Address,
    #[error("not open within {0:?}")]
    TimedOut(Duration),
    #[error("no address is known for {0}")]
    Unknown(String),
    #[error("{0}")]
    Network(#[from] std::io::Error),
    #[error("the proxy refused: {0}")]
    Proxy(String),
    #[error("TLS: {0}")]
    Tls(std::io::Error),
    #[error("the server answered the handshake with HTTP {0}")]
    Status(u16),
    #[error("handshake: {0}")]
    Handshake(Box<Error>),
}

/// Opens `address`, within the time limit. The permit is given back once nothing is open any more.
pub(super) async fn dial(
    address: &Url,
    settings: &Settings,
    tls: &Arc<ClientConfig>,
    counters: &Arc<Counters>,
    permit: Permit,
) -> Result<WebSocket, DialError> {
    match timeout(
        settings.open_limit,
        attempt(address, settings, tls, counters, permit),
    )
    .await
    {
        Ok(outcome) => outcome,
        Err(_) => Err(DialError::TimedOut(settings.open_limit)),
    }
}

async fn attempt(
    address: &Url,
    settings: &Settings,
    tls: &Arc<ClientConfig>,
    counters: &Arc<Counters>,
    permit: Permit,
) -> Result<WebSocket, DialError> {
    let encrypted = match address.scheme() {
        "wss" => true,
        "ws" => false,
        _ => return Err(DialError::Address),
    };
    let host = host_of(address).ok_or(DialError::Address)?;
    let port = address.port_or_known_default().ok_or(DialError::Address)?;
    let mut request = address
        .as_str()
        .into_client_request()
        .map_err(|_| DialError::Address)?;
    if let Ok(agent) = HeaderValue::from_str(&settings.user_agent) {
        request.headers_mut().insert("User-Agent", agent);
    }

    let mut stream = match &settings.proxy {
        Some(proxy) => tcp(&proxy.host, proxy.port, settings.open_limit).await?,
        None => tcp(&host, port, settings.open_limit).await?,
    };
    let open = TcpOpen::new(counters.clone());
    // Small messages, each of which matters at once.
    stream.set_nodelay(true)?;
    if let Some(proxy) = &settings.proxy {
        proxy.tunnel(&mut stream, &host, port).await?;
    }
    let socket = if encrypted {
        let name = ServerName::try_from(host).map_err(|_| DialError::Address)?;
        let stream = TlsConnector::from(tls.clone())
            .connect(name, stream)
            .await
            .map_err(DialError::Tls)?;
        Socket::tls(stream, open, permit)
    } else {
        Socket::plain(stream, open, permit)
    };

    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        // Each message is written at once; what TCP does not take yet waits here, bounded.
        .write_buffer_size(0)
        .max_write_buffer_size(settings.message_bytes_max.saturating_add(READ_BUFFER_BYTES))
        .max_message_size(Some(settings.message_bytes_max))
        .max_frame_size(Some(settings.message_bytes_max));
    match client_async_with_config(request, socket, Some(limits)).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(DialError::Status(answer.status().as_u16())),
        Err(error) => Err(DialError::Handshake(Box::new(error))),
    }
}

/// The host of an address, an IPv6 address without its brackets.
pub(super) fn host_of(address: &Url) -> Option<String> {
    match address.host()? {
        Host::Domain(name) => Some(name.to_owned()),
        Host::Ipv4(ip) => Some(ip.to_string()),
        Host::Ipv6(ip) => Some(ip.to_string()),
    }
}

/// Connects to the first address of a host that answers. Each has an equal share of the time, so that one which is
/// silent (a broken IPv6 route, say) does not use up the attempt.
async fn tcp(host: &str, port: u16, limit: Duration) -> Result<TcpStream, DialError> {
    let addresses: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
    let share = limit / u32::try_from(addresses.len() + 1).unwrap_or(u32::MAX);
    let mut last = DialError::Unknown(host.to_owned());
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = DialError::Network(error),
            Err(_) => last = DialError::TimedOut(share),
        }
    }
    Err(last)
}
