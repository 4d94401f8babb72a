//! What a caller can choose about its requests; every limit has a default.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::secret::Secret;

/// Limits and ways of the requests of one [`super::Client`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// Longest time for connection, request and whole answer together; waiting for the budget is not part of it.
    pub time_limit: Duration,
    /// Longest time that a request may wait for the budget or for a free connection.
    pub wait_limit: Duration,
    /// Largest body accepted, in bytes, as received and as decompressed.
    pub body_bytes_max: usize,
    /// Most requests without a `Done`.
    pub requests_max: usize,
    /// Most connections to one host name, busy or kept for the next request.
    pub connections_per_host_max: usize,
    /// Sent with each request.
    pub user_agent: String,
    /// Name of the header in which the other side tells the weight used up in the running window.
    pub used_weight_header: Option<String>,
    /// Takes every connection through this proxy.
    pub proxy: Option<Proxy>,
    /// PEM file of certificate authorities that are trusted besides the public ones.
    pub ca_file: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            time_limit: Duration::from_secs(10),
            wait_limit: Duration::from_secs(60),
            body_bytes_max: 8 << 20,
            requests_max: 64,
            connections_per_host_max: 2,
            user_agent: concat!("marketprism/", env!("CARGO_PKG_VERSION")).to_owned(),
            used_weight_header: None,
            proxy: None,
            ca_file: None,
        }
    }
}

/// An HTTP proxy, which is asked for a tunnel; its password is never printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its host and port, as they stand in an address.
    pub authority: String,
    /// User and password.
    pub login: Option<(String, Secret)>,
}

impl Proxy {
    /// Reads `http://[user:password@]host[:port]`; `None` when there is no host in it. Port 80 if it names none.
    pub fn of(address: &Url) -> Option<Self> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = (!address.username().is_empty() || address.password().is_some()).then(|| {
            let password = Secret::new(decoded(address.password().unwrap_or_default()));
            (decoded(address.username()), password)
        });
        let port = address.port_or_known_default().unwrap_or(80);
        Some(Self {
            authority: format!("{}:{port}", address.host_str()?),
            login,
        })
    }
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file of additional certificate authorities.
    #[error("{}: {why}", .file.display())]
    CaFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The cryptography that is built in refuses to work.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// A text that cannot stand in a header, or the proxy's host.
    #[error("{0} cannot be used in a request")]
    Text(&'static str),
}
