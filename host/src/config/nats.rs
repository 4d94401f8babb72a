//! The `nats` section: servers, sign-in, subjects. Addresses from the environment win.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Environment;
use super::jetstream::JetStream;
use super::key::Key;
use super::problem::Problems;
use super::server::{SignIn, server};
use crate::secret::Secret;

/// Environment variables that hold servers; the first that is set wins over the file.
const SERVER_VARIABLES: [&str; 2] = ["MARKETPRISM_NATS_URL", "NATS_URL"];

/// Fewest bytes for the messages of one session that wait for JetStream.
const SPOOL_BYTES_MIN: u64 = 65_536;

/// What a subject template may hold in braces.
const PLACEHOLDERS: [&str; 3] = ["exchange", "market_type", "symbol"];

/// Where messages go and how to sign in there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub struct Nats {
    /// False: no server is used.
    pub enabled: bool,
    /// Addresses with scheme, without user and password; at least one.
    pub servers: Vec<String>,
    /// Name of this daemon's connections.
    pub client_name: String,
    /// User; comes with `password`.
    pub user: Option<String>,
    /// Password of `user`.
    pub password: Option<Secret>,
    /// Token, instead of user and password.
    pub token: Option<Secret>,
    /// Credentials file (`.creds`), instead of user and password.
    pub credentials_file: Option<PathBuf>,
    /// TLS.
    pub tls: Tls,
    /// Subject template by kind of message: the eight data types, `orderbook_status` and `orderbook_delta`.
    pub streams: BTreeMap<String, String>,
    /// Publishing.
    pub publish: Publish,
    /// JetStream.
    pub jetstream: JetStream,
    /// What waits for JetStream.
    pub spool: Spool,
}

/// TLS to the server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub struct Tls {
    /// Refuse a connection without TLS.
    pub required: bool,
    /// PEM file with authorities.
    pub ca_file: Option<PathBuf>,
    /// PEM file with the client's certificate; comes with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// PEM file with the client's key.
    pub key_file: Option<PathBuf>,
}

/// How messages are published.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub struct Publish {
    /// Longest wait for JetStream's acknowledgement, in seconds.
    #[serde(rename = "timeout")]
    pub timeout_s: u64,
    /// Names in subjects.
    pub naming: Naming,
}

/// Which names subjects have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub struct Naming {
    /// Every message goes out on its old subject too, with the exchange as its block names it.
    pub compat_old_subjects: bool,
    /// How those go.
    pub compat_publish_mode: CompatMode,
}

/// How messages go out on their old subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CompatMode {
    /// Over Core NATS.
    #[default]
    Core,
    /// Those of the low-rate types through JetStream, where a stream keeps the subject.
    JetStream,
}

/// What waits on disk until JetStream has stored it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub struct Spool {
    /// Most bytes of one session; the oldest messages make room.
    pub bytes_max: u64,
    /// Older messages are dropped, in hours.
    pub age_max_hours: u64,
}

impl Nats {
    /// Applies the environment, splits sign-in from the addresses, and notes what cannot be used. Returns the keys,
    /// relative to the section, that mean nothing; `kinds` are the known kinds of message.
    pub(super) fn finish(
        &mut self,
        kinds: &[&str],
        environment: Environment<'_>,
        problems: &mut Problems,
    ) -> Vec<Key> {
        let at = Key::of(["nats"]);
        let mut source = at.then("servers").to_string();
        for name in SERVER_VARIABLES {
            if let Some(value) = environment(name).filter(|value| !value.trim().is_empty()) {
                self.servers = value
                    .split(',')
                    .map(|part| part.trim().to_owned())
                    .collect();
                source = name.to_owned();
                break;
            }
        }
        self.read_servers(&source, problems);
        self.check_sign_in(&at, problems);
        let client_name = at.then("client_name");
        let blank = self.client_name.trim().is_empty();
        if (blank || self.client_name.contains(char::is_control)) && !problems.about(&client_name) {
            problems.add(&client_name, "must be a name");
        }
        if self.publish.timeout_s == 0 {
            problems.add(
                &at.then("publish").then("timeout"),
                "must be at least 1 (seconds)",
            );
        }
        let spool = at.then("spool");
        if self.spool.bytes_max < SPOOL_BYTES_MIN && !problems.about(&spool.then("bytes_max")) {
            problems.add(
                &spool.then("bytes_max"),
                format!("must be at least {SPOOL_BYTES_MIN} (bytes)"),
            );
        }
        if self.spool.age_max_hours == 0 && !problems.about(&spool.then("age_max_hours")) {
            problems.add(&spool.then("age_max_hours"), "must be at least 1 (hours)");
        }
        self.jetstream.check(&at.then("jetstream"), problems);
        self.check_templates(&at.then("streams"), kinds, problems)
    }

