//! Settings without what must not lie in a file: passwords, keys, tokens.
//!
//! What is masked keeps its length, so that an adapter that only carries it does the same in a replay.

use std::borrow::Cow;

use serde_json::Value;

/// Parts of the names of keys whose values are secret.
const SECRET_KEYS: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "private_key",
    "credential",
    "authorization",
];

/// `settings`, a JSON text, with asterisks for what the names of its keys call secret and for the user and password of
/// an address. A text without any is left as it is, to the last blank.
pub fn masked(settings: &str) -> Cow<'_, str> {
    let Ok(mut value) = serde_json::from_str::<Value>(settings) else {
        return Cow::Borrowed(settings);
    };
    if mask(&mut value, false) {
        Cow::Owned(value.to_string())
    } else {
        Cow::Borrowed(settings)
    }
}

/// Masks in place; true when there was something to mask.
fn mask(value: &mut Value, is_secret: bool) -> bool {
    match value {
        Value::String(text) if is_secret && !text.is_empty() => {
            *text = "*".repeat(text.len());
            true
        }
        Value::String(text) => mask_login(text),
        Value::Number(number) if is_secret => {
            *number = 0.into();
            true
        }
        Value::Array(values) => values
            .iter_mut()
            .fold(false, |any, value| mask(value, is_secret) | any),
        Value::Object(map) => map.iter_mut().fold(false, |any, (key, value)| {
            let key = key.to_lowercase();
            let is_secret = is_secret || SECRET_KEYS.iter().any(|secret| key.contains(secret));
            mask(value, is_secret) | any
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Masks `user:password` in `scheme://user:password@host/`.
fn mask_login(text: &mut String) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let Some((login, _)) = authority.rsplit_once('@') else {
        return false;
    };
    let (begin, end) = (scheme.len() + 3, scheme.len() + 3 + login.len());
    text.replace_range(begin..end, &"*".repeat(end - begin));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_at_their_length_wherever_they_stand() {
        let settings = r#"{"api":{"api_key":"k1","Secret_Key":["a","bc"],"pin":7},"nats":{"password":42},
            "proxy":"http://bob:hunter2@proxy:3128/x","symbols":["ABC"]}"#;
        let masked: Value = serde_json::from_str(&masked(settings)).unwrap();
        assert_eq!(masked["api"]["api_key"], "**");
        assert_eq!(masked["api"]["Secret_Key"][1], "**");
        assert_eq!(masked["api"]["pin"], 7);
        assert_eq!(masked["nats"]["password"], 0);
        assert_eq!(masked["proxy"], "http://***********@proxy:3128/x");
        assert_eq!(masked["symbols"][0], "ABC");
    }

    #[test]
    fn settings_without_secrets_are_not_touched() {
        let settings = r#"{ "b": 1.10, "a": "wss://stream.alpha.example/a@b", "password": "" }"#;
        assert_eq!(masked(settings), settings);
        assert_eq!(masked("no json: password"), "no json: password");
    }
}
