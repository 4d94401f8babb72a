//! What `bus` must know to reach a NATS server; `config` fills it in.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::JetStreamSettings;
use crate::secret::Secret;

/// How to reach NATS. Names of fields are the keys under `nats:` of the configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Addresses of one NATS cluster, tried in random order: `nats://host:port`, `tls://host:port`, `host:port`, each
    /// optionally with `user:password@` before the host.
    pub servers: Vec<String>,
    /// The name under which the server lists this connection.
    pub client_name: String,
    /// User name.
    pub user: Option<String>,
    /// Password of `user`.
    pub password: Option<Secret>,
    /// Token, instead of user and password.
    pub token: Option<Secret>,
    /// A `.creds` file (user JWT and NKey seed), or a file with an NKey seed alone.
    pub credentials_file: Option<PathBuf>,
    /// Encryption.
    pub tls: Tls,
    /// Longest time for one server to answer, and for `flush` to be confirmed.
    pub connect_timeout: Duration,
    /// Messages that wait inside the client before `publish` waits; small, so that the caller's own queue decides
    /// what is dropped while the server is away.
    pub buffered_messages_max: usize,
    /// What streams store and how; none: everything goes out over Core NATS. Only the daemon's trunk reads it.
    pub jetstream: Option<JetStreamSettings>,
    /// Publish every message on a second subject too.
    pub old_subjects: Option<OldSubjects>,
}

/// How messages go out a second time, on a subject with the name of the exchange as the configuration has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldSubjects {
    /// Over Core NATS.
    Core,
    /// Those with an id through JetStream, where a stream keeps the subject.
    JetStream,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            servers: vec!["nats://127.0.0.1:4222".to_owned()],
            client_name: "unified-collector".to_owned(),
            user: None,
            password: None,
            token: None,
            credentials_file: None,
            tls: Tls::default(),
            connect_timeout: Duration::from_secs(5),
            buffered_messages_max: 256,
            jetstream: None,
            old_subjects: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self
            .servers
            .iter()
            .map(|server| super::server::without_password(server))
            .collect();
        f.debug_struct("Settings")
            .field("servers", &servers)
            .field("client_name", &self.client_name)
            .field("user", &self.user)
            .field("password", &self.password)
            .field("token", &self.token)
            .field("credentials_file", &self.credentials_file)
            .field("tls", &self.tls)
            .field("connect_timeout", &self.connect_timeout)
            .field("buffered_messages_max", &self.buffered_messages_max)
            .field("jetstream", &self.jetstream)
            .field("old_subjects", &self.old_subjects)
            .finish()
    }
}

/// Encryption of the connection. A server that asks for TLS gets it whatever stands here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Refuse a server without TLS.
    pub required: bool,
    /// PEM file with the certificates that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM file with the certificate of this client, where the server asks for one.
    pub certificate_file: Option<PathBuf>,
    /// PEM file with the key of that certificate.
    pub key_file: Option<PathBuf>,
}
