//! One operation of a daemon, in words.

use serde::Deserialize;
use serde_json::Value;

/// Characters of a hash that people are shown.
const HASH_SHOWN: usize = 12;

/// What a daemon tells of an operation, as far as it is shown.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Operation {
    pub(super) id: u64,
    pub(super) kind: String,
    pub(super) session: String,
    stage: String,
    why: Option<String>,
    to: Option<Version>,
    books: Ready,
    streams: Ready,
    ended: Option<String>,
    took: Option<f64>,
    pause: Option<f64>,
    pub(super) report: Option<Value>,
}

#[derive(Debug, Clone, Deserialize)]
struct Version {
    version: String,
    sha256: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Ready {
    ready: u64,
    of: u64,
}

/// What an operation has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// What was asked for is done.
    Done,
    /// The version at work is the one from before.
    Failed,
}

impl Operation {
    /// Its end, if it has come. A version that waits until somebody starts its session, or decides about it, counts as
    /// done: by itself it does nothing more.
    pub(super) fn end(&self) -> Option<End> {
        let is_stopped = self.stage == "probation" && self.took.is_none() && self.why.is_some();
        let waits = is_stopped || self.is_undecided();
        match self.stage.as_str() {
            "refused" | "rolled_back" => Some(End::Failed),
            _ if waits || self.ended.is_some() => Some(End::Done),
            _ => None,
        }
    }

    /// Whether a candidate was compared and waits for somebody's decision.
    pub(super) fn is_undecided(&self) -> bool {
        self.stage == "deciding"
    }

    /// Whether the new version has taken over.
    pub(super) const fn is_live(&self) -> bool {
        self.took.is_some()
    }

    /// How far it has come, in one line.
    pub(super) fn line(&self) -> String {
        let to = self.to.as_ref().map_or_else(String::new, Version::words);
        let line = match self.stage.as_str() {
            "starting" => format!("starting{to}"),
            "syncing" => self.syncing(),
            "deciding" => "the shadow run has ended".to_owned(),
            "handing_over" => "handing over".to_owned(),
            "probation" => match self.pause {
                Some(pause) => {
                    format!("live: nobody published for {}; on probation", length(pause))
                }
                None => "on probation".to_owned(),
            },
            "done" if self.kind == "shadow" && !self.is_live() => {
                "the shadow run has ended".to_owned()
            }
            "done" => format!("done:{to} is there to stay"),
            "rolled_back" => "rolled back".to_owned(),
            other => other.to_owned(),
        };
        match &self.why {
            Some(why) => format!("{line}: {why}"),
            None => line,
        }
    }

    fn syncing(&self) -> String {
        let told = [(self.books, "books"), (self.streams, "streams")];
        let told: Vec<String> = told
            .iter()
            .filter(|(ready, _)| ready.of > 0)
            .map(|(Ready { ready, of }, what)| format!("{ready} of {of} {what}"))
            .collect();
        format!("syncing {}", told.join(", ")).trim_end().to_owned()
    }
}

impl Version {
    fn words(&self) -> String {
        let hash: String = self.sha256.chars().take(HASH_SHOWN).collect();
        format!(" {} ({hash})", self.version)
    }
}

/// A length of time for people.
pub(super) fn length(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{seconds:.1} s")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation(changes: Value) -> Option<Operation> {
        let mut told = json!({
            "id": 1,
            "kind": "swap",
            "session": "alpha_spot",
            "source": "a.wasm",
            "stage": "waiting",
            "why": null,
            "from": null,
            "to": { "version": "2.0.0", "sha256": "ab".repeat(32) },
            "books": { "ready": 3, "of": 5 },
            "streams": { "ready": 8, "of": 9 },
            "began": "2026-01-01T00:00:00Z",
            "ended": null,
            "took": null,
            "pause": null,
        });
        if let (Value::Object(told), Value::Object(changes)) = (&mut told, changes) {
            told.extend(changes);
        }
        serde_json::from_value(told).ok()
    }

    #[test]
    fn each_stage_has_its_line_and_its_end() {
        let live = json!({ "stage": "probation", "took": 3.2, "pause": 0.0006 });
        let stays = json!({ "stage": "done", "ended": "2026", "took": 3.2, "pause": 0.0006 });
        let ended = json!({ "stage": "done", "ended": "2026", "kind": "shadow", "why": "dropped" });
        let stopped = json!({ "stage": "probation", "why": "the session is stopped" });
        let streams = json!({ "stage": "syncing", "books": { "ready": 0, "of": 0 } });
        let undecided = json!({ "stage": "deciding", "kind": "shadow", "why": "it waits" });
        let refused = json!({ "stage": "refused", "why": "too old", "ended": "2026" });
        let back = json!({ "stage": "rolled_back", "why": "it trapped", "ended": "2026" });
        for (told, line, end) in [
            (json!({}), "waiting", None),
            (json!({ "stage": "loading" }), "loading", None),
            (
                json!({ "stage": "starting" }),
                "starting 2.0.0 (abababababab)",
                None,
            ),
            (
                json!({ "stage": "syncing" }),
                "syncing 3 of 5 books, 8 of 9 streams",
                None,
            ),
            (streams, "syncing 8 of 9 streams", None),
            (json!({ "stage": "handing_over" }), "handing over", None),
            (
                live,
                "live: nobody published for 0.6 ms; on probation",
                None,
            ),
            (json!({ "stage": "probation" }), "on probation", None),
            (
                stopped,
                "on probation: the session is stopped",
                Some(End::Done),
            ),
            (
                stays,
                "done: 2.0.0 (abababababab) is there to stay",
                Some(End::Done),
            ),
            (ended, "the shadow run has ended: dropped", Some(End::Done)),
            (
                undecided,
                "the shadow run has ended: it waits",
                Some(End::Done),
            ),
            (refused, "refused: too old", Some(End::Failed)),
            (back, "rolled back: it trapped", Some(End::Failed)),
            (json!({ "stage": "of the future" }), "of the future", None),
        ] {
            let found = operation(told).map(|it| (it.line(), it.end()));
            assert_eq!(found, Some((line.to_owned(), end)));
        }
    }

    #[test]
    fn lengths_are_told_in_their_own_size() {
        assert_eq!(length(0.000_63), "0.6 ms");
        assert_eq!(length(0.25), "250.0 ms");
        assert_eq!(length(12.34), "12.3 s");
    }
}
