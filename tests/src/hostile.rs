//! Sessions in which the hostile guest runs, and a healthy one beside them.

use std::sync::{Arc, OnceLock};

use marketprism_host::config::Origin;
use marketprism_host::limits::Limits;
use marketprism_host::sandbox::contract::{Event, Frame};
use marketprism_host::sandbox::{Adapter, Engine, Fault, Grant};
use marketprism_host::session::{Plan, Session};
use marketprism_host::wire::Subjects;
use marketprism_host::world::{Done, MemoryWorld};

/// What the guest is to do when a frame comes.
#[derive(Debug, Clone)]
pub struct Misbehaviour {
    name: &'static str,
    amount: Option<u64>,
    address: Option<String>,
}

impl Misbehaviour {
    /// The misbehaviour that the guest knows by this name.
    pub fn named(name: &'static str) -> Self {
        Self {
            name,
            amount: None,
            address: None,
        }
    }

    /// How much of it.
    #[must_use]
    pub fn amount(self, amount: u64) -> Self {
        Self {
            amount: Some(amount),
            ..self
        }
    }

    /// The address that it asks for.
    #[must_use]
    pub fn address(self, address: &str) -> Self {
        Self {
            address: Some(address.to_string()),
            ..self
        }
    }
}

/// The caps under which all guests of these tests run: the defaults, with little memory and fuel so that a test ends
/// soon.
pub fn limits() -> Limits {
    Limits {
        memory_hard_mb: 100,
        memory_soft_mb: 80,
        ..Limits::default()
    }
}

/// One engine for the test process, as in the daemon.
pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(None).expect("the engine starts"))
}

/// The hostile guest as `cargo build` wrote it.
pub fn wasm() -> Vec<u8> {
    let path = crate::guest("hostile");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The guest, loaded once for the test process.
pub fn adapter() -> Arc<Adapter> {
    static ADAPTER: OnceLock<Arc<Adapter>> = OnceLock::new();
    ADAPTER
        .get_or_init(|| {
            let adapter = Adapter::load(engine(), &wasm(), &Grant::default(), &limits());
            Arc::new(adapter.unwrap_or_else(|refusal| panic!("the hostile guest: {refusal}")))
        })
        .clone()
}

/// A plan whose adapter will misbehave at its first frame.
pub fn plan(misbehaviour: &Misbehaviour) -> Plan {
    let settings = serde_json::json!({
        "misbehaviour": misbehaviour.name,
        "amount": misbehaviour.amount,
        "address": misbehaviour.address,
    });
    Plan {
        name: "alpha_spot".into(),
        venue: "alpha_spot".into(),
        adapter: adapter(),
        limits: limits(),
        settings: settings.to_string(),
        symbols: vec!["ABC".into()],
        grants: vec![
            Origin::of("wss://stream.alpha.example:9443").expect("an origin"),
            Origin::of("https://api.alpha.example").expect("an origin"),
        ],
        subjects: Subjects::default(),
        enabled: true,
        file: None,
        folder_sha256: None,
        pinned: None,
    }
}

/// A session whose adapter will misbehave at its first frame.
pub fn session(misbehaviour: &Misbehaviour) -> Session<MemoryWorld> {
    session_of(plan(misbehaviour))
}

/// A session that was started.
pub fn session_of(plan: Plan) -> Session<MemoryWorld> {
    let world = MemoryWorld::new(1_700_000_000_000_000_000);
    let mut session = Session::new(plan, world).unwrap_or_else(|fault| panic!("{fault}"));
    session
        .start()
        .unwrap_or_else(|fault| panic!("the start: {fault}"));
    session
}

/// Gives the session frames until it faults; an adapter that bears a hundred of them behaves.
pub fn provoke(session: &mut Session<MemoryWorld>) -> Result<(), Fault> {
    for _ in 0..100 {
        let frame = Frame {
            connection: 1,
            data: b"{}".to_vec(),
        };
        session.world_mut().then(0, Event::Frame(frame));
    }
    while now(session.step())? {}
    Ok(())
}

/// A healthy session that must never notice what happens beside it.
pub struct Neighbour(Session<MemoryWorld>);

impl Neighbour {
    /// Starts it.
    pub fn start() -> Self {
        Self(session(&Misbehaviour::named("well_behaved")))
    }

    /// Gives it ten frames and sees ten messages come out.
    pub fn hears_and_publishes(&mut self) {
        self.0.world_mut().take_done();
        for _ in 0..10 {
            let frame = Frame {
                connection: 1,
                data: b"{}".to_vec(),
            };
            self.0.world_mut().then(0, Event::Frame(frame));
        }
        while now(self.0.step()).unwrap_or_else(|fault| panic!("the neighbour: {fault}")) {}
        let done = self.0.world_mut().take_done();
        let published = done
            .iter()
            .filter(|done| matches!(done, Done::Publish(_)))
            .count();
        assert_eq!(
            published, 10,
            "the neighbour published something else: {done:?}"
        );
    }
}

/// The result of a future that never waits: the memory world has everything at hand.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the memory world waited"),
    }
}

/// Empty adapters made for a changed contract, once as a core module and once as a component.
pub fn made_for(change: impl Fn(&str) -> String) -> [Vec<u8>; 2] {
    let path = crate::workspace().join("wit/adapter.wit");
    let wit = std::fs::read_to_string(&path).expect("the contract");
    let changed = change(&wit);
    assert_ne!(
        wit,
        changed,
        "the change found nothing to change in {}",
        path.display()
    );
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve
        .push_str("adapter.wit", &changed)
        .expect("the changed contract is valid");
    let world = resolve
        .select_world(&[package], Some("adapter"))
        .expect("its world");
    let mut module =
        wit_component::dummy_module(&resolve, world, wit_parser::ManglingAndAbi::Standard32);
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, encoding)
        .expect("metadata");
    let component = wit_component::ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.validate(true).encode())
        .expect("a component");
    [module, component]
}
