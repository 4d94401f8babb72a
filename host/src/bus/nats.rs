//! One connection to NATS, and what its failures mean to an operator.

use std::error::Error;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use async_nats::connection::State;
use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, HeaderMap, Subject, Subscriber,
    rustls,
};
use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::time::timeout;

use super::server::{Servers, UserInfo};
use super::{BusError, Settings, tls};
use crate::wire::Message;

/// Longest pause between two attempts to restore a connection.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(4);

/// A connection to a NATS server. Lost, it is restored in the background, for ever.
#[derive(Debug)]
pub struct Nats {
    client: Client,
    servers: String,
    confirm_timeout: Duration,
    missed: Arc<AtomicU64>,
    changes: watch::Receiver<u64>,
}

impl Nats {
    /// Connects: one attempt at each server.
    pub(super) async fn connect(settings: &Settings) -> Result<Self, BusError> {
        let servers = Servers::read(&settings.servers)?;
        let shown = servers.shown();
        let missed = Arc::new(AtomicU64::new(0));
        let (changed, changes) = watch::channel(0);
        let (options, who) = access(settings, servers.user_info.as_ref())?;
        let options = tls::apply(&settings.tls, options)?
            .name(&settings.client_name)
            .connection_timeout(settings.connect_timeout)
            .client_capacity(settings.buffered_messages_max.max(1))
            .reconnect_delay_callback(reconnect_pause)
            .event_callback(told(shown.clone(), missed.clone(), changed));

        // The library bounds each server's answer, but not the name service before it.
        let attempts = u32::try_from(servers.addresses.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let bound = settings.connect_timeout.saturating_mul(attempts);
        let attempt = timeout(bound, options.connect(servers.addresses.as_slice())).await;
        let timed_out = |limit: Duration| BusError::TimedOut {
            servers: shown.clone(),
            seconds: limit.as_secs_f64(),
        };
        let client = match attempt {
            Ok(Ok(client)) => client,
            Ok(Err(error)) if error.kind() == ConnectErrorKind::TimedOut => {
                return Err(timed_out(settings.connect_timeout));
            }
            Ok(Err(error)) => return Err(meaning(&error, shown, who)),
            Err(_) => return Err(timed_out(bound)),
        };
        Ok(Self {
            client,
            servers: shown,
            confirm_timeout: settings.connect_timeout,
            missed,
            changes,
        })
    }

    /// The library's own handle.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Changes whenever the connection is lost or stands again.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Asks for what is published on a subject, which may hold wildcards.
    pub(super) async fn subscribe(&self, subject: &str) -> Result<Subscriber, BusError> {
        let subscribed = self.client.subscribe(subject.to_owned()).await;
        subscribed.map_err(|error| BusError::Setting {
            key: "subject",
            why: format!("{subject:?}: {error}"),
        })
    }

    /// How many messages came faster than they were taken, so that the library left them out.
    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Acquire)
    }

    pub(super) async fn publish(&self, message: &Message) -> Result<(), BusError> {
        let subject = Subject::from(message.subject.to_string());
        let payload = message.payload.clone();
        let sent = match &message.msg_id {
            Some(id) => {
                let mut headers = HeaderMap::new();
                headers.insert(Message::ID_HEADER, id.as_str());
                self.client
                    .publish_with_headers(subject, headers, payload)
                    .await
            }
            None => self.client.publish(subject, payload).await,
        };
        sent.map_err(|error| match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => BusError::TooLarge {
                subject: message.subject.to_string(),
                bytes: message.payload.len(),
                bytes_max: self.client.server_info().max_payload,
            },
            PublishErrorKind::InvalidSubject => BusError::Setting {
                key: "nats.streams",
                why: format!("{:?} is no subject", message.subject),
            },
            PublishErrorKind::Send => BusError::Closed {
                servers: self.servers.clone(),
            },
        })
    }

    /// The library's own flush ends when the socket takes bytes. This one sends a message to itself: the server works
    /// through a connection in order, so it comes back after everything before. Nobody else listens on its subject
    /// alone, and whoever listens to everything does not disturb it.
    pub(super) async fn flush(&self) -> Result<(), BusError> {
        let unconfirmed = |why: &str| BusError::Unconfirmed {
            servers: self.servers.clone(),
            seconds: self.confirm_timeout.as_secs_f64(),
            why: why.to_owned(),
        };
        let closed = || BusError::Closed {
            servers: self.servers.clone(),
        };
        let round_trip = async {
            let inbox = self.client.new_inbox();
            let subscribed = self.client.subscribe(inbox.clone()).await;
            let mut echo = subscribed.map_err(|_| closed())?;
            let sent = self.client.publish(inbox, bytes::Bytes::new()).await;
            sent.map_err(|_| closed())?;
            echo.next().await.map(drop).ok_or_else(closed)
        };
        match timeout(self.confirm_timeout, round_trip).await {
            Ok(confirmed) => confirmed,
            Err(_) if self.is_connected() => Err(unconfirmed(
                "connected; the user must be allowed to publish to and to subscribe to _INBOX.>",
            )),
            Err(_) => Err(unconfirmed("not connected")),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }
}

