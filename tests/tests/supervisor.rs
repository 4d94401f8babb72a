//! The lives of sessions: commands, faults, hanging threads, another configuration.

use std::time::Duration;

use marketprism_host::limits::Limits;
use marketprism_host::session::Plan;
use marketprism_host::status::{SessionStatus, State};
use marketprism_host::supervisor::{Command, CommandError, RestartPolicy};
use marketprism_tests::daemon::{Block, Listener, PATIENCE};
use marketprism_tests::exchange::{Settings, Simulator};
use marketprism_tests::fleet::{Fleet, IMPATIENT, hostile_plan};
use marketprism_tests::nats_server::NatsServer;
use serde_json::json;

const NAME: &str = Block::USUAL.name;

fn exchange() -> Simulator {
    Simulator::start(Settings::of_symbols(&["BTCUSDT", "ETHUSDT", "SOLUSDT"])).expect("sim")
}

fn is_live(status: &SessionStatus) -> bool {
    status.state == State::Running && status.connections_open == 1 && status.tally.frames > 0
}

#[test]
fn commands_are_idempotent_and_answer_with_the_state_that_they_led_to() {
    let exchange = exchange();
    let fleet = Fleet::start(
        vec![Block::USUAL.plan(&exchange)],
        None,
        RestartPolicy::default(),
    );
    fleet.eventually(NAME, "it runs", is_live);
    for _ in 0..2 {
        assert_eq!(fleet.command(NAME, Command::Start), Ok(State::Running));
    }
    assert_eq!(exchange.connections().len(), 1, "it was not started again");
    for _ in 0..2 {
        assert_eq!(fleet.command(NAME, Command::Stop), Ok(State::Stopped));
        assert_eq!(exchange.connections_now(), 0, "its sockets are closed");
    }
    assert_eq!(fleet.command(NAME, Command::Start), Ok(State::Running));
    fleet.eventually(NAME, "it runs again", is_live);
    assert_eq!(fleet.command(NAME, Command::Restart), Ok(State::Running));
    fleet.eventually(NAME, "it runs once more", is_live);
    assert_eq!(exchange.connections().len(), 3);
    let unknown = fleet.command("nobody", Command::Start);
    let Err(CommandError::Unknown { wanted, present }) = unknown else {
        panic!("{unknown:?}");
    };
    assert_eq!((wanted.as_str(), present.as_str()), ("nobody", NAME));
}

#[test]
fn a_faulting_adapter_is_started_again_until_it_is_too_often_and_its_neighbour_never_notices() {
    let exchange = exchange();
    let faulty = hostile_plan(&exchange, json!({"misbehaviour": "panic", "after": 3}));
    let plans = vec![Block::USUAL.plan(&exchange), faulty];
    let fleet = Fleet::start(plans, None, IMPATIENT);
    fleet.eventually(NAME, "it runs", is_live);
    let failed = fleet.eventually("hostile", "it gives up", |it| it.state == State::Failed);
    assert_eq!(failed.history.restarts, 10);
    assert_eq!(failed.history.faults.get("panic"), Some(&11));
    assert_eq!(failed.history.recovery.count(), 10);
    let (_, text) = failed.history.last_fault.as_ref().expect("a fault");
    assert!(text.starts_with("panic: "), "{text}");
    assert_eq!(failed.connections_open, 0);

    // It stays down until somebody says otherwise.
    assert_eq!(fleet.command("hostile", Command::Stop), Ok(State::Stopped));
    assert_eq!(fleet.command("hostile", Command::Start), Ok(State::Running));
    fleet.eventually("hostile", "it gives up again", |it| {
        it.state == State::Failed && it.history.restarts == 20
    });
    let neighbour = fleet.board.session(NAME).expect("a status");
    assert!(is_live(&neighbour));
    assert!(neighbour.history.faults.is_empty());
}

#[test]
fn a_session_whose_thread_dies_is_begun_again_until_it_is_too_often() {
    let exchange = exchange();
    // No memory at all: there is not even a first instance.
    let limits = Limits {
        memory_hard_mb: 0,
        ..Limits::default()
    };
    let stillborn = Plan {
        limits,
        ..hostile_plan(&exchange, json!({}))
    };
    let plans = vec![Block::USUAL.plan(&exchange), stillborn];
    let fleet = Fleet::start(plans, None, IMPATIENT);
    let failed = fleet.eventually("hostile", "it gives up", |it| it.state == State::Failed);
    assert_eq!(failed.history.deaths, 11);
    let (_, text) = failed.history.last_fault.as_ref().expect("a reason");
    assert!(text.starts_with("out of memory"), "{text}");
    fleet.eventually(NAME, "its neighbour runs", is_live);
}

