//! The bus against a real nats-server: what is published arrives, and what cannot work says why.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::future::Future;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::StreamExt as _;
use marketprism_host::bus::{Bus, BusError, Settings, Tls};
use marketprism_host::secret::Secret;
use marketprism_host::wire::{DataType, Message};
use marketprism_tests::nats_server::NatsServer;
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("no {what} within {PATIENCE:?}"))
}

fn settings(server: &NatsServer) -> Settings {
    Settings {
        servers: vec![server.address()],
        ..Settings::default()
    }
}

fn message(data_type: DataType, payload: &str) -> Message {
    Message {
        subject: format!("{}.alpha.spot.BTC-USDT", data_type.name()).into(),
        msg_id: (data_type == DataType::FundingRate)
            .then(|| "funding_rate:alpha_spot:BTC-USDT:1".to_owned()),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        data_type,
        transport: data_type.transport(),
        source: Default::default(),
        stamp: Default::default(),
    }
}

/// Connects, publishes and waits for the confirmation.
async fn publishes(settings: &Settings) -> Result<(), BusError> {
    let bus = soon("connection", Bus::connect(settings)).await?;
    bus.publish(&message(DataType::Trade, "{}")).await?;
    assert!(bus.is_connected());
    bus.close().await
}

/// The text of the error that connecting gives.
async fn refusal(settings: &Settings) -> String {
    match soon("answer", Bus::connect(settings)).await {
        Ok(_) => panic!("the server was taken: {settings:?}"),
        Err(error) => error.to_string(),
    }
}

/// Who receives what the bus publishes, and tells of its own connections.
struct Consumer {
    client: async_nats::Client,
    messages: async_nats::Subscriber,
    connections: UnboundedReceiver<()>,
}

impl Consumer {
    async fn of(server: &NatsServer) -> Self {
        let (connected, connections) = unbounded_channel();
        let options = async_nats::ConnectOptions::new().event_callback(move |event| {
            if event == async_nats::Event::Connected {
                let _ = connected.send(());
            }
            std::future::ready(())
        });
        let client = options.connect(server.address()).await.unwrap();
        let messages = client.subscribe("*.alpha.>").await.unwrap();
        let mut consumer = Self {
            client,
            messages,
            connections,
        };
        consumer.connected().await;
        consumer
    }

    /// Waits for the next connection, and until the server has taken the subscription: it answers in order.
    async fn connected(&mut self) {
        soon("connection of the consumer", self.connections.recv())
            .await
            .unwrap();
        soon(
            "answer",
            self.client.request("nobody.listens", Bytes::new()),
        )
        .await
        .unwrap_err();
    }

    async fn next(&mut self) -> async_nats::Message {
        soon("message", self.messages.next()).await.unwrap()
    }
}

#[tokio::test]
async fn a_subscriber_receives_every_message_with_its_bytes_and_its_id() {
    let server = NatsServer::start("").unwrap();
    let mut consumer = Consumer::of(&server).await;
    let bus = Bus::connect(&settings(&server)).await.unwrap();
    let sent = [
        message(DataType::Trade, r#"{"price":"121550.01000000"}"#),
        message(
            DataType::FundingRate,
            r#"{"current_funding_rate":0.00001234}"#,
        ),
        message(DataType::Orderbook, &"x".repeat(200_000)),
    ];
    for message in &sent {
        bus.publish(message).await.unwrap();
    }
    bus.flush().await.unwrap();
    for message in &sent {
        let received = consumer.next().await;
        assert_eq!(received.subject.as_str(), &*message.subject);
        assert_eq!(received.payload, message.payload);
        let id = received
            .headers
            .as_ref()
            .and_then(|headers| headers.get("Nats-Msg-Id"))
            .map(|id| id.as_str());
        assert_eq!(id, message.msg_id.as_deref());
        assert_eq!(received.headers.is_some(), message.msg_id.is_some());
    }
}

#[tokio::test]
async fn ten_thousand_messages_arrive_in_order_through_a_small_buffer() {
    let server = NatsServer::start("").unwrap();
    let mut consumer = Consumer::of(&server).await;
    let bus = Bus::connect(&Settings {
        buffered_messages_max: 16,
        ..settings(&server)
    })
    .await
    .unwrap();
    for number in 0..10_000 {
        bus.publish(&message(DataType::Trade, &number.to_string()))
            .await
            .unwrap();
    }
    soon("confirmation", bus.close()).await.unwrap();
    for number in 0..10_000 {
        assert_eq!(consumer.next().await.payload, number.to_string());
    }
}

#[tokio::test]
async fn after_a_flush_another_connection_publishes_later() {
    let server = NatsServer::start("").unwrap();
    let mut consumer = Consumer::of(&server).await;
    let old = Bus::connect(&settings(&server)).await.unwrap();
    let new = Bus::connect(&settings(&server)).await.unwrap();
    let large = "x".repeat(500_000);
    for _ in 0..20 {
        old.publish(&message(DataType::Orderbook, &large))
            .await
            .unwrap();
    }
    old.flush().await.unwrap();
    new.publish(&message(DataType::Trade, "new")).await.unwrap();
    for _ in 0..20 {
        assert_eq!(consumer.next().await.payload.len(), large.len());
    }
    assert_eq!(consumer.next().await.payload, "new");
}

/// Greets one client as a server does and then takes nothing more.
fn greet_and_stand_still(listener: TcpListener) -> std::io::Result<TcpStream> {
    let (mut socket, _) = listener.accept()?;
    let info =
        json!({"server_id": "A", "version": "2.9.10", "max_payload": 1_048_576, "headers": true});
    socket.write_all(format!("INFO {info}\r\n").as_bytes())?;
    let mut lines = BufReader::new(socket.try_clone()?).lines();
    while lines.next().transpose()?.is_some_and(|line| line != "PING") {}
    socket.write_all(b"PONG\r\n")?;
    Ok(socket)
}

#[tokio::test]
async fn a_flush_is_not_confirmed_by_a_server_that_stands_still() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let servers = vec![listener.local_addr().unwrap().to_string()];
    let server = std::thread::spawn(|| greet_and_stand_still(listener));
    let connect_timeout = Duration::from_millis(500);
    let bus = Bus::connect(&Settings {
        servers,
        connect_timeout,
        ..Settings::default()
    })
    .await
    .unwrap();
    let _socket = server.join().unwrap().unwrap();
    bus.publish(&message(DataType::Trade, "{}")).await.unwrap();
    let error = bus.flush().await.unwrap_err();
    assert!(matches!(&error, BusError::Unconfirmed { .. }), "{error}");
}

