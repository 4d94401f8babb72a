//! The bundles of faults: each fault leaves one, it replays to the same fault, and nothing that lies in the folder or
//! happens to it harms the daemon.

use std::io::{Read, Write};
use std::path::Path;

use marketprism_host::record::{Bounds, Bundle, BundleError, Bundles, Versions};
use marketprism_host::replay::Rerun;
use marketprism_host::sandbox::{Fault, FaultKind};
use marketprism_host::session::{Plan, Session};
use marketprism_host::world::MemoryWorld;
use marketprism_tests::hostile::{self, Misbehaviour, now};

fn bundles(data_dir: &Path) -> Bundles {
    Bundles::open(data_dir, Bundles::BOUNDS)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A session whose adapter was just stopped.
fn faulted(plan: Plan) -> (Session<MemoryWorld>, Fault) {
    let mut session = hostile::session_of(plan);
    let fault = hostile::provoke(&mut session).expect_err("it misbehaves");
    (session, fault)
}

/// The only bundle of the folder.
fn only(bundles: &Bundles) -> Bundle {
    let rows = bundles.list().expect("the folder");
    assert_eq!(rows.len(), 1, "{rows:?}");
    bundles.read(&rows[0].0).expect("a bundle")
}

fn rerun(bundle: Bundle) -> Rerun {
    now(Rerun::of(bundle, hostile::adapter()))
}

fn unpacked(path: &Path) -> Vec<u8> {
    let packed = std::fs::File::open(path).expect("the bundle");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut bytes)
        .expect("gzip");
    bytes
}

#[test]
fn every_kind_of_fault_leaves_one_bundle_that_replays_to_the_same_fault() {
    let kinds = [
        (Misbehaviour::named("spin"), FaultKind::OutOfFuel),
        (Misbehaviour::named("grow_once"), FaultKind::OutOfMemory),
        (Misbehaviour::named("grow_in_loop"), FaultKind::OutOfMemory),
        (
            Misbehaviour::named("grow_slowly").amount(2),
            FaultKind::OutOfMemory,
        ),
        (Misbehaviour::named("panic"), FaultKind::Panic),
        (Misbehaviour::named("recurse"), FaultKind::StackOverflow),
        (
            Misbehaviour::named("many_actions").amount(20_000),
            FaultKind::TooManyActions,
        ),
        (
            Misbehaviour::named("many_bytes").amount((8 << 20) + 1),
            FaultKind::OutputTooLarge,
        ),
        (
            Misbehaviour::named("many_bytes").amount(60 << 20),
            FaultKind::OutputTooLarge,
        ),
        (Misbehaviour::named("log_flood"), FaultKind::LogFlood),
        (
            Misbehaviour::named("ask_forbidden").address("wss://evil.example/"),
            FaultKind::NotPermitted,
        ),
        (
            Misbehaviour::named("undeclared_instrument"),
            FaultKind::BadAction,
        ),
        (Misbehaviour::named("bad_decimal"), FaultKind::BadAction),
        (Misbehaviour::named("unreachable"), FaultKind::Trap),
    ];
    for kind in FaultKind::ALL {
        assert!(
            kinds.iter().any(|(_, covered)| *covered == kind),
            "{kind:?}"
        );
    }
    for (misbehaviour, kind) in kinds {
        let data = folder();
        let bundles = bundles(data.path());
        let (mut session, fault) = faulted(hostile::plan(&misbehaviour));
        let path = bundles
            .save(&session.flight_report(&fault))
            .expect("a bundle");
        let name = path.file_name().expect("a name").to_string_lossy();
        let dashed = kind.name().replace(' ', "-");
        assert_eq!(
            name,
            format!("20231114T221320.000Z_alpha_spot_{dashed}_0001.fault.gz")
        );
        assert_eq!((bundles.saved(), bundles.failed()), (1, 0));

        let bundle = only(&bundles);
        let facts = &bundle.facts;
        assert_eq!(facts.fault.kind, kind.name());
        assert_eq!(facts.fault.backtrace, fault.backtrace);
        assert!(facts.complete && facts.fuel_last > 0 && facts.memory_bytes > 0);
        assert_eq!(facts.adapter.sha256, hostile::adapter().sha256());
        let rerun = rerun(bundle);
        assert!(rerun.is_same(), "{kind:?}: {rerun}");
        assert!(
            rerun.to_string().starts_with("the same fault at event"),
            "{rerun}"
        );
    }
}

#[test]
fn the_bundle_of_a_restarted_instance_begins_with_that_instance() {
    let data = folder();
    let bundles = bundles(data.path());
    let (mut session, _) = faulted(hostile::plan(&Misbehaviour::named("panic")));
    session.restart().expect("the next start");
    let fault = hostile::provoke(&mut session).expect_err("again");
    bundles.save(&session.flight_report(&fault));
    let bundle = only(&bundles);
    assert_eq!(bundle.events.len(), 2, "{:?}", bundle.events);
    assert!(bundle.facts.complete);
    assert!(rerun(bundle).is_same());
}

