//! The `monitoring` and `networking` sections: the two HTTP ports, and the proxy to the exchanges.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use super::key::Key;
use super::origin::masked;
use super::problem::{ConfigError, Problems};
use super::{DEFAULTS, Environment, file, typed};
use crate::secret::Secret;

/// Environment variable with the token; it wins over the file.
const TOKEN_VARIABLE: &str = "MARKETPRISM_CONTROL_TOKEN";

/// The HTTP ports.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub struct Monitoring {
    /// Health, control API and live page.
    pub health_check: HealthPort,
    /// Prometheus metrics.
    pub metrics: MetricsPort,
}

/// The port of health and control.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub struct HealthPort {
    /// False: not served.
    pub enabled: bool,
    /// TCP port; 0 takes a free one.
    pub port: u16,
    /// Time after the start in which health always answers 200, in seconds.
    #[serde(rename = "grace_seconds")]
    pub grace_s: u64,
    /// What whoever changes something must know; nobody can where there is none.
    pub token: Option<Secret>,
}

/// The port of metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub struct MetricsPort {
    /// False: not served.
    pub enabled: bool,
    /// TCP port; 0 takes a free one.
    pub port: u16,
}

impl Monitoring {
    /// The ports where there is no configuration file: the defaults and the environment.
    ///
    /// # Errors
    /// When the environment says what cannot be used.
    pub fn without_file(environment: Environment<'_>) -> Result<Self, ConfigError> {
        let mut defaults = file::tree(DEFAULTS, "built-in defaults")?;
        let defaults = defaults.remove("monitoring").unwrap_or_default();
        let mut problems = Problems::default();
        let (mut monitoring, _) =
            typed::read::<Self>(defaults, &Key::of(["monitoring"]), &mut problems);
        monitoring.finish(environment, &mut problems);
        problems.or("environment", monitoring)
    }

    /// Applies the environment and notes what cannot be used.
    pub(super) fn finish(&mut self, environment: Environment<'_>, problems: &mut Problems) {
        if environment("COLLECTOR_ENABLE_HTTP").is_some_and(|value| value.trim() == "0") {
            self.health_check.enabled = false;
            self.metrics.enabled = false;
        }
        number(
            environment,
            "HEALTH_CHECK_PORT",
            &mut self.health_check.port,
            problems,
        );
        number(
            environment,
            "METRICS_PORT",
            &mut self.metrics.port,
            problems,
        );
        number(
            environment,
            "HEALTH_GRACE_SECONDS",
            &mut self.health_check.grace_s,
            problems,
        );
        self.finish_token(environment, problems);
        let both = self.health_check.enabled && self.metrics.enabled;
        if both && self.metrics.port != 0 && self.metrics.port == self.health_check.port {
            problems.add(
                &Key::of(["monitoring", "metrics", "port"]),
                format!("{} is the port of health_check too", self.metrics.port),
            );
        }
    }
}

impl Monitoring {
    fn finish_token(&mut self, environment: Environment<'_>, problems: &mut Problems) {
        let key = Key::of(["monitoring", "health_check", "token"]);
        let mut named = key.to_string();
        if let Some(text) = environment(TOKEN_VARIABLE).filter(|text| !text.trim().is_empty()) {
            self.health_check.token = Some(Secret::new(text.trim()));
            named = TOKEN_VARIABLE.to_owned();
        }
        let is_usable = |token: &Secret| {
            let mut bytes = token.expose().bytes();
            !token.expose().is_empty() && bytes.all(|byte| byte.is_ascii_graphic())
        };
        if !self.health_check.token.as_ref().is_none_or(is_usable) {
            let reason = "must be letters, digits and signs of ASCII, without blanks";
            problems.add_named(&named, reason);
        }
    }
}

fn number<T: std::str::FromStr>(
    environment: Environment<'_>,
    name: &str,
    into: &mut T,
    problems: &mut Problems,
) {
    let Some(text) = environment(name).filter(|text| !text.trim().is_empty()) else {
        return;
    };
    match text.trim().parse() {
        Ok(value) => *into = value,
        Err(_) => problems.add_named(name, format!("not a number that fits: {text:?}")),
    }
}

/// The `networking` section.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
pub(super) struct Networking {
    proxy: ProxySection,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, expecting = "keys and values")]
struct ProxySection {
    enabled: bool,
    url: Option<String>,
    http: Option<String>,
    https: Option<String>,
}

/// The proxy for the connections to the exchanges.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// `http://[user:password@]host:port`; may hold a password, so it is not for printing.
    pub address: Url,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(self.address.as_str()))
    }
}

impl Networking {
    /// The proxy, when there is one.
    pub(super) fn proxy(self, problems: &mut Problems) -> Option<Proxy> {
        if !self.proxy.enabled {
            return None;
        }
        let at = Key::of(["networking", "proxy"]);
        let given = [
            ("https", self.proxy.https),
            ("http", self.proxy.http),
            ("url", self.proxy.url),
        ];
        let Some((name, text)) = given
            .into_iter()
            .find_map(|(name, text)| text.map(|text| (name, text)))
        else {
            problems.add(&at.then("url"), "missing: the proxy is enabled");
            return None;
        };
        match Url::parse(&text) {
            Ok(address) if address.scheme() == "http" && address.host_str().is_some() => {
                Some(Proxy { address })
            }
            _ => {
                let reason = format!("not an http:// address: {:?}", masked(&text));
                problems.add(&at.then(name), reason);
                None
            }
        }
    }
}