#[tokio::test]
async fn a_message_larger_than_the_server_takes_is_refused_and_the_next_one_goes_out() {
    let server = NatsServer::start("max_payload: 1000").unwrap();
    let mut consumer = Consumer::of(&server).await;
    let bus = Bus::connect(&settings(&server)).await.unwrap();
    let error = bus
        .publish(&message(DataType::Orderbook, &"x".repeat(1_001)))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            BusError::TooLarge {
                bytes: 1_001,
                bytes_max: 1_000,
                ..
            }
        ),
        "{error}"
    );
    bus.publish(&message(DataType::Trade, "next"))
        .await
        .unwrap();
    assert_eq!(consumer.next().await.payload, "next");
}

#[tokio::test]
async fn a_user_with_the_right_password_comes_in_and_others_are_told_why_not() {
    let server =
        NatsServer::start(r#"authorization { user: "bob", password: "correct horse" }"#).unwrap();
    let with = |user: &str, password: &str| Settings {
        user: Some(user.to_owned()),
        password: Some(Secret::new(password.to_owned())),
        ..settings(&server)
    };
    publishes(&with("bob", "correct horse")).await.unwrap();
    let in_address = format!("nats://bob:correct%20horse@127.0.0.1:{}", server.port());
    publishes(&Settings {
        servers: vec![in_address],
        ..Settings::default()
    })
    .await
    .unwrap();

    let wrong = refusal(&with("bob", "battery staple")).await;
    let address = format!(
        "NATS at 127.0.0.1:{}: the server refused user \"bob\"",
        server.port()
    );
    assert!(wrong.starts_with(&address), "{wrong}");
    assert!(
        wrong.contains("nats.password") && !wrong.contains("battery"),
        "{wrong}"
    );
    let nobody = refusal(&settings(&server)).await;
    assert!(
        nobody.contains("the server refused a client without credentials"),
        "{nobody}"
    );
}

#[tokio::test]
async fn a_user_who_may_not_use_inboxes_is_told_so_when_a_flush_is_not_confirmed() {
    let rights = r#"publish: "trade.>", subscribe: "nothing""#;
    let config = format!(
        r#"authorization {{ users: [ {{ user: "bob", password: "pw", permissions: {{ {rights} }} }} ] }}"#
    );
    let server = NatsServer::start(&config).unwrap();
    let servers = vec![format!("nats://bob:pw@127.0.0.1:{}", server.port())];
    let connect_timeout = Duration::from_millis(500);
    let error = publishes(&Settings {
        servers,
        connect_timeout,
        ..Settings::default()
    })
    .await
    .unwrap_err();
    assert!(error.to_string().contains("_INBOX.>"), "{error}");
}

#[tokio::test]
async fn a_file_with_an_nkey_seed_lets_its_user_in() {
    let user = KeyPair::new_user();
    let server = NatsServer::start(&format!(
        "authorization {{ users: [ {{ nkey: {} }} ] }}",
        user.public_key()
    ))
    .unwrap();
    let with = |name: &str, text: &str| Settings {
        credentials_file: Some(written(server.dir(), name, text)),
        ..settings(&server)
    };
    publishes(&with("user.nk", &format!("{}\n", user.seed().unwrap())))
        .await
        .unwrap();
    let stranger = KeyPair::new_user().seed().unwrap();
    let error = refusal(&with("stranger.nk", &stranger)).await;
    assert!(
        error.contains("the server refused the credentials in") && error.contains("stranger.nk"),
        "{error}"
    );
    assert!(!error.contains(&stranger), "{error}");
    let empty = refusal(&with("empty.nk", "nothing here")).await;
    assert!(
        empty.starts_with("nats.credentials_file: ") && empty.contains("empty.nk"),
        "{empty}"
    );
}

#[tokio::test]
async fn a_credentials_file_lets_its_user_in() {
    let (operator, account, user) = (
        KeyPair::new_operator(),
        KeyPair::new_account(),
        KeyPair::new_user(),
    );
    let account_limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
    });
    let operator_jwt = jwt(
        &operator,
        &operator,
        json!({"type": "operator", "version": 2}),
    );
    let account_jwt = jwt(
        &operator,
        &account,
        json!({"type": "account", "version": 2, "limits": account_limits}),
    );
    let user_claims = json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1});
    let server = NatsServer::start(&format!(
        "operator: \"{operator_jwt}\"\nresolver: MEMORY\nresolver_preload: {{ {}: \"{account_jwt}\" }}",
        account.public_key(),
    ))
    .unwrap();
    let creds = |issuer: &KeyPair| {
        format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            jwt(issuer, &user, user_claims.clone()),
            user.seed().unwrap(),
        )
    };
    let with = |name: &str, text: &str| Settings {
        credentials_file: Some(written(server.dir(), name, text)),
        ..settings(&server)
    };
    publishes(&with("user.creds", &creds(&account)))
        .await
        .unwrap();
    let foreign = refusal(&with("foreign.creds", &creds(&KeyPair::new_account()))).await;
    assert!(
        foreign.contains("the server refused the credentials in"),
        "{foreign}"
    );
    let broken = refusal(&with(
        "broken.creds",
        "-----BEGIN NATS USER JWT-----\nno token\n",
    ))
    .await;
    assert!(
        broken.starts_with("nats.credentials_file: ") && broken.contains("broken.creds"),
        "{broken}"
    );
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

