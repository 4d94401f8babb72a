//! Who may come in: passwords, rights, keys and credentials files.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use marketprism_host::bus::Settings;
use marketprism_host::secret::Secret;
use marketprism_tests::nats_server::NatsServer;
use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::{publishes, refusal, settings, written};

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
