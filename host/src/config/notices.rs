//! Keys of the file that nobody reads. What the host does not read, an adapter may: so the verdict waits until the
//! adapters have said which settings they take.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::exchange::Exchange;
use super::key::Key;
use super::market::DataType;

/// Patterns of keys that only the old collector knew.
const NOT_USED: &str = include_str!("../../../config/not_used.txt");

/// Most edits between a key and the one that was meant.
const EDITS_MAX: usize = 2;

/// By session: the settings that its adapter says it reads, dotted and relative to the block (`orderbook.method`), or
/// with `data_types.` in front for the part at the top of the file (`data_types.open_interest.interval`). A setting
/// stands for everything below it too.
pub type Readers = BTreeMap<String, Vec<String>>;

/// The keys of one configuration file that the host does not read itself.
#[derive(Debug, Clone, Default)]
pub struct Notices {
    leaves: Vec<Leaf>,
    names: Names,
}

/// One value of the file.
#[derive(Debug, Clone)]
struct Leaf {
    key: Key,
    reader: Reader,
    old: bool,
}

/// Who may read a value.
#[derive(Debug, Clone)]
enum Reader {
    Host,
    /// The adapters of these sessions, under this setting.
    Adapters {
        setting: Vec<String>,
        sessions: Vec<String>,
    },
    Nobody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Used,
    NotUsed,
    Unknown,
}

/// What the host knows of one session's block: who it is and which keys of it the host does not read.
pub(super) struct Session<'a> {
    pub exchange: &'a Exchange,
    pub unread: &'a BTreeSet<Key>,
}

/// The names that are known, as trees: those of the file, and those of an exchange block.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub file: Value,
    pub block: Value,
}

impl Notices {
    /// Takes note of every key of `file`; `unread` are those outside the exchange blocks that the host does not read.
    pub(super) fn new(
        file: &Map<String, Value>,
        unread: &BTreeSet<Key>,
        sessions: &[Session<'_>],
        names: Names,
    ) -> Self {
        let patterns: Vec<Vec<&str>> = NOT_USED
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| line.split('.').collect())
            .collect();
        let mut keys = Vec::new();
        collect_leaves(&Value::Object(file.clone()), &Key::default(), &mut keys);
        let leaves = keys
            .into_iter()
            .map(|key| {
                let path = key.segments();
                let reader = reader(&path, unread, sessions);
                let old = patterns.iter().any(|pattern| matches(pattern, &path));
                Leaf { key, reader, old }
            })
            .collect();
        Self { leaves, names }
    }

    /// Keys that neither the host nor an adapter reads and that the old collector did not know either: dotted, each
    /// once, with the name that may have been meant. A key of a session without readers is not judged.
    pub fn unknown(&self, readers: &Readers) -> Vec<String> {
        self.with_verdict(Verdict::Unknown, readers)
            .into_iter()
            .map(|key| match self.suggestion(&key, readers) {
                Some(meant) => format!("{key} (did you mean {meant:?}?)"),
                None => key.to_string(),
            })
            .collect()
    }

    /// Keys that only the old collector knew and that nothing reads: dotted, each once.
    pub fn not_used(&self, readers: &Readers) -> Vec<String> {
        self.with_verdict(Verdict::NotUsed, readers)
            .iter()
            .map(Key::to_string)
            .collect()
    }

    /// The outermost keys below which every value has this verdict; a name that is known stands for itself only.
    fn with_verdict(&self, wanted: Verdict, readers: &Readers) -> BTreeSet<Key> {
        let verdicts: Vec<(&Leaf, Verdict)> = self
            .leaves
            .iter()
            .map(|leaf| (leaf, verdict(leaf, readers)))
            .collect();
        let mixed: BTreeSet<Key> = verdicts
            .iter()
            .filter(|(_, verdict)| *verdict != wanted)
            .flat_map(|(leaf, _)| leaf.key.prefixes())
            .collect();
        verdicts
            .iter()
            .filter(|(_, verdict)| *verdict == wanted)
            .map(|(leaf, _)| {
                leaf.key
                    .prefixes()
                    .find(|key| !mixed.contains(key) && !self.is_known(key, readers))
                    .unwrap_or_else(|| leaf.key.clone())
            })
            .collect()
    }