#[test]
fn a_fault_does_not_come_again_from_other_events_and_the_replay_says_so() {
    let data = folder();
    let bundles = bundles(data.path());
    let (mut session, fault) = faulted(hostile::plan(&Misbehaviour::named("panic")));
    bundles.save(&session.flight_report(&fault));
    let mut without_the_last = only(&bundles);
    without_the_last.events.pop();
    let none = rerun(without_the_last);
    assert!(!none.is_same());
    assert!(
        none.to_string().starts_with("no fault in 2 events"),
        "{none}"
    );
    let mut another = only(&bundles);
    another.facts.fault.message = "something else".into();
    let other = rerun(another);
    assert!(!other.is_same());
    assert!(
        other
            .to_string()
            .starts_with("not the same fault at event 2 of 2"),
        "{other}"
    );
}

#[test]
fn a_recorder_that_ran_over_is_marked_not_complete_and_the_replay_says_what_is_missing() {
    let data = folder();
    let bundles = bundles(data.path());
    let mut plan = hostile::plan(&Misbehaviour::named("grow_slowly").amount(2));
    plan.limits.flight_bytes_max = 400;
    let (mut session, fault) = faulted(plan);
    bundles.save(&session.flight_report(&fault));
    let bundle = only(&bundles);
    let facts = bundle.facts.clone();
    assert!(
        !facts.complete && facts.events > 5 && facts.events_lost > 5,
        "{facts:?}"
    );
    let rerun = rerun(bundle);
    assert!(
        !rerun.is_same(),
        "a leak that began earlier does not come of the last frames"
    );
    let said = rerun.to_string();
    let missing = format!(
        "the bundle is not complete: {} older events",
        facts.events_lost
    );
    assert!(
        said.starts_with(&missing) && said.contains("no fault in"),
        "{said}"
    );
}

#[test]
fn a_thousand_faults_leave_the_newest_bundles_within_the_bounds() {
    let data = folder();
    let bounds = Bounds {
        files_max: 10,
        bytes_max: 100_000,
    };
    let bundles = Bundles::open(data.path(), bounds);
    let (mut session, fault) = faulted(hostile::plan(&Misbehaviour::named("panic")));
    let report = session.flight_report(&fault);
    let mut last = None;
    for _ in 0..1_000 {
        last = bundles.save(&report);
    }
    let rows = bundles.list().expect("the folder");
    let bytes: u64 = rows.iter().map(|(_, bytes, _)| bytes).sum();
    assert!(
        rows.len() <= 10 && bytes <= 100_000,
        "{} files, {bytes} bytes",
        rows.len()
    );
    assert!(rows.len() > 1);
    let newest = rows.last().expect("bundles").0.clone();
    assert_eq!(
        last.expect("the last").file_name().expect("a name"),
        newest.as_str()
    );
    assert!(newest.ends_with("_1000.fault.gz"), "{newest}");
    assert_eq!((bundles.saved(), bundles.failed()), (1_000, 0));
    let files = std::fs::read_dir(data.path().join("bundles")).expect("the folder");
    assert_eq!(files.count(), rows.len(), "nothing else lies there");
}

#[test]
fn a_bundle_larger_than_the_folder_may_hold_drives_nobody_out() {
    let data = folder();
    let (mut session, fault) = faulted(hostile::plan(&Misbehaviour::named("panic")));
    bundles(data.path()).save(&session.flight_report(&fault));
    let bounds = Bounds {
        files_max: 10,
        bytes_max: 100,
    };
    let small = Bundles::open(data.path(), bounds);
    assert_eq!(small.save(&session.flight_report(&fault)), None);
    assert_eq!(small.failed(), 1);
    only(&small);
}

#[test]
fn a_bundle_that_was_cut_or_damaged_is_refused_or_as_it_was() {
    let data = folder();
    let (mut session, fault) = faulted(hostile::plan(&Misbehaviour::named("panic")));
    let path = bundles(data.path()).save(&session.flight_report(&fault));
    let whole = std::fs::read(path.expect("a bundle")).expect("its bytes");
    let good = Bundle::read(&whole[..]).expect("a bundle");
    for end in 0..whole.len() {
        let error = Bundle::read(&whole[..end]).expect_err("cut");
        let said = error.to_string();
        assert!(
            said == "is no fault bundle" || said.starts_with("is damaged: "),
            "{end}: {said}"
        );
    }
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        // Some bits of the file format mean nothing.
        if let Ok(bundle) = Bundle::read(&damaged[..]) {
            assert_eq!(
                (&bundle.facts, &bundle.events),
                (&good.facts, &good.events),
                "{at}"
            );
        }
    }
    for other in [&b""[..], b"{\"t_ns\":1}\n", b"\x1f\x8b\x08\0", &[0; 1_000]] {
        assert!(
            matches!(Bundle::read(other), Err(BundleError::Other)),
            "{other:?}"
        );
    }
}

