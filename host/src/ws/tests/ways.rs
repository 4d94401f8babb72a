//! The ways to a server: encrypted, and through a proxy.

use std::io::Write;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;
use crate::ws::Proxy;

/// A certificate authority in a file, and a server that it vouches for.
fn authority() -> (tempfile::NamedTempFile, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.pem().as_bytes()).unwrap();

    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (file, TlsAcceptor::from(Arc::new(config)))
}

fn encrypted(listener: &TcpListener) -> Url {
    let port = listener.local_addr().unwrap().port();
    format!("wss://localhost:{port}/feed").parse().unwrap()
}

#[tokio::test]
async fn an_encrypted_server_of_our_own_authority_is_trusted() {
    let (file, acceptor) = authority();
    let (listener, _) = listen().await;
    let mut bench = Bench::new(Settings {
        ca_file: Some(file.path().to_owned()),
        ..Settings::default()
    });
    let handle = bench.open(&encrypted(&listener));
    let (stream, _) = listener.accept().await.unwrap();
    let mut peer = accept_async(acceptor.accept(stream).await.unwrap())
        .await
        .unwrap();
    assert_eq!(bench.next().await, What::Opened);
    peer.send(Message::text("secret")).await.unwrap();
    assert_eq!(bench.next().await, What::Frame("secret".into()));
    handle.close();
    assert!(matches!(peer.next().await, Some(Ok(Message::Close(_)))));
    assert!(peer.next().await.is_none());
    assert_eq!(bench.closed().await, End::Asked);
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_refused() {
    let (_file, acceptor) = authority();
    let (listener, _) = listen().await;
    let bench = Bench::new(Settings::default());
    let _handle = bench.open(&encrypted(&listener));
    let (stream, _) = listener.accept().await.unwrap();
    assert!(acceptor.accept(stream).await.is_err());
    while bench.dialer.counts().failures == 0 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_file_without_certificates_is_named_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let settings = |path: &std::path::Path| Settings {
        ca_file: Some(path.to_owned()),
        ..Settings::default()
    };
    let refused = Dialer::new(settings(file.path()), Attempts::default())
        .map(drop)
        .unwrap_err();
    assert!(refused.to_string().contains("no certificate"), "{refused}");
    let absent = file.path().with_extension("absent");
    let refused = Dialer::new(settings(&absent), Attempts::default())
        .map(drop)
        .unwrap_err();
    assert!(refused.to_string().contains(".absent"), "{refused}");
}

/// Reads one CONNECT, answers it, and if it said yes, joins both sides.
async fn serve_proxy(listener: TcpListener, answer: &'static str) -> String {
    let (mut client, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    client.write_all(answer.as_bytes()).await.unwrap();
    if answer.contains(" 200 ") {
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let mut server = TcpStream::connect(target).await.unwrap();
        tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
    }
    head
}

fn through(listener: &TcpListener) -> Settings {
    let address = format!("http://me:geheim@{}", listener.local_addr().unwrap());
    Settings {
        proxy: Proxy::of(&address.parse().unwrap()),
        ..Settings::default()
    }
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_with_the_login() {
    let (proxy, _) = listen().await;
    let (listener, address) = listen().await;
    let mut bench = Bench::new(through(&proxy));
    let asked = tokio::spawn(serve_proxy(
        proxy,
        "HTTP/1.1 200 Connection established\r\nvia: a\r\n\r\n",
    ));
    let (_handle, mut peer) = bench.opened(&listener, &address).await;
    let target = listener.local_addr().unwrap();
    assert_eq!(
        asked.await.unwrap(),
        format!(
            "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\
             Proxy-Authorization: Basic bWU6Z2VoZWlt\r\n\r\n"
        )
    );
    write(&mut peer, Message::text("through")).await;
    assert_eq!(bench.next().await, What::Frame("through".into()));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_a_failure() {
    let (proxy, _) = listen().await;
    let (_listener, address) = listen().await;
    let bench = Bench::new(through(&proxy));
    let _handle = bench.open(&address);
    serve_proxy(proxy, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
    while bench.dialer.counts().failures == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.dialer.counts().opened, 0);
}
