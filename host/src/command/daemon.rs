//! A running daemon, asked through its control API. The only file of the room that names hyper.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::Frame;
use hyper::ext::on_informational;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST};
use hyper::http::request::Builder;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::sync::Notify;
use url::Url;

use marketprism_host::config::Monitoring;
use marketprism_host::secret::Secret;

use super::ConfigFile;

/// How long the daemon may take to be connected to.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How long it may take to answer: longer than it waits itself for whatever it does.
const ANSWER_LIMIT: Duration = Duration::from_secs(40);

/// The same for a call that brings an adapter: longer than it waits for that.
const UPLOAD_LIMIT: Duration = Duration::from_secs(90);

/// How long an adapter is held back until the daemon wants it: longer than one waits there for another.
const WANTED_LIMIT: Duration = Duration::from_secs(12);

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

/// A runtime for one conversation.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
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

/// What goes with a call.
type Body = UnsyncBoxBody<Bytes, Infallible>;

impl Daemon {
    /// Asks for a page.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        runtime()?.block_on(self.look(path))
    }

    /// The same within a runtime.
    pub(super) async fn look(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.request(Method::GET, path);
        let request = request.body(Full::default().boxed_unsync())?;
        self.call(request, ANSWER_LIMIT).await
    }

    /// Asks it to change something.
    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.change(path, "application/json")?;
        let body = Full::new(Bytes::from(body.to_string()));
        let request = request.body(body.boxed_unsync())?;
        runtime()?.block_on(self.call(request, ANSWER_LIMIT))
    }

    /// Hands it an adapter.
    pub(super) fn upload(&self, path: &str, adapter: Vec<u8>) -> anyhow::Result<Value> {
        let wanted = Arc::new(Notify::new());
        let request = self.change(path, "application/wasm")?;
        let mut request = request
            .header(CONTENT_LENGTH, adapter.len())
            .header(EXPECT, "100-continue")
            .body(held_back(adapter.into(), wanted.clone()))?;
        on_informational(&mut request, move |_| wanted.notify_one());
        runtime()?.block_on(self.call(request, UPLOAD_LIMIT))
    }

    fn request(&self, method: Method, path: &str) -> Builder {
        let host = format!("{}:{}", self.host, self.port);
        let request = Request::builder().method(method).uri(path);
        request.header(HOST, host)
    }

    /// Only who changes something has to say who it is.
    fn change(&self, path: &str, media_type: &str) -> Result<Builder, AskError> {
        let token = self.token.as_ref().ok_or(AskError::NoToken)?;
        let request = self.request(Method::POST, path);
        Ok(request
            .header(AUTHORIZATION, format!("Bearer {}", token.expose()))
            .header(CONTENT_TYPE, media_type))
    }

    fn at(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    async fn call(&self, request: Request<Body>, limit: Duration) -> anyhow::Result<Value> {
        let path = request.uri().path().to_owned();
        let (status, text) = self.send(request, limit).await?;
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

    async fn send(
        &self,
        request: Request<Body>,
        limit: Duration,
    ) -> Result<(u16, Vec<u8>), AskError> {
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
        match tokio::time::timeout(limit, talk).await {
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

/// A body that is held back until the daemon wants it: where it refuses the call it hangs up in the middle of the body,
/// and its answer would be lost.
fn held_back(adapter: Bytes, wanted: Arc<Notify>) -> Body {
    let whole = async move {
        // Whoever does not know how to ask for it gets it all the same.
        let _ = tokio::time::timeout(WANTED_LIMIT, wanted.notified()).await;
        Ok(Frame::data(adapter))
    };
    StreamBody::new(stream::once(whole)).boxed_unsync()
}
