//! One port: bound again and again until it is free, then as many connections at once as there are places, each for a
//! bounded time.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower_service::Service;

use super::control::Asker;

/// Connections at once; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 64;

/// How long a request's head may take, from the end of the answer before.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// How long one connection may last, so that a client that reads nothing gives its place back.
const CONNECTION_LIMIT: Duration = Duration::from_secs(120);

/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// First and longest pause before a port is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Serves `router` at `address` for ever. `name` is what the port is for, `page` what people look at there.
pub(super) async fn keep(
    name: &'static str,
    page: &'static str,
    address: SocketAddr,
    router: Router,
) -> Infallible {
    let (mut pause, pause_max) = PAUSES;
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(error) => tracing::error!(
                "{name}: port {} cannot be opened ({error}); is another collector running? Collecting goes on; trying \
                 again in {} s",
                address.port(),
                pause.as_secs()
            ),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(pause_max);
    };
    let port = listener.local_addr().map_or(address.port(), |at| at.port());
    tracing::info!("{name}: http://127.0.0.1:{port}{page}");
    accept(&listener, router).await
}

async fn accept(listener: &TcpListener, router: Router) -> Infallible {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let place = places.clone().acquire_owned().await;
        match listener.accept().await {
            Ok((stream, asker)) => {
                let router = router.clone();
                connections.spawn(async move {
                    let _ = tokio::time::timeout(
                        CONNECTION_LIMIT,
                        converse(stream, Asker(asker), router),
                    )
                    .await;
                    drop(place);
                });
            }
            // Most likely there are no descriptors left; at once it would only fail again.
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, asker: Asker, router: Router) {
    let answer = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(asker);
        router.clone().call(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = served {
        tracing::debug!("a client's connection ended: {error}");
    }
}
