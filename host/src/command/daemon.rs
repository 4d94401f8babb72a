//! A running daemon, asked through its control API. The only file of the room that names hyper.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use url::Url;

use marketprism_host::config::Monitoring;
use marketprism_host::secret::Secret;

use super::ConfigFile;

/// How long the daemon may take to be connected to.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How long it may take to answer: longer than it waits itself for whatever it does.
const ANSWER_LIMIT: Duration = Duration::from_secs(40);

/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Environment variable with the token.
const TOKEN_VARIABLE: &str = "MARKETPRISM_CONTROL_TOKEN";

/// Which daemon, and what it wants to hear.
#[derive(clap::Args)]
pub struct Whom {
    #[command(flatten)]
    pub(super) file: ConfigFile,
    /// The running daemon [default: this machine, at the configured port]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// File with its control token [default: MARKETPRISM_CONTROL_TOKEN, else the configuration's]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// A daemon that can be asked.
pub(super) struct Daemon {
    host: String,
    port: u16,
    token: Option<Secret>,
}

/// Why a daemon did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// Nothing is there.
    #[error(
        "nothing answers at {at} ({reason}): start the daemon with `marketprism run`, or name another with --url URL"
    )]
    Nobody { at: String, reason: String },
    /// Something else is there.
    #[error("what answers at {at} is no daemon of this kind: {reason}")]
    Stranger { at: String, reason: String },
    /// No token to tell.
    #[error(
        "the daemon wants its control token: name it with --token-file FILE, {TOKEN_VARIABLE}, or \
         monitoring.health_check.token of the configuration"
    )]
    NoToken,
    /// The wrong token.
    #[error(
        "the token is wrong: name the daemon's own with --token-file FILE, {TOKEN_VARIABLE}, or \
         monitoring.health_check.token of the configuration"
    )]
    WrongToken,
    /// It does not want to.
    #[error("{error}; {hint}")]
    Refused { error: String, hint: String },
}

impl Whom {
    /// Whether a daemon elsewhere is meant, so that the files here say nothing of it.
    pub(super) fn is_far(&self) -> bool {
        self.url.is_some()
    }

    /// The daemon that is meant.
    pub(super) fn daemon(&self) -> anyhow::Result<Daemon> {
        let monitoring = self.monitoring()?;
        let (host, port) = match &self.url {
            Some(url) => address(url)?,
            None => ("127.0.0.1".to_owned(), monitoring.health_check.port),
        };
        anyhow::ensure!(
            port != 0,
            "the daemon takes any free port (monitoring.health_check.port is 0): name it with --url URL"
        );
        let token = match &self.token_file {
            Some(path) => Some(token(path)?),
            None => monitoring.health_check.token,
        };
        Ok(Daemon { host, port, token })
    }

    /// What the configuration says of it, where that is needed.
    fn monitoring(&self) -> anyhow::Result<Monitoring> {
        let environment = |name: &str| std::env::var(name).ok();
        let has_token = self.token_file.is_some() || environment(TOKEN_VARIABLE).is_some();
        if self.file.is_absent() || (self.url.is_some() && has_token) {
            return Ok(Monitoring::without_file(&environment)?);
        }
        let (_, config) = self.file.load()?;
        Ok(config.monitoring)
    }
}

fn address(text: &str) -> anyhow::Result<(String, u16)> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "http");
    let parts = url.as_ref().and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some((host, url.port_or_known_default()?))
    });
    parts.with_context(|| format!("--url must be http://HOST:PORT, not {text:?}"))
}

fn token(path: &std::path::Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the token file {}", path.display()))?;
    let text = text.trim();
    let is_usable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    anyhow::ensure!(
        is_usable,
        "the token file {} holds no token",
        path.display()
    );
    Ok(Secret::new(text))
}

impl Daemon {
    /// Asks for a page.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None)
    }

    /// Asks it to change something.
    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        if self.token.is_none() {
            return Err(AskError::NoToken.into());
        }
        self.call(Method::POST, path, Some(body))
    }

    fn at(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    fn call(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, format!("{}:{}", self.host, self.port));
        // Only who changes something has to say who it is.
        if let (Some(token), Some(_)) = (&self.token, body) {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::new(bytes::Bytes::from(body)))?;
        let (status, text) = runtime.block_on(self.send(request))?;
        let answer: Value = serde_json::from_slice(&text).unwrap_or_default();
        let said = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
        match (status, said("error"), said("hint")) {
            (200..300, _, _) if !answer.is_null() => Ok(answer),
            (401, _, _) => Err(AskError::WrongToken.into()),
            (_, Some(error), Some(hint)) => Err(AskError::Refused { error, hint }.into()),
            _ => Err(self
                .stranger(format!("it answered {path} with {status}"))
                .into()),
        }
    }

    async fn send(&self, request: Request<Full<bytes::Bytes>>) -> Result<(u16, Vec<u8>), AskError> {
        let nobody = |reason: String| AskError::Nobody {
            at: self.at(),
            reason,
        };
        let connect = tokio::net::TcpStream::connect((self.host.as_str(), self.port));
        let stream = match tokio::time::timeout(CONNECT_LIMIT, connect).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(nobody(error.to_string())),
            Err(_) => return Err(nobody("no answer in time".to_owned())),
        };
        let talk = async {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX);
            let text = body.collect().await.map_err(anyhow::Error::from_boxed)?;
            Ok::<_, anyhow::Error>((status, text.to_bytes().to_vec()))
        };
        match tokio::time::timeout(ANSWER_LIMIT, talk).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.stranger(format!("{error:#}"))),
            Err(_) => Err(nobody("connected, but no answer in time".to_owned())),
        }
    }

    fn stranger(&self, reason: String) -> AskError {
        AskError::Stranger {
            at: self.at(),
            reason,
        }
    }
}
