//! Carries what sessions leave to the streams, and sees every message stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::MissedTickBehavior;

use super::answer::{Acknowledged, acknowledged, last_id};
use super::link::{Link, News, NotSent};
use super::preparation::Preparation;
use super::queue::{Job, Queue};
use super::{JetStreamSettings, Order, Registry, figures_of};
use crate::bus::reach::reach;
use crate::bus::{Nats, Settings, spool};

/// Messages and questions of all sessions under way at once: fewer than wait inside the client before it stands
/// still, so that a connection that breaks never holds this up.
const AWAY_MAX: usize = 128;

/// Those of one session, so that none waits for a long queue of another.
const AWAY_OF_ONE_MAX: usize = 32;

/// Orders taken at once.
const ORDERS_AT_ONCE: usize = 256;

/// How often it is looked for what is overdue.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long the end may take while NATS is there.
const END_LIMIT: Duration = Duration::from_secs(2);

/// The work of the thread.
pub(super) struct Courier {
    /// None: nothing is stored.
    jetstream: Option<JetStreamSettings>,
    registry: Registry,
    queues: BTreeMap<Arc<str>, Queue>,
    link: Option<Link>,
    flights: BTreeMap<u64, Flight>,
    next_flight: u64,
    preparation: Preparation,
    /// The newest of what the daemon has to say of itself.
    to_say: Option<(String, Bytes)>,
    /// Why something failed last; none since something was stored.
    problem: Option<String>,
    /// When it has to be over, once it is to end.
    end: Option<Instant>,
}

/// A message or a question under way.
struct Flight {
    session: Arc<str>,
    subject: Arc<str>,
    /// The message; none for a question.
    message: Option<u64>,
    deadline: Instant,
}

impl Courier {
    /// Works until it is told to end.
    pub(super) async fn work(settings: Settings, registry: Registry, mut orders: Receiver<Order>) {
        let mut courier = Self {
            jetstream: settings.jetstream.clone(),
            registry,
            queues: BTreeMap::new(),
            link: None,
            flights: BTreeMap::new(),
            next_flight: 0,
            preparation: Preparation::default(),
            to_say: None,
            problem: None,
            end: None,
        };
        courier.open_spools();
        let (found, mut reached) = channel(1);
        tokio::spawn(async move { found.send(reach(&settings).await).await });
        let mut taken = Vec::with_capacity(ORDERS_AT_ONCE);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !courier.is_over() {
            courier.dispatch().await;
            tokio::select! {
                count = orders.recv_many(&mut taken, ORDERS_AT_ONCE) => {
                    if count == 0 {
                        courier.begin_to_end();
                        look.tick().await;
                        courier.look();
                    }
                    for order in taken.drain(..) {
                        courier.obey(order);
                    }
                }
                Some(nats) = reached.recv() => courier.connected(nats).await,
                news = next(&mut courier.link) => courier.hear(news),
                () = courier.preparation.ended() => {}
                _ = look.tick() => courier.look(),
            }
        }
        courier.finish();
    }

