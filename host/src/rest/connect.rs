//! A new connection to a server: TCP, proxy, TLS, HTTP/1.1.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::Uri;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HeaderValue;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use super::{Failure, Settings, SetupError};

/// A connection that is ready for a request.
pub(super) type Connection = SendRequest<Empty<Bytes>>;

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    way: Way,
    open: Arc<AtomicU64>,
}

#[derive(Clone)]
enum Way {
    Direct(HttpsConnector<HttpConnector>),
    Proxy(HttpsConnector<Tunnel<HttpConnector>>),
}

impl Connector {
    pub(super) fn new(settings: &Settings) -> Result<Self, SetupError> {
        let tls = tls(settings.ca_file.as_deref())?;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        // Shared by the addresses of a host, so that a silent one does not use up the time.
        http.set_connect_timeout(Some(settings.time_limit / 2));
        let way = match &settings.proxy {
            None => Way::Direct((http, tls).into()),
            Some(proxy) => {
                let address = format!("http://{}", proxy.authority)
                    .parse()
                    .map_err(|_| SetupError::Text("the proxy's address"))?;
                let mut tunnel = Tunnel::new(address, http);
                if let Some((user, password)) = &proxy.login {
                    let login = STANDARD.encode(format!("{user}:{}", password.expose()));
                    let mut login = HeaderValue::from_str(&format!("Basic {login}"))
                        .map_err(|_| SetupError::Text("the proxy's login"))?;
                    login.set_sensitive(true);
                    tunnel = tunnel.with_auth(login);
                }
                Way::Proxy((tunnel, tls).into())
            }
        };
        Ok(Self {
            way,
            open: Arc::default(),
        })
    }

    /// Connects to the scheme, host and port (which must be there) of `server`.
    pub(super) async fn connect(&self, server: Uri) -> Result<Connection, Failure> {
        let stream = match self.way.clone() {
            Way::Direct(mut way) => way.call(server).await,
            Way::Proxy(mut way) => way.call(server).await,
        };
        let stream = stream.map_err(|error| unreachable(error.as_ref()))?;
        let (connection, driver) = http1::handshake(stream)
            .await
            .map_err(|error| unreachable(&error))?;
        let open = Open::new(self.open.clone());
        // Ends, and closes the socket, when the server hangs up or the connection is dropped.
        tokio::task::spawn(async move {
            // The request that is under way is told what broke.
            let _ = driver.await;
            drop(open);
        });
        Ok(connection)
    }

    /// Connections open now.
    pub(super) fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }
}

/// Counts a connection for as long as it lives.
struct Open(Arc<AtomicU64>);

impl Open {
    fn new(count: Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// An error with what caused it.
pub(super) fn unreachable(error: &(dyn std::error::Error + 'static)) -> Failure {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    Failure::Unreachable(words)
}

/// The public certificate authorities, and those of one more file.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, SetupError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(file) = ca_file {
        add(&mut roots, file).map_err(|why| SetupError::CaFile {
            file: file.to_owned(),
            why,
        })?;
    }
    Ok(
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| SetupError::Tls(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), String> {
    let mut any = false;
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
        any = true;
    }
    if any {
        Ok(())
    } else {
        Err("there is no certificate in it".to_owned())
    }
}
