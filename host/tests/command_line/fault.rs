//! `marketprism fault`.

use crate::{complaint, printed, run};

#[test]
fn without_faults_there_are_no_bundles_and_that_is_no_error() {
    let output = run(&[], &["fault", "list"]);
    assert!(output.status.success(), "{}", complaint(&output));
    assert_eq!(printed(&output), "no bundles in ./data/bundles\n");
    let output = run(&[], &["fault", "list", "--json"]);
    assert!(output.status.success() && printed(&output).is_empty());
}

#[test]
fn what_lies_among_the_bundles_and_is_none_is_listed_as_such() {
    let files = [(
        "data/bundles/20261121T013500.123Z_a_panic_0001.fault.gz",
        "no gzip",
    )];
    let output = run(&files, &["fault", "list"]);
    assert!(output.status.success());
    assert!(
        printed(&output).contains("is no fault bundle; 7 bytes"),
        "{}",
        printed(&output)
    );
    let output = run(&files, &["fault", "list", "--json"]);
    assert!(
        printed(&output).contains(r#""error":"is no fault bundle""#),
        "{}",
        printed(&output)
    );
}

#[test]
fn a_bundle_that_cannot_be_shown_is_named_with_the_reason_in_one_line() {
    let files = [
        ("data/bundles/x.fault.gz", "no gzip"),
        ("data/outside", "no gzip"),
    ];
    for (name, why) in [
        ("x.fault.gz", "is no fault bundle"),
        ("data/bundles/x.fault.gz", "is no fault bundle"),
        ("missing", "cannot be read: No such file"),
        ("../outside", "cannot be read: a path led outside"),
    ] {
        let output = run(&files, &["fault", "show", name]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let complaint = complaint(&output);
        assert!(complaint.contains(why), "{name}: {complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}