#[test]
fn a_session_that_hangs_is_fenced_off_and_replaced() {
    let exchange = exchange();
    let nats = NatsServer::start("").expect("nats-server");
    let messages = Listener::start(nats.address());
    // So much fuel is burnt in half a minute or more.
    let limits = Limits {
        fuel_per_event_max: 60_000_000_000,
        ..Limits::default()
    };
    let hanging = Plan {
        limits,
        ..hostile_plan(&exchange, json!({"misbehaviour": "spin", "after": 5}))
    };
    let plans = vec![Block::USUAL.plan(&exchange), hanging];
    let fleet = Fleet::start(plans, Some(nats.address()), RestartPolicy::default());
    let replaced = fleet.eventually("hostile", "it is replaced", |it| it.history.hangs == 1);
    assert_eq!(replaced.history.entered.get(&State::Restarting), Some(&1));
    fleet.eventually("hostile", "its next life begins", |it| {
        it.state == State::Running && it.history.hangs == 1
    });
    assert!(is_live(&fleet.board.session(NAME).expect("a status")));
    assert!(
        messages.next(PATIENCE).is_some(),
        "its neighbour publishes on"
    );
}

#[test]
fn symbols_and_limits_change_while_it_runs_and_other_settings_restart_it() {
    let exchange = exchange();
    let plan = |symbols, orderbook| {
        let block = Block {
            symbols,
            orderbook,
            ..Block::USUAL
        };
        block.plan(&exchange)
    };
    let usual = Block::USUAL.orderbook;
    let fleet = Fleet::start(
        vec![plan(&["BTCUSDT", "ETHUSDT"], usual)],
        None,
        RestartPolicy::default(),
    );
    let published =
        |symbol: &'static str| move |status: &SessionStatus| status.tally.trades(symbol).count > 0;
    fleet.eventually(NAME, "two symbols", published("ETHUSDT"));
    let began = fleet.board.session(NAME).expect("a status").began;

    let three = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];
    assert_eq!(fleet.reload(vec![plan(&three, usual)]), Ok(()));
    let status = fleet.eventually(NAME, "the third symbol", published("SOLUSDT"));
    assert_eq!(status.began, began, "it was not started again");
    assert_eq!(
        exchange.connections().len(),
        1,
        "it joins the others' connection, which stands"
    );

    let tight = Limits {
        memory_soft_mb: 1,
        ..Limits::default()
    };
    let command = Command::Limits(Box::new(tight));
    assert_eq!(fleet.command(NAME, command), Ok(State::Running));
    let status = fleet.eventually(NAME, "it is degraded", |it| it.state == State::Degraded);
    assert_eq!(status.history.soft_crossings, 1);
    let command = Command::Limits(Box::default());
    assert_eq!(fleet.command(NAME, command), Ok(State::Degraded));
    let status = fleet.eventually(NAME, "it is well again", |it| it.state == State::Running);
    assert_eq!(status.began, began);

    let other = "{method: snapshot}";
    assert_eq!(fleet.reload(vec![plan(&three, other)]), Ok(()));
    fleet.eventually(NAME, "its next life", |it| it.began > began && is_live(it));
    assert_eq!(fleet.reload(Vec::new()), Ok(()));
    assert!(
        exchange.eventually(PATIENCE, |_| fleet.board.session(NAME).is_none()),
        "it is configured no more"
    );
    assert_eq!(fleet.reload(vec![plan(&three, other)]), Ok(()));
    fleet.eventually(NAME, "it is configured again", is_live);
}

#[test]
fn a_session_that_is_not_enabled_waits_for_a_command() {
    let exchange = exchange();
    let plan = Plan {
        enabled: false,
        ..Block::USUAL.plan(&exchange)
    };
    let mut fleet = Fleet::start(vec![plan], None, RestartPolicy::default());
    fleet.eventually(NAME, "it is there", |it| it.state == State::Stopped);
    assert_eq!(fleet.command(NAME, Command::Start), Ok(State::Running));
    fleet.eventually(NAME, "it runs", is_live);
    fleet.stop();
    assert!(exchange.eventually(Duration::from_secs(5), |it| it.connections_now() == 0));
}