    /// Takes over what is in the spools, also of sessions that are configured no more.
    fn open_spools(&mut self) {
        let Some(jetstream) = &self.jetstream else {
            return;
        };
        for session in spool::sessions(&jetstream.spool) {
            let session: Arc<str> = session.into();
            let queue = open(jetstream, &self.registry, &session);
            if !queue.is_empty() {
                self.queues.insert(session, queue);
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match (order, &self.jetstream) {
            (Order::Store(session, message), Some(jetstream)) => {
                let queue = self
                    .queues
                    .entry(session)
                    .or_insert_with_key(|session| open(jetstream, &self.registry, session));
                queue.add(message);
            }
            (Order::Say(subject, payload), _) => self.to_say = Some((subject, payload)),
            (Order::End, _) => self.begin_to_end(),
            (Order::Store(..), None) => {}
        }
    }

    async fn connected(&mut self, nats: Nats) {
        self.link = Link::over(nats).await;
        self.prepare();
    }

    fn prepare(&mut self) {
        if let (Some(link), Some(jetstream)) = (&self.link, &self.jetstream) {
            let limit = jetstream.ack_timeout;
            self.preparation
                .begin(link.client(), &jetstream.streams, limit);
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Answer(number, answer) => {
                // An answer that comes too late is to a question that is asked again.
                if let Some(flight) = self.flights.remove(&number) {
                    self.answered(&flight, &answer);
                }
            }
            News::Changed => {
                // No answer comes back over a connection that was lost.
                let now = Instant::now();
                for (_, flight) in std::mem::take(&mut self.flights) {
                    self.failed(&flight, now, "the connection was lost".to_owned());
                }
                self.preparation.forget();
                if self.link.as_ref().is_some_and(Link::is_connected) {
                    self.queues.values_mut().for_each(Queue::resume_all);
                    self.prepare();
                }
            }
        }
    }

    fn answered(&mut self, flight: &Flight, answer: &async_nats::Message) {
        let now = Instant::now();
        let Some(queue) = self.queues.get_mut(&flight.session) else {
            return;
        };
        let subject = &flight.subject;
        match flight.message {
            Some(number) => match acknowledged(answer) {
                Acknowledged::Stored(is_double) => {
                    queue.stored(subject, number, is_double, now_ns());
                    self.problem = None;
                }
                Acknowledged::TooLarge => {
                    tracing::error!("{subject}: a message is larger than its stream takes");
                    queue.refused(subject, number, "too_large");
                }
                Acknowledged::Not(why) => self.failed(flight, now, why),
            },
            None => match last_id(answer) {
                Ok(last) => queue.answered(subject, last.as_deref(), now_ns()),
                Err(why) => self.failed(flight, now, why),
            },
        }
    }

    fn failed(&mut self, flight: &Flight, now: Instant, why: String) {
        if let Some(queue) = self.queues.get_mut(&flight.session) {
            queue.failed(&flight.subject, now);
        }
        if self.problem.is_none() {
            tracing::warn!("{}: not stored yet: {why}", flight.subject);
        }
        self.problem = Some(why);
    }

    /// What is overdue, what may go again, what is too old; and the figures.
    fn look(&mut self) {
        let now = Instant::now();
        while let Some(first) = self.flights.first_entry() {
            if first.get().deadline > now {
                break;
            }
            let flight = first.remove();
            self.failed(&flight, now, "no answer in time".to_owned());
        }
        if self.preparation.is_due(now) {
            self.prepare();
        }
        let away = "NATS is not connected".to_owned();
        let problem = match self.link.as_ref().is_some_and(Link::is_connected) {
            true => self.preparation.problem().or(self.problem.as_ref()),
            false => Some(&away),
        };
        for queue in self.queues.values_mut() {
            queue.resume(now);
            queue.drop_old(now_ns());
            queue.tell(self.preparation.failures(), problem);
        }
    }

    /// Sends what may go.
    async fn dispatch(&mut self) {
        let Some(link) = self.link.as_ref().filter(|link| link.is_connected()) else {
            return;
        };
        if let Some((subject, payload)) = self.to_say.take() {
            link.say(subject, payload).await;
        }
        let Some(jetstream) = self.jetstream.as_ref() else {
            return;
        };
        if !self.preparation.was_tried() {
            return;
        }
        let mut unsent = Vec::new();
        for (session, queue) in &mut self.queues {
            while queue.away() < AWAY_OF_ONE_MAX && self.flights.len() < AWAY_MAX {
                let Some(job) = queue.next() else { break };
                let number = self.next_flight;
                self.next_flight += 1;
                let (subject, message, sent) = match job {
                    Job::Ask { subject } => {
                        let stream = jetstream.streams.iter().find(|it| it.keeps(&subject));
                        let sent = match stream {
                            Some(stream) => link.ask_last(number, &stream.name, &subject).await,
                            None => Err(NotSent::Later),
                        };
                        (subject, None, sent)
                    }
                    Job::Send {
                        number: it,
                        message,
                    } => {
                        let sent = link.send(number, &message).await;
                        (message.subject, Some(it), sent)
                    }
                };
                let flight = Flight {
                    session: session.clone(),
                    subject,
                    message,
                    deadline: Instant::now() + jetstream.ack_timeout,
                };
                match (sent, message) {
                    (Ok(()), _) => drop(self.flights.insert(number, flight)),
                    (Err(NotSent::TooLarge), Some(it)) => {
                        tracing::error!(
                            "{}: a message is larger than the server takes",
                            flight.subject
                        );
                        queue.refused(&flight.subject, it, "too_large");
                    }
                    (Err(_), _) => unsent.push(flight),
                }
            }
        }
        let now = Instant::now();
        for flight in unsent {
            self.failed(&flight, now, "it did not go out".to_owned());
        }
    }

    fn begin_to_end(&mut self) {
        if self.end.is_none() {
            self.end = Some(Instant::now() + END_LIMIT);
        }
    }

    /// Whether it is to end and nothing is left, or nobody takes it, or the time is over.
    fn is_over(&self) -> bool {
        let Some(end) = self.end else { return false };
        let is_connected = self.link.as_ref().is_some_and(Link::is_connected);
        let is_done = self.queues.values().all(Queue::is_empty);
        is_done || !is_connected || end <= Instant::now()
    }

    fn finish(&mut self) {
        for (session, queue) in &mut self.queues {
            let waiting = queue.len();
            if waiting > 0 {
                tracing::warn!(
                    "{session}: {waiting} messages are not stored yet; the next start sees to them"
                );
            }
            queue.tell(self.preparation.failures(), self.problem.as_ref());
            queue.end();
        }
    }
}

fn open(jetstream: &JetStreamSettings, registry: &Registry, session: &Arc<str>) -> Queue {
    let figures = figures_of(registry, session);
    Queue::open(&jetstream.spool, session.clone(), jetstream.bounds, figures)
}

/// What the connection has to say, once there is one.
async fn next(link: &mut Option<Link>) -> News {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

/// The time now, in nanoseconds since the epoch.
fn now_ns() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
