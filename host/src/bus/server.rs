//! Addresses of NATS servers: read, freed of the credentials that may stand in them, and shown without them.

use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;

use super::BusError;
use crate::secret::Secret;

/// User and password that stood in an address. A user without a password is a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UserInfo {
    pub(super) user: String,
    pub(super) password: Option<Secret>,
}

/// The addresses of one cluster.
#[derive(Debug)]
pub(super) struct Servers {
    /// Without credentials.
    pub(super) addresses: Vec<ServerAddr>,
    /// Those of the first address that had some.
    pub(super) user_info: Option<UserInfo>,
}

impl Servers {
    /// Reads the addresses of the settings.
    pub(super) fn read(servers: &[String]) -> Result<Self, BusError> {
        let refused = |why| BusError::Setting {
            key: "nats.servers",
            why,
        };
        if servers.is_empty() {
            return Err(refused("there is no address".to_owned()));
        }
        let mut addresses = Vec::with_capacity(servers.len());
        let mut user_info = None;
        for server in servers {
            let (address, found) = read(server)
                .map_err(|why| refused(format!("{:?}: {why}", without_password(server))))?;
            addresses.push(address);
            user_info = user_info.or(found);
        }
        Ok(Self {
            addresses,
            user_info,
        })
    }

    /// The addresses for people.
    pub(super) fn shown(&self) -> String {
        let shown: Vec<_> = self
            .addresses
            .iter()
            .map(|a| format!("{}:{}", a.host(), a.port()))
            .collect();
        shown.join(", ")
    }
}

fn read(server: &str) -> Result<(ServerAddr, Option<UserInfo>), &'static str> {
    // The library's own words are not passed on: an address that cannot be read may hold a password.
    let address: ServerAddr = server
        .trim()
        .parse()
        .map_err(|_| "this is no address of the form nats://host:port")?;
    if !matches!(address.scheme(), "nats" | "tls") {
        return Err("only nats:// and tls:// are known");
    }
    if address.host().is_empty() {
        return Err("the host is missing");
    }
    let mut url = address.into_inner();
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user_info = (!url.username().is_empty()).then(|| UserInfo {
        user: decoded(url.username()),
        password: url.password().map(|p| Secret::new(decoded(p))),
    });
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    cleared.map_err(|()| "the host is missing")?;
    let address =
        ServerAddr::from_url(url).map_err(|_| "this is no address of the form nats://host:port")?;
    Ok((address, user_info))
}

/// An address as it was written, without what stands before the host.
pub(super) fn without_password(server: &str) -> String {
    let (scheme, rest) = server
        .split_once("://")
        .map_or(("", server), |(scheme, rest)| (scheme, rest));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if scheme.is_empty() {
        host.to_owned()
    } else {
        format!("{scheme}://{host}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    fn read(servers: &[&str]) -> Result<Servers, BusError> {
        Servers::read(
            &servers
                .iter()
                .map(|&server| server.to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn credentials_in_an_address_are_used_and_not_shown() {
        let servers = read(&["nats://bob:p%40ss@one:4223", "two", "tls://[::1]"]).unwrap();
        assert_eq!(servers.shown(), "one:4223, two:4222, ::1:4222");
        let expected = UserInfo {
            user: "bob".to_owned(),
            password: Some(Secret::new("p@ss".to_owned())),
        };
        assert_eq!(servers.user_info, Some(expected));
        assert!(!format!("{servers:?}").contains("ss@"));
    }

    #[test]
    fn an_address_that_cannot_be_read_is_named_without_its_password() {
        for bad in [
            "ws://bob:secret@host",
            "http://bob:secret@host",
            "nats://bob:secret@",
            "nats://bob:secret@ho st",
        ] {
            let error = read(&[bad]).unwrap_err().to_string();
            assert!(error.starts_with("nats.servers: "), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(read(&[]).is_err());
    }
}
