//! Adapters that misbehave: each is stopped with exactly the right fault, or refused before it runs, while a healthy
//! session beside it goes on.

use std::time::{Duration, Instant};

use marketprism_host::sandbox::{Adapter, Fault, FaultKind, Grant, Outline, Refusal};
use marketprism_tests::hostile::{self, Misbehaviour, Neighbour};

/// Lets the guest misbehave beside a healthy neighbour and returns its fault.
fn fault_of(misbehaviour: Misbehaviour) -> Fault {
    let mut neighbour = Neighbour::start();
    neighbour.hears_and_publishes();
    let mut session = hostile::session(&misbehaviour);
    let fault = hostile::provoke(&mut session).expect_err("the adapter should have been stopped");
    neighbour.hears_and_publishes();
    session.restart().expect("the next start works");
    assert_eq!(session.tally().faults, 1);
    neighbour.hears_and_publishes();
    fault
}

#[test]
fn an_adapter_that_spins_is_stopped_for_its_fuel() {
    let began = Instant::now();
    let fault = fault_of(Misbehaviour::named("spin"));
    assert_eq!(fault.kind, FaultKind::OutOfFuel);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "took {:?}",
        began.elapsed()
    );
}

#[test]
fn an_adapter_that_grows_its_memory_in_one_step_is_stopped_for_its_memory() {
    assert_eq!(
        fault_of(Misbehaviour::named("grow_once")).kind,
        FaultKind::OutOfMemory
    );
}

#[test]
fn an_adapter_that_grows_its_memory_in_many_steps_is_stopped_for_its_memory() {
    assert_eq!(
        fault_of(Misbehaviour::named("grow_in_loop")).kind,
        FaultKind::OutOfMemory
    );
}

#[test]
fn an_adapter_that_leaks_a_little_with_every_event_is_stopped_for_its_memory() {
    let leak = Misbehaviour::named("grow_slowly").amount(2);
    assert_eq!(fault_of(leak).kind, FaultKind::OutOfMemory);
}

#[test]
fn an_adapter_that_panics_is_stopped_with_its_message_and_a_readable_backtrace() {
    let fault = fault_of(Misbehaviour::named("panic"));
    assert_eq!(fault.kind, FaultKind::Panic);
    assert!(fault.message.contains("hostile"), "{fault}");
    assert!(
        fault
            .backtrace
            .iter()
            .any(|frame| frame.contains("hostile") && frame.contains(".rs:")),
        "no line of the adapter in the backtrace: {fault}"
    );
}

#[test]
fn an_adapter_that_recurses_for_ever_is_stopped_for_its_stack() {
    assert_eq!(
        fault_of(Misbehaviour::named("recurse")).kind,
        FaultKind::StackOverflow
    );
}

#[test]
fn an_adapter_that_returns_too_many_actions_is_stopped() {
    let fault = fault_of(Misbehaviour::named("many_actions").amount(20_000));
    assert_eq!(fault.kind, FaultKind::TooManyActions);
    assert!(fault.message.contains("20001 actions"), "{fault}");
}

#[test]
fn an_adapter_that_returns_too_many_bytes_is_stopped() {
    let just_above = Misbehaviour::named("many_bytes").amount((8 << 20) + 1);
    assert_eq!(fault_of(just_above).kind, FaultKind::OutputTooLarge);
}

#[test]
fn an_adapter_that_returns_more_bytes_than_the_host_would_ever_copy_is_stopped() {
    let far_above = Misbehaviour::named("many_bytes").amount(60 << 20);
    assert_eq!(fault_of(far_above).kind, FaultKind::OutputTooLarge);
}

#[test]
fn an_adapter_that_floods_the_log_is_stopped() {
    assert_eq!(
        fault_of(Misbehaviour::named("log_flood")).kind,
        FaultKind::LogFlood
    );
}

#[test]
fn an_adapter_that_asks_for_an_address_that_is_not_granted_is_stopped() {
    for address in [
        "wss://evil.example/stream",
        "wss://stream.alpha.example:444/stream",
        "ws://stream.alpha.example/stream",
        "https://stream.alpha.example/",
        "wss://stream.alpha.example@evil.example/",
        "file:///etc/passwd",
    ] {
        let fault = fault_of(Misbehaviour::named("ask_forbidden").address(address));
        assert_eq!(fault.kind, FaultKind::NotPermitted, "{address}: {fault}");
        assert!(fault.message.contains(address), "{fault}");
    }
}

#[test]
fn an_adapter_that_publishes_an_undeclared_instrument_is_stopped() {
    assert_eq!(
        fault_of(Misbehaviour::named("undeclared_instrument")).kind,
        FaultKind::BadAction
    );
}

#[test]
fn an_adapter_that_publishes_a_number_out_of_the_contract_is_stopped() {
    assert_eq!(
        fault_of(Misbehaviour::named("bad_decimal")).kind,
        FaultKind::BadAction
    );
}

#[test]
fn an_adapter_that_traps_is_stopped() {
    assert_eq!(
        fault_of(Misbehaviour::named("unreachable")).kind,
        FaultKind::Trap
    );
}