/// Options with the credentials of the settings, and as whom that lets us come.
fn access(
    settings: &Settings,
    in_address: Option<&UserInfo>,
) -> Result<(ConnectOptions, String), BusError> {
    let refused = |key, why: &str| {
        Err(BusError::Setting {
            key,
            why: why.to_owned(),
        })
    };
    let options = ConnectOptions::new();
    let named = |user: &String| format!("user {user:?}");
    if let Some(token) = &settings.token {
        if settings.user.is_some() || settings.credentials_file.is_some() || in_address.is_some() {
            return refused(
                "nats.token",
                "give either this or another way to sign in, not both",
            );
        }
        return Ok((
            options.token(token.expose().to_owned()),
            "the token".to_owned(),
        ));
    }
    match (
        &settings.credentials_file,
        &settings.user,
        &settings.password,
        in_address,
    ) {
        (Some(_), Some(_), _, _) | (Some(_), _, _, Some(_)) => refused(
            "nats.credentials_file",
            "give either this or a user and password, not both",
        ),
        (Some(file), None, _, None) => Ok((
            credentials(file, options)?,
            format!("the credentials in {}", file.display()),
        )),
        (None, Some(user), Some(password), _) => Ok((
            options.user_and_password(user.clone(), password.expose().to_owned()),
            named(user),
        )),
        (None, Some(_), None, _) => refused("nats.user", "needs nats.password beside it"),
        (None, None, Some(_), _) => refused("nats.password", "needs nats.user beside it"),
        (
            None,
            None,
            None,
            Some(UserInfo {
                user,
                password: Some(password),
            }),
        ) => Ok((
            options.user_and_password(user.clone(), password.expose().to_owned()),
            named(user),
        )),
        (
            None,
            None,
            None,
            Some(UserInfo {
                user: token,
                password: None,
            }),
        ) => Ok((
            options.token(token.clone()),
            "the token in nats.servers".to_owned(),
        )),
        (None, None, None, None) => Ok((options, "a client without credentials".to_owned())),
    }
}

/// Options with the contents of a credentials file: user JWT and NKey seed, or an NKey seed alone.
fn credentials(file: &Path, options: ConnectOptions) -> Result<ConnectOptions, BusError> {
    let refused = |why: String| BusError::File {
        key: "nats.credentials_file",
        path: file.to_owned(),
        why,
    };
    let text = std::fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
    if text.contains("-BEGIN NATS USER JWT-") {
        return options
            .credentials(&text)
            .map_err(|error| refused(error.to_string()));
    }
    let seed = text
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("SU") && line.len() == 58);
    match seed {
        Some(seed) => Ok(options.nkey(seed.to_owned())),
        None => Err(refused(
            "there is neither a user JWT with its seed nor the seed of a user NKey in it"
                .to_owned(),
        )),
    }
}

/// How long to wait before an attempt: nothing before the first, then twice as long each time up to the most, of
/// which a random half, so that a fleet of clients does not come back at one moment.
fn reconnect_pause(attempt: usize) -> Duration {
    if attempt <= 1 {
        return Duration::ZERO;
    }
    let doublings = u32::try_from(attempt).unwrap_or(u32::MAX).min(20);
    let pause = Duration::from_millis(2)
        .saturating_mul(2u32.saturating_pow(doublings))
        .min(RECONNECT_PAUSE_MAX);
    let random = RandomState::new().build_hasher().finish() % 1_000;
    pause / 2 + pause.mul_f64(f64::from(u32::try_from(random).unwrap_or(0)) / 2_000.0)
}

