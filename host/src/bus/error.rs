//! What can go wrong on the way out. No message of these errors contains a password or a key.

use std::path::PathBuf;

/// Why there is no connection, or why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The settings contradict themselves or name something impossible.
    #[error("{key}: {why}")]
    Setting {
        /// The key of the configuration.
        key: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A file named by the settings cannot be used.
    #[error("{key}: {}: {why}", path.display())]
    File {
        /// The key of the configuration.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing listens at the address.
    #[error(
        "NATS at {servers}: connection refused, nothing listens there; start the NATS server or correct nats.servers"
    )]
    NothingListens {
        /// The addresses, without passwords.
        servers: String,
    },
    /// The host name is unknown.
    #[error(
        "NATS at {servers}: the host name cannot be resolved ({why}); correct nats.servers or the name service"
    )]
    UnknownHost {
        /// The addresses, without passwords.
        servers: String,
        /// What the name service said.
        why: String,
    },
    /// No answer in time.
    #[error(
        "NATS at {servers}: no answer in {seconds} s; check the address, the network and nats.tls (a server that wants \
         TLS from the first byte does not answer plain text)"
    )]
    TimedOut {
        /// The addresses, without passwords.
        servers: String,
        /// How long was waited.
        seconds: f64,
    },
    /// The server does not let us in.
    #[error(
        "NATS at {servers}: the server refused {who} ({why}); check nats.user and nats.password or \
         nats.credentials_file against the server's configuration"
    )]
    AccessRefused {
        /// The addresses, without passwords.
        servers: String,
        /// As whom we came.
        who: String,
        /// What the server said.
        why: String,
    },
    /// No TLS with this server.
    #[error(
        "NATS at {servers}: TLS failed: {why}; check that the server offers TLS, that nats.tls.ca_file signed its \
         certificate, that the certificate names this host, and nats.tls.certificate_file where the server asks for one"
    )]
    Tls {
        /// The addresses, without passwords.
        servers: String,
        /// What failed.
        why: String,
    },
    /// Something else prevented a connection.
    #[error("NATS at {servers}: {why}; check that a NATS server runs there and look into its log")]
    Unreachable {
        /// The addresses, without passwords.
        servers: String,
        /// What happened.
        why: String,
    },
    /// A message is larger than the server accepts.
    #[error(
        "message on {subject}: {bytes} bytes, the server takes {bytes_max}; raise its max_payload"
    )]
    TooLarge {
        /// Where it should have gone.
        subject: String,
        /// Its size.
        bytes: usize,
        /// The server's limit.
        bytes_max: usize,
    },
    /// The server did not confirm that it has taken everything.
    #[error("NATS at {servers}: no confirmation within {seconds} s ({why})")]
    Unconfirmed {
        /// The addresses, without passwords.
        servers: String,
        /// How long was waited.
        seconds: f64,
        /// What is known.
        why: String,
    },
    /// The connection was given up.
    #[error("NATS at {servers}: the connection is closed")]
    Closed {
        /// The addresses, without passwords.
        servers: String,
    },
}