    /// True when the last segment of `key` is a name that is known in its place.
    fn is_known(&self, key: &Key, readers: &Readers) -> bool {
        match key.segments().split_last() {
            Some((last, ["exchanges" | "exchange_defaults"])) => !last.is_empty(),
            Some((last, parent)) => self.known_names(parent, readers).contains(last),
            None => false,
        }
    }

    /// The known name beside `key` that is nearest to its last segment.
    fn suggestion(&self, key: &Key, readers: &Readers) -> Option<String> {
        let path = key.segments();
        let (last, parent) = path.split_last()?;
        self.known_names(parent, readers)
            .into_iter()
            .filter(|name| name != last)
            .map(|name| (strsim::osa_distance(name, last), name))
            // Two edits turn any two letters into any other two: half of the name must stay.
            .filter(|(edits, name)| *edits <= EDITS_MAX && edits * 2 < name.chars().count())
            .min()
            .map(|(_, name)| name.to_owned())
    }

    /// The names that the host or an adapter knows below `parent`.
    fn known_names<'a>(&'a self, parent: &[&str], readers: &'a Readers) -> Vec<&'a str> {
        let below = |path: &[&str], of: Option<&str>| -> Vec<&'a str> {
            readers
                .iter()
                .filter(|(session, _)| of.is_none_or(|of| of == session.as_str()))
                .flat_map(|(_, settings)| settings)
                .filter_map(|setting| next_name(setting, path))
                .collect()
        };
        match parent {
            ["exchanges", session, rest @ ..] => {
                let mut names = names_at(&self.names.block, rest);
                names.extend(below(rest, Some(session)));
                names
            }
            ["exchange_defaults", _, rest @ ..] | ["adapter_defaults", rest @ ..] => {
                let mut names = names_at(&self.names.block, rest);
                names.extend(below(rest, None));
                names
            }
            ["data_types"] => DataType::ALL.map(DataType::as_str).to_vec(),
            ["data_types", name, "exchanges", _, rest @ ..] => {
                let path: Vec<&str> = ["data_types", name].iter().chain(rest).copied().collect();
                below(&path, None)
            }
            ["data_types", ..] => below(parent, None),
            _ => names_at(&self.names.file, parent),
        }
    }
}

fn verdict(leaf: &Leaf, readers: &Readers) -> Verdict {
    let unread = if leaf.old {
        Verdict::NotUsed
    } else {
        Verdict::Unknown
    };
    match &leaf.reader {
        Reader::Host => Verdict::Used,
        Reader::Nobody => unread,
        Reader::Adapters { setting, sessions } => {
            // One that has not spoken may read it.
            let read = sessions.iter().any(|session| {
                readers
                    .get(session)
                    .is_none_or(|settings| settings.iter().any(|known| covers(known, setting)))
            });
            if read || sessions.is_empty() {
                Verdict::Used
            } else {
                unread
            }
        }
    }
}

/// True when an adapter that reads `known` reads `setting`, or something below it.
fn covers(known: &str, setting: &[String]) -> bool {
    known
        .split('.')
        .zip(setting)
        .all(|(known, setting)| known == setting)
}

/// The segment of a dotted setting that follows `parent`.
fn next_name<'a>(setting: &'a str, parent: &[&str]) -> Option<&'a str> {
    let mut segments = setting.split('.');
    for wanted in parent {
        if segments.next()? != *wanted {
            return None;
        }
    }
    segments.next()
}

fn names_at<'a>(tree: &'a Value, path: &[&str]) -> Vec<&'a str> {
    path.iter()
        .try_fold(tree, |tree, segment| tree.get(segment))
        .and_then(Value::as_object)
        .map(|map| map.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

fn collect_leaves(value: &Value, at: &Key, into: &mut Vec<Key>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, inner) in map {
                collect_leaves(inner, &at.then(name), into);
            }
        }
        _ => into.push(at.clone()),
    }
}