/// Logs what happens to the connection, passes it on, and counts what was left out.
fn told(
    servers: String,
    missed: Arc<AtomicU64>,
    changed: watch::Sender<u64>,
) -> impl Fn(Event) -> std::future::Ready<()> + Send + Sync + 'static {
    move |event| {
        if matches!(event, Event::Connected | Event::Disconnected) {
            changed.send_modify(|count| *count += 1);
        }
        match event {
            Event::SlowConsumer(_) => {
                missed.fetch_add(1, Ordering::AcqRel);
            }
            Event::Connected => tracing::info!("NATS at {servers}: connected"),
            Event::Disconnected => {
                tracing::warn!("NATS at {servers}: connection lost, trying again until it stands")
            }
            Event::ServerError(error) => {
                tracing::warn!("NATS at {servers}: the server says: {error}")
            }
            other => tracing::debug!("NATS at {servers}: {other}"),
        }
        std::future::ready(())
    }
}

/// What a failed attempt means.
fn meaning(error: &ConnectError, servers: String, who: String) -> BusError {
    let causes = Causes::of(error);
    let why = causes.deepest;
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            BusError::AccessRefused { servers, who, why }
        }
        ConnectErrorKind::Tls => BusError::Tls { servers, why },
        ConnectErrorKind::Dns => BusError::UnknownHost { servers, why },
        _ if causes.tls => BusError::Tls { servers, why },
        _ if causes.io == Some(io::ErrorKind::ConnectionRefused) => {
            BusError::NothingListens { servers }
        }
        // The server's other words about access: "user authentication expired", "account authentication expired".
        _ if why.to_lowercase().contains("authentication") => {
            BusError::AccessRefused { servers, who, why }
        }
        _ => BusError::Unreachable { servers, why },
    }
}

/// What stands behind an error.
struct Causes {
    deepest: String,
    io: Option<io::ErrorKind>,
    tls: bool,
}

impl Causes {
    fn of(error: &ConnectError) -> Self {
        let mut causes = Self {
            deepest: error.to_string(),
            io: None,
            tls: false,
        };
        let mut next: Option<&(dyn Error + 'static)> = error.source();
        while let Some(error) = next {
            causes.deepest = error.to_string();
            causes.tls |= error.is::<rustls::Error>();
            next = error.source();
            if let Some(error) = error.downcast_ref::<io::Error>() {
                causes.io = Some(error.kind());
                // `source` of an io::Error leaves out the error that it wraps.
                next = error.get_ref().map(|inner| inner as &(dyn Error + 'static));
            }
        }
        causes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_differ() {
        assert_eq!(reconnect_pause(0), Duration::ZERO);
        assert_eq!(reconnect_pause(1), Duration::ZERO);
        for attempt in 2..100 {
            let pause = reconnect_pause(attempt);
            assert!(
                pause <= RECONNECT_PAUSE_MAX && pause >= Duration::from_millis(4),
                "{attempt}: {pause:?}"
            );
            assert!(
                attempt < 12 || pause >= RECONNECT_PAUSE_MAX / 2,
                "{attempt}: {pause:?}"
            );
        }
        let pauses: std::collections::HashSet<_> = (0..50).map(|_| reconnect_pause(30)).collect();
        assert!(pauses.len() > 1);
    }

    #[test]
    fn settings_that_contradict_themselves_are_refused_by_key() {
        let file = Some("/nowhere/user.creds".into());
        let user = Some("bob".to_owned());
        let password = Some(crate::secret::Secret::new("hunter2".to_owned()));
        for (settings, key) in [
            (
                Settings {
                    user: user.clone(),
                    ..Settings::default()
                },
                "nats.user",
            ),
            (
                Settings {
                    password: password.clone(),
                    ..Settings::default()
                },
                "nats.password",
            ),
            (
                Settings {
                    user,
                    password,
                    credentials_file: file.clone(),
                    ..Settings::default()
                },
                "nats.credentials_file",
            ),
            (
                Settings {
                    credentials_file: file,
                    ..Settings::default()
                },
                "nats.credentials_file: /nowhere/user.creds",
            ),
        ] {
            let error = access(&settings, None)
                .map(|_| ())
                .map_err(|error| error.to_string());
            let text = error.err().unwrap_or_default();
            assert!(text.starts_with(key), "{text}");
            assert!(!text.contains("hunter2") && !format!("{settings:?}").contains("hunter2"));
        }
    }
}