#[test]
fn a_bundle_of_another_form_is_refused_by_its_number() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all(b"{\"marketprism\":\"fault bundle\",\"format\":2,\"new\":1}\n")
        .expect("packed");
    let error = Bundle::read(&packed.finish().expect("packed")[..]).expect_err("another form");
    assert_eq!(error.to_string(), "has form 2, this host reads form 1");
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let data = folder();
    let bundles = bundles(data.path());
    let (mut session, fault) = faulted(hostile::plan(&Misbehaviour::named("panic")));
    let path = bundles
        .save(&session.flight_report(&fault))
        .expect("a bundle");
    let outside = data.path().join("outside.fault.gz");
    std::fs::copy(&path, &outside).expect("a copy");
    for name in [
        "../outside.fault.gz",
        "./../outside.fault.gz",
        outside.to_str().expect("a path"),
    ] {
        let error = bundles.read(name).expect_err(name);
        assert!(
            matches!(error, BundleError::Unreadable(_)),
            "{name}: {error}"
        );
    }
    std::os::unix::fs::symlink(&outside, data.path().join("bundles/link.fault.gz"))
        .expect("a link");
    bundles
        .read("link.fault.gz")
        .expect_err("a link that leads out");

    let mut plan = hostile::plan(&Misbehaviour::named("panic"));
    plan.name = "../../escaped/alpha".into();
    let (mut session, fault) = faulted(plan);
    let path = bundles
        .save(&session.flight_report(&fault))
        .expect("a bundle");
    assert_eq!(path.parent(), Some(&*data.path().join("bundles")));
}

#[test]
fn what_a_killed_process_left_behind_is_removed_and_stops_nobody() {
    let data = folder();
    let folder = data.path().join("bundles");
    std::fs::create_dir_all(&folder).expect("the folder");
    let left = folder.join(".partial-20231114T221320.000Z_alpha_spot_panic_0001.fault.gz");
    std::fs::write(&left, b"\x1f\x8b half").expect("half a bundle");
    std::fs::write(folder.join("half.fault.gz"), b"\x1f\x8b half").expect("half a bundle");
    assert_eq!(
        Bundles::look(data.path()).list().expect("the folder").len(),
        1
    );
    assert!(left.exists(), "who only looks removes nothing");

    let bundles = bundles(data.path());
    assert!(!left.exists());
    let (mut session, fault) = faulted(hostile::plan(&Misbehaviour::named("panic")));
    assert!(bundles.save(&session.flight_report(&fault)).is_some());
    let rows = bundles.list().expect("the folder");
    assert!(rows[0].2.is_ok() && rows[1].2.is_err(), "{rows:?}");
}

#[test]
fn a_folder_that_cannot_be_written_costs_a_count_and_nothing_else() {
    let data = folder();
    std::fs::write(data.path().join("bundles"), "a file in its place").expect("a file");
    let bundles = bundles(data.path());
    let (mut session, fault) = faulted(hostile::plan(&Misbehaviour::named("panic")));
    assert_eq!(bundles.save(&session.flight_report(&fault)), None);
    assert_eq!((bundles.saved(), bundles.failed()), (0, 1));
    session.restart().expect("the next start");
}

#[test]
fn no_secret_of_the_settings_gets_into_a_bundle() {
    let data = folder();
    let mut plan = hostile::plan(&Misbehaviour::named("panic"));
    plan.settings = plan.settings.replacen(
        '{',
        r#"{"api":{"api_secret":"hunter2","token":["hunter2"]},"via":"http://bob:hunter2@p:1/","#,
        1,
    );
    let (mut session, fault) = faulted(plan);
    let path = bundles(data.path())
        .save(&session.flight_report(&fault))
        .expect("a bundle");
    let text = String::from_utf8_lossy(&unpacked(&path)).into_owned();
    assert!(
        text.contains("api_secret") && !text.contains("hunter2"),
        "{text}"
    );
    assert!(rerun(only(&Bundles::look(data.path()))).is_same());
}

#[test]
fn an_adapter_is_kept_by_its_hash_and_half_a_file_is_never_taken_for_it() {
    let data = folder();
    let versions = Versions::below(data.path());
    let wasm = hostile::wasm();
    let hash = hostile::adapter().sha256().to_owned();
    assert_eq!(versions.find(&hash), None);
    versions.keep(&wasm);
    assert!(
        versions
            .find(&hash.to_uppercase())
            .is_some_and(|found| found == wasm)
    );
    let file = data.path().join("versions").join(format!("{hash}.wasm"));
    std::fs::write(&file, &wasm[..wasm.len() / 2]).expect("half a file");
    assert_eq!(versions.find(&hash), None);
    versions.keep(&wasm);
    assert!(versions.find(&hash).is_some());
    assert_eq!(versions.find("../bundles/x"), None);
}

#[test]
fn the_folder_of_adapters_is_bounded() {
    let data = folder();
    let versions = Versions::below(data.path());
    for number in 0..40_u32 {
        versions.keep(&number.to_le_bytes());
    }
    let files = std::fs::read_dir(data.path().join("versions")).expect("the folder");
    assert_eq!(files.count(), 32);
    let newest = marketprism_host::sandbox::sha256(&39_u32.to_le_bytes());
    assert!(versions.find(&newest).is_some());
}
