//! Encrypted servers: trusted when their authority is, refused otherwise.

use std::io::Write;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;
use crate::rest::Failure;

#[tokio::test]
async fn a_server_is_trusted_when_its_authority_is() {
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
    let acceptor = TlsAcceptor::from(Arc::new(config));

    let (listener, _) = listen().await;
    let port = listener.local_addr().unwrap().port();
    let address: Url = format!("https://localhost:{port}/").parse().unwrap();
    let mut trusting = Bench::new(Settings {
        ca_file: Some(file.path().to_owned()),
        ..Settings::default()
    });
    trusting.get(1, &address, 1);
    let mut stream = acceptor.accept(accept(&listener).await).await.unwrap();
    while stream.read_u8().await.unwrap() != b'\r' {}
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    stream.write_all(answer).await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(trusting.done().await.outcome.unwrap().body, "{}");

    let mut wary = Bench::new(Settings::default());
    wary.get(2, &address, 1);
    assert!(acceptor.accept(accept(&listener).await).await.is_err());
    let Err(Failure::Unreachable(why)) = wary.done().await.outcome else {
        panic!("trusted");
    };
    assert!(why.contains("certificate"), "{why}");
}