#[test]
fn a_slow_but_legal_adapter_is_left_alone() {
    let mut session = hostile::session(&Misbehaviour::named("slow_but_legal").amount(100_000));
    hostile::provoke(&mut session).expect("it did nothing wrong");
}

#[test]
fn an_overlong_log_line_is_cut_and_no_fault() {
    let mut session = hostile::session(&Misbehaviour::named("huge_log_line").amount(1 << 20));
    hostile::provoke(&mut session).expect("the line is cut");
}

/// Offers `bytes` as an adapter beside a healthy neighbour and returns why it was refused.
fn refusal_of(bytes: &[u8], grant: &Grant) -> Refusal {
    let mut neighbour = Neighbour::start();
    neighbour.hears_and_publishes();
    let refusal = match Adapter::load(hostile::engine(), bytes, grant, &hostile::limits()) {
        Ok(_) => panic!("the file should have been refused"),
        Err(refusal) => refusal,
    };
    neighbour.hears_and_publishes();
    let good = Adapter::load(
        hostile::engine(),
        &hostile::wasm(),
        &Grant::default(),
        &hostile::limits(),
    );
    assert!(good.is_ok(), "the next start works");
    refusal
}

#[test]
fn an_adapter_of_another_contract_version_is_refused_by_name() {
    let newer = |wit: &str| wit.replace("adapter@0.1.0", "adapter@0.2.0");
    for bytes in hostile::made_for(newer) {
        let refusal = refusal_of(&bytes, &Grant::default());
        assert_eq!(
            refusal,
            Refusal::WitVersion {
                found: "0.2.0".into()
            }
        );
    }
}

#[test]
fn what_a_file_asks_for_is_told_even_when_it_is_refused() {
    let granted = |outline: &Outline, name: &str| {
        let mut imports = outline.imports.iter();
        let import = imports.find(|import| import.name == name);
        import.map(|import| import.is_granted)
    };
    let good = Outline::of(hostile::engine(), &hostile::wasm());
    assert_eq!(granted(&good, "log"), Some(true));
    assert!(good.imports.iter().all(|import| import.is_granted));
    assert_eq!(good.exports, ["describe", "handle"]);
    assert_eq!(good.contract.as_deref(), Some("0.1.0"));
    let curious = |wit: &str| {
        wit.replace(
            "import log:",
            "import read-the-clock: func() -> u64;\n    import log:",
        )
    };
    for bytes in hostile::made_for(curious) {
        let outline = Outline::of(hostile::engine(), &bytes);
        assert_eq!(granted(&outline, "read-the-clock"), Some(false));
        assert_eq!(granted(&outline, "log"), Some(true));
    }
    let newer = |wit: &str| wit.replace("adapter@0.1.0", "adapter@0.2.0");
    for bytes in hostile::made_for(newer) {
        let outline = Outline::of(hostile::engine(), &bytes);
        assert_eq!(outline.contract.as_deref(), Some("0.2.0"));
    }
    let nothing = Outline::of(hostile::engine(), b"no adapter");
    assert!(nothing.imports.is_empty() && nothing.exports.is_empty());
    assert_eq!(nothing.sha256.len(), 64);
}

#[test]
fn an_adapter_with_an_import_that_is_not_granted_is_refused_by_name() {
    let curious = |wit: &str| {
        wit.replace(
            "import log:",
            "import read-the-clock: func() -> u64;\n    import log:",
        )
    };
    for bytes in hostile::made_for(curious) {
        let refusal = refusal_of(&bytes, &Grant::default());
        assert_eq!(refusal, Refusal::ImportNotGranted("read-the-clock".into()));
    }
}

#[test]
fn an_adapter_with_another_hash_is_refused() {
    let grant = Grant {
        sha256: Some("0".repeat(64)),
    };
    let refusal = refusal_of(&hostile::wasm(), &grant);
    assert!(matches!(refusal, Refusal::WrongHash { .. }), "{refusal}");
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    let whole = hostile::wasm();
    for tenths in 1..10 {
        let cut = &whole[..whole.len() * tenths / 10];
        let refusal = refusal_of(cut, &Grant::default());
        assert!(
            matches!(refusal, Refusal::Invalid(_)),
            "{tenths}/10: {refusal}"
        );
    }
    assert!(matches!(
        refusal_of(&whole[..5], &Grant::default()),
        Refusal::NotWasm(_)
    ));
    assert!(matches!(
        refusal_of(&[], &Grant::default()),
        Refusal::NotWasm(_)
    ));
}

#[test]
fn a_file_of_random_bytes_is_refused() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    let noise: Vec<u8> = (0..10_000).map(|_| random()).collect();
    assert!(matches!(
        refusal_of(&noise, &Grant::default()),
        Refusal::NotWasm(_)
    ));
    let with_header = [b"\0asm\x01\0\0\0".as_slice(), &noise].concat();
    assert!(matches!(
        refusal_of(&with_header, &Grant::default()),
        Refusal::Invalid(_)
    ));
}

#[test]
fn a_module_that_is_no_adapter_is_refused() {
    let refusal = refusal_of(b"\0asm\x01\0\0\0", &Grant::default());
    assert!(matches!(refusal, Refusal::NotAnAdapter(_)), "{refusal}");
}
