//! Damaged copies of recordings: frames lost, doubled, swapped, cut short, made garbage or blank, connections lost in the
//! middle.

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::Value;

use crate::random::Random;

/// A damaged copy of a recording.
pub struct Damaged {
    /// The copy.
    pub file: tempfile::NamedTempFile,
    /// Receive times of the frames that did not arrive whole.
    pub lost: BTreeSet<u64>,
    /// How many frames are no JSON any more.
    pub spoiled: u64,
}

/// Damages about one frame in `one_in` of a recording, in ways that `seed` chooses. The first `spare` frames stay as
/// they are.
pub fn damaged(name: &str, seed: u64, one_in: u64, spare: usize) -> Damaged {
    let text = std::fs::read_to_string(crate::capture(name)).expect("the recording");
    let mut random = Random::new(seed, name);
    let mut copy = Damaged {
        file: tempfile::NamedTempFile::new().expect("a file"),
        lost: BTreeSet::new(),
        spoiled: 0,
    };
    let mut frames = 0;
    let mut away = 0;
    let mut held: Option<String> = None;
    for line in text.lines() {
        let mut record: Value = serde_json::from_str(line).expect("a line of the recording");
        if record["kind"] != "ws" {
            copy.write(line);
            continue;
        }
        frames += 1;
        let time = record["t_ns"].as_u64().unwrap_or(0);
        if away > 0 {
            copy.lost.insert(time);
            away -= 1;
            if away == 0 {
                copy.write(&event("ws_open", time));
            }
            continue;
        }
        if frames <= spare || random.below(one_in) != 0 {
            copy.write(line);
        } else {
            let data = record["data"].as_str().unwrap_or_default().to_owned();
            let spoil = |copy: &mut Damaged, record: &mut Value, data: &str| {
                record["data"] = data.into();
                copy.lost.insert(time);
                copy.spoiled += 1;
                copy.write(&record.to_string());
            };
            match random.below(7) {
                0 => {
                    copy.lost.insert(time);
                }
                1 => {
                    copy.write(line);
                    copy.write(line);
                }
                2 if held.is_none() => {
                    held = Some(line.to_owned());
                    continue;
                }
                3 => {
                    let mut at = random.below(data.len() as u64) as usize;
                    while !data.is_char_boundary(at) {
                        at -= 1;
                    }
                    spoil(&mut copy, &mut record, data.get(..at).unwrap_or_default());
                }
                4 => spoil(&mut copy, &mut record, "{\u{1}]"),
                5 => spoil(&mut copy, &mut record, ""),
                _ => {
                    copy.lost.insert(time);
                    copy.write(&event("ws_close", time));
                    away = 1 + random.below(20);
                }
            }
        }
        if let Some(late) = held.take() {
            copy.write(&late);
        }
    }
    if let Some(late) = held {
        copy.write(&late);
    }
    copy
}

impl Damaged {
    fn write(&mut self, line: &str) {
        writeln!(self.file, "{line}").expect("written");
    }
}

/// Something that befalls every connection.
fn event(kind: &str, time: u64) -> String {
    serde_json::json!({"t_ns": time, "conn": "", "kind": kind, "data": ""}).to_string()
}
