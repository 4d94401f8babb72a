//! The requests of one session.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use hyper::{Request, Response, Uri};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::answer::{Answer, Done, Failure, read};
use super::budgets::Budgets;
use super::connect::{Connection, Connector, unreachable};
use super::lanes::{Lane, Lanes};
use super::settings::{Settings, SetupError};

/// Sends requests. One for each session: its tasks run on the runtime of the caller. Dropping it abandons them.
pub struct Client {
    shared: Arc<Shared>,
    running: Mutex<JoinSet<()>>,
    places: Arc<Semaphore>,
}

/// The counters of a client at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests asked for.
    pub requests: u64,
    /// Requests that ended without an answer.
    pub failures: u64,
    /// Bytes of the bodies received, decompressed.
    pub bytes: u64,
    /// TCP connections open now, busy or kept.
    pub tcp_open: u64,
}

struct Shared {
    settings: Settings,
    agent: HeaderValue,
    used_weight: Option<HeaderName>,
    budgets: Budgets,
    connector: Connector,
    /// By host name; as many as the configuration grants.
    lanes: Mutex<HashMap<String, Arc<Lanes>>>,
    requests: AtomicU64,
    failures: AtomicU64,
    bytes: AtomicU64,
}

/// Where a request goes.
struct Target {
    host: String,
    /// Scheme, host and port.
    server: Uri,
    path: String,
    host_header: HeaderValue,
}

impl Client {
    /// Reads the certificate authorities; connects nothing.
    pub fn new(settings: Settings, budgets: Budgets) -> Result<Self, SetupError> {
        let agent = HeaderValue::from_str(&settings.user_agent)
            .map_err(|_| SetupError::Text("the user agent"))?;
        let used_weight = match &settings.used_weight_header {
            Some(name) => Some(
                HeaderName::from_bytes(name.as_bytes())
                    .map_err(|_| SetupError::Text("the name of the used-weight header"))?,
            ),
            None => None,
        };
        let connector = Connector::new(&settings)?;
        Ok(Self {
            places: Arc::new(Semaphore::new(settings.requests_max)),
            running: Mutex::default(),
            shared: Arc::new(Shared {
                settings,
                agent,
                used_weight,
                budgets,
                connector,
                lanes: Mutex::default(),
                requests: AtomicU64::new(0),
                failures: AtomicU64::new(0),
                bytes: AtomicU64::new(0),
            }),
        })
    }

    /// Sends a GET request as soon as the budget of its host name allows. Exactly one [`Done`] follows, unless the
    /// requests are abandoned. `weight` is in the unit of that budget.
    ///
    /// Call it inside a tokio runtime.
    pub fn get(&self, request: u32, address: Url, weight: u32, events: mpsc::Sender<Done>) {
        self.shared.requests.fetch_add(1, Relaxed);
        let place = self.places.clone().try_acquire_owned();
        let shared = self.shared.clone();
        let mut running = lock(&self.running);
        while running.try_join_next().is_some() {}
        running.spawn(async move {
            let asked = Instant::now();
            let mut sent = asked;
            let outcome = match &place {
                Ok(_) => shared.fetch(&address, weight, &mut sent).await,
                Err(_) => Err(Failure::OverBudget("too many requests wait".to_owned())),
            };
            match &outcome {
                Ok(answer) => shared.bytes.fetch_add(answer.body.len() as u64, Relaxed),
                Err(_) => shared.failures.fetch_add(1, Relaxed),
            };
            let done = Done {
                request,
                outcome,
                waited: sent - asked,
                took: sent.elapsed(),
            };
            // Nobody listens any more: as good as abandoned.
            let _ = events.send(done).await;
        });
    }

    /// Ends every request without a `Done`.
    pub fn abandon(&self) {
        *lock(&self.running) = JoinSet::new();
    }

    /// What the requests have come to so far.
    pub fn counts(&self) -> Counts {
        let shared = &self.shared;
        Counts {
            requests: shared.requests.load(Relaxed),
            failures: shared.failures.load(Relaxed),
            bytes: shared.bytes.load(Relaxed),
            tcp_open: shared.connector.open(),
        }
    }
}

