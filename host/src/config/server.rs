//! The address of a NATS server: its scheme, and the user or token that it may hold.

use url::Url;

use super::origin::masked;
use super::secret::Secret;

/// How an address says to sign in.
#[derive(PartialEq, Eq)]
pub(super) enum SignIn {
    User(String, Secret),
    Token(Secret),
}

/// A server's address without what stands before `@`, and that.
pub(super) fn server(address: &str) -> Result<(String, Option<SignIn>), String> {
    let whole = if address.contains("://") {
        address.to_owned()
    } else {
        format!("nats://{address}")
    };
    let shown = masked(address);
    let mut url =
        Url::parse(&whole).map_err(|error| format!("not an address: {shown:?}: {error}"))?;
    if !["nats", "tls", "ws", "wss"].contains(&url.scheme()) {
        return Err(format!(
            "scheme {:?} of {shown:?} is none of nats, tls, ws, wss",
            url.scheme()
        ));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!("not an address: {shown:?}: no host"));
    }
    let sign_in = match (url.username(), url.password()) {
        ("", None) => None,
        (token, None) => Some(SignIn::Token(Secret::new(decoded(token)?))),
        (user, Some(password)) => Some(SignIn::User(
            decoded(user)?,
            Secret::new(decoded(password)?),
        )),
    };
    // Cannot fail: there is a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok((url.as_str().trim_end_matches('/').to_owned(), sign_in))
}

/// `text` with its percent escapes resolved.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| {
            digit
                .and_then(|digit| char::from(digit).to_digit(16))
                .and_then(|digit| u8::try_from(digit).ok())
        });
        match digits {
            [Some(high), Some(low)] => bytes.push(high * 16 + low),
            _ => {
                return Err(
                    "user or password of an address: `%` must begin an escape (%25)".to_owned(),
                );
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| "user or password of an address is not UTF-8".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may end by a panic
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_with_or_without_a_scheme() {
        let clean = |address: &str| server(address).map(|(clean, _)| clean);
        assert_eq!(clean("nats://h:4222"), Ok("nats://h:4222".to_owned()));
        assert_eq!(clean("h:4222"), Ok("nats://h:4222".to_owned()));
        assert_eq!(clean("tls://u:p@h:4222/"), Ok("tls://h:4222".to_owned()));
        assert!(clean("http://h").unwrap_err().contains("none of nats"));
        assert!(clean("nats://").unwrap_err().contains("no host"));
        assert!(clean("nats://u:geheim@h:xx").is_err_and(|reason| !reason.contains("geheim")));
    }

    #[test]
    fn escapes_in_a_password_are_resolved() {
        assert_eq!(decoded("a%40b%25"), Ok("a@b%".to_owned()));
        assert!(decoded("a%4").is_err());
        assert!(decoded("%zz").is_err());
    }
}
