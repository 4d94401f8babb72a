//! What a caller can choose about its WebSockets; every limit has a default.

use std::path::PathBuf;
use std::time::Duration;

use super::{Proxy, Spacing};

/// Limits and ways of the connections of one [`super::Dialer`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// Longest time for name, TCP, proxy, TLS and handshake together.
    pub open_limit: Duration,
    /// Longest time without any sign of life (frame, ping or pong). Half of it after the last sign, a ping is sent.
    pub silence_limit: Duration,
    /// Longest time that one message may take to be written.
    pub write_limit: Duration,
    /// Longest time that the peer has to answer a close before the socket is shut down.
    pub close_limit: Duration,
    /// Largest message accepted or sent, in bytes; a single frame may be as large.
    pub message_bytes_max: usize,
    /// Most texts that wait to be written on one connection.
    pub send_queue_max: usize,
    /// How attempts are spaced.
    pub spacing: Spacing,
    /// Where the jitter begins; another one for every session, or their attempts fall together.
    pub seed: u64,
    /// Sent with the handshake.
    pub user_agent: String,
    /// Takes every connection through this proxy.
    pub proxy: Option<Proxy>,
    /// PEM file of certificate authorities that are trusted besides the public ones.
    pub ca_file: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            open_limit: Duration::from_secs(10),
            silence_limit: Duration::from_secs(60),
            write_limit: Duration::from_secs(10),
            close_limit: Duration::from_secs(1),
            message_bytes_max: 8 << 20,
            send_queue_max: 64,
            spacing: Spacing::default(),
            seed: 0,
            user_agent: concat!("marketprism/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxy: None,
            ca_file: None,
        }
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
}