impl Shared {
    /// Waits for its turn, then asks and reads. A connection that was kept may have died unnoticed: then the request is
    /// sent once more, on a new one and on a new piece of the budget.
    async fn fetch(
        &self,
        address: &Url,
        weight: u32,
        sent: &mut Instant,
    ) -> Result<Answer, Failure> {
        let target = Target::of(address)
            .ok_or_else(|| Failure::Unreachable("not an address of HTTP".to_owned()))?;
        let deadline = Instant::now() + self.settings.wait_limit;
        let server = target.server.to_string();
        let mut lane = timeout_at(deadline, self.lanes(&target.host).take(&server))
            .await
            .ok()
            .flatten()
            .ok_or_else(|| Failure::OverBudget("waited too long for a connection".to_owned()))?;
        self.admit(&target, weight, deadline, sent).await?;
        if let Some(connection) = lane.kept(&server).await {
            match self.exchange(&target, &mut lane, Some(connection)).await {
                Err(Broken::Stale) => self.admit(&target, weight, deadline, sent).await?,
                Err(Broken::For(failure)) => return Err(failure),
                Ok(answer) => return Ok(answer),
            }
        }
        match self.exchange(&target, &mut lane, None).await {
            Err(Broken::Stale) => Err(Failure::Unreachable("hung up without an answer".to_owned())),
            Err(Broken::For(failure)) => Err(failure),
            Ok(answer) => Ok(answer),
        }
    }

    async fn admit(
        &self,
        target: &Target,
        weight: u32,
        deadline: Instant,
        sent: &mut Instant,
    ) -> Result<(), Failure> {
        let admitted = self.budgets.admit(&target.host, weight, deadline).await;
        *sent = Instant::now();
        admitted
    }

    async fn exchange(
        &self,
        target: &Target,
        lane: &mut Lane,
        connection: Option<Connection>,
    ) -> Result<Answer, Broken> {
        let within = self.in_time(target, lane, connection);
        match timeout(self.settings.time_limit, within).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Broken::For(Failure::TimedOut)),
        }
    }

    async fn in_time(
        &self,
        target: &Target,
        lane: &mut Lane,
        connection: Option<Connection>,
    ) -> Result<Answer, Broken> {
        let mut connection = match connection {
            Some(connection) => connection,
            None => self.connector.connect(target.server.clone()).await?,
        };
        let answer = connection
            .send_request(self.request(target))
            .await
            .map_err(|error| {
                let stale =
                    error.is_canceled() || error.is_closed() || error.is_incomplete_message();
                if stale {
                    Broken::Stale
                } else {
                    Broken::For(unreachable(&error))
                }
            })?;
        self.note(target, &answer);
        let answer = read(answer, self.settings.body_bytes_max).await?;
        lane.keep(target.server.to_string(), connection);
        Ok(answer)
    }

    fn request(&self, target: &Target) -> Request<Empty<Bytes>> {
        let mut request = Request::new(Empty::new());
        // A path that was read from a URL is one of a request too.
        *request.uri_mut() = target.path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(HOST, target.host_header.clone());
        headers.insert(USER_AGENT, self.agent.clone());
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        request
    }

    /// Tells the budget what the head of an answer says.
    fn note(&self, target: &Target, answer: &Response<Incoming>) {
        let headers = answer.headers();
        let used = self.used_weight.as_ref();
        let used = used.and_then(|name| text(headers, name)?.trim().parse().ok());
        let retry_after = text(headers, &RETRY_AFTER).and_then(retry_after);
        self.budgets
            .answered(&target.host, answer.status().as_u16(), retry_after, used);
    }

    fn lanes(&self, host: &str) -> Arc<Lanes> {
        let mut lanes = lock(&self.lanes);
        let lanes = lanes
            .entry(host.to_owned())
            .or_insert_with(|| Arc::new(Lanes::new(self.settings.connections_per_host_max)));
        lanes.clone()
    }
}

/// Why an exchange came to nothing.
enum Broken {
    /// The connection ended before any answer: on a kept one, worth another try.
    Stale,
    For(Failure),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::For(failure)
    }
}

impl Target {
    fn of(address: &Url) -> Option<Self> {
        if !matches!(address.scheme(), "http" | "https") {
            return None;
        }
        let host = address.host_str()?.to_owned();
        let port = address.port_or_known_default()?;
        let path = match address.query() {
            Some(query) => format!("{}?{query}", address.path()),
            None => address.path().to_owned(),
        };
        // A path that hyper would refuse must not become another one.
        path.parse::<Uri>().ok()?;
        let host_header = match address.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        Some(Self {
            server: format!("{}://{host}:{port}/", address.scheme())
                .parse()
                .ok()?,
            host_header: HeaderValue::from_str(&host_header).ok()?,
            host,
            path,
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Seconds, or a date.
fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Nothing that is done under these locks can leave anything half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
