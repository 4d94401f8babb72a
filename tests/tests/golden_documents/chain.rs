//! The whole way: the raw input of a golden file goes as frames and answers through the real adapter in the sandbox and
//! the host's writer. What comes out has to be the very document that the table of the case describes.

use std::collections::BTreeMap;
use std::sync::Arc;

use marketprism_host::config;
use marketprism_host::limits::Limits;
use marketprism_host::sandbox::contract::{Answer, Event, Frame, Response};
use marketprism_host::sandbox::{Adapter, Engine, Grant};
use marketprism_host::session::{Plan, Session};
use marketprism_host::wire::{Message, Subjects};
use marketprism_host::world::{Done, MemoryWorld};

use crate::raw::stamp;
use crate::scripts::Script;

/// Virtual time that a case may take: polls come once a minute at the latest, candles end once a minute.
const HORIZON_NS: u64 = 400_000_000_000;

/// Time between two frames.
const FRAME_NS: u64 = 1_000_000;

/// The adapters that were built, each with what it serves.
pub struct Adapters(Vec<Arc<Adapter>>);

impl Adapters {
    pub fn load() -> Self {
        let engine = Engine::new(None).unwrap();
        let load = |name| {
            let wasm = std::fs::read(marketprism_tests::adapter(name)).unwrap();
            let adapter = Adapter::load(&engine, &wasm, &Grant::default(), &Limits::default());
            Arc::new(adapter.unwrap_or_else(|refusal| panic!("{name}: {refusal}")))
        };
        Self(
            ["binance", "okx", "deribit"]
                .into_iter()
                .map(load)
                .collect(),
        )
    }

    /// The adapter that serves a script.
    pub fn of(&self, script: &Script) -> Option<&Arc<Adapter>> {
        self.0.iter().find(|adapter| {
            let told = adapter.description();
            let has = |all: &[String], one: &str| all.iter().any(|it| it == one);
            adapter.venue(script.venue).is_some() && has(&told.data_types, script.data_type)
        })
    }

    /// Whether the adapter of a script's venue publishes nothing at all yet.
    pub fn is_to_come(&self, script: &Script) -> bool {
        self.0.iter().any(|adapter| {
            let told = adapter.description();
            adapter.venue(script.venue).is_some() && told.data_types.is_empty()
        })
    }
}

/// One session with an exchange that is played from a script.
struct Chain<'a> {
    script: &'a Script,
    session: Session<MemoryWorld>,
    now: u64,
    connections: BTreeMap<u32, String>,
    alarms: BTreeMap<u32, u64>,
    published: Vec<Message>,
    /// What the adapter asked for, for whoever reads a failure.
    asked: Vec<String>,
}

/// The first `wanted` messages of the script's data type; fewer when no more come, more when they come at once.
pub fn play(script: &Script, adapter: Arc<Adapter>, wanted: usize) -> (Vec<Message>, Vec<String>) {
    let config = config::parse(&script.configuration(), "golden.yaml", &|_| None)
        .unwrap_or_else(|error| panic!("{}: {error}", script.case));
    let plan = Plan::new(&config.exchanges[0], Subjects::default(), adapter);
    let now = stamp(script.case).published_ns;
    let mut chain = Chain {
        script,
        session: Session::new(plan, MemoryWorld::new(now)).unwrap(),
        now,
        connections: BTreeMap::new(),
        alarms: BTreeMap::new(),
        published: Vec::new(),
        asked: Vec::new(),
    };
    chain.run(wanted);
    (chain.published, chain.asked)
}

impl Chain<'_> {
    fn run(&mut self, wanted: usize) {
        let end = self.now + HORIZON_NS;
        self.session.start().unwrap();
        self.settle();
        for (hint, text) in &self.script.frames {
            self.now += FRAME_NS;
            self.hear(hint, text.clone());
            self.settle();
        }
        while self.published.len() < wanted {
            let next = self.alarms.iter().min_by_key(|(_, time)| **time);
            let Some((alarm, time)) = next.map(|(alarm, time)| (*alarm, *time)) else {
                return;
            };
            if time > end {
                return;
            }
            self.alarms.remove(&alarm);
            self.now = self.now.max(time);
            self.tell(Event::Alarm(alarm));
            self.settle();
        }
    }

    /// Lets the session do what it has to, until nothing is left to do at this time.
    fn settle(&mut self) {
        loop {
            self.look();
            let step = Box::pin(self.session.step());
            if !futures_util::FutureExt::now_or_never(step)
                .unwrap()
                .unwrap()
            {
                return;
            }
        }
    }

    fn look(&mut self) {
        for done in self.session.world_mut().take_done() {
            match done {
                Done::Connect(connection, address) => {
                    self.asked.push(format!("connect {address}"));
                    self.connections.insert(connection, address);
                }
                Done::Send(connection, text) => {
                    for reply in self.script.replies(&text) {
                        self.frame(connection, reply);
                    }
                    self.asked.push(format!("send {text}"));
                }
                Done::Request(request, address) => {
                    self.answer(request, &address);
                    self.asked.push(format!("get {address}"));
                }
                Done::WakeAt(alarm, time) => drop(self.alarms.insert(alarm, time)),
                Done::Publish(message) => {
                    if message.data_type.name() == self.script.data_type {
                        self.published.push(message);
                    }
                }
                Done::Close(_) | Done::Abandon => {}
            }
        }
    }

    fn answer(&mut self, request: u32, address: &str) {
        let body = self.script.answer(address, self.now);
        let answer = match body {
            Some(body) => Answer {
                status: 200,
                body: body.into_bytes(),
            },
            None => Answer {
                status: 404,
                body: Vec::new(),
            },
        };
        self.tell(Event::Response(Response {
            request,
            outcome: Ok(answer),
        }));
    }

    /// A frame through the connection whose address holds the hint, else through the first.
    fn hear(&mut self, hint: &str, text: String) {
        let hinted = self.connections.iter().find(|(_, it)| it.contains(hint));
        let connection = hinted.or_else(|| self.connections.iter().next());
        let connection = connection.map(|(connection, _)| *connection);
        let connection =
            connection.unwrap_or_else(|| panic!("{}: no connection", self.script.case));
        self.frame(connection, text);
    }

    fn frame(&mut self, connection: u32, text: String) {
        self.tell(Event::Frame(Frame {
            connection,
            data: text.into_bytes(),
        }));
    }

    fn tell(&mut self, event: Event) {
        let now = self.now;
        self.session.world_mut().then(now, event);
    }
}
