//! Encrypted connections.

use std::path::{Path, PathBuf};

use marketprism_host::bus::{Settings, Tls};
use marketprism_tests::nats_server::NatsServer;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer};
use tempfile::TempDir;

use crate::{publishes, refusal, settings, written};

/// PEM files of a certificate authority, of a server and a client that it signed, and of another authority.
struct Certificates {
    ca: PathBuf,
    other_ca: PathBuf,
    server_certificate: PathBuf,
    server_key: PathBuf,
    client_certificate: PathBuf,
    client_key: PathBuf,
}

impl Certificates {
    fn write(dir: &Path) -> Self {
        let authority = || {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = rcgen::KeyPair::generate().unwrap();
            (
                params.self_signed(&key).unwrap().pem(),
                Issuer::new(params, key),
            )
        };
        let (ca, issuer) = authority();
        let (other_ca, _) = authority();
        let signed = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            (
                params.signed_by(&key, &issuer).unwrap().pem(),
                key.serialize_pem(),
            )
        };
        let (server_certificate, server_key) = signed("127.0.0.1");
        let (client_certificate, client_key) = signed("client");
        Self {
            ca: written(dir, "ca.pem", &ca),
            other_ca: written(dir, "other-ca.pem", &other_ca),
            server_certificate: written(dir, "server.pem", &server_certificate),
            server_key: written(dir, "server.key", &server_key),
            client_certificate: written(dir, "client.pem", &client_certificate),
            client_key: written(dir, "client.key", &client_key),
        }
    }
}

#[tokio::test]
async fn an_encrypted_connection_stands_where_the_certificates_fit_and_is_explained_where_not() {
    let dir = TempDir::new().unwrap();
    let files = Certificates::write(dir.path());
    let config = format!(
        "tls {{ cert_file: {:?}, key_file: {:?} }}",
        files.server_certificate, files.server_key
    );
    let server = NatsServer::start_in(dir, &config).unwrap();
    let with = |required, ca: &Path| Settings {
        tls: Tls {
            required,
            ca_file: Some(ca.to_owned()),
            ..Tls::default()
        },
        ..settings(&server)
    };
    for required in [true, false] {
        publishes(&with(required, &files.ca)).await.unwrap();
        let stranger = refusal(&with(required, &files.other_ca)).await;
        assert!(
            stranger.contains("TLS failed") && stranger.contains("nats.tls.ca_file"),
            "{stranger}"
        );
    }
    let missing = refusal(&with(true, Path::new("/nowhere/ca.pem"))).await;
    assert!(
        missing.starts_with("nats.tls.ca_file: /nowhere/ca.pem: "),
        "{missing}"
    );
    let no_certificate = refusal(&with(true, &files.server_key)).await;
    assert!(
        no_certificate.contains("there is no certificate in it"),
        "{no_certificate}"
    );
}

#[tokio::test]
async fn a_server_that_asks_for_a_client_certificate_gets_it() {
    let dir = TempDir::new().unwrap();
    let files = Certificates::write(dir.path());
    let config = format!(
        "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: true }}",
        files.server_certificate, files.server_key, files.ca
    );
    let server = NatsServer::start_in(dir, &config).unwrap();
    let without = Tls {
        ca_file: Some(files.ca.clone()),
        ..Tls::default()
    };
    let with = Tls {
        certificate_file: Some(files.client_certificate.clone()),
        key_file: Some(files.client_key.clone()),
        ..without.clone()
    };
    publishes(&Settings {
        tls: with,
        ..settings(&server)
    })
    .await
    .unwrap();
    let error = refusal(&Settings {
        tls: without.clone(),
        ..settings(&server)
    })
    .await;
    assert!(
        error.contains("TLS failed") && error.contains("nats.tls.certificate_file"),
        "{error}"
    );
    let half = Tls {
        certificate_file: Some(files.client_certificate.clone()),
        ..without
    };
    let error = refusal(&Settings {
        tls: half,
        ..settings(&server)
    })
    .await;
    assert_eq!(
        error,
        "nats.tls.certificate_file: needs nats.tls.key_file beside it"
    );
}

#[tokio::test]
async fn encryption_that_the_server_does_not_offer_is_not_given_up_silently() {
    let server = NatsServer::start("").unwrap();
    let tls = Tls {
        required: true,
        ..Tls::default()
    };
    let error = refusal(&Settings {
        tls,
        ..settings(&server)
    })
    .await;
    assert!(error.contains("TLS failed"), "{error}");
}
