use super::*;

fn open(data_dir: &Path) -> Adopted {
    Adopted::below(data_dir)
}

fn kept(hash: &str, why: Against) -> Choice {
    Choice::Kept {
        hash: hash.to_owned(),
        why,
    }
}

fn file(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join(FOLDER).join(FILE)
}

#[test]
fn without_a_record_a_session_runs_its_file() {
    let data = tempfile::tempdir().unwrap();
    let adopted = open(data.path());
    assert_eq!(adopted.choose("a", "one"), Choice::Folder);
    assert_eq!(adopted.good("a"), None);
    assert!(!adopted.is_bad("a", "one"));
    assert!(!data.path().join(FOLDER).exists(), "nothing is written");
}

#[test]
fn a_version_that_was_swapped_in_outlives_the_file_that_it_replaced() {
    let data = tempfile::tempdir().unwrap();
    let adopted = open(data.path());
    adopted.on_trial("a", Some("one"), "one").unwrap();
    assert_eq!(adopted.choose("a", "one"), Choice::Folder, "not yet good");
    adopted.adopt("a", "two");
    for adopted in [adopted, open(data.path())] {
        let choice = adopted.choose("a", "one");
        assert_eq!(choice, kept("two", Against::Judged));
        assert_eq!(adopted.choose("a", "two"), Choice::Folder, "put there too");
        assert_eq!(adopted.choose("a", "three"), Choice::Folder, "a new file");
        assert_eq!(adopted.choose("b", "one"), Choice::Folder, "its neighbour");
        assert_eq!(adopted.good("a").as_deref(), Some("two"));
    }
}

#[test]
fn a_daemon_that_is_killed_while_it_tries_a_new_file_starts_the_last_good_version() {
    let data = tempfile::tempdir().unwrap();
    let adopted = open(data.path());
    // A new file is seen: it is tried.
    adopted.on_trial("a", Some("two"), "one").unwrap();
    let choice = open(data.path()).choose("a", "two");
    assert_eq!(choice, kept("one", Against::Judged));
    // It comes through, and a third is tried: what is good stays so until then.
    adopted.adopt("a", "two");
    assert_eq!(open(data.path()).choose("a", "two"), Choice::Folder);
    adopted.on_trial("a", Some("three"), "elsewhere").unwrap();
    let choice = open(data.path()).choose("a", "three");
    assert_eq!(choice, kept("two", Against::Judged));
}

#[test]
fn what_proved_bad_is_not_taken_for_new() {
    let data = tempfile::tempdir().unwrap();
    let adopted = open(data.path());
    adopted.on_trial("a", Some("one"), "one").unwrap();
    adopted.fault("a", "two");
    assert!(adopted.is_bad("a", "two") && !adopted.is_bad("b", "two"));
    let choice = open(data.path()).choose("a", "two");
    assert_eq!(choice, kept("one", Against::Bad));
    // Somebody asked for it once more, and now it did well.
    adopted.adopt("a", "two");
    assert!(!open(data.path()).is_bad("a", "two"));
    assert_eq!(open(data.path()).choose("a", "two"), Choice::Folder);
}

#[test]
fn where_nothing_proved_good_even_a_bad_file_runs() {
    let data = tempfile::tempdir().unwrap();
    let adopted = open(data.path());
    adopted.fault("a", "one");
    assert_eq!(adopted.choose("a", "one"), Choice::Folder);
    adopted.adopt("a", "one");
    adopted.fault("a", "one");
    assert_eq!(
        adopted.choose("a", "one"),
        Choice::Folder,
        "there is no other"
    );
}

#[test]
fn a_file_that_is_put_back_after_a_trial_without_one_is_new() {
    let data = tempfile::tempdir().unwrap();
    let adopted = open(data.path());
    adopted.on_trial("a", Some("one"), "one").unwrap();
    adopted.on_trial("a", None, "one").unwrap();
    adopted.adopt("a", "two");
    assert_eq!(adopted.choose("a", "one"), Choice::Folder);
}

#[test]
fn the_record_is_bounded_and_forgets_what_was_asked_for_longest_ago() {
    let data = tempfile::tempdir().unwrap();
    let adopted = open(data.path());
    for number in 0..20 {
        adopted.fault("a", &format!("{number}"));
    }
    adopted.fault("a", "5");
    let bad = |adopted: &Adopted| -> Vec<u32> {
        let all = 0..20;
        all.filter(|it| adopted.is_bad("a", &it.to_string()))
            .collect()
    };
    assert_eq!(bad(&adopted), (4..20).collect::<Vec<_>>());
    adopted.fault("a", "new");
    let again = open(data.path());
    assert_eq!(bad(&again), (5..20).collect::<Vec<_>>());

    adopted.adopt("a", "one");
    for number in 0..63 {
        adopted.adopt(&format!("s{number}"), "one");
    }
    assert_eq!(adopted.choose("a", "one"), Choice::Folder);
    adopted.adopt("s63", "one");
    assert!(adopted.good("a").is_some(), "it was just asked for");
    assert_eq!(adopted.good("s0"), None);
    assert!(std::fs::metadata(file(data.path())).unwrap().len() < BYTES_MAX);
}

#[test]
fn a_record_that_cannot_be_used_counts_as_none_and_is_written_anew() {
    let long = format!(r#"{{"sessions":[]{}}}"#, " ".repeat(1 << 20));
    for text in [
        "",
        "no JSON",
        "[]",
        r#"{"sessions":[{"session":"a","good":5}]}"#,
        &long,
    ] {
        let data = tempfile::tempdir().unwrap();
        open(data.path()).adopt("a", "one");
        assert!(open(data.path()).good("a").is_some());
        std::fs::write(file(data.path()), text).unwrap();
        let adopted = open(data.path());
        assert_eq!(adopted.good("a"), None);
        adopted.adopt("a", "two");
        assert_eq!(open(data.path()).good("a").as_deref(), Some("two"));
    }
}

#[test]
fn more_than_a_record_may_hold_is_not_taken_over() {
    let data = tempfile::tempdir().unwrap();
    open(data.path()).adopt("a", "one");
    let bad: Vec<String> = (0..100).map(|number| format!("\"{number}\"")).collect();
    let bad = bad.join(",");
    let entry = |number| format!(r#"{{"session":"s{number}","good":"g","bad":[{bad}]}}"#);
    let entries: Vec<String> = (0..100).map(entry).collect();
    let text = format!(r#"{{"sessions":[{}]}}"#, entries.join(","));
    std::fs::write(file(data.path()), text).unwrap();
    let adopted = open(data.path());
    assert!(adopted.good("s35").is_none() && adopted.good("s36").is_some());
    assert!(!adopted.is_bad("s99", "83") && adopted.is_bad("s99", "84"));
}

#[test]
fn a_trial_that_cannot_be_written_down_has_not_begun_and_what_proved_good_is_known_all_the_same() {
    let data = tempfile::tempdir().unwrap();
    let adopted = open(data.path());
    let place = data.path().join(FOLDER);
    std::fs::write(&place, "a file in its place").unwrap();
    assert!(adopted.on_trial("a", Some("two"), "one").is_err());
    assert_eq!(adopted.good("a"), None);
    adopted.adopt("a", "one");
    assert_eq!(adopted.good("a").as_deref(), Some("one"));
    std::fs::remove_file(&place).unwrap();
    // The same again is written now, though it is no news.
    adopted.adopt("a", "one");
    assert_eq!(open(data.path()).good("a").as_deref(), Some("one"));
}