fn reader(path: &[&str], unread: &BTreeSet<Key>, sessions: &[Session<'_>]) -> Reader {
    let of_blocks = |rest: &[&str], chosen: &dyn Fn(&Exchange) -> bool| {
        let chosen: Vec<&Session<'_>> = sessions
            .iter()
            .filter(|session| chosen(session.exchange))
            .collect();
        let unread = |session: &&Session<'_>| leads_to(session.unread, rest);
        // A session whose block does not hold the key has nothing to say about it: one that lists it is enough.
        if chosen.iter().any(unread) {
            adapters(rest, chosen.iter().map(|session| session.exchange))
        } else {
            Reader::Host
        }
    };
    match path {
        ["exchanges", name, rest @ ..] => of_blocks(rest, &|exchange| exchange.name == *name),
        ["exchange_defaults", venue, rest @ ..] => {
            of_blocks(rest, &|exchange| exchange.venue == *venue)
        }
        ["adapter_defaults", rest @ ..] => of_blocks(rest, &|_| true),
        ["data_types", name, rest @ ..] => data_type_reader(name, rest, sessions),
        _ if leads_to(unread, path) => Reader::Nobody,
        _ => Reader::Host,
    }
}

/// True when one of the keys is `path` or leads to it.
fn leads_to(keys: &BTreeSet<Key>, path: &[&str]) -> bool {
    Key::of(path.iter().copied())
        .prefixes()
        .any(|key| keys.contains(&key))
}

fn data_type_reader(name: &str, rest: &[&str], sessions: &[Session<'_>]) -> Reader {
    if !DataType::ALL.iter().any(|known| known.as_str() == name) {
        return Reader::Nobody;
    }
    let collected = |exchange: &Exchange| {
        exchange
            .data_types
            .iter()
            .any(|data_type| data_type.as_str() == name)
    };
    let (rest, venue) = match rest {
        ["exchanges"] | ["exchanges", _] => return Reader::Nobody,
        ["exchanges", venue, rest @ ..] => (rest, Some(*venue)),
        rest => (rest, None),
    };
    let setting: Vec<&str> = ["data_types", name].iter().chain(rest).copied().collect();
    adapters(
        &setting,
        sessions
            .iter()
            .map(|session| session.exchange)
            .filter(|exchange| collected(exchange))
            .filter(|exchange| venue.is_none_or(|venue| venue == exchange.venue)),
    )
}

fn adapters<'a>(setting: &[&str], sessions: impl Iterator<Item = &'a Exchange>) -> Reader {
    Reader::Adapters {
        setting: setting
            .iter()
            .map(|segment| (*segment).to_owned())
            .collect(),
        sessions: sessions.map(|exchange| exchange.name.clone()).collect(),
    }
}

/// True when `path` is meant by `pattern`: `*` is one segment, `**` the rest.
fn matches(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        (["**"], _) | ([], []) => true,
        ([first, pattern @ ..], [segment, path @ ..]) => {
            (*first == "*" || first == segment) && matches(pattern, path)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_one_segment_with_one_star_and_the_rest_with_two() {
        let meant = |pattern: &str, path: &str| {
            let split = |text: &'static str| -> Vec<&str> { text.split('.').collect() };
            matches(
                &split(pattern.to_owned().leak()),
                &split(path.to_owned().leak()),
            )
        };
        assert!(meant("a.**", "a"));
        assert!(meant("a.**", "a.b.c"));
        assert!(!meant("a.**", "b.a"));
        assert!(meant("a.*.c", "a.b.c"));
        assert!(!meant("a.*.c", "a.b.b.c"));
        assert!(!meant("a.b", "a.b.c"));
        assert!(!meant("a.b", "a"));
    }

    #[test]
    fn every_pattern_is_dotted_names_and_stars() {
        for line in NOT_USED.lines().filter(|line| !line.starts_with('#')) {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.*".contains(c);
            assert!(line.chars().all(plain), "{line}");
        }
    }
}
