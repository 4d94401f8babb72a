//! Frames as they must not be: cut short, no JSON at all, or JSON of another shape.

use crate::random::Random;

/// Fields without which a payload means nothing.
const NEEDED: [&str; 8] = ["U", "u", "b", "t", "p", "q", "a", "f"];

/// Only the beginning: at least one character, never all.
pub(crate) fn cut(text: &str, dice: &mut Random) -> String {
    let length = dice.between(1, text.len() as u64 - 1) as usize;
    text.chars().take(length).collect()
}

/// Something that is no JSON.
pub(crate) fn garbage(dice: &mut Random) -> String {
    const SAMPLES: [&str; 5] = [
        "<html><body><h1>502 Bad Gateway</h1></body></html>",
        "\u{0}\u{1}\u{2}\u{fffd}",
        "{{{{[[[[",
        "nul",
        "{\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"tra",
    ];
    SAMPLES[dice.below(SAMPLES.len() as u64) as usize].to_owned()
}

/// One needed field of the payload missing, renamed or of another type.
pub(crate) fn misshapen(text: &str, dice: &mut Random) -> String {
    let payload = text.find(r#""data":"#).unwrap_or(0);
    let found: Vec<_> = NEEDED
        .iter()
        .filter_map(|name| {
            let key = format!(r#""{name}":"#);
            let start = payload + text[payload..].find(&key)?;
            let value = start + key.len();
            Some((start, value, value + value_length(&text[value..])))
        })
        .collect();
    if found.is_empty() {
        return "{}".to_owned();
    }
    let (start, value, end) = found[dice.below(found.len() as u64) as usize];
    let (before, after) = (&text[..start], &text[end..]);
    match dice.below(3) {
        0 => match after.strip_prefix(',') {
            Some(after) => format!("{before}{after}"),
            None => format!("{}{after}", before.trim_end_matches(',')),
        },
        1 => format!(r#"{before}"renamed":{}{after}"#, &text[value..end]),
        _ => format!("{}{{\"is\":[null,true]}}{after}", &text[..value]),
    }
}

/// Of the JSON value at the beginning; texts are without escapes here.
fn value_length(text: &str) -> usize {
    let (mut depth, mut in_text) = (0_i32, false);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b',' | b']' | b'}' if !in_text && depth == 0 => return place,
            b']' | b'}' if !in_text => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const DEPTH: &str = r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":7,"u":9,"b":[["1.0","0.0"]],"a":[]}}"#;

    #[test]
    fn a_misshapen_frame_is_json_that_lacks_something() {
        let whole: Value = serde_json::from_str(DEPTH).unwrap();
        for seed in 0..200 {
            let text = misshapen(DEPTH, &mut Random::new(seed, ""));
            let read: Value =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let differing = ["U", "u", "b", "a"]
                .iter()
                .filter(|name| read["data"].get(name) != whole["data"].get(name))
                .count();
            assert_eq!(differing, 1, "{text}");
        }
    }

    #[test]
    fn cut_frames_and_garbage_are_no_json() {
        for seed in 0..200 {
            let mut dice = Random::new(seed, "");
            assert!(serde_json::from_str::<Value>(&cut(DEPTH, &mut dice)).is_err());
            assert!(serde_json::from_str::<Value>(&garbage(&mut dice)).is_err());
        }
    }
}
