//! From a tree to a typed value: every value that does not fit is told with its key, and every key that the type
//! does not know is handed back.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::key::Key;
use super::problem::Problems;

/// Most values of one part that are told not to fit.
const TRIES_MAX: usize = 64;

/// Reads `value`, which stands at `at`, as a `T`; null is the same as absent. Returns it with the keys, relative to
/// `at`, that nothing in `T` reads. A value that does not fit is noted, taken out, and the rest is read, so that one
/// run finds all of them.
pub(super) fn read<T: DeserializeOwned + Default>(
    mut value: Value,
    at: &Key,
    problems: &mut Problems,
) -> (T, BTreeSet<Key>) {
    drop_nulls(&mut value);
    for _ in 0..TRIES_MAX {
        let mut unread = BTreeSet::new();
        let mut note = |path: serde_ignored::Path<'_>| {
            unread.insert(ignored_key(&path));
        };
        let source = serde_ignored::Deserializer::new(&value, &mut note);
        match serde_path_to_error::deserialize(source) {
            Ok(typed) => return (typed, unread),
            Err(error) => {
                let path: Vec<Step> = error.path().iter().filter_map(step).collect();
                let key = path
                    .iter()
                    .fold(at.clone(), |key, step| key.then(step.text()));
                problems.add(&key, told(&error.inner().to_string()));
                if !remove(&mut value, &path) {
                    break;
                }
            }
        }
    }
    (T::default(), BTreeSet::new())
}

/// The reader's reason, with the remedy where YAML took a text for something else (`ON`, `1e3`).
fn told(reason: &str) -> String {
    let taken = ["boolean", "integer", "floating point"]
        .iter()
        .any(|kind| reason.starts_with(&format!("invalid type: {kind} ")));
    if taken && reason.ends_with("expected a string") {
        return format!("{reason}; put it in quotes");
    }
    reason.to_owned()
}

enum Step {
    Key(String),
    Index(usize),
}

impl Step {
    fn text(&self) -> String {
        match self {
            Self::Key(key) => key.clone(),
            Self::Index(index) => index.to_string(),
        }
    }
}

fn step(segment: &Segment) -> Option<Step> {
    match segment {
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

/// Takes the value at `path` out; false when there is none.
fn remove(value: &mut Value, path: &[Step]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return false;
    };
    if rest.is_empty() {
        return match (value, first) {
            (Value::Object(map), Step::Key(key)) => map.remove(key).is_some(),
            // Null would not fit either; an index must not move, or the next one told is wrong.
            (Value::Array(list), Step::Index(index)) if *index < list.len() => {
                list.truncate(*index);
                true
            }
            _ => false,
        };
    }
    match (value, first) {
        (Value::Object(map), Step::Key(key)) => map.get_mut(key),
        (Value::Array(list), Step::Index(index)) => list.get_mut(*index),
        _ => None,
    }
    .is_some_and(|inner| remove(inner, rest))
}

fn drop_nulls(value: &mut Value) {
    if let Value::Object(map) = value {
        map.retain(|_, inner| !inner.is_null());
        map.values_mut().for_each(drop_nulls);
    }
}

fn ignored_key(path: &serde_ignored::Path<'_>) -> Key {
    use serde_ignored::Path;
    match path {
        Path::Root => Key::default(),
        Path::Seq { parent, index } => ignored_key(parent).then(index.to_string()),
        Path::Map { parent, key } => ignored_key(parent).then(key.clone()),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => ignored_key(parent),
    }
}