    fn read_servers(&mut self, source: &str, problems: &mut Problems) {
        if self.servers.is_empty() && !problems.about(&Key::of(["nats", "servers"])) {
            problems.add_named(source, "no server is given");
        }
        let mut servers = Vec::new();
        let mut sign_in: Option<SignIn> = None;
        for address in &self.servers {
            match server(address) {
                Ok((clean, found)) => {
                    if servers.contains(&clean) {
                        problems.add_named(source, format!("{clean} is given twice"));
                    }
                    servers.push(clean);
                    if found.is_some() && sign_in.is_some() && found != sign_in {
                        problems.add_named(source, "the servers differ in user or password");
                    }
                    sign_in = found.or(sign_in);
                }
                Err(reason) => problems.add_named(source, reason),
            }
        }
        self.servers = servers;
        // What an address says wins over the file: it may come from the environment.
        match sign_in {
            Some(SignIn::Token(token)) => {
                (self.user, self.password, self.token) = (None, None, Some(token));
            }
            Some(SignIn::User(user, password)) => {
                (self.user, self.password, self.token) = (Some(user), Some(password), None);
            }
            None => {}
        }
    }

    fn check_sign_in(&self, at: &Key, problems: &mut Problems) {
        match (&self.user, &self.password) {
            _ if problems.about(&at.then("user")) || problems.about(&at.then("password")) => {}
            (Some(_), None) => problems.add(&at.then("password"), "missing: `user` is given"),
            (None, Some(_)) => problems.add(&at.then("user"), "missing: `password` is given"),
            _ => {}
        }
        let ways = [
            self.user.is_some() || self.password.is_some(),
            self.token.is_some(),
            self.credentials_file.is_some(),
        ];
        if ways.into_iter().filter(|used| *used).count() > 1 {
            problems.add(
                at,
                "give user and password, or token, or credentials_file, not several of them",
            );
        }
        let tls = at.then("tls");
        match (&self.tls.cert_file, &self.tls.key_file) {
            (Some(_), None) => problems.add(&tls.then("key_file"), "missing: `cert_file` is given"),
            (None, Some(_)) => problems.add(&tls.then("cert_file"), "missing: `key_file` is given"),
            _ => {}
        }
    }

    fn check_templates(&mut self, at: &Key, kinds: &[&str], problems: &mut Problems) -> Vec<Key> {
        let mut unread = Vec::new();
        self.streams.retain(|kind, _| {
            let known = kinds.contains(&kind.as_str());
            if !known {
                unread.push(Key::of(["streams", kind]));
            }
            known
        });
        for kind in kinds {
            match self.streams.get(*kind) {
                None if problems.about(at) => {}
                None => problems.add(&at.then(*kind), "missing"),
                Some(template) => {
                    if let Err(reason) = template_check(template) {
                        problems.add(&at.then(*kind), format!("{reason}: {template:?}"));
                    }
                }
            }
        }
        let mut kinds_by_template: BTreeMap<&String, &String> = BTreeMap::new();
        for (kind, template) in &self.streams {
            if let Some(other) = kinds_by_template.insert(template, kind) {
                problems.add(&at.then(kind), format!("has the same subjects as {other}"));
            }
        }
        unread
    }
}

/// Says why `template` cannot make subjects.
fn template_check(template: &str) -> Result<(), String> {
    if template.split('.').any(str::is_empty) {
        return Err("a part between dots is empty".to_owned());
    }
    if let Some(bad) = template
        .chars()
        .find(|c| matches!(c, '*' | '>') || !c.is_ascii_graphic())
    {
        return Err(format!("a subject cannot hold {bad:?}"));
    }
    if !template.contains("{symbol}") {
        return Err("must hold {symbol}".to_owned());
    }
    let mut rest = template.to_owned();
    for name in PLACEHOLDERS {
        rest = rest.replace(&format!("{{{name}}}"), "");
    }
    if rest.contains(['{', '}']) {
        return Err("only {exchange}, {market_type} and {symbol} can be filled in".to_owned());
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may end by a panic
mod tests {
    use super::*;

    #[test]
    fn a_template_is_checked_for_what_a_subject_cannot_hold() {
        let reason = |template: &str| template_check(template).unwrap_err();
        assert_eq!(
            template_check("t.{exchange}.{market_type}.{symbol}"),
            Ok(())
        );
        assert_eq!(reason("trade.{exchange}"), "must hold {symbol}");
        assert_eq!(reason("trade .{symbol}"), "a subject cannot hold ' '");
        assert_eq!(reason("trade.>.{symbol}"), "a subject cannot hold '>'");
        assert_eq!(reason("trade.*.{symbol}"), "a subject cannot hold '*'");
        assert_eq!(reason("trade..{symbol}"), "a part between dots is empty");
        assert_eq!(reason(".{symbol}"), "a part between dots is empty");
        assert!(reason("{exchnge}.{symbol}").starts_with("only {exchange}"));
        assert!(reason("{symbol}.{").starts_with("only {exchange}"));
    }
}
