//! Servers that are not there, do not answer, or stand among others.

use std::net::TcpListener;
use std::time::Duration;

use marketprism_host::bus::Settings;
use marketprism_tests::nats_server::NatsServer;

use crate::{publishes, refusal};

#[tokio::test]
async fn an_address_where_nothing_listens_is_named() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let servers = vec![format!("nats://bob:secret@127.0.0.1:{port}")];
    let error = refusal(&Settings {
        servers,
        ..Settings::default()
    })
    .await;
    assert!(
        error.starts_with(&format!("NATS at 127.0.0.1:{port}: connection refused")),
        "{error}"
    );
    assert!(
        error.contains("start the NATS server") && !error.contains("secret"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let servers = vec![silent.local_addr().unwrap().to_string()];
    let connect_timeout = Duration::from_millis(200);
    let error = refusal(&Settings {
        servers,
        connect_timeout,
        ..Settings::default()
    })
    .await;
    assert!(error.contains("no answer in 0.2 s"), "{error}");
}

#[tokio::test]
async fn one_server_of_several_is_enough() {
    let dead = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let server = NatsServer::start("").unwrap();
    for servers in [
        vec![dead.clone(), server.address()],
        vec![server.address(), dead],
    ] {
        publishes(&Settings {
            servers,
            ..Settings::default()
        })
        .await
        .unwrap();
    }
}