#[tokio::test]
async fn publishing_waits_while_the_server_is_away_and_goes_on_when_it_is_back() {
    let mut server = NatsServer::start("").unwrap();
    let mut consumer = Consumer::of(&server).await;
    let connect_timeout = Duration::from_millis(500);
    let settings = Settings {
        buffered_messages_max: 4,
        connect_timeout,
        ..settings(&server)
    };
    let bus = Bus::connect(&settings).await.unwrap();
    bus.publish(&message(DataType::Trade, "before"))
        .await
        .unwrap();
    bus.flush().await.unwrap();
    assert_eq!(consumer.next().await.payload, "before");

    server.kill();
    // Some messages find room; then publishing waits, because nobody takes them.
    let filling = async {
        loop {
            bus.publish(&message(DataType::Trade, "away"))
                .await
                .unwrap();
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(1), filling)
            .await
            .is_err()
    );
    assert!(!bus.is_connected());
    let error = bus.flush().await.unwrap_err();
    assert!(matches!(&error, BusError::Unconfirmed { .. }), "{error}");

    server.restart().unwrap();
    consumer.connected().await;
    soon(
        "room for a message",
        bus.publish(&message(DataType::Trade, "after")),
    )
    .await
    .unwrap();
    while consumer.next().await.payload != "after" {}
    assert!(bus.is_connected());
    bus.close().await.unwrap();
}

fn written(dir: &Path, name: &str, text: &str) -> PathBuf {
    let file = dir.join(name);
    std::fs::write(&file, text).unwrap();
    file
}

/// A token of the NATS account system: who `issuer` says that `subject` is.
fn jwt(issuer: &KeyPair, subject: &KeyPair, claims: Value) -> String {
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "jti": "test", "iat": 1_760_000_000, "iss": issuer.public_key(), "sub": subject.public_key(),
        "name": "test", "nats": claims,
    });
    let signed = format!(
        "{}.{}",
        part(json!({"typ": "JWT", "alg": "ed25519-nkey"})),
        part(claims)
    );
    let signature = BASE64_URL_SAFE_NO_PAD.encode(issuer.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

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
