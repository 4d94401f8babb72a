//! Where an adapter may connect to: scheme, host and port of the addresses in its block.

use std::fmt;

use url::Url;

/// Schemes that an adapter may use.
const SCHEMES: [&str; 4] = ["https", "wss", "http", "ws"];

/// One place that an adapter may connect to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// `https`, `wss`, `http` or `ws`.
    pub scheme: String,
    /// Host name, lower case.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Origin {
    /// The origin of an address.
    ///
    /// # Errors
    /// In words, when it is not an address with one of the schemes or holds a user name.
    pub fn of(address: &str) -> Result<Self, String> {
        let shown = masked(address);
        let url =
            Url::parse(address).map_err(|error| format!("not an address: {shown:?}: {error}"))?;
        if !SCHEMES.contains(&url.scheme()) {
            return Err(format!(
                "scheme {:?} of {shown:?} is none of {}",
                url.scheme(),
                SCHEMES.join(", ")
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an exchange's address holds no user name or password".to_owned());
        }
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) => Ok(Self {
                scheme: url.scheme().to_owned(),
                host: host.to_ascii_lowercase(),
                port,
            }),
            _ => Err(format!("not an address: {shown:?}: no host")),
        }
    }

    /// The origins that one entry of `grants` stands for: an address, or `host[:port]` for https and wss.
    ///
    /// # Errors
    /// As `of`.
    pub fn granted_by(entry: &str) -> Result<Vec<Self>, String> {
        if entry.contains("://") {
            return Self::of(entry).map(|origin| vec![origin]);
        }
        ["https", "wss"]
            .iter()
            .map(|scheme| Self::of(&format!("{scheme}://{entry}")))
            .collect()
    }

    /// True when `url` has this scheme, host (in any case) and port.
    pub fn grants(&self, url: &Url) -> bool {
        url.scheme() == self.scheme
            && url.port_or_known_default() == Some(self.port)
            && url
                .host_str()
                .is_some_and(|host| host.eq_ignore_ascii_case(&self.host))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

/// `address` with what stands before `@` masked, for messages.
pub(super) fn masked(address: &str) -> String {
    match address.rsplit_once('@') {
        None => address.to_owned(),
        Some((before, after)) => match before.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://***@{after}"),
            None => format!("***@{after}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_that_cannot_be_used_is_not_told() {
        for address in [
            "ftp://bob:hunter2@h",
            "wss://bob:hunter2@h",
            "wss://bob:hunter2@h:port",
            "bob:hunter2@h",
        ] {
            let reason = Origin::of(address).err().unwrap_or_default();
            assert!(
                !reason.is_empty() && !reason.contains("hunter2"),
                "{reason}"
            );
        }
    }
}
